"""Activations."""

import numpy as np

from meanfield.montecarlo.draws import Array, Draw, Pullback
from meanfield.montecarlo.layer_passes.dispatch import forward
from meanfield.networks.layers.elementwise import Elementwise


@forward.register
def elementwise(layer: Elementwise, x: Array, draw: Draw) -> tuple[Array, Pullback]:
    """φ(x) unit by unit; backwards φ′(x) g, or the surrogate's value in place of φ′(x)."""
    phi = layer.activation

    def pullback(gradient: Array) -> Array:
        slope: Array = np.asarray(phi.backward(x), dtype=draw.dtype)
        return slope * gradient

    return np.asarray(phi(x), dtype=draw.dtype), pullback
