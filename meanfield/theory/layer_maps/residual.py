"""Skip connections: q → s²q + b²q_branch, with the same weights for d and for gradient factors.

There is no cross term where E[branch(x) | x] = 0 (Yang & Schoenholz 2017, arXiv:1712.08969, section 3). Where it is
a·x, as for a branch of skip connections, the weight of q is s² + 2sba instead of s². Where it is a·x + m, as for a
branch that ends in ReLU, q gains 2sbm·E x, by `means`; gradients gain nothing, since weights have zero mean.
"""

from functools import cache, partial

import numpy as np

from meanfield._types import Floats
from meanfield.bounded import Bounded, as_bounded, scaled
from meanfield.errors import InvalidInput
from meanfield.networks.layers.network import in_sequence
from meanfield.networks.layers.residual import Residual
from meanfield.theory.layer_maps.batchnorm import step
from meanfield.theory.layer_maps.covariance import Points, Pullback, all_points
from meanfield.theory.layer_maps.dispatch import finite, hiding, one_point, pair_slope, two_points
from meanfield.theory.layer_maps.means import check_alike, pair_with_means, point_with_means
from meanfield.theory.layer_maps.tangent_kernel import State, behind, tangent
from meanfield.theory.states import Batch, LazySpread, Pair, Point, Spread, Sum, scaled_spread, spread_of


@one_point.register
def _(layer: Residual, x: Point) -> Point:
    check(layer)
    add, after = _sum(layer), x
    for inner in in_sequence(layer.branch):
        after = step(inner, after)
    both = Point(
        q=finite(add(x.q, after.q), "a residual layer", x.q.value),
        slope=add(x.slope, after.slope),
        chi=add(x.chi, after.chi),
        spread=_spread(layer, x.spread, x.q, after.spread, after.q),
        batch=_batch(add, x.batch, after.batch),
    )
    if not (x.spread and layer.needs_mean):
        return both
    return point_with_means(_cross(layer), x, both, _means(layer, x.spread, after.spread))


@two_points.register
def _(layer: Residual, x: Pair) -> Pair:
    check(layer)
    return joined(layer, x, two_points(layer.branch, x))


@all_points.register
def _(layer: Residual, state: Points) -> tuple[Points, Pullback]:
    check(layer)
    after, back = all_points(layer.branch, state)
    skip, share = shares(layer)
    return state.joined(partial(joined, layer), after), lambda g: hiding(skip, g) + hiding(share, back(g))


@tangent.register
def _(layer: Residual, theta: Floats, x: State) -> tuple[Floats, State]:
    of_branch, branch = tangent(layer.branch, theta, x)
    skip, share = shares(layer)
    after = joined(layer, x, branch) if isinstance(x, Pair) and isinstance(branch, Pair) else behind(layer, x)
    return hiding(skip, theta) + hiding(share, of_branch), after


def joined(layer: Residual, x: Pair, after: Pair) -> Pair:
    """The pair behind the layer, from the pair `x` before it and the pair `after` behind the branch."""
    both = x.joined(after, _sum(layer), partial(_spread, layer))
    if not (x.spread1 and layer.needs_mean):
        return both
    first = _means(layer, x.spread1, after.spread1)
    second = _means(layer, x.spread2, after.spread2)
    return pair_with_means(_cross(layer), x, both, list(zip(first, second, strict=True)))


@pair_slope.register
def _(layer: Residual, x: Pair) -> Bounded:
    return _sum(layer)(1.0, pair_slope(layer.branch, x))


def shares(layer: Residual) -> tuple[Floats, Floats]:
    """The weights s² + 2sba and b² of the second moments of input and branch output."""
    return np.asarray(layer.skip_scale) ** 2 + _cross(layer), np.asarray(layer.branch_scale) ** 2


def _cross(layer: Residual) -> Floats:
    """The weight 2sba of the product of input and branch output."""
    s, b = np.asarray(layer.skip_scale), np.asarray(layer.branch_scale)
    a = layer.branch.carries if np.any(s * b) else 0.0
    return np.asarray(2 * s * b * (0.0 if a is None else a))


def _sum(layer: Residual) -> Sum:
    """The weighted sum of second moments, where a weight of 0 times infinity is 0."""
    of_skip, of_branch = shares(layer)
    return lambda skip, branch: scaled(of_skip, as_bounded(skip)) + scaled(of_branch, as_bounded(branch))


def _spread(layer: Residual, skip: LazySpread, q: Bounded, branch: LazySpread, q_branch: Bounded) -> LazySpread:
    """The mean is s·mean + b·mean_branch; variances add like second moments."""
    if not (skip or branch):
        return None

    @cache
    def spread() -> Spread:
        one, other = spread_of(skip, q), spread_of(branch, q_branch)
        s, b = np.asarray(layer.skip_scale), np.asarray(layer.branch_scale)
        mean, variance = s * one.mean + b * other.mean, _sum(layer)(one.variance, other.variance)
        return Spread(mean=mean, variance=variance, slope=lambda: s * one.slope() + b * other.slope())

    return spread


def _batch(add: Sum, skip: Batch | None, branch: Batch | None) -> Batch | None:
    if skip is None or branch is None:
        return None
    distance, shared = add(skip.distance, branch.distance), add(skip.shared, branch.shared)
    return Batch(distance=np.asarray(distance.value), shared=np.asarray(shared.value))


def check(layer: Residual) -> None:
    """Refuse a branch whose mean given its input x is not a known multiple of x plus a number."""
    if layer.branch.carries is None and np.any(np.asarray(layer.skip_scale) * np.asarray(layer.branch_scale)):
        raise InvalidInput(
            "a residual branch needs a Dense layer: without fresh weights its output correlates with the skip "
            "connection, and their second moments do not add; a sum of x and φ(x) is one activation, as 'x + tanh(x)/2'"
        )
    if layer.needs_mean:
        check_alike(layer.branch)


def _means(layer: Residual, skip: LazySpread, branch: LazySpread) -> list[LazySpread]:
    """The spreads of the two parts of the sum."""
    return [scaled_spread(skip, np.asarray(layer.skip_scale)), scaled_spread(branch, np.asarray(layer.branch_scale))]
