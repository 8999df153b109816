"""A branch beside its input: second moments, distances and gradient factors are means over both parts' units.

With `growth` g the copy has 1/(1 + g) of the units. A squared gradient summed over units is what a Dense layer of
variance σ_w²/fan_in multiplies by χ; of one that is the same for all units of the output, the copy and the branch get
their shares, so χ = (1 + g χ_branch)/(1 + g).
"""

from typing import Any

import numpy as np

from meanfield.networks.layers.concatenation import Concatenate
from meanfield.theory.layer_maps.dispatch import one_point, pair_slope, two_points
from meanfield.theory.states import OnePoint, Spread, Spreads, TwoPoints, spread_of

__all__ = ["joined"]

EPS = float(np.finfo(float).eps)


@one_point.register
def _(layer: Concatenate, signal: OnePoint) -> OnePoint:
    over, after = _mean(layer), one_point(layer.branch, signal)
    q = over(signal.q, after.q)
    return OnePoint(
        q,
        over(signal.error, after.error) + 2 * EPS * q,
        over(signal.slope, after.slope),
        over(signal.chi, after.chi),
        over(signal.slope_error, after.slope_error),
        over(signal.chi_error, after.chi_error),
        _spreads(layer, signal.spreads, signal.q, after.spreads, after.q),
    )


@two_points.register
def _(layer: Concatenate, signal: TwoPoints) -> TwoPoints:
    return joined(layer, signal, two_points(layer.branch, signal))


def joined(layer: Concatenate, signal: TwoPoints, after: TwoPoints) -> TwoPoints:
    """The copy's signal beside the branch's, `after`."""
    over = _mean(layer)
    q1, first = over(signal.q1, after.q1), _spreads(layer, signal.spreads1, signal.q1, after.spreads1, after.q1)
    q2, second = q1, first
    if signal.q2 is not signal.q1:
        q2, second = over(signal.q2, after.q2), _spreads(layer, signal.spreads2, signal.q2, after.spreads2, after.q2)
    return TwoPoints(q1, q2, over(signal.d, after.d), over(signal.error, after.error), first, second)


@pair_slope.register
def _(layer: Concatenate, signal: TwoPoints) -> Any:
    return _mean(layer)(1.0, pair_slope(layer.branch, signal))


def _mean(layer: Concatenate) -> Any:
    """(copy, branch) ↦ their mean over units, where no units hide even what is infinite."""
    growth = np.asarray(layer.growth)

    def over(copy: Any, branch: Any) -> Any:
        with np.errstate(over="ignore", invalid="ignore"):
            return (copy + np.where(growth == 0, 0.0, growth * branch)) / (1.0 + growth)

    return over


def _spreads(layer: Concatenate, copy: Spreads, q: Any, branch: Spreads, q_branch: Any) -> Spreads:
    """Means average; variances too, with what the means are apart."""
    if not (copy or branch):
        return None

    def spread() -> Spread:
        one, other, over = spread_of(copy, q), spread_of(branch, q_branch), _mean(layer)
        apart, blend = np.abs(one.mean - other.mean), over(0.0, 1.0) * over(1.0, 0.0)
        variance = over(one.variance, other.variance) + blend * apart**2
        error = over(one.error, other.error) + 2 * blend * apart * (one.mean_error + other.mean_error)
        return Spread(over(one.mean, other.mean), variance, over(one.mean_error, other.mean_error), error)

    return spread
