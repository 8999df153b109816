"""A factor a for all units: q → a²q, d → a²d and χ → a²χ."""

import numpy as np

from meanfield._types import Floats
from meanfield.bounded import Bounded
from meanfield.networks.layers.scale import Scale
from meanfield.theory.layer_maps.dispatch import finite, one_point, pair_slope, two_points
from meanfield.theory.states import LazySpread, Pair, Point, scaled_spread


@one_point.register
def _(layer: Scale, x: Point) -> Point:
    a = np.asarray(layer.value) ** 2
    q = finite(a * x.q, "a scale", x.q.value)
    return x.through(q, slope=a, chi=a, spread=scaled_spread(x.spread, layer.value))


@two_points.register
def _(layer: Scale, x: Pair) -> Pair:
    a = np.asarray(layer.value) ** 2

    def one(q: Floats, spread: LazySpread) -> tuple[Floats, LazySpread]:
        return np.asarray(finite(a * Bounded(q), "a scale", q).value), scaled_spread(spread, layer.value)

    return x.through(one, d=a * x.d)


@pair_slope.register
def _(layer: Scale, x: Pair) -> Bounded:
    return Bounded(np.asarray(layer.value) ** 2)
