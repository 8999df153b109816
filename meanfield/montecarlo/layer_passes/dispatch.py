"""The one map that every family of layers provides: its forward pass, with the backward pass that goes with it."""

from functools import singledispatch

from meanfield.errors import InvalidInput
from meanfield.montecarlo.draws import Array, Draw, Pullback
from meanfield.networks.layers.base import Layer


@singledispatch
def forward(layer: Layer, x: Array, draw: Draw) -> tuple[Array, Pullback]:
    """Run one layer, drawing what is random in it.

    A family of layers joins by registering an implementation in a file of its own, which `layer_passes` imports.

    Parameters
    ----------
    layer : Layer
        The description; the implementation is chosen by its type.
    x : ndarray, shape (points, units)
        The signal, one row an input.
    draw : Draw
        This network's randomness.

    Returns
    -------
    output : ndarray, shape (points, units out)
        The layer's signal.
    pullback : callable
        Takes gradients with respect to `output` to gradients with respect to `x`.

    Raises
    ------
    InvalidInput
        If no implementation is registered for this type of layer.
    """
    known = ", ".join(sorted(kind.__name__ for kind in forward.registry if kind is not object))
    raise InvalidInput(f"{type(layer).__name__} layers cannot be simulated, only these: {known}")
