"""One file per family of layer: second moments in, second moments out."""

from meanfield.theory.layer_maps import (
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
from meanfield.theory.layer_maps.dispatch import one_point, pair_slope, two_points

__all__ = [
    "attention",
    "batchnorm",
    "concatenation",
    "convolution",
    "dense",
    "dropout",
    "elementwise",
    "gated",
    "network",
    "noise",
    "normalisation",
    "one_point",
    "pair_slope",
    "pooling",
    "residual",
    "two_points",
]
