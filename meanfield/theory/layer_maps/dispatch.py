"""The maps that each family of layers registers, chosen by the type of its description.

``one_point(layer, point)`` carries one input: its second moment, the derivative of that and the gradient factor;
``two_points(layer, pair)`` carries two inputs; ``pair_slope(layer, pair)`` is the derivative of the pair's d behind the
layer in its d before it, the second moments held. Where signals are those of a batch, the map of the batch follows from
these three.
"""

from functools import singledispatch

import numpy as np

from meanfield._types import Floats
from meanfield.bounded import Bounded
from meanfield.errors import DivergentExpectation, InvalidInput
from meanfield.networks.layers.base import Layer
from meanfield.theory.states import Pair, Point


@singledispatch
def one_point(layer: Layer, x: Point) -> Point:
    """The input `x` behind `layer`."""
    raise unknown(layer, "one_point")


@singledispatch
def two_points(layer: Layer, x: Pair) -> Pair:
    """The pair `x` behind `layer`."""
    raise unknown(layer, "two_points")


@singledispatch
def pair_slope(layer: Layer, x: Pair) -> Bounded:
    """∂d_out/∂d_in of `layer` at the pair `x`, its second moments held."""
    raise unknown(layer, "pair_slope")


def unknown(layer: Layer, which: str) -> InvalidInput:
    """The error for a kind of layer for which the map `which` is not registered."""
    if layer.tells_apart:
        return InvalidInput(layer.tells_apart)
    kind = type(layer).__name__
    return InvalidInput(f"no mean-field map is known for a layer of type {kind}: {which} has none registered for it")


def hiding(factor: Floats | float, g: Floats | float) -> Floats:
    """Their product, where 0 hides even what is infinite: without weights there is no gradient."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where((np.asarray(factor) == 0) | (np.asarray(g) == 0), 0.0, factor * g)


def finite(q: Bounded, what: str, before: object) -> Bounded:
    """`q`, a second moment behind `what`; refused where it exceeds the range of a float."""
    if not np.all(np.isfinite(q.value)):
        was = f"it was {np.max(np.asarray(before)):.3g} before"
        raise DivergentExpectation(f"the second moment after {what} exceeds the range of a float ({was})")
    return q
