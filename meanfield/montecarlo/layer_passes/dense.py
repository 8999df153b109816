"""Fully connected layers."""

from meanfield.montecarlo.draws import Array, Draw, Pullback
from meanfield.montecarlo.layer_passes.dispatch import forward
from meanfield.networks.layers.dense import Dense


@forward.register
def dense(layer: Dense, x: Array, draw: Draw) -> tuple[Array, Pullback]:
    """h = W x + b, with one bias vector for all points; backwards Wᵀ g."""
    h, pullback = draw.product(x, layer.sigma_w)
    bias = draw.biases(x.shape[1], layer.sigma_b)
    if bias is not None:
        h += bias
    return h, pullback
