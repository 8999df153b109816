"""The maps of every family of layer, one file each. A family registers its maps when its file is imported."""

from meanfield.theory.layer_maps import (  # noqa: F401
    attention,
    batchnorm,
    concatenation,
    convolution,
    dense,
    dropout,
    elementwise,
    gated,
    groupnorm,
    network,
    noise,
    normalisation,
    parallel,
    pooling,
    residual,
    scale,
    stochastic_depth,
)
from meanfield.theory.layer_maps.dispatch import one_point as one_point
from meanfield.theory.layer_maps.dispatch import pair_slope as pair_slope
from meanfield.theory.layer_maps.dispatch import two_points as two_points
