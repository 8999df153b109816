"""Networks as layers: sequences, nested to any depth."""

from meanfield.montecarlo.draws import Array, Draw, Pullback
from meanfield.montecarlo.layer_passes.dispatch import forward
from meanfield.networks.layers.network import Network


@forward.register
def network(layer: Network, x: Array, draw: Draw) -> tuple[Array, Pullback]:
    """One layer after the other; backwards in reverse order."""
    pullbacks = []
    for inner in layer:
        x, pullback = forward(inner, x, draw)
        pullbacks.append(pullback)

    def backward(gradient: Array) -> Array:
        for pullback in reversed(pullbacks):
            gradient = pullback(gradient)
        return gradient

    return x, backward
