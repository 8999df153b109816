"""Gaussian noise."""

from meanfield.montecarlo.draws import Array, Draw, Pullback
from meanfield.montecarlo.layer_passes.dispatch import forward
from meanfield.networks.layers.noise import AdditiveNoise, MultiplicativeNoise


@forward.register
def multiplicative_noise(layer: MultiplicativeNoise, x: Array, draw: Draw) -> tuple[Array, Pullback]:
    """x times 1 + std·N(0, 1), drawn for each entry; backwards the same factors."""
    factor: Array = 1 + draw.dtype.type(layer.std) * draw.normal(*x.shape)
    return factor * x, lambda gradient: factor * gradient


@forward.register
def additive_noise(layer: AdditiveNoise, x: Array, draw: Draw) -> tuple[Array, Pullback]:
    """x + std·N(0, 1), drawn for each entry; gradients pass."""
    return x + draw.dtype.type(layer.std) * draw.normal(*x.shape), lambda gradient: gradient
