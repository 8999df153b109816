"""Branches that are dropped at random make second moments random, so that no map of means describes them."""

from meanfield.bounded import Bounded
from meanfield.errors import InvalidInput
from meanfield.networks.layers.residual import Residual
from meanfield.networks.layers.stochastic_depth import StochasticDepth
from meanfield.theory.layer_maps.dispatch import one_point, pair_slope, two_points
from meanfield.theory.states import Pair, Point

WHY = (
    "StochasticDepth makes second moments random: propagate follows their law, for one input and a block that is one "
    "StochasticDepth with the whole branch in it"
)


def always(layer: StochasticDepth) -> Residual:
    """The layer as a skip connection, if nothing is dropped."""
    if layer.draws_noise:
        raise InvalidInput(WHY)
    return layer.kept


@one_point.register
def _(layer: StochasticDepth, x: Point) -> Point:
    return one_point(always(layer), x)


@two_points.register
def _(layer: StochasticDepth, x: Pair) -> Pair:
    return two_points(always(layer), x)


@pair_slope.register
def _(layer: StochasticDepth, x: Pair) -> Bounded:
    return pair_slope(always(layer), x)
