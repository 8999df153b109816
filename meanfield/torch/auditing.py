"""The audit of a torch model: weights, signals and gradients measured, and compared with what they should be."""

import copy as copying
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from meanfield._types import Floats
from meanfield.arguments import false_alarm_rate, flag, whole
from meanfield.audits.finding import SEVERITIES, Finding
from meanfield.audits.report import Audit
from meanfield.audits.row import Row
from meanfield.audits.signals import far_from_theory, leaving_the_band, not_finite, unlike_redrawn
from meanfield.audits.weight import Weight
from meanfield.audits.weight_findings import weight_findings, with_causes
from meanfield.audits.zeros import constant_outputs
from meanfield.error_state import own_error_state
from meanfield.errors import InvalidInput, MeanFieldError
from meanfield.montecarlo.random_generators import RandomSource, spawn
from meanfield.numerics.statistics.multiple_testing import largest_z
from meanfield.torch.findings.gates import read_together, unequal_gates
from meanfield.torch.findings.signals import saturated, without_gradient
from meanfield.torch.findings.zeros import zero_norms
from meanfield.torch.framework import checked_model
from meanfield.torch.graph.theory import predicted
from meanfield.torch.redraws import logarithms, redrawn
from meanfield.torch.rows import columns, measured_rows
from meanfield.torch.state import restored
from meanfield.torch.trace import Pass, record
from meanfield.torch.trees import checked_inputs, floats
from meanfield.torch.weights import weights_of
from meanfield.torch.wiring import Wiring

BEYOND = 1.25  # times the largest |z| among redrawn networks: from there on a |z| is an error
LEAST = math.log(1.2)  # relative deviation from redrawn networks that counts
FEWEST = 4  # redraws from which on the spread is known
ALLOWANCE = math.log(1.35)  # relative deviation from theory at any width that is not reported
ROUNDING = {"torch.float64": 1e-9, "torch.float32": 1e-4, "torch.bfloat16": 3e-2, "torch.float16": 1e-2}


@own_error_state
def audit(
    model: Any,
    inputs: Any,
    *,
    loss: Callable[[Any], Any] | None = None,
    theory: bool = True,
    redraws: int = 16,
    alpha: float = 0.01,
    expect: str | None = None,
    copy: bool = True,
    rng: RandomSource = None,
) -> Audit:
    """Audit the initialisation of a torch model: weights, signals and gradients, with findings and a verdict.

    Parameters
    ----------
    model : torch.nn.Module
        The model, freshly initialised, in the mode (train or eval) that is to be audited.
    inputs : tensor, tuple or dict
        A batch of at least two inputs, as the model takes them: a tensor, a tuple of arguments or a dict of keyword
        arguments. Tokens are whole numbers. Whole numbers and the law of entries should be as in training.
    loss : callable, optional
        From the output to a scalar, whose gradients are measured. By default gradients start from a Gaussian cotangent
        at the first floating tensor of the output.
    theory : bool
        Whether to predict second moments and gradients at infinite width.
    redraws : int
        Random networks with weights of the same scales that the model is compared with: 0, or at least 4.
    alpha : float
        False-alarm rate of the verdict, over all rows and weights, 0 < alpha < 1.
    expect : str, optional
        The scheme that all hidden weights should have: "gpt2" (0.02, and 0.02/√branches at the ends of residual
        branches) or a name for `meanfield.initializer`. Other scales are then errors.
    copy : bool
        Whether to work on a deep copy. Otherwise the model itself runs, and is put back as it was.
    rng : None, int, Generator
        Source of randomness, as in SciPy.

    Returns
    -------
    Audit
        `.passed` is whether there is no error among `.findings`.

    Raises
    ------
    InvalidInput
        If an argument is out of its range, or the model does not run on the inputs.
    MeanFieldError
        If torch is not installed.

    Notes
    -----
    Three tests share `alpha`: every weight against the others of its name, the two matrices of each gate, and the model
    against networks whose entries have changed places and signs. A factor above 1000 of signal or gradient over layers
    of one name is an error too, one above 100 a warning. docs/torch.md lists all findings and the measured rates.
    """
    torch_model, inputs = checked_model(model), checked_inputs(inputs)
    alpha, redraws = false_alarm_rate(alpha), whole(redraws, "redraws", 10_000, least=0)
    if 0 < redraws < FEWEST:
        raise InvalidInput(f"redraws must be 0, or at least {FEWEST}, to know a spread, not {redraws}")
    if loss is not None and not callable(loss):
        raise InvalidInput("loss must be callable, from the model's output to a scalar, or None")
    generators = spawn(rng, redraws + 1)
    seeds = [int(one.integers(2**31)) for one in generators]
    subject = _copied(torch_model) if flag(copy, "copy") else torch_model
    with restored(subject):
        found, at = _recorded(subject, inputs, loss, seeds[0])
        wiring = Wiring(found)
        weights = weights_of(subject, found, wiring, alpha)
        stops: dict[str, str] = {}
        rows = measured_rows(subject, wiring, weights)
        if flag(theory, "theory"):
            rows, stops = predicted(subject, wiring, weights, rows)
        findings = _of_weights(subject, wiring, weights, alpha, expect)
        others = redrawn(subject, inputs, loss, weights, seeds[1:], at, seeds[0])
    rounding = ROUNDING.get(next((str(p.dtype) for p in floats(list(torch_model.parameters()))), ""), 1e-4)
    rows, largest, threshold = _compared(rows, found, others, 0.5 * alpha, rounding)
    findings += not_finite(rows)
    findings += constant_outputs(rows, {one.module for one in findings if one.kind == "zeros"})
    findings += leaving_the_band(rows)
    findings += saturated(wiring)
    findings += without_gradient(found, any(one.kind == "zeros" for one in findings))
    findings += unlike_redrawn(rows, threshold)
    findings += far_from_theory(rows, ALLOWANCE) if redraws else ()
    findings = with_causes(findings)
    ordered = sorted(findings, key=lambda one: SEVERITIES.index(one.severity))
    return Audit(rows, tuple(ordered), alpha, largest, threshold, redraws, type(model).__name__, at or "", stops)


def _copied(model: Any) -> Any:
    try:
        return copying.deepcopy(model)
    except Exception as error:
        raise InvalidInput(f"the model cannot be copied ({type(error).__name__}): audit it with copy=False") from error


def _recorded(model: Any, inputs: Any, loss: Callable[[Any], Any] | None, seed: int) -> tuple[Pass, str | None]:
    """A pass of the model, and the zero-initialised head before which gradients start; None at the end."""
    try:
        found = record(model, inputs, loss, seed)
    except MeanFieldError:
        raise
    except Exception as error:
        told = " ".join(str(error).split())[:160]
        raise InvalidInput(f"the model does not run on these inputs: {type(error).__name__}: {told}") from error
    wiring = Wiring(found)
    for call in found.calls:
        named = [name for name in call.parameters if name.endswith("weight")]
        if named and not call.function.endswith("norm") and wiring.is_head(call):
            weight = model.get_parameter(named[0]) if named[0] in dict(model.named_parameters()) else None
            if weight is not None and weight.ndim > 1 and not bool((weight != 0).any()):
                return record(model, inputs, None, seed, call.module), call.module
    return found, None


def _of_weights(
    model: Any, wiring: Wiring, weights: tuple[Weight, ...], alpha: float, expect: str | None
) -> list[Finding]:
    findings = [*weight_findings(weights, 0.25 * alpha, expect), *zero_norms(model, wiring)]
    return [*findings, *unequal_gates(read_together(weights, wiring), 0.25 * alpha)]


def _compared(
    rows: tuple[Row, ...], found: Pass, others: Sequence[Pass], alpha: float, rounding: float
) -> tuple[tuple[Row, ...], float, float]:
    """The rows with their bands over redrawn weights, the largest |z|, and the threshold that it is compared with."""
    if not others:
        return rows, math.nan, math.nan
    paths = [row.module for row in rows]
    keys, own, sample = columns(logarithms(found, paths), [logarithms(one, paths) for one in others])
    if not keys:
        return rows, math.nan, math.nan
    mean, spread = sample.mean(axis=0), sample.std(axis=0, ddof=1)
    spread = np.hypot(spread * math.sqrt(1.0 + 1.0 / len(others)), rounding)
    z = (own - mean) / spread
    z[np.abs(own - mean) < max(3.0 * rounding, LEAST)] = 0.0
    largest = float(np.abs(z).max())
    threshold = max(largest_z(sample, largest, alpha, rounding)[0], BEYOND * _among_themselves(sample, rounding))
    scores: list[dict[str, float]] = [{} for _ in rows]
    bands: list[dict[str, tuple[float, float]]] = [{} for _ in rows]
    for (quantity, i), score, centre, width in zip(keys, z, mean, threshold * spread, strict=True):
        scores[i][quantity] = float(score)
        bands[i][quantity] = tuple(np.exp(np.clip([centre - width, centre + width], -700, 700)).tolist())
    return tuple(replace(r, bands=b, z=s) for r, b, s in zip(rows, bands, scores, strict=True)), largest, threshold


def _among_themselves(sample: Floats, rounding: float) -> float:
    """The largest |z| of a redrawn network against the other redrawn networks: it shows tails heavier than normal."""
    largest, number = 0.0, len(sample)
    for i in range(number):
        others = np.delete(sample, i, axis=0)
        spread = np.hypot(others.std(axis=0, ddof=1) * math.sqrt(1.0 + 1.0 / (number - 1)), rounding)
        away = np.abs(sample[i] - others.mean(axis=0))
        largest = max(largest, float(np.where(away < max(3.0 * rounding, LEAST), 0.0, away / spread).max()))
    return largest
