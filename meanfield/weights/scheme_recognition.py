"""The most likely initialisation scheme of a weight matrix, with its posterior probability."""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import special

from meanfield._types import Floats, Reals
from meanfield.initializers.resolve import initializer
from meanfield.initializers.truncated_normal import truncated_std
from meanfield.weights.entry_statistics import Entries
from meanfield.weights.loading import Tensor
from meanfield.weights.singular_values import NEARLY, Spectrum, kolmogorov_distance
from meanfield.weights.stored_precision import Cell, cell_of_largest

LAWS = ("normal", "uniform", "truncated_normal")
TANH = 5 / 3  # torch's gain for tanh
CUT = 2.0  # of the truncated normal, in standard deviations before truncation
KEPT = truncated_std(CUT) ** 2  # variance after truncation
#: Excess kurtosis of the normal law truncated at ±c: E z⁴ = 3v − 2c³φ(c)/(2Φ(c) − 1) with variance v.
CUT_OFF = CUT**3 * math.sqrt(2.0 / math.pi) * math.exp(-0.5 * CUT**2) / math.erf(CUT / math.sqrt(2.0))
TRUNCATED = (3.0 * KEPT - CUT_OFF) / KEPT**2 - 3.0
IN_CELL = 64  # scales at which a bound within the cell of the largest magnitude is tried
SAMPLED = 20_000  # entries compared with a law; more entries would detect the rounding of half precision
ZEROS = 0.9  # share of zeros of the law "sparse"
LOG_RANGE = math.log(1e4)  # range of the log-uniform prior of the scale of an unnamed scheme
DOUBT = 1e-3  # p-value below which a law is rejected
GAINS = {"": 1.0, **{f"gain={gain}": gain for gain in (math.sqrt(2.0), 5.0 / 3.0)}}

#: Names of schemes, as for `initializer`, by the law of their entries.
SCHEMES: dict[str, tuple[str, ...]] = {
    "normal": (
        *("he_normal", "xavier_normal", "lecun_normal", "he_normal:mode=fan_out", f"xavier_normal:gain={TANH}"),
        *(f"normal:std={std}" for std in (1, 0.05, 0.02, 0.01)),
        *(f"gpt2:layers={n}" for n in (12, 24, 36, 48)),
    ),
    "uniform": (
        *("he_uniform", "xavier_uniform", "lecun_uniform", "he_uniform:mode=fan_out", f"xavier_uniform:gain={TANH}"),
        *("torch_linear", "uniform:bound=1", "uniform:bound=0.1", "uniform:bound=0.05"),
    ),
    "truncated_normal": (
        *(f"{name}_normal:law=truncated_normal" for name in ("he", "xavier", "lecun")),
        *(
            f"truncated_normal:std={std},convention={convention}"
            for std in (1, 0.05, 0.02, 0.01)
            for convention in ("corrected", "uncorrected")
        ),
    ),
    "sparse": tuple(f"{name}_normal:law=sparse" for name in ("he", "xavier", "lecun")),
}
_scheme = cache(initializer)


@dataclass(frozen=True)
class Recognised:
    """The most likely initialisation scheme of a weight.

    Attributes
    ----------
    names : tuple of str
        Names of schemes for `meanfield.initializer`, with arguments after a colon; several if they coincide for these
        fans, as Xavier's and LeCun's for a square matrix. Empty if no named scheme is likely.
    law : str
        "normal", "uniform", "truncated_normal", "orthogonal", "sparse", "constant" or "other".
    confidence : float
        Posterior probability of `names` (if empty, of no named scheme), for a prior probability 1/2 of no named scheme
        and independent entries; dependence is the subject of the other measurements.
    nearest : str or None
        The scheme of nearest standard deviation, with the same law if the law is known.
    ratio : float
        Measured sigma_w divided by sigma_w of `nearest`.
    """

    names: tuple[str, ...]
    law: str
    confidence: float
    nearest: str | None = None
    ratio: float = math.nan

    def __str__(self) -> str:
        if self.names:
            return f"{' = '.join(self.names)} ({_percent(self.confidence)})"
        near = "" if self.nearest is None else f"; nearest {self.nearest}, sigma_w is {self.ratio:.3f} times its value"
        return f"no named scheme ({_percent(self.confidence)}{near})"


def recognise(tensor: Tensor, found: Entries, spectrum: Spectrum) -> Recognised:
    """The most likely scheme of a weight, from the statistics of its entries and its spectrum."""
    if found.square == 0.0 or found.mean.standard_error == 0.0:
        return Recognised(("zeros",) if found.square == 0.0 else (), "constant", 1.0)
    if spectrum.orthogonal:
        return _orthogonal("orthogonal", spectrum.singular_values)
    if (centre := _only_tap(tensor)) is not None:
        values = np.linalg.svd(centre.astype(np.float64), compute_uv=False)
        if len(values) > 1 and np.std(values) < NEARLY * np.mean(values):
            return _orthogonal("delta_orthogonal", values)
    if found.zeros > 0.05:
        return _sparse(tensor, found)
    fan_out, fan_in = tensor.fan_out, tensor.matrix.shape[1]
    stds = [(name, law, _scheme(name).std(fan_out, fan_in)) for law in LAWS for name in SCHEMES[law]]
    named: dict[tuple[str, float], list[str]] = {}
    for name, law, std in stds:
        same = next((key for key in named if key[0] == law and math.isclose(key[1], std, rel_tol=1e-9)), (law, std))
        named.setdefault(same, []).append(name)
    cell = cell_of_largest(tensor.matrix, found.largest)
    weights = {key: _likelihood(*key, found, cell) - math.log(2.0 * len(named)) for key in named}
    free = {law: _any_scale(law, found, cell) - math.log(2.0 * len(LAWS)) for law in LAWS}
    total = float(special.logsumexp([*weights.values(), *free.values()]))
    none = float(np.exp(special.logsumexp(list(free.values())) - total))
    best = max(weights, key=lambda key: weights[key])
    likely = best[0] if weights[best] > max(free.values()) else max(free, key=lambda law: free[law])
    p = _agreement(likely, tensor.matrix, found)
    std = math.sqrt(found.square)
    comparable = [(name, s) for name, law, s in stds if law == likely or p < DOUBT]
    nearest, at = min(comparable, key=lambda pair: abs(math.log(std / pair[1])))
    if p < DOUBT:
        return Recognised((), "other", 1.0 - p, nearest, std / at)
    confidence = math.exp(weights[best] - total)
    if confidence < none:
        return Recognised((), likely, none, nearest, std / at)
    return Recognised(tuple(named[best]), best[0], confidence, named[best][0], std / best[1])


def _bound(law: str) -> float:
    """The largest magnitude of a law of standard deviation 1."""
    return {"normal": math.inf, "uniform": math.sqrt(3.0), "truncated_normal": CUT / math.sqrt(KEPT)}[law]


def _likelihood(law: str, std: float, found: Entries, cell: Cell) -> float:
    """Log-likelihood of the rounded entries, for the effective sample size."""
    share = cell.share(_bound(law) * std)
    if share == 0.0:
        return -math.inf
    if cell.coarse and law != "normal":
        std = max(std, cell.high / _bound(law))
    if law == "normal":
        each = -0.5 * (found.square / std**2 + math.log(2.0 * math.pi)) - math.log(std)
    elif law == "uniform":
        each = -math.log(2.0 * math.sqrt(3.0) * std)
    else:
        before = std / math.sqrt(KEPT)
        inside = math.log(before * math.sqrt(2.0 * math.pi) * math.erf(CUT / math.sqrt(2.0)))
        each = -0.5 * found.square / before**2 - inside
    return found.n * found.effective * each + cell.entries * math.log(share)


def _any_scale(law: str, found: Entries, cell: Cell) -> float:
    """Log-likelihood averaged over log-uniform scales.

    Maximum times width of the peak (Laplace approximation). The end of a bounded law is anywhere in the cell of the
    largest magnitude, or beyond it.
    """
    n = found.n * found.effective
    std = math.sqrt(found.square)
    if law == "normal":
        return _likelihood(law, std, found, cell) + math.log(
            math.sqrt(math.pi / n) / LOG_RANGE
        )  # curvature 2n in ln(std)
    least, width = cell.high / _bound(law), 1.0 / n
    if law == "truncated_normal":
        slope = n * (1.0 - found.square / least**2 * KEPT)
        if slope > math.sqrt(2.0 * n):  # the likelihood decreases from the smallest admissible scale
            width = 1.0 / slope
        else:
            least, width = max(least, std * math.sqrt(KEPT)), math.sqrt(math.pi / n)
    beyond = _likelihood(law, least, found, cell) + math.log(width)
    ends = cell.low + (cell.high - cell.low) * (np.arange(IN_CELL) + 0.5) / IN_CELL
    inside = [_likelihood(law, end / _bound(law), found, cell) - math.log(end) for end in ends]
    within = float(special.logsumexp(inside)) + math.log((cell.high - cell.low) / IN_CELL)
    return float(np.logaddexp(beyond, within)) - math.log(LOG_RANGE)


def _agreement(law: str, matrix: Reals, found: Entries) -> float:
    """p-value of a law at the scale of the entries, from their kurtosis and the Kolmogorov–Smirnov distance."""
    sample = matrix.ravel() if matrix.flags.c_contiguous else matrix.T.ravel()
    sample = np.sort(sample[:: max(1, sample.size // SAMPLED)].astype(np.float64)) / math.sqrt(found.square)
    n = len(sample)
    with np.errstate(under="ignore"):
        if law == "normal":
            cdf, kurtosis = special.ndtr(sample), 0.0
        elif law == "uniform":
            cdf, kurtosis = np.clip(0.5 + sample / math.sqrt(12.0), 0.0, 1.0), -1.2
        else:
            z = np.clip(sample * math.sqrt(KEPT), -CUT, CUT)
            cdf, kurtosis = 0.5 + 0.5 * special.erf(z / math.sqrt(2.0)) / math.erf(CUT / math.sqrt(2.0)), TRUNCATED
    p = float(special.kolmogorov(math.sqrt(n) * kolmogorov_distance(cdf)))
    tail = found.tail
    if law == "normal":
        by_tail = 1.0 if tail.p_value is None else tail.p_value
    else:
        by_tail = float(2.0 * special.ndtr(-abs(tail.value - kurtosis) / max(tail.standard_error, 1e-3)))
    return min(1.0, 2.0 * min(p, by_tail if found.n >= 100 else 1.0))


def _orthogonal(name: str, values: Floats) -> Recognised:
    gain = float(np.mean(values))
    near, known = min(GAINS.items(), key=lambda item: abs(gain - item[1]))
    said = near if abs(gain / known - 1.0) <= max(2e-3, float(np.std(values)) / gain) else f"gain={gain:.4g}"
    return Recognised((f"{name}:{said}" if said else name,), "orthogonal", 1.0, name, gain)


def _only_tap(tensor: Tensor) -> Reals | None:
    """The matrix (C_out, C_in) of the only nonzero tap of a kernel; None if there are several."""
    taps = tensor.matrix.reshape(len(tensor.matrix), -1, tensor.fan_out // len(tensor.matrix))
    used = np.flatnonzero(taps.any(axis=(0, 1)))
    return taps[:, :, used[0]] if taps.shape[2] > 1 and len(used) == 1 else None


def _sparse(tensor: Tensor, found: Entries) -> Recognised:
    matrix = tensor.matrix
    kept = matrix != 0.0
    by_row, by_column = kept.sum(axis=1), kept.sum(axis=0)
    values = matrix[kept].astype(np.float64)
    scale = float(np.sqrt(np.mean(values**2)))
    names: tuple[str, ...] = ()
    if len(by_row) > 2 and np.all(by_row == by_row[0]):
        names = (f"sparse:connections={by_row[0]},std={scale:.3g}",)
    elif len(by_column) > 2 and np.all(by_column == by_column[0]):
        names = (f"torch_sparse:sparsity={1.0 - by_column[0] / len(matrix):.3g},std={scale:.3g}",)
    else:
        return _thinned(tensor, found)
    return Recognised(names, "sparse", 1.0)


def _thinned(tensor: Tensor, found: Entries) -> Recognised:
    """Zeros at independent places: the law "sparse" if their share is 0.9 within its standard error."""
    off = abs(found.zeros - ZEROS) / math.sqrt(ZEROS * (1.0 - ZEROS) / found.n)
    if off > 3.3:
        return Recognised((), "sparse", 1.0)
    error = found.sigma_w.standard_error / found.sigma_w.value
    std, fans = math.sqrt(found.square), (tensor.fan_out, tensor.matrix.shape[1])
    ratios = {name: std / _scheme(name).std(*fans) for name in SCHEMES["sparse"]}
    densities = {name: math.exp(-0.5 * (math.log(ratio) / error) ** 2) / error for name, ratio in ratios.items()}
    none = len(ratios) * math.sqrt(2.0 * math.pi) / LOG_RANGE
    nearest = max(densities, key=lambda name: densities[name])
    same = tuple(name for name in ratios if math.isclose(ratios[name], ratios[nearest], rel_tol=1e-9))
    share = sum(densities[name] for name in same) / (sum(densities.values()) + none)
    if share < none / (sum(densities.values()) + none):
        return Recognised((), "sparse", none / (sum(densities.values()) + none), nearest, ratios[nearest])
    return Recognised(same, "sparse", share, nearest, ratios[nearest])


def _percent(share: float) -> str:
    return "> 99.9 %" if share > 0.999 else f"{100 * share:.1f} %"
