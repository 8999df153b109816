"""Group normalisation. Groups that grow with the width are each a layer normalisation.

The values of a group of n Gaussian units are √n times a point on the unit sphere orthogonal to (1, …, 1), as those of a
unit over a batch of n are behind BatchNorm. A gradient that is independent over units is multiplied by
E (n − 1 − y²)φ′(y)²/((n − 3)v) back through φ and the norm, where v is the variance over units. Two inputs are not
followed: the spheres of a group for both of them have no known law.
"""

from dataclasses import replace

import numpy as np

from meanfield.activations.activation import Activation
from meanfield.bounded import Bounded
from meanfield.errors import InvalidInput
from meanfield.networks.layers.groupnorm import GroupNorm
from meanfield.networks.layers.normalisation import LayerNorm
from meanfield.numerics.quadrature.batch_sphere import sphere_moments
from meanfield.theory.layer_maps.dispatch import one_point, pair_slope, two_points
from meanfield.theory.states import Pair, Point, Spread, times

WIDE = LayerNorm()


@one_point.register
def _(layer: GroupNorm, x: Point) -> Point:
    after = one_point(WIDE, x)
    if layer.size is None:
        return after
    return replace(after, chi=_linear(layer.size) * after.chi, group=layer.size)


@two_points.register
def _(layer: GroupNorm, x: Pair) -> Pair:
    _refuse_two(layer)
    return two_points(WIDE, x)


@pair_slope.register
def _(layer: GroupNorm, x: Pair) -> Bounded:
    _refuse_two(layer)
    return pair_slope(WIDE, x)


def group_point(activation: Activation, x: Point) -> Point:
    """One input behind an activation that directly follows a GroupNorm of few units a group."""
    if activation.surrogate is not None:
        raise InvalidInput(
            f"behind a GroupNorm gradients are known for derivatives alone, not for the surrogate of {activation.name}"
        )
    mean = second = own = Bounded(0.0)
    for share, part in activation.parts:
        found = sphere_moments(part.pieces, int(x.group))
        mean = mean + share * Bounded(found.mean, found.errors[0])
        second = second + share * Bounded(found.second, found.errors[1])
        own = own + share * Bounded(found.own, found.errors[3])
    one = np.ones(x.q.shape)
    return Point(
        q=second * one,
        slope=Bounded(0.0 * one),
        chi=times(own / _linear(x.group), x.chi),
        spread=lambda: Spread(mean=mean, variance=second - mean**2),
    )


def _linear(size: float) -> float:
    """E (n − 1 − y²)/(n − 3), for φ(y) = y."""
    return (size - 2.0) / (size - 3.0)


def _refuse_two(layer: GroupNorm) -> None:
    if layer.size is not None:
        raise InvalidInput(
            f"behind a GroupNorm of {layer.size} units a group only one input is followed: propagate without c, "
            "variance_map and fixed_points do; GroupNorm(groups) is known for two inputs, in the limit of wide groups"
        )
