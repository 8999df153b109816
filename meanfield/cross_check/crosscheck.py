"""Theory against simulation: one verdict over all layers and quantities, at a stated false-alarm rate."""

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from meanfield.cross_check.comparisons import SIGNALS, Evidence, logarithms, of_signals, of_weights
from meanfield.cross_check.failure_cause import cause_of, steps
from meanfield.cross_check.prediction import chance, scaled, trajectory
from meanfield.cross_check.result import CrossCheck, Row
from meanfield.errors import InvalidInput
from meanfield.estimates import Sample
from meanfield.montecarlo.simulation import Method, simulate
from meanfield.montecarlo.weight_laws import WeightLaw
from meanfield.networks.images import pixels_of, tells_apart
from meanfield.networks.layers.attention import Attention
from meanfield.networks.stack import as_blocks
from meanfield.numerics.statistics.multiple_testing import largest_z, z_beyond
from meanfield.workers import Workers

__all__ = ["crosscheck"]

STEP = 1e-3  # of log(sigma_w), for the theory's slope


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
    dtype: Literal["float64", "float32"] = "float64",
    rng: Any = None,
    workers: Workers = 1,
    progress: bool = False,
    alpha: float = 0.01,
) -> CrossCheck:
    """Simulate networks of finite width and test whether they do what the theory of infinite width says.

    Parameters
    ----------
    block, depth, width, networks, q, c, inputs, pixels, weights, method, dtype, rng, workers, progress
        As in `simulate`. Fewer than 8 networks find gross errors only.
    alpha : float
        False-alarm rate of the verdict as a whole, 0 < alpha < 1.

    Returns
    -------
    CrossCheck
        `.passed`, by layer and quantity `.rows` and `.z`, and `.cause` if it failed.

    Raises
    ------
    InvalidInput
        If an argument is outside its range.

    Notes
    -----
    The signals q, 1 − c and the gradient of each layer are compared on a logarithmic scale, with an allowance for
    finite width (`comparisons.of_signals`). Where `weights` is a caller's sampler, the matrices that
    it drew are tested too: their sigma_w against the description, their mean against 0, and the correlation of their
    entries against that of independent ones (`of_weights`).

    One more z tests the combination of all signals that is most like a change of sigma_w: the weights are ∂
    log(theory)/∂ log(sigma_w), divided by what finite width is allowed. It estimates the factor by which sigma_w is
    wrong, and finds errors that are small at every layer. The weights' three quantities have such a sum over all
    layers as well.

    The verdict is on the largest |z|, against the value that it exceeds in a share `alpha` of all correct networks
    given the correlations between layers and quantities (`meanfield.numerics.statistics.multiple_testing`). A quantity
    that is infinite in theory, as the gradient is where φ jumps, is left out.

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
    if not 0 < alpha < 1:
        raise InvalidInput(f"alpha is a false-alarm rate and must lie between 0 and 1, not {alpha!r}")
    run = simulate(
        block, depth, width, networks=networks, q=q, c=c, inputs=inputs, pixels=pixels, weights=weights, method=method,
        dtype=dtype, rng=rng, workers=workers, progress=progress,
    )  # fmt: skip
    blocks = as_blocks(block, depth)
    start = (run.widths, q, c, inputs, pixels)
    everything = trajectory(blocks, *start)
    theory = {name: everything[name] for name in SIGNALS if name in everything and np.isfinite(everything[name]).all()}
    eps = float(np.finfo(dtype).eps)
    rounding = max(1e-9, 100.0 * eps)  # smaller relative differences mean nothing, nor do values below the floor
    beyond = _by_chance(blocks, theory, eps, *start)
    signals, drawn = of_signals(run, theory, eps, rounding, beyond), of_weights(run, rounding)

    shifted = trajectory([scaled(one, math.exp(STEP)) for one in blocks], *start)
    slope = [(logarithms(name, shifted[name], eps) - logarithms(name, theory[name], eps)) / STEP for name in theory]
    slack = np.array([one.slack for one in signals])
    weight = np.array(slope) / (slack + rounding**2)
    weight /= max(float(np.sum(weight * slope)), 1e-12)
    error = sum(one.distance @ row for one, row in zip(signals, weight, strict=True))  # of log(sigma_w), by network
    error_slack = float(np.sum(np.abs(weight) * slack))
    error_z = float(z_beyond(error, error_slack, rounding))
    standard_error = float(error.std(ddof=1)) / math.sqrt(networks)
    factor = math.exp(np.clip(error.mean(), -100.0, 100.0))

    groups = [*signals, *drawn, *(one.together() for one in drawn)]
    largest = max(abs(error_z), *(float(np.abs(one.z).max()) for one in groups))
    columns = np.column_stack([*(one.distance for one in groups), error])
    threshold, p_value = largest_z(columns, largest, alpha, rounding)
    limits = [threshold * standard_error + error_slack] if weight.any() else []
    limits += [one.detectable(threshold) for one in groups if one.quantity == "sigma_w"]
    limit = min(limits, default=math.inf)
    return CrossCheck(
        rows=tuple(row for one in (*signals, *drawn) for row in _rows(one)),
        largest_z=largest,
        threshold=threshold,
        p_value=p_value,
        alpha=float(alpha),
        sigma_w=Sample(np.array(factor), np.array(factor * standard_error), networks),
        sigma_w_z=error_z,
        detectable=math.expm1(limit) if limit < math.log(2.0) else math.inf,
        cause=None if largest <= threshold else _cause(run, blocks, inputs, [*signals, *drawn], rounding, threshold),
        simulation=run,
    )


def _by_chance(blocks: Any, theory: Any, eps: float, widths: Any, q: float, c: Any, inputs: Any, pixels: Any) -> Any:
    """What chance overlaps of tokens may add to the logarithms of the theory, by quantity."""
    excess = chance(blocks, widths, math.prod(pixels_of(blocks, inputs, pixels)))
    if not excess:
        return {}
    shifted = trajectory([scaled(one, math.exp(STEP), Attention) for one in blocks], widths, q, c, inputs, pixels)
    beyond = {
        name: excess * np.abs(logarithms(name, shifted[name], eps) - logarithms(name, values, eps)) / (2 * STEP)
        for name, values in theory.items()
    }
    beyond["gradient"] = beyond["gradient"] + excess * np.arange(
        len(widths) - 1, -1, -1
    )  # also where a norm undoes q's
    return beyond


def _cause(run: Any, blocks: Any, inputs: Any, evidence: list[Evidence], rounding: float, threshold: float) -> Any:
    alone = inputs is None and tells_apart(*blocks) is None  # q follows from that of the layer before
    return cause_of(evidence, steps(run, blocks, rounding) if alone else None, threshold)


def _rows(one: Evidence) -> list[Row]:
    mean, error = one.values.mean(axis=0), one.values.std(axis=0, ddof=1) / math.sqrt(len(one.values))
    table = zip(one.layers, one.theory, mean, error, one.z, strict=True)
    return [Row(layer, one.quantity, *map(float, numbers)) for layer, *numbers in table]
