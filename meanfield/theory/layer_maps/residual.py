"""Skip connections: q → s²q + b²q_branch, with the same weights for d and for gradient factors.

There is no cross term where E[branch(x) | x] = 0 (Yang & Schoenholz 2017, arXiv:1712.08969, section 3). Where it is
a·x, as for a branch of skip connections, the weight of q is s² + 2sba instead of s².
"""

from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Floats
from meanfield.bounded import Bounded, as_bounded, scaled
from meanfield.errors import InvalidInput
from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.network import in_sequence
from meanfield.networks.layers.residual import Residual
from meanfield.theory.layer_maps.batchnorm import step
from meanfield.theory.layer_maps.covariance import Points, Pullback, all_points, in_turn
from meanfield.theory.layer_maps.dispatch import finite, hiding, one_point, pair_slope, two_points
from meanfield.theory.layer_maps.tangent_kernel import State, behind, tangent
from meanfield.theory.states import Batch, LazySpread, Pair, Point, Spread, Sum, spread_of


@one_point.register
def _(layer: Residual, x: Point) -> Point:
    add, after = _sum(layer), x
    for inner in branch(layer):
        inner.check(after.q.value)
        after = step(inner.layer, after)
    return Point(
        q=finite(add(x.q, after.q), "a residual layer", x.q.value),
        slope=add(x.slope, after.slope),
        chi=add(x.chi, after.chi),
        spread=_spread(layer, x.spread, x.q, after.spread, after.q),
        batch=_batch(add, x.batch, after.batch),
    )


@two_points.register
def _(layer: Residual, x: Pair) -> Pair:
    after = x
    for inner in branch(layer):
        inner.check(after.q1)
        after = two_points(inner.layer, after)
    return joined(layer, x, after)


@all_points.register
def _(layer: Residual, state: Points) -> tuple[Points, Pullback]:
    after, back = in_turn(((inner.layer, inner.check) for inner in branch(layer)), state)
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
    return x.joined(after, _sum(layer), partial(_spread, layer))


@pair_slope.register
def _(layer: Residual, x: Pair) -> Bounded:
    return _sum(layer)(1.0, pair_slope(layer.branch, x))


def shares(layer: Residual) -> tuple[Floats, Floats]:
    """The weights s² + 2sba and b² of the second moments of input and branch output."""
    s, b = np.asarray(layer.skip_scale), np.asarray(layer.branch_scale)
    a = layer.branch.carries if np.any(s * b) else 0.0
    return s**2 + 2 * s * b * (0.0 if a is None else a), b**2


def _sum(layer: Residual) -> Sum:
    """The weighted sum of second moments, where a weight of 0 times infinity is 0."""
    of_skip, of_branch = shares(layer)
    return lambda skip, branch: scaled(of_skip, as_bounded(skip)) + scaled(of_branch, as_bounded(branch))


def _spread(layer: Residual, skip: LazySpread, q: Bounded, branch: LazySpread, q_branch: Bounded) -> LazySpread:
    """The mean is s·mean + b·mean_branch; variances add like second moments."""
    if not (skip or branch):
        return None

    def spread() -> Spread:
        one, other = spread_of(skip, q), spread_of(branch, q_branch)
        s, b = np.asarray(layer.skip_scale), np.asarray(layer.branch_scale)
        mean, variance = s * one.mean + b * other.mean, _sum(layer)(one.variance, other.variance)
        return Spread(mean=mean, variance=variance)

    return spread


def _batch(add: Sum, skip: Batch | None, branch: Batch | None) -> Batch | None:
    if skip is None or branch is None:
        return None
    distance, shared = add(skip.distance, branch.distance), add(skip.shared, branch.shared)
    return Batch(distance=np.asarray(distance.value), shared=np.asarray(shared.value))


class _Inner(NamedTuple):
    """A layer of a branch; `last` if no layer behind it in the branch removes its mean."""

    layer: Layer
    last: bool

    def check(self, q: ArrayLike) -> None:
        """Refuse a mean of the branch's output, at second moments q before the layer."""
        if self.last and self.layer.leaves_mean(q):
            raise InvalidInput(
                f"a residual branch must end in a Dense layer or an odd activation, not in {self.layer.label}: the "
                "second moments of branch and skip connection add only if the branch's units have zero mean and one law"
            )


def branch(layer: Residual) -> list[_Inner]:
    """The layers of the branch; refused where E[branch(x) | x] is not a known multiple of x."""
    layers = list(in_sequence(layer.branch))
    if not np.any(np.asarray(layer.skip_scale) * np.asarray(layer.branch_scale)):
        return [_Inner(inner, last=False) for inner in layers]
    if layer.branch.carries is None:
        raise InvalidInput(
            "a residual branch needs a Dense layer: without fresh weights its output correlates with the skip "
            "connection, and their second moments do not add"
        )
    weights = next((i for i, inner in enumerate(layers) if inner.fresh), len(layers))
    removes = [i for i, inner in enumerate(layers) if i >= weights and (inner.fresh or inner.centres)]
    return [_Inner(inner, last=i > max(removes, default=-1)) for i, inner in enumerate(layers)]
