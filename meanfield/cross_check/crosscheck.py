"""Theory against simulation: one test over all layers and quantities at a given false-alarm rate."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Floats
from meanfield.arguments import false_alarm_rate
from meanfield.cross_check.comparisons import SIGNALS, Comparison, compare_signals, compare_weights, log_values
from meanfield.cross_check.failure_cause import Cause, cause_of, compare_steps, equal_draws
from meanfield.cross_check.prediction import attention_excess, attention_layers, predict, scaled
from meanfield.cross_check.result import CrossCheck, Row
from meanfield.error_state import own_error_state
from meanfield.montecarlo.random_generators import RandomSource
from meanfield.montecarlo.simulate import Method, TypeName, simulate
from meanfield.montecarlo.simulation import Simulation
from meanfield.montecarlo.weight_laws import WeightLaw
from meanfield.networks.images import pixels_of, tells_apart
from meanfield.networks.layers.attention import Attention
from meanfield.networks.layers.network import Network
from meanfield.networks.stack import as_blocks
from meanfield.numerics.statistics.multiple_testing import largest_z, z_beyond
from meanfield.samples import Sample
from meanfield.workers import Workers

__all__ = ["crosscheck"]

STEP = 1e-3  # of ln sigma_w, in finite differences of the theory
SENSITIVE = 0.5  # of a signal's logarithm to ln sigma_w: below it sigma_w is no measure of what a check can see


class Start(NamedTuple):
    """What signals at layer 0 are, as `predict` takes it."""

    widths: Sequence[int]
    q: float
    c: float | None
    inputs: ArrayLike | None
    pixels: int | Sequence[int] | None
    tokens: int | None
    token_c: float | None


@own_error_state
def crosscheck(
    block: Any,
    depth: int,
    width: int | Sequence[int],
    *,
    networks: int = 32,
    q: float = 1.0,
    c: float | None = None,
    inputs: ArrayLike | None = None,
    pixels: int | Sequence[int] | None = None,
    weights: WeightLaw | Sequence[WeightLaw] = "gaussian",
    method: Method = "materialized",
    dtype: TypeName = "float64",
    rng: RandomSource = None,
    workers: Workers = 1,
    progress: bool = False,
    alpha: float = 0.01,
    tokens: int | None = None,
    token_c: float | None = None,
) -> CrossCheck:
    """Simulate networks of finite width and test them against the theory of infinite width.

    Parameters
    ----------
    block, depth, width, networks, q, c, inputs, pixels, tokens, token_c, weights, method, dtype, rng, workers, progress
        As in `simulate`. Fewer than 8 networks detect large errors only.
    alpha : float
        False-alarm rate of the verdict as a whole, 0 < alpha < 1.

    Returns
    -------
    CrossCheck
        `.verdict`: "passed", "failed" or "inconclusive"; `.passed`; `.rows` and `.z` by layer and quantity; `.cause` if
        it failed.

    Raises
    ------
    InvalidInput
        If an argument is out of range.

    Notes
    -----
    The signals q, 1 − c and the gradient of each layer are compared on a logarithmic scale, with an allowance for
    finite width (`comparisons.compare_signals`). Matrices drawn by a user's sampler are tested too: their sigma_w
    against the description, their mean against 0, the correlation of their entries against independent entries, and
    their tails against a finite fourth moment; biases drawn by a user's sampler likewise
    (`comparisons.compare_weights`). A sampler that returns a matrix twice, though it is not declared ``deterministic``,
    fails the check.

    One further z-score tests the linear combination of all signals that is most sensitive to sigma_w, with coefficients
    ∂ ln(theory)/∂ ln(sigma_w) divided by the allowance. It estimates the factor by which sigma_w is wrong, and detects
    errors that are small at every layer. The quantities of the weights have such a sum over all layers as well.

    The test statistic is the largest |z|. Its threshold is exceeded with probability `alpha` if theory and simulation
    agree, given the correlations between layers and quantities (`meanfield.numerics.statistics.multiple_testing`).
    Quantities that are infinite in theory, such as the gradient of an activation that jumps, are not tested.

    Examples
    --------
    >>> import numpy as np
    >>> import meanfield as mf
    >>> block = mf.mlp("tanh", 1.5, 0.1)
    >>> bool(mf.crosscheck(block, depth=6, width=256, c=0.5, rng=0))
    True
    >>> wrong = lambda rng, fan_out, fan_in: 1.6 * rng.standard_normal((fan_out, fan_in)) / np.sqrt(fan_in)
    >>> check = mf.crosscheck(block, depth=6, width=256, c=0.5, rng=0, weights=wrong)
    >>> check.passed, check.cause.quantity, check.cause.everywhere
    (False, 'sigma_w', True)
    """
    alpha = false_alarm_rate(alpha)
    run = simulate(
        block, depth, width, networks=networks, q=q, c=c, inputs=inputs, pixels=pixels, tokens=tokens, token_c=token_c,
        weights=weights, method=method,
        dtype=dtype, rng=rng, workers=workers, progress=progress,
    )  # fmt: skip
    blocks = as_blocks(block, depth)
    start = Start(run.widths, q, c, inputs, pixels, tokens, token_c)
    everything = predict(blocks, *start)
    theory = {name: everything[name] for name in SIGNALS if name in everything and np.isfinite(everything[name]).all()}
    eps = float(np.finfo(dtype).eps)
    rounding = max(1e-9, 100.0 * eps)  # relative differences below it are rounding errors
    excess = _finite_width_excess(blocks, theory, eps, start)
    signals, drawn = compare_signals(run, theory, eps, rounding, excess), compare_weights(run, rounding)

    shifted = predict([scaled(one, math.exp(STEP)) for one in blocks], *start)
    slope = [(log_values(name, shifted[name], eps) - log_values(name, theory[name], eps)) / STEP for name in theory]
    allowance = np.array([one.allowance for one in signals])
    weight = np.array(slope) / (allowance + rounding**2)
    weight /= max(float(np.sum(weight * slope)), 1e-12)
    error = sum(one.deviation @ row for one, row in zip(signals, weight, strict=True))  # of ln sigma_w, by network
    error_allowance = float(np.sum(np.abs(weight) * allowance))
    error_z = float(z_beyond(error, error_allowance, rounding))
    standard_error = float(error.std(ddof=1)) / math.sqrt(networks)
    factor = math.exp(np.clip(error.mean(), -100.0, 100.0))

    groups = [*signals, *drawn, *(one.mean() for one in drawn)]
    largest = max(abs(error_z), *(float(np.abs(one.z).max()) for one in groups))
    columns = np.column_stack([*(one.deviation for one in groups), error])
    threshold, p_value = largest_z(columns, largest, alpha, rounding)
    limits = [threshold * standard_error + error_allowance] if weight.any() else []
    limits += [one.detectable(threshold) for one in groups if one.quantity == "sigma_w"]
    limit = min(limits, default=math.inf)
    cause = equal_draws(run)
    if cause is None and largest > threshold:
        cause = _cause(run, blocks, inputs, [*signals, *drawn], rounding, threshold)
    return CrossCheck(
        rows=tuple(row for one in (*signals, *drawn) for row in _rows(one)),
        largest_z=largest,
        threshold=threshold,
        p_value=p_value,
        alpha=alpha,
        sigma_w=Sample(np.array(factor), np.array(factor * standard_error), networks),
        sigma_w_z=error_z,
        detectable=math.expm1(limit) if limit < math.log(2.0) else math.inf,
        cause=cause,
        simulation=run,
        decides=limit < math.log(2.0) or float(np.max(np.abs(slope), initial=0.0)) < SENSITIVE,
    )


def _finite_width_excess(
    blocks: Sequence[Network], theory: Mapping[str, Floats], eps: float, start: "Start"
) -> dict[str, Floats]:
    """Allowance for chance overlaps of tokens in Attention, for the logarithm of each quantity.

    With softmax, the variances of scores, which go with σ_qk², fluctuate by about √(tokens/width) in the heads of one
    network. A quantity that goes with the power κ of σ_qk² is shifted by κ²/2 times the square of that, which matters
    where tokens collapse.
    """
    tokens = start.tokens or math.prod(pixels_of(blocks, start.inputs, start.pixels))
    if start.tokens is not None and any(one.scores == "softmax" for one in attention_layers(blocks)):
        wider = predict([scaled(one, math.exp(0.5 * STEP), Attention, "sigma_qk") for one in blocks], *start)
        return {
            name: tokens / min(start.widths) * 0.5 * change**2
            for name, values in theory.items()
            for change in [(log_values(name, wider[name], eps) - log_values(name, values, eps)) / STEP]
        }
    excess = attention_excess(blocks, start.widths, tokens)
    if not excess:
        return {}
    shifted = predict([scaled(one, math.exp(STEP), Attention) for one in blocks], *start)
    found = {
        name: excess * np.abs(log_values(name, shifted[name], eps) - log_values(name, values, eps)) / (2 * STEP)
        for name, values in theory.items()
    }
    # The gradient shifts also where a normalisation layer removes the shift of q.
    found["gradient"] = found["gradient"] + excess * np.arange(len(start.widths) - 1, -1, -1)
    return found


def _cause(
    run: Simulation,
    blocks: Sequence[Network],
    inputs: ArrayLike | None,
    comparisons: list[Comparison],
    rounding: float,
    threshold: float,
) -> Cause:
    markov = inputs is None and tells_apart(*blocks) is None  # q of a layer depends on q of the layer before only
    return cause_of(comparisons, compare_steps(run, blocks, rounding) if markov else None, threshold)


def _rows(one: Comparison) -> list[Row]:
    mean, error = one.values.mean(axis=0), one.values.std(axis=0, ddof=1) / math.sqrt(len(one.values))
    table = zip(one.layers, one.theory, mean, error, one.z, strict=True)
    return [Row(layer, one.quantity, *map(float, numbers)) for layer, *numbers in table]
