"""The map that every family of layers registers: its forward pass, which also returns the backward pass."""

from functools import singledispatch

from meanfield.errors import InvalidInput
from meanfield.montecarlo.draws import Array, Draw, Pullback
from meanfield.networks.layers.base import Layer


@singledispatch
def forward(layer: Layer, x: Array, draw: Draw) -> tuple[Array, Pullback]:
    """Run one layer with newly drawn weights and noise.

    Every family registers an implementation in its own file, which `layer_passes` imports.

    Parameters
    ----------
    layer : Layer
        The description; the implementation is chosen by its type.
    x : ndarray, shape (points, units)
        The signal: one row for each input, or for each pixel of each input.
    draw : Draw
        The random numbers of this network, and the present width and image shape.

    Returns
    -------
    output : ndarray, shape (points, units out)
        The layer's signal.
    pullback : callable
        Maps the gradient with respect to `output` to the gradient with respect to `x`, both of their shapes.

    Raises
    ------
    InvalidInput
        If no implementation is registered for this type of layer.
    """
    known = ", ".join(sorted(kind.__name__ for kind in forward.registry if kind is not object))
    raise InvalidInput(f"{type(layer).__name__} layers cannot be simulated, only these: {known}")
