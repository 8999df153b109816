"""Second moments and correlations of real inputs, and the scale of a first layer for them."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Floats, Ints
from meanfield.arguments import positive, standard_deviation
from meanfield.error_state import own_error_state
from meanfield.errors import InvalidInput
from meanfield.json_types import json_types
from meanfield.weights.loading import plain_array

__all__ = ["InputStatistics", "Spread", "input_statistics"]

PAIRED = 4000  # largest number of inputs of which all pairs are formed
BLOCK = 500  # rows processed at a time
CENTRED = 0.05  # largest share of q in the means of centred data
EQUAL = 0.1  # largest deviation of a feature's standard deviation from 1 for standardised data


@dataclass(frozen=True)
class Spread:
    """Mean, standard deviation, smallest and largest value of a quantity over inputs or pairs of inputs.

    Attributes
    ----------
    mean, std, smallest, largest : float
        Descriptive statistics of the data.
    """

    mean: float
    std: float
    smallest: float
    largest: float

    def __float__(self) -> float:
        return self.mean


@dataclass(frozen=True)
class InputStatistics:
    """Second moments and correlations of a data set, and the scale of a first layer for them.

    Attributes
    ----------
    inputs, features : int
        Number of inputs N and of features d.
    q : Spread
        Second moments x · x/d of the inputs: q⁰ of the theory.
    c : Spread or None
        Correlations x_a · x_b/(|x_a||x_b|) of pairs of nonzero inputs: c⁰ of the theory. None for fewer than two
        nonzero inputs. The mean is over all pairs, the other statistics over pairs of at most 4000 inputs.
    c_centred, c_standardised : Spread or None
        The same after subtraction of every feature's mean, and after division by its standard deviation as well.
    mean, std : ndarray, shape (d,)
        Mean and standard deviation of each feature over the inputs.
    constant_share : float
        Share of the features that are constant.
    centred, standardised : bool
        Whether the means contribute at most 5 % of the second moment; whether also the standard deviations of all
        features that vary are within 10 % of 1.
    zero_rows : int
        Number of inputs that are all zeros; they have no correlations.
    duplicates : int
        Number of inputs that equal an earlier one exactly.
    closest : float or None
        Smallest 1 − c among the pairs, computed without cancellation.
    paired : int
        Number of inputs in these pairs.
    sigma_b, q_wanted : float
        Standard deviation of the first layer's biases and second moment of its pre-activations, as given.
    first_sigma_w : float
        sigma_w of a first dense layer whose pre-activations have second moment `q_wanted` on average over the inputs:
        √((q − sigma_b²)/q⁰). The weights have standard deviation first_sigma_w/√d.
    """

    inputs: int
    features: int
    q: Spread
    c: Spread | None
    c_centred: Spread | None
    c_standardised: Spread | None
    mean: Floats
    std: Floats
    constant_share: float
    centred: bool
    standardised: bool
    zero_rows: int
    duplicates: int
    closest: float | None
    paired: int
    sigma_b: float
    q_wanted: float
    first_sigma_w: float

    @property
    def advice(self) -> str:
        """The recommended first layer, and the effect of centring and standardising the data."""
        said = [
            f"Draw the first layer with sigma_w = {self.first_sigma_w:.4g} and sigma_b = {self.sigma_b:g}, so that its "
            f"pre-activations have second moment {self.q_wanted:g}."
        ]
        if self.c is not None and self.c_centred is not None and self.c_standardised is not None:
            after = f"standardising makes it {_three(self.c_standardised)}"
            if not self.centred:
                said.append(
                    f"The inputs are not centred: two of them have correlation {_three(self.c)} on average; "
                    f"subtracting the features' means makes it {_three(self.c_centred)}, and {after}."
                )
            elif not self.standardised:
                said.append(f"The features are centred but not of one scale: c is {_three(self.c)}; {after}.")
        if self.q.mean > 0 and self.q.std > 0.5 * self.q.mean:
            said.append(
                f"Lengths differ: q of single inputs ranges from {self.q.smallest:.3g} to {self.q.largest:.3g}, so the "
                "average does not describe each input."
            )
        if self.duplicates:
            said.append(f"{self.duplicates} inputs are exact duplicates: their correlation stays 1 at every layer.")
        if self.zero_rows:
            said.append(f"{self.zero_rows} inputs are all zeros: their pre-activations are the biases.")
        return " ".join(said)

    def to_dict(self) -> dict[str, Any]:
        """Everything except the means and standard deviations of single features, in JSON types."""
        kept = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("mean", "std")}
        converted: dict[str, Any] = json_types({**kept, "advice": self.advice})
        return converted

    def __repr__(self) -> str:
        c = "no pair" if self.c is None else f"c = {self.c.mean:.4g} ± {self.c.std:.2g}"
        size = f"{self.inputs} inputs of {self.features} features"
        return f"<InputStatistics of {size}: q = {self.q.mean:.4g} ± {self.q.std:.2g}, {c}>\n{self.advice}"


@own_error_state
def input_statistics(X: ArrayLike, *, sigma_b: float = 0.0, q: float = 1.0) -> InputStatistics:
    """Second moments and correlations of inputs, and the scale of a first layer for them.

    Parameters
    ----------
    X : array_like, shape (N, d)
        Inputs, one for each row, finite. Images must be flattened to rows.
    sigma_b : float
        Standard deviation of the first layer's biases, ≥ 0, with sigma_b² < q.
    q : float
        Second moment of the first layer's pre-activations, > 0.

    Returns
    -------
    InputStatistics
        `.q`, `.c`, `.first_sigma_w`, `.advice` and more.

    Raises
    ------
    InvalidInput
        If `X` is not a finite (N, d) array with a nonzero entry, or if q ≤ sigma_b².

    Notes
    -----
    A dense layer h = W x + b depends on the inputs through q⁰_ab = x_a · x_b/d only: h_a · h_b has mean
    sigma_w² q⁰_ab + sigma_b² (Poole et al. 2016, arXiv:1606.05340, section 2). Of more than 4000 inputs, 4000 evenly
    spaced ones form the pairs.

    Examples
    --------
    >>> import numpy as np
    >>> import meanfield as mf
    >>> X = 2 + np.random.default_rng(0).standard_normal((100, 400))
    >>> found = mf.input_statistics(X)
    >>> round(found.q.mean, 1), round(found.c.mean, 1), round(found.first_sigma_w, 2), found.centred
    (5.0, 0.8, 0.45, False)
    >>> round(found.c_centred.mean, 1)
    -0.0
    """
    x = _checked(X)
    bias, wanted = standard_deviation(sigma_b, "sigma_b"), positive(q, "q")
    if np.ndim(bias) or np.ndim(wanted):
        raise InvalidInput("sigma_b and q must be single numbers")
    sigma, second = float(bias), float(wanted)
    if not sigma**2 < second:
        raise InvalidInput(
            f"q must be greater than sigma_b² = {sigma**2:g}, the contribution of the biases, not {second:g}"
        )
    n, d = x.shape
    scale = float(np.max(np.abs(x)))
    moments = np.concatenate([np.mean((rows / scale) ** 2, axis=1) for rows in _blocks(x)])
    mean = x.mean(axis=0)
    std = scale * np.sqrt(sum(np.sum(((rows - mean) / scale) ** 2, axis=0) for rows in _blocks(x)) / n)
    varies = std > 1e-12 * np.max(np.abs(x), axis=0)
    centred = float(np.sum((mean / scale) ** 2)) <= CENTRED * d * float(moments.mean())
    chosen = np.unique(np.linspace(0, n - 1, PAIRED).astype(int)) if n > PAIRED else np.arange(n)
    c, closest = _correlations(x, np.zeros(d), np.full(d, scale), chosen)
    return InputStatistics(
        inputs=n,
        features=d,
        q=Spread(*(float(of(moments)) * scale**2 for of in (np.mean, np.std, np.min, np.max))),
        c=c,
        c_centred=_correlations(x, mean, np.full(d, scale), chosen)[0],
        c_standardised=_correlations(x, mean, np.where(varies, std, np.inf), chosen)[0],
        mean=mean,
        std=std,
        constant_share=float(np.mean(~varies)),
        centred=centred,
        standardised=centred and bool(np.all(np.abs(std[varies] - 1.0) < EQUAL)),
        zero_rows=int(np.count_nonzero(moments == 0.0)),
        duplicates=n - len({blake2b((row + 0.0).tobytes(), digest_size=16).digest() for row in x}),
        closest=closest,
        paired=len(chosen),
        sigma_b=sigma,
        q_wanted=second,
        first_sigma_w=math.sqrt(second - sigma**2) / math.sqrt(moments.mean()) / scale,
    )


def _checked(X: ArrayLike) -> Floats:
    raw = plain_array(X, "X")
    if raw.dtype.kind not in "biuf":
        raise InvalidInput(f"X must be an (N, d) array of real numbers, one row for each input, not of {raw.dtype}")
    x = raw.astype(np.float64, copy=False)
    if x.ndim != 2 or not x.size:
        raise InvalidInput(f"X must be an (N, d) array, one row for each input, not of shape {x.shape}")
    if not np.isfinite(x).all():
        row, feature = np.argwhere(~np.isfinite(x))[0]
        raise InvalidInput(f"X must be finite, but X[{row}, {feature}] is {x[row, feature]}")
    largest = float(np.max(np.abs(x)))
    if not 1e-150 <= largest <= 1e150:
        what = "all zeros: no sigma_w gives these inputs a second moment" if largest == 0 else "so large or so small"
        raise InvalidInput(f"X must not be {what} (its largest entry is {largest:g})")
    return x


def _three(c: Spread) -> str:
    """Three digits, without a sign before zero."""
    return f"{round(c.mean, 3) + 0.0:.3f}"


def _blocks(x: Floats) -> Iterator[Floats]:
    """The rows in blocks."""
    for start in range(0, len(x), BLOCK):
        yield x[start : start + BLOCK]


def _correlations(x: Floats, shift: Floats, divide: Floats, chosen: Ints) -> tuple[Spread | None, float | None]:
    """Correlations of pairs of nonzero rows of (x − shift)/divide, and the smallest 1 − c."""
    n, direction = 0, np.zeros(x.shape[1])
    for rows in _blocks(x):
        units = _units(rows, shift, divide)
        n, direction = n + len(units), direction + units.sum(axis=0)
    some = _units(x[chosen], shift, divide)
    if len(some) < 2:
        return None, None
    mean = (float(direction @ direction) - n) / (n * (n - 1))
    total = squares = 0.0
    smallest, largest, closest = math.inf, -math.inf, (0, 1)
    for start in range(0, len(some) - 1, BLOCK):
        c = some[start : start + BLOCK] @ some.T
        above = np.arange(len(some)) > np.arange(start, start + len(c))[:, None]
        pairs = c[above]
        total, squares, smallest = (
            total + float(pairs.sum()),
            squares + float(pairs @ pairs),
            min(smallest, float(pairs.min())),
        )
        if pairs.max() > largest:
            a, b = np.unravel_index(np.argmax(np.where(above, c, -2.0)), c.shape)
            largest, closest = float(pairs.max()), (start + int(a), int(b))
    count = len(some) * (len(some) - 1) / 2
    std = math.sqrt(max(squares / count - (total / count) ** 2, 0.0))
    distance = 0.5 * float(np.sum((some[closest[0]] - some[closest[1]]) ** 2))
    return Spread(mean, std, max(smallest, -1.0), min(largest, 1.0)), distance


def _units(rows: Floats, shift: Floats, divide: Floats) -> Floats:
    """Normalised rows, without the rows that are 0 up to rounding."""
    moved = (rows - shift) / divide
    norms = np.linalg.norm(moved, axis=1)
    rounding = 1e-13 * (np.linalg.norm(rows / divide, axis=1) + np.linalg.norm(shift / divide))
    used = norms > rounding
    return np.asarray(moved[used] / norms[used, None], dtype=np.float64)
