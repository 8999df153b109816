"""One file per family of layer: second moments in, second moments out."""

from meanfield.theory.kernels import (
    attention,
    batchnorm,
    composition,
    concatenation,
    convolution,
    dense,
    dropout,
    elementwise,
    gated,
    noise,
    normalisation,
    pooling,
    residual,
)
from meanfield.theory.kernels.dispatch import one_point, pair_slope, two_points

__all__ = [
    "attention",
    "batchnorm",
    "composition",
    "concatenation",
    "convolution",
    "dense",
    "dropout",
    "elementwise",
    "gated",
    "noise",
    "normalisation",
    "one_point",
    "pair_slope",
    "pooling",
    "residual",
    "two_points",
]
