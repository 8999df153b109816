"""What is wrong, and in which layers, once the test has failed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from meanfield.cross_check.comparisons import SIGNALS, Evidence
from meanfield.montecarlo.simulation import Simulation
from meanfield.networks.layers.network import Network
from meanfield.theory.layer_maps import one_point
from meanfield.theory.states import OnePoint


@dataclass(frozen=True)
class Cause:
    """The quantity that explains a failure best.

    Attributes
    ----------
    quantity : str
        "sigma_w", "mean" or "correlation" of the weights, or a signal: "q", "one_minus_c" or "gradient".
    layers : tuple of int
        The layers that it is wrong in; for a signal, those that it goes wrong in, from a right one before.
    everywhere : bool
        Whether it is wrong in most layers; `layers` are then all of them.
    text : str
        The same as a clause.
    """

    quantity: str
    layers: tuple[int, ...]
    everywhere: bool
    text: str


def cause_of(evidence: Sequence[Evidence], step: Evidence | None, threshold: float) -> Cause:
    """The cause, looked for in the weights first, then in the step of q from layer to layer, then in the worst row."""
    groups = [one for one in evidence if one.quantity not in SIGNALS]
    if found := [cause for cause in (_of(one, threshold) for one in groups) if cause is not None]:
        return max(found, key=lambda pair: pair[0])[1]
    if step is not None and (cause := _of(step, threshold)) is not None:
        return cause[1]
    worst = max(evidence, key=lambda one: float(np.abs(one.z).max()))
    at = int(np.argmax(np.abs(worst.z)))
    return Cause(worst.quantity, worst.layers[at : at + 1], False, f"{_where(worst, [at])} {_numbers(worst, [at])}")


def steps(run: Simulation, blocks: Sequence[Network], rounding: float) -> Evidence | None:
    """q of each layer against what the theory makes of the same network's q in the layer before it."""
    q = run.raw["q"]
    if len(blocks) == 1:
        blocks = list(blocks) * run.depth
    if not np.all(q > 0):
        return None
    expected = np.column_stack([one_point(block, OnePoint(q[:, l])).q for l, block in enumerate(blocks)])
    if not np.all(expected > 0):
        return None
    logs = np.log(q[:, 1:] / expected)
    v = logs.var(axis=0, ddof=1)
    return Evidence(
        "q", tuple(range(1, run.depth + 1)), expected.mean(axis=0), q[:, 1:], logs + v / 2, v, rounding
    )  # fmt: skip


def _of(evidence: Evidence, threshold: float) -> tuple[float, Cause] | None:
    z, together = np.abs(evidence.z), abs(float(evidence.together().z[0]))
    if max(z.max(), together) <= threshold:
        return None
    wrong = [int(i) for i in np.flatnonzero(z > threshold)]
    others = np.flatnonzero(z <= threshold)
    rest = abs(float(evidence.together(others).z[0])) if others.size else 0.0
    everywhere = len(wrong) > len(z) / 2 or rest > threshold or not wrong
    columns = list(range(len(z))) if everywhere else wrong
    layers = tuple(dict.fromkeys(evidence.layers[i] for i in columns))
    where = _where(evidence, columns) if not everywhere else _where(evidence, None)
    return max(float(z.max()), together), Cause(
        evidence.quantity, layers, everywhere, f"{where} {_numbers(evidence, columns)}"
    )


def _where(evidence: Evidence, columns: list[int] | None) -> str:
    if columns is None:
        place = "every layer"
    else:
        layers = list(dict.fromkeys(evidence.layers[i] for i in columns))
        shown = ", ".join(map(str, layers[:5])) + (", …" if len(layers) > 5 else "")
        place = f"layer {shown}" if len(layers) == 1 else f"layers {shown}"
    return f"{NAMES[evidence.quantity]} {place}"


def _numbers(evidence: Evidence, columns: list[int]) -> str:
    """The value of the worst of the columns, or of all of them together, with its error and what it should be."""
    if len(columns) > 1 and evidence.quantity not in SIGNALS and np.ptp(evidence.theory[columns]) == 0:
        values, theory = evidence.values[:, columns].mean(axis=1), float(evidence.theory[columns[0]])
    else:
        worst = max(columns, key=lambda i: abs(float(evidence.z[i])))
        values, theory = evidence.values[:, worst], float(evidence.theory[worst])
    mean, error = float(values.mean()), float(values.std(ddof=1)) / len(values) ** 0.5
    if evidence.quantity == "correlation":
        return f"are correlated, by {max(mean, 0.0) ** 0.5:.2g} (root mean square) between rows or columns"
    unit = " standard deviations of an entry" if evidence.quantity == "mean" else ""
    places = max(0, int(np.ceil(1 - np.log10(error))) if error > 0 else 6) if abs(mean) < 1e4 else 0
    number = f"{mean:.{min(places, 10)}f}" if 1e-4 < abs(mean) < 1e4 else f"{mean:.4g}"
    return f"is {number} ± {error:.1g}{unit} instead of {theory:.6g}"


NAMES = {
    "sigma_w": "sigma_w of the weights of",
    "mean": "the mean of the weights of",
    "correlation": "the weights of",
    "q": "q at",
    "one_minus_c": "1 - c at",
    "gradient": "the squared gradient at",
}
