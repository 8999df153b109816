"""The same families of layer as in the theory, as NumPy forward and backward passes."""

from meanfield.montecarlo.layer_passes import (
    attention,
    batchnorm,
    concatenation,
    convolution,
    dense,
    dropout,
    elementwise,
    gated,
    network,
    noise,
    normalisation,
    pooling,
    residual,
)
from meanfield.montecarlo.layer_passes.dispatch import forward

__all__ = [
    "attention",
    "batchnorm",
    "concatenation",
    "convolution",
    "dense",
    "dropout",
    "elementwise",
    "forward",
    "gated",
    "network",
    "noise",
    "normalisation",
    "pooling",
    "residual",
]
