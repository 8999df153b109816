"""Normalisation over units."""

import numpy as np

from meanfield.errors import InvalidInput
from meanfield.montecarlo.draws import Array, Draw, Pullback
from meanfield.montecarlo.layer_passes.dispatch import forward
from meanfield.networks.layers.normalisation import LayerNorm, RMSNorm


@forward.register
def layer_norm(layer: LayerNorm, x: Array, draw: Draw) -> tuple[Array, Pullback]:
    """(x − mean)/std of each input; backwards the gradient without its mean and its part along the output, over std."""
    centred = x - x.mean(axis=1, keepdims=True)
    rounding = 16 * np.finfo(draw.dtype).eps * np.max(np.abs(x), axis=1, keepdims=True)
    y, root = _divided(layer, centred * (np.max(np.abs(centred), axis=1, keepdims=True) > rounding))
    return y, lambda gradient: _perpendicular(gradient - gradient.mean(axis=1, keepdims=True), y) / root


@forward.register
def rms_norm(layer: RMSNorm, x: Array, draw: Draw) -> tuple[Array, Pullback]:
    """x/rms of each input; backwards the gradient without its part along the output, over rms."""
    y, root = _divided(layer, x)
    return y, lambda gradient: _perpendicular(gradient, y) / root


def _divided(layer: LayerNorm | RMSNorm, x: Array) -> tuple[Array, Array]:
    """Each row divided by its root mean square, and the root mean square."""
    largest = np.max(np.abs(x), axis=1, keepdims=True)
    if not np.all(largest > 0):
        raise InvalidInput(f"{type(layer).__name__} would divide by zero: every unit before it has the same value")
    root: Array = largest * np.sqrt(np.mean((x / largest) ** 2, axis=1, keepdims=True))
    return x / root, root


def _perpendicular(gradient: Array, y: Array) -> Array:
    """The gradient without its part along y, a row of mean square 1."""
    along: Array = np.mean(gradient * y, axis=1, keepdims=True)
    return gradient - along * y
