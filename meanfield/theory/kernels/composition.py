"""A network of layers: its maps are those of its layers, one after the other."""

from typing import Any

from meanfield.networks.network import Network
from meanfield.theory.kernels.dispatch import one_point, pair_slope, two_points
from meanfield.theory.signal import OnePoint, TwoPoints

__all__: list[str] = []


@one_point.register
def _(layer: Network, signal: OnePoint) -> OnePoint:
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
