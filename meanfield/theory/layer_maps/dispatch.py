"""The two maps that each family of layer defines, chosen by the type of its description.

``one_point(layer, signal)`` carries a second moment, its derivative and the gradient factor; ``two_points(layer,
signal)`` a pair; ``pair_slope(layer, signal)`` is the derivative of the pair's d after the layer in its d before it.
"""

from functools import singledispatch
from typing import Any

from meanfield.errors import InvalidInput
from meanfield.theory.states import OnePoint, TwoPoints

__all__ = ["one_point", "pair_slope", "two_points"]


@singledispatch
def one_point(layer: Any, signal: OnePoint) -> OnePoint:
    """`signal` after `layer`."""
    raise InvalidInput(f"no mean-field map is known for a layer of type {type(layer).__name__}")


@singledispatch
def two_points(layer: Any, signal: TwoPoints) -> TwoPoints:
    """A pair of signals after `layer`."""
    raise InvalidInput(f"no mean-field map is known for a layer of type {type(layer).__name__}")


@singledispatch
def pair_slope(layer: Any, signal: TwoPoints) -> Any:
    """∂d_out/∂d_in of `layer` at a pair, its second moments held."""
    raise InvalidInput(f"no mean-field map is known for a layer of type {type(layer).__name__}")
