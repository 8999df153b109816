"""Branches that are dropped at random."""

import math

import numpy as np

from meanfield.errors import InvalidInput
from meanfield.montecarlo.draws import Array, Draw, Pullback
from meanfield.montecarlo.layer_passes.dispatch import forward
from meanfield.networks.layers.stochastic_depth import StochasticDepth


@forward.register
def stochastic_depth(layer: StochasticDepth, x: Array, draw: Draw) -> tuple[Array, Pullback]:
    """x + m·branch(x)/(1 − rate) with one coin m for each input; backwards the same factors."""
    y, through_branch = forward(layer.branch, x, draw)
    if y.shape != x.shape:
        raise InvalidInput(f"a residual branch must keep the signal's shape, not turn {x.shape[1:]} into {y.shape[1:]}")
    keep, pixels = 1.0 - float(layer.rate), math.prod(draw.pixels)
    coins = (draw.rng.random((len(x) // pixels, 1)) < keep) / keep
    factor: Array = np.repeat(coins, pixels, axis=0).astype(draw.dtype)
    return x + factor * y, lambda gradient: gradient + through_branch(factor * gradient)
