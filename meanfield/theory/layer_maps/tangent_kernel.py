"""The neural tangent kernel Θ of the signals x, x′ of two inputs: Σ_w ∂x/∂w ∂x′/∂w over all weights w before them.

A layer without weights multiplies Θ by the mean of ∂y/∂x ∂y′/∂x′, which is its gradient factor for one input and its
pair slope for two. A layer with weights adds the term of its own weights (Jacot et al. 2018, arXiv:1806.07572,
theorem 1).
"""

from functools import singledispatch
from typing import TypeVar

import numpy as np

from meanfield._types import Floats
from meanfield.errors import InvalidInput
from meanfield.networks.layers.base import Layer
from meanfield.theory.layer_maps.dispatch import hiding, one_point, pair_slope, two_points
from meanfield.theory.states import Pair, Point

#: `Point` for Θ of an input with itself, `Pair` for two inputs.
State = TypeVar("State", Point, Pair)


@singledispatch
def tangent(layer: Layer, theta: Floats, x: State) -> tuple[Floats, State]:
    """Θ and the state behind a layer, from Θ and the state before it.

    This default serves layers without weights and without inner layers. Noise is drawn once for each input, so Dropout
    multiplies Θ of an input with itself by 1/(1 − rate) and keeps Θ of two inputs.
    """
    if layer.fresh or layer.inner or layer.reads_points:
        raise InvalidInput(f"no tangent kernel is known for a layer of type {type(layer).__name__}")
    if not np.any(theta):
        return theta, behind(layer, x)
    factor = one_point(layer, x).chi if isinstance(x, Point) else pair_slope(layer, x)
    return hiding(np.asarray(factor.value), theta), behind(layer, x)


def behind(layer: Layer, x: State) -> State:
    """The state behind `layer` as a new start, with slope and chi 1."""
    if isinstance(x, Pair):
        return two_points(layer, x)
    after = one_point(layer, x)
    return Point(q=after.q, spread=after.spread)


def covariance_of(x: State) -> Floats:
    """The second moment of a point, or the covariance of a pair."""
    return np.asarray(x.q.value if isinstance(x, Point) else x.covariance.value)
