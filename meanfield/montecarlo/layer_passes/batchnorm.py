"""Normalisation over the batch."""

import numpy as np

from meanfield.errors import InvalidInput
from meanfield.montecarlo.draws import Array, Draw, Pullback
from meanfield.montecarlo.layer_passes.dispatch import forward
from meanfield.networks.layers.batchnorm import BatchNorm


@forward.register
def batch_norm(layer: BatchNorm, x: Array, draw: Draw) -> tuple[Array, Pullback]:
    """(x − mean)/std of each unit; backwards the gradient without its mean and its part along the output, over std."""
    if len(x) != layer.batch:
        raise InvalidInput(f"{layer} needs {layer.batch} inputs at once, not {len(x)}")
    centred = x - x.mean(axis=0)
    if not np.all(np.max(np.abs(centred), axis=0) > 16 * np.finfo(draw.dtype).eps * np.max(np.abs(x), axis=0)):
        raise InvalidInput("BatchNorm would divide by zero: a unit has the same value for every input of the batch")
    largest = np.max(np.abs(centred), axis=0)
    root = largest * np.sqrt(np.mean((centred / largest) ** 2, axis=0))
    y: Array = centred / root

    def pullback(gradient: Array) -> Array:
        kept: Array = (gradient - gradient.mean(axis=0) - y * np.mean(gradient * y, axis=0)) / root
        return kept

    return y, pullback
