"""The cause of a failed cross-check: the quantity that deviates and the layers where it does."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from meanfield.cross_check.comparisons import BIASES, SIGNALS, WEIGHTS, Comparison
from meanfield.montecarlo.simulation import Simulation
from meanfield.networks.layers.network import Network
from meanfield.theory.layer_maps import one_point
from meanfield.theory.states import Point


@dataclass(frozen=True)
class Cause:
    """The quantity that best explains a failure.

    Attributes
    ----------
    quantity : str
        Of the weights: "draws" (equal ones), "sigma_w", "mean", "correlation", "tail", "sigma_b" or "mean of biases";
        of the signals: "q", "one_minus_c", "one_minus_token_c" or "gradient".
    layers : tuple of int
        The layers in which it deviates; for q, the layers whose map from the layer before deviates.
    everywhere : bool
        Whether it deviates in most layers; `layers` then holds all of them.
    text : str
        The cause as a clause.
    """

    quantity: str
    layers: tuple[int, ...]
    everywhere: bool
    text: str


def cause_of(comparisons: Sequence[Comparison], step: Comparison | None, threshold: float) -> Cause:
    """The cause: a deviation of the weights, else of the biases, of the map of q over a layer, or the largest |z|."""
    for names in (WEIGHTS, BIASES):
        causes = [_of(one, threshold) for one in comparisons if one.quantity in names]
        if found := [cause for cause in causes if cause is not None]:
            return max(found, key=lambda pair: pair[0])[1]
    if step is not None and (cause := _of(step, threshold)) is not None:
        return cause[1]
    worst = max(comparisons, key=lambda one: float(np.abs(one.z).max()))
    at = int(np.argmax(np.abs(worst.z)))
    return Cause(worst.quantity, worst.layers[at : at + 1], False, f"{_where(worst, [at])} {_numbers(worst, [at])}")


def equal_draws(run: Simulation) -> Cause | None:
    """The finding that a sampler not declared deterministic drew a matrix twice, not 0; None if none did."""
    columns = [i for i, matrix in enumerate(run.matrices) if not matrix.deterministic]
    if not columns:
        return None
    drawn = run.weights["fingerprint"][:, columns]
    _, first, times = np.unique(drawn, return_inverse=True, return_counts=True)
    twice = (times > 1)[first.reshape(drawn.shape)] & (run.weights["sigma_w"][:, columns] > 0)
    repeated = np.flatnonzero(twice.any(axis=0)).tolist()
    if not repeated:
        return None
    layers = tuple(dict.fromkeys(run.matrices[columns[i]].layer for i in repeated))
    shown = ", ".join(map(str, layers[:5])) + (", …" if len(layers) > 5 else "")
    text = (
        f"the sampler of the weights of layer{'s' * (len(layers) > 1)} {shown} returned the same matrix twice; it must "
        "draw from its rng, or declare itself deterministic"
    )
    return Cause("draws", layers, len(repeated) == len(columns), text)


def compare_steps(run: Simulation, blocks: Sequence[Network], rounding: float) -> Comparison | None:
    """Compare q of each layer with the variance map of the same network's q in the layer before."""
    q = run.raw["q"]
    if len(blocks) == 1:
        blocks = list(blocks) * run.depth
    if not np.all(q > 0):
        return None
    expected = np.column_stack([one_point(block, Point.at(q[:, l])).q.value for l, block in enumerate(blocks)])
    if not np.all(expected > 0):
        return None
    logs = np.log(q[:, 1:] / expected)
    v = logs.var(axis=0, ddof=1)
    return Comparison(
        "q", tuple(range(1, run.depth + 1)), expected.mean(axis=0), q[:, 1:], logs + v / 2, v, rounding
    )  # fmt: skip


def _of(comparison: Comparison, threshold: float) -> tuple[float, Cause] | None:
    z, overall = np.abs(comparison.z), abs(float(comparison.mean().z[0]))
    if max(z.max(), overall) <= threshold:
        return None
    wrong = [int(i) for i in np.flatnonzero(z > threshold)]
    others = np.flatnonzero(z <= threshold)
    rest = abs(float(comparison.mean(others).z[0])) if others.size else 0.0
    everywhere = len(wrong) > len(z) / 2 or rest > threshold or not wrong
    columns = list(range(len(z))) if everywhere else wrong
    layers = tuple(dict.fromkeys(comparison.layers[i] for i in columns))
    where = _where(comparison, columns) if not everywhere else _where(comparison, None)
    return max(float(z.max()), overall), Cause(
        comparison.quantity, layers, everywhere, f"{where} {_numbers(comparison, columns)}"
    )


def _where(comparison: Comparison, columns: list[int] | None) -> str:
    if columns is None:
        place = "every layer"
    else:
        layers = list(dict.fromkeys(comparison.layers[i] for i in columns))
        shown = ", ".join(map(str, layers[:5])) + (", …" if len(layers) > 5 else "")
        place = f"layer {shown}" if len(layers) == 1 else f"layers {shown}"
    return f"{NAMES[comparison.quantity]} {place}"


def _numbers(comparison: Comparison, columns: list[int]) -> str:
    """The value with the largest |z|, or the mean if theory is equal for all `columns`, its error and its theory."""
    if len(columns) > 1 and comparison.quantity not in SIGNALS and np.ptp(comparison.theory[columns]) == 0:
        values, theory = comparison.values[:, columns].mean(axis=1), float(comparison.theory[columns[0]])
    else:
        worst = max(columns, key=lambda i: abs(float(comparison.z[i])))
        values, theory = comparison.values[:, worst], float(comparison.theory[worst])
    mean, error = float(values.mean()), float(values.std(ddof=1)) / len(values) ** 0.5
    if comparison.quantity == "correlation":
        return f"are correlated, by {max(mean, 0.0) ** 0.5:.2g} (root mean square) between rows or columns"
    if comparison.quantity == "tail":
        return f"have tails of index {1 / mean:.2g}, so that their fourth moment is infinite"
    unit = UNITS.get(comparison.quantity, "")
    places = max(0, int(np.ceil(1 - np.log10(error))) if error > 0 else 6) if abs(mean) < 1e4 else 0
    number = f"{mean:.{min(places, 10)}f}" if 1e-4 < abs(mean) < 1e4 else f"{mean:.4g}"
    return f"is {number} ± {error:.1g}{unit} instead of {theory:.6g}"


UNITS = {"mean": " standard deviations of an entry", "mean of biases": " standard deviations of a bias"}
NAMES = {
    "sigma_w": "sigma_w of the weights of",
    "mean": "the mean of the weights of",
    "correlation": "the weights of",
    "tail": "the weights of",
    "sigma_b": "sigma_b of the biases of",
    "mean of biases": "the mean of the biases of",
    "q": "q at",
    "one_minus_c": "1 - c at",
    "one_minus_token_c": "1 - token_c at",
    "gradient": "the squared gradient at",
}
