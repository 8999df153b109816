"""Dropout: what multiplicative noise of variance rate/(1 − rate) does to second moments.

q → q/(1 − rate), and covariances stay, so equal inputs part (Schoenholz et al. 2017, arXiv:1611.01232).
"""

from typing import Any

import numpy as np

from meanfield.networks.layers.dropout import Dropout
from meanfield.networks.layers.noise import MultiplicativeNoise
from meanfield.theory.layer_maps.dispatch import one_point, pair_slope, two_points
from meanfield.theory.states import OnePoint, TwoPoints

__all__: list[str] = []


@one_point.register
def _(layer: Dropout, signal: OnePoint) -> OnePoint:
    return one_point(_as_noise(layer), signal)


@two_points.register
def _(layer: Dropout, signal: TwoPoints) -> TwoPoints:
    return two_points(_as_noise(layer), signal)


@pair_slope.register
def _(layer: Dropout, signal: TwoPoints) -> Any:
    return 1.0


def _as_noise(layer: Dropout) -> MultiplicativeNoise:
    rate = np.asarray(layer.rate)
    return MultiplicativeNoise(np.sqrt(rate / (1.0 - rate)))
