"""The tangent kernel Θ: the sum over all weights w so far of ∂x/∂w ∂x′/∂w for two inputs' signals, a mean over units.

A layer without weights multiplies Θ by the mean of ∂y/∂x ∂y′/∂x′, as it does a product of two gradients on their way
back; one with weights adds what is due to them (Jacot et al. 2018, arXiv:1806.07572, theorem 1).
"""

from functools import singledispatch
from typing import TypeVar

import numpy as np

from meanfield._types import Floats
from meanfield.errors import InvalidInput
from meanfield.networks.layers.base import Layer
from meanfield.theory.layer_maps.dispatch import hiding, one_point, pair_slope, two_points
from meanfield.theory.states import Pair, Point

#: Inputs with themselves, or pairs of inputs.
State = TypeVar("State", Point, Pair)


@singledispatch
def tangent(layer: Layer, theta: Floats, x: State) -> tuple[Floats, State]:
    """Θ and the signal after `layer`.

    This is what any layer does that has neither weights nor layers within it. What it draws at random is drawn once for
    an input, so Dropout keeps Θ of two inputs, and makes that of one 1/(1 − rate) times as large.
    """
    if layer.fresh or layer.inner or layer.reads_points:
        raise InvalidInput(f"no tangent kernel is known for a layer of type {type(layer).__name__}")
    if not np.any(theta):
        return theta, behind(layer, x)
    factor = one_point(layer, x).chi if isinstance(x, Point) else pair_slope(layer, x)
    return hiding(np.asarray(factor.value), theta), behind(layer, x)


def behind(layer: Layer, x: State) -> State:
    """`x` behind `layer`, as a start: slopes begin anew."""
    if isinstance(x, Pair):
        return two_points(layer, x)
    after = one_point(layer, x)
    return Point(q=after.q, spread=after.spread)


def covariance_of(x: State) -> Floats:
    """E x x′."""
    return np.asarray(x.q.value if isinstance(x, Point) else x.covariance.value)
