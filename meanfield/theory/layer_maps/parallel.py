"""Branches whose outputs add: second moments, distances and gradient factors are sums over the branches.

E fₐ f_b = E[fₐ | x] E[f_b | x] of two branches with independent weights. Where E[f | x] = a·x, the sum over pairs of
branches is w·q with w = Σ aₐ a_b over a ≠ b, and w multiplies distances and gradients likewise. Branches with weights
of their own have a = 0. One branch may be of any kind if all others have a = 0. Outputs with means add their products
too, by `means`.
"""

import itertools
from collections.abc import Sequence
from functools import partial

import numpy as np

from meanfield._types import Floats
from meanfield.bounded import Bounded, as_bounded, scaled
from meanfield.errors import InvalidInput
from meanfield.networks.layers.network import in_sequence
from meanfield.networks.layers.parallel import Parallel
from meanfield.theory.layer_maps.batchnorm import step
from meanfield.theory.layer_maps.covariance import Points, Pullback, all_points
from meanfield.theory.layer_maps.dispatch import finite, hiding, one_point, pair_slope, two_points
from meanfield.theory.layer_maps.means import check_alike, pair_with_means, point_with_means
from meanfield.theory.layer_maps.tangent_kernel import State, behind, tangent
from meanfield.theory.states import Batch, LazySpread, Pair, Point, Spread, spread_of


@one_point.register
def _(layer: Parallel, x: Point) -> Point:
    w, each = cross(layer), []
    for branch in layer.branches:
        after = x
        for inner in in_sequence(branch):
            after = step(inner, after)
        each.append(after)
    total = Point(
        q=finite(_sum(w, x.q, [after.q for after in each]), "parallel branches", x.q.value),
        slope=_sum(w, x.slope, [after.slope for after in each]),
        chi=_sum(w, x.chi, [after.chi for after in each]),
        spread=_spread(w, (x.spread, x.q), [(after.spread, after.q) for after in each]),
        batch=_batch(w, x.batch, [after.batch for after in each]),
    )
    spreads = [after.spread for after in each]
    return point_with_means(w, x, total, spreads) if _have_means(layer, x.spread is not None) else total


@two_points.register
def _(layer: Parallel, x: Pair) -> Pair:
    return summed(layer, x, [two_points(branch, x) for branch in layer.branches])


@pair_slope.register
def _(layer: Parallel, x: Pair) -> Bounded:
    return _sum(cross(layer), Bounded(1.0), [pair_slope(branch, x) for branch in layer.branches])


@all_points.register
def _(layer: Parallel, state: Points) -> tuple[Points, Pullback]:
    w = cross(layer)
    each, pullbacks = zip(*(all_points(branch, state) for branch in layer.branches), strict=True)
    sums = state.joined(lambda x, *branches: summed(layer, x, branches), *each)

    def pullback(g: Floats) -> Floats:
        back = sum(back(g) for back in pullbacks)
        return back + hiding(w, g) if np.any(w) else np.asarray(back)

    return sums, pullback


@tangent.register
def _(layer: Parallel, theta: Floats, x: State) -> tuple[Floats, State]:
    return sum((tangent(branch, theta, x)[0] for branch in layer.branches), hiding(cross(layer), theta)), behind(
        layer, x
    )


def cross(layer: Parallel) -> Floats:
    """The weight w of the second moment before the layer; refused where two outputs may correlate otherwise."""
    known = [branch.carries for branch in layer.branches]
    regular = [np.asarray(a) for a in known if a is not None]
    other = len(known) - len(regular)
    if other > 1 or (other and any(np.any(a) for a in regular)):
        raise InvalidInput(
            "all branches of a Parallel but one must have a Dense layer of their own, or pass on a multiple of their "
            "input: two outputs correlate otherwise"
        )
    if _have_means(layer, True):
        check_alike(*layer.branches)
    return np.zeros(()) if other else 2 * sum((a * b for a, b in itertools.combinations(regular, 2)), np.zeros(()))


def _have_means(layer: Parallel, before: bool) -> bool:
    """Whether the product of the means of two outputs may differ from 0; `before` says whether the input has a mean."""
    left = sum(branch.leaves_mean for branch in layer.branches)
    return left > 1 or (left == 1 and before and layer.needs_mean)


def summed(layer: Parallel, x: Pair, each: Sequence[Pair]) -> Pair:
    """The pair behind the layer, from the pair `x` before it and the pairs behind its branches."""
    w = cross(layer)
    total, *others = sorted(each, key=lambda pair: pair.equal)  # equal only if all are
    for other in others:
        total = total.joined(other, lambda a, b: as_bounded(a) + b, _added)
    if np.any(w):
        total = total.joined(x, lambda a, b: as_bounded(a) + scaled(w, as_bounded(b)), partial(_crossed, w))
    if not _have_means(layer, x.spread1 is not None):
        return total
    return pair_with_means(w, x, total, [(pair.spread1, pair.spread2) for pair in each])


def _sum(w: Floats, own: Bounded, each: Sequence[Bounded]) -> Bounded:
    """Second moments, slopes or gradient factors of the sum."""
    total = each[0]
    for other in each[1:]:
        total = total + other
    return total + scaled(w, own) if np.any(w) else total


def _spread(w: Floats, own: tuple[LazySpread, Bounded], each: Sequence[tuple[LazySpread, Bounded]]) -> LazySpread:
    total, q = each[0]
    for other, more in each[1:]:
        total, q = _added(total, q, other, more), q + more
    return _crossed(w, total, q, *own) if np.any(w) else total


def _added(one: LazySpread, q: Bounded, other: LazySpread, more: Bounded) -> LazySpread:
    """Means and variances of two outputs add."""
    if not (one or other):
        return None

    def spread() -> Spread:
        first, second = spread_of(one, q), spread_of(other, more)
        return Spread(
            mean=first.mean + second.mean,
            variance=first.variance + second.variance,
            slope=lambda: first.slope() + second.slope(),
        )

    return spread


def _crossed(w: Floats, one: LazySpread, q: Bounded, own: LazySpread, before: Bounded) -> LazySpread:
    """The variance gains w times that before the layer."""
    if not (one or own):
        return None

    def spread() -> Spread:
        first = spread_of(one, q)
        variance = first.variance + scaled(w, spread_of(own, before).variance)
        return Spread(mean=first.mean, variance=variance, slope=first.slope)

    return spread


def _batch(w: Floats, own: Batch | None, each: Sequence[Batch | None]) -> Batch | None:
    known = [batch for batch in each if batch is not None]
    if own is None or len(known) < len(each):
        return None
    distance = sum(batch.distance for batch in known) + hiding(w, own.distance)
    return Batch(distance=np.asarray(distance), shared=sum(batch.shared for batch in known) + hiding(w, own.shared))
