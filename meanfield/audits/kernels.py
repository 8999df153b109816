"""Weights of frameworks whose kernels are (…, in, out), and rows of modules whose outputs are known as arrays."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from meanfield._types import AnyArray, Floats
from meanfield.audits.finding import SEVERITIES, Finding
from meanfield.audits.report import Audit
from meanfield.audits.row import Row
from meanfield.audits.signals import leaving_the_band, not_finite
from meanfield.audits.weight import Use, Weight, weight_of
from meanfield.audits.weight_findings import weight_findings, with_causes
from meanfield.audits.zeros import constant_outputs
from meanfield.weights.measure import measure
from meanfield.weights.measurement import Measurement

PAIRS = 8  # inputs whose correlation with the next one is measured


@dataclass(frozen=True)
class Kernel:
    """A parameter as the matrix ``(fan_out, fan_in, *kernel)``.

    Attributes
    ----------
    name : str
        Its name; the part before the last dot is the path of its module.
    array : ndarray
        The matrix.
    use : Use
        How the model uses it.
    stored : tuple of int
        Shape of the parameter.
    sigma_b : float
        Root mean square of the bias.
    """

    name: str
    array: AnyArray
    use: Use
    stored: tuple[int, ...]
    sigma_b: float = 0.0


@dataclass(frozen=True)
class Output:
    """The output of a module.

    Attributes
    ----------
    kind : str
        Class of the module.
    array : ndarray or None
        The output, batch first.
    gradient : float
        Mean squared gradient per entry.
    behind : str
        What the module reads: "input", "function" where something else than a module made it, or the name of an
        activation; empty for the outputs of modules.
    """

    kind: str
    array: AnyArray | None
    gradient: float = math.nan
    behind: str = ""


def units_first(kernel: AnyArray) -> AnyArray:
    """A kernel (…, in, out) as ``(out, in, *kernel)``."""
    return np.moveaxis(kernel, (-1, -2), (0, 1))


def weights_of(kernels: Sequence[Kernel], alpha: float) -> tuple[Weight, ...]:
    """The weights of a model, in the order of their use."""
    usable = {kernel.name: kernel.array for kernel in kernels if kernel.array.size > 1}
    found = measure(usable, layout="torch", alpha=min(alpha, 0.1)) if usable else ()
    by_name = {one.name: one for one in ((found,) if isinstance(found, Measurement) else found)}
    weights = (
        weight_of(one.name, one.array, one.use, one.name, one.stored, by_name.get(one.name), one.sigma_b)
        for one in kernels
    )
    return tuple(sorted(weights, key=lambda weight: weight.order))


def judged(
    kernels: Sequence[Kernel], outputs: Mapping[str, Output], alpha: float, expect: str | None, model: str
) -> Audit:
    """The audit of a model from its weights and the outputs of its modules, in the order in which they ran."""
    weights = weights_of(kernels, alpha)
    silent = {weight.module: Output("", None) for weight in weights if weight.module not in outputs}
    rows = tuple(_row(path, output, weights) for path, output in {**outputs, **silent}.items())
    findings: list[Finding] = weight_findings(weights, 0.5 * alpha, expect)
    findings += not_finite(rows)
    findings += constant_outputs(rows, {one.module for one in findings if one.kind == "zeros"})
    findings += leaving_the_band(rows)
    ordered = sorted(with_causes(findings), key=lambda one: SEVERITIES.index(one.severity))
    return Audit(rows, tuple(ordered), alpha, math.nan, math.nan, 0, model)


def _row(path: str, output: Output, weights: Sequence[Weight]) -> Row:
    own = tuple(weight for weight in weights if weight.module == path)
    if output.array is None or not output.array.size:
        return Row(path, output.kind, (), own, *(math.nan,) * 4)
    signal = output.array.astype(float)
    with np.errstate(over="ignore", invalid="ignore"):
        moments = float(np.mean(signal**2)), float(np.mean(signal)), _correlation(signal)
    varies = len(signal) < 2 or bool(np.any(signal[1:] != signal[:1])) if signal.ndim else True
    return Row(path, output.kind, output.array.shape, own, *moments, output.gradient, varies=varies)


def _correlation(signal: Floats) -> float:
    """Mean cosine of the signals of consecutive inputs."""
    if signal.ndim < 2 or len(signal) < 2:
        return math.nan
    flat = signal[: PAIRS + 1].reshape(min(len(signal), PAIRS + 1), -1)
    with np.errstate(divide="ignore"):
        unit = flat / np.linalg.norm(flat, axis=1, keepdims=True)
    return float(np.mean(np.sum(unit[:-1] * unit[1:], axis=1)))
