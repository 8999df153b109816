"""What means over units add to the second moments of a sum of signals.

The parts fᵢ of the sum have E[fᵢ | x] = aᵢx + mᵢ, with weights that are independent of each other: the covariance over
units of two parts is aᵢaⱼ Var x, and E fᵢfⱼ = aᵢaⱼ Var x + E fᵢ E fⱼ. With w = Σ aᵢaⱼ over i ≠ j, the second moment of
the sum is Σ E fᵢ² + w E x² + Σ E fᵢ E fⱼ − w (E x)². The last two terms come from means; they are 0 if only one part
has a mean. Two inputs have the same terms for E u², E v² and E (u − v)².
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from meanfield._types import Floats
from meanfield.bounded import Bounded, as_bounded, scaled
from meanfield.errors import InvalidInput
from meanfield.networks.layers.network import Network
from meanfield.theory.states import LazySpread, Pair, Point, Spread, spread_of


def point_with_means(w: Floats, x: Point, after: Point, parts: Sequence[LazySpread]) -> Point:
    """The sum `after` of parts with these spreads, with the terms of their means in q and its slope."""
    own, each = _known(x.spread), [_known(part) for part in parts]
    means, slopes = [one.mean for one in each], [one.slope() for one in each]
    q = after.q + _product(w, own.mean, means, own.mean, means)
    return replace(after, q=q, slope=after.slope + 2 * _product(w, own.mean, means, own.slope(), slopes))


def pair_with_means(w: Floats, x: Pair, after: Pair, parts: Sequence[tuple[LazySpread, LazySpread]]) -> Pair:
    """The same for two inputs."""
    own, each = _known(x.spread1).mean, [_known(part).mean for part, _ in parts]
    q1 = np.asarray(after.q1 + _product(w, own, each, own, each).value)
    if after.equal:
        return replace(after, q1=q1, q2=q1)
    other, others = _known(x.spread2).mean, [_known(part).mean for _, part in parts]
    q2 = np.asarray(after.q2 + _product(w, other, others, other, others).value)
    apart, gaps = own - other, [one - two for one, two in zip(each, others, strict=True)]
    return replace(after, q1=q1, q2=q2, d=after.d + 0.5 * _product(w, apart, gaps, apart, gaps))


def check_alike(*branches: Network) -> None:
    """Refuse branches with means that differ between units: the product of the means over units is not their part."""
    if any(branch.leaves_mean and branch.units_differ for branch in branches):
        raise InvalidInput(
            "a branch with a mean whose units have different functions adds more to a sum than the mean over units "
            "tells: end the branch in a Dense layer"
        )


def _known(spread: LazySpread) -> Spread:
    return spread_of(spread, Bounded(0.0))


def _product(w: Floats, x: Bounded, each: Sequence[Bounded], y: Bounded, others: Sequence[Bounded]) -> Bounded:
    """Σ eachᵢ othersⱼ over i ≠ j, less w·x·y."""
    total = -scaled(w, as_bounded(x * y))
    for i, one in enumerate(each):
        for j, other in enumerate(others):
            total = total + one * other if i != j else total
    return total
