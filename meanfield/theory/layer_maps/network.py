"""A network of layers: its maps are those of its layers, one after the other."""

from dataclasses import replace
from typing import Any

from meanfield.networks.layers.batchnorm import batch_size
from meanfield.networks.layers.network import Network
from meanfield.theory.layer_maps.batchnorm import settled_batch
from meanfield.theory.layer_maps.dispatch import one_point, pair_slope, two_points
from meanfield.theory.states import OnePoint, TwoPoints

__all__: list[str] = []


@one_point.register
def _(layer: Network, signal: OnePoint) -> OnePoint:
    if signal.batch is None and batch_size(layer) is not None:
        signal = replace(signal, batch=settled_batch(layer, signal.q))
    for inner in layer:
        signal = one_point(inner, signal)
    return signal


@two_points.register
def _(layer: Network, signal: TwoPoints) -> TwoPoints:
    for inner in layer:
        signal = two_points(inner, signal)
    return signal


@pair_slope.register
def _(layer: Network, signal: TwoPoints) -> Any:
    slope: Any = 1.0
    for inner in layer:
        slope = slope * pair_slope(inner, signal)
        signal = two_points(inner, signal)
    return slope
