"""Dropout."""

import numpy as np

from meanfield.montecarlo.draws import Array, Draw, Pullback
from meanfield.montecarlo.layer_passes.dispatch import forward
from meanfield.networks.layers.dropout import Dropout


@forward.register
def dropout(layer: Dropout, x: Array, draw: Draw) -> tuple[Array, Pullback]:
    """x times an independent mask for every input, divided by 1 − rate; backwards the same factors."""
    keep = 1.0 - layer.rate
    mask: Array = (draw.rng.random(x.shape) < keep) / np.asarray(keep, dtype=draw.dtype)
    mask = mask.astype(draw.dtype)
    return mask * x, lambda gradient: mask * gradient
