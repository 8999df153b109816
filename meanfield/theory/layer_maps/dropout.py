"""Dropout has the second moments of multiplicative noise of variance rate/(1 − rate).

q → q/(1 − rate) at equal covariances, so equal inputs become different (Schoenholz et al. 2017, arXiv:1611.01232,
section 4).
"""

import numpy as np

from meanfield.bounded import Bounded
from meanfield.networks.layers.dropout import Dropout
from meanfield.networks.layers.noise import MultiplicativeNoise
from meanfield.theory.layer_maps.dispatch import one_point, pair_slope, two_points
from meanfield.theory.states import Pair, Point


@one_point.register
def _(layer: Dropout, x: Point) -> Point:
    return one_point(_as_noise(layer), x)


@two_points.register
def _(layer: Dropout, x: Pair) -> Pair:
    return two_points(_as_noise(layer), x)


@pair_slope.register
def _(layer: Dropout, x: Pair) -> Bounded:
    return Bounded(1.0)


def _as_noise(layer: Dropout) -> MultiplicativeNoise:
    rate = np.asarray(layer.rate)
    return MultiplicativeNoise(np.sqrt(rate / (1.0 - rate)))
