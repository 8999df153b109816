"""Networks: the maps of the layers in order."""

from dataclasses import replace

from meanfield._types import Floats
from meanfield.bounded import Bounded
from meanfield.networks.layers.batchnorm import batch_size
from meanfield.networks.layers.network import Network
from meanfield.theory.layer_maps.batchnorm import settled_batch, step
from meanfield.theory.layer_maps.covariance import Points, Pullback, all_points, in_turn
from meanfield.theory.layer_maps.dispatch import one_point, pair_slope, two_points
from meanfield.theory.layer_maps.tangent_kernel import State, tangent
from meanfield.theory.states import Pair, Point


@one_point.register
def _(layer: Network, x: Point) -> Point:
    if x.batch is None and batch_size(layer) is not None:
        x = replace(x, batch=settled_batch(layer, x.q.value))
    for inner in layer:
        x = step(inner, x)
    return x


@two_points.register
def _(layer: Network, x: Pair) -> Pair:
    for inner in layer:
        x = two_points(inner, x)
    return x


@pair_slope.register
def _(layer: Network, x: Pair) -> Bounded:
    slope = Bounded(1.0)
    for inner in layer:
        slope = slope * pair_slope(inner, x)
        x = two_points(inner, x)
    return slope


@all_points.register
def _(layer: Network, state: Points) -> tuple[Points, Pullback]:
    return in_turn(layer, state)


@tangent.register
def _(layer: Network, theta: Floats, x: State) -> tuple[Floats, State]:
    for inner in layer:
        theta, x = tangent(inner, theta, x)
    return theta, x
