"""The same families of layer as in the theory, as NumPy forward and backward passes."""

from meanfield.montecarlo.kernels import (
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
    residual,
)
from meanfield.montecarlo.kernels.kernel import forward

__all__ = [
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
    "residual",
]
