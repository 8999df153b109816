"""The same families of layer as in the theory, as NumPy forward and backward passes."""

from meanfield.montecarlo.kernels import (
    batchnorm,
    concatenation,
    dense,
    dropout,
    elementwise,
    network,
    normalisation,
    residual,
)
from meanfield.montecarlo.kernels.kernel import forward

__all__ = [
    "batchnorm",
    "concatenation",
    "dense",
    "dropout",
    "elementwise",
    "forward",
    "network",
    "normalisation",
    "residual",
]
