"""A branch beside its input: second moments, distances and gradient factors are means over both parts' units.

With `growth` g the copy of the input has the share 1/(1 + g) of the output's units and the branch has g/(1 + g). A
gradient that is spread evenly over the output's units reaches them in these shares, so χ = (1 + g χ_branch)/(1 + g).
"""

from functools import partial

import numpy as np

from meanfield._types import Floats
from meanfield.bounded import Bounded, as_bounded, scaled
from meanfield.networks.layers.concatenation import Concatenate
from meanfield.theory.layer_maps.covariance import Points, Pullback, all_points
from meanfield.theory.layer_maps.dispatch import hiding, one_point, pair_slope, two_points
from meanfield.theory.layer_maps.tangent_kernel import State, behind, tangent
from meanfield.theory.states import LazySpread, Pair, Point, Spread, Sum, spread_of


@one_point.register
def _(layer: Concatenate, x: Point) -> Point:
    over, after = _mean(layer), one_point(layer.branch, x)
    return Point(
        q=over(x.q, after.q),
        slope=over(x.slope, after.slope),
        chi=over(x.chi, after.chi),
        spread=_spread(layer, x.spread, x.q, after.spread, after.q),
    )


@two_points.register
def _(layer: Concatenate, x: Pair) -> Pair:
    return joined(layer, x, two_points(layer.branch, x))


@all_points.register
def _(layer: Concatenate, state: Points) -> tuple[Points, Pullback]:
    after, back = all_points(layer.branch, state)
    return state.joined(
        partial(joined, layer), after
    ), lambda g: (g + hiding(layer.growth, back(g))) / (1.0 + layer.growth)


@tangent.register
def _(layer: Concatenate, theta: Floats, x: State) -> tuple[Floats, State]:
    of_branch, branch = tangent(layer.branch, theta, x)
    copy = 1.0 / (1.0 + np.asarray(layer.growth))
    after = joined(layer, x, branch) if isinstance(x, Pair) and isinstance(branch, Pair) else behind(layer, x)
    return hiding(copy, theta) + hiding(layer.growth * copy, of_branch), after


def joined(layer: Concatenate, x: Pair, after: Pair) -> Pair:
    """The pair whose units are those of `x` followed by those of the branch's output `after`."""
    return x.joined(after, _mean(layer), partial(_spread, layer))


@pair_slope.register
def _(layer: Concatenate, x: Pair) -> Bounded:
    return _mean(layer)(1.0, pair_slope(layer.branch, x))


def _mean(layer: Concatenate) -> Sum:
    """(copy, branch) ↦ (copy + g·branch)/(1 + g), where an infinite value of a branch without units counts as 0."""
    growth = np.asarray(layer.growth)
    return lambda copy, branch: (as_bounded(copy) + scaled(growth, as_bounded(branch))) / (1.0 + growth)


def _spread(layer: Concatenate, copy: LazySpread, q: Bounded, branch: LazySpread, q_branch: Bounded) -> LazySpread:
    """The mean and variance of all units: averages of both parts, and the variance between their means."""
    if not (copy or branch):
        return None

    def spread() -> Spread:
        one, other, over = spread_of(copy, q), spread_of(branch, q_branch), _mean(layer)
        blend = over(0.0, 1.0).value * over(1.0, 0.0).value
        variance = over(one.variance, other.variance) + blend * abs(one.mean - other.mean) ** 2
        return Spread(
            mean=over(one.mean, other.mean), variance=variance, slope=lambda: over(one.slope(), other.slope())
        )

    return spread
