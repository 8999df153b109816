"""Forward and backward passes of every family of layer, one file each, with the names of `theory.layer_maps`.

A family registers its pass when its file is imported.
"""

from meanfield.montecarlo.layer_passes import (  # noqa: F401
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
from meanfield.montecarlo.layer_passes.dispatch import forward as forward
