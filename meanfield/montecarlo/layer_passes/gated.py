"""Gated linear units."""

from meanfield.montecarlo.draws import Array, Draw, Pullback
from meanfield.montecarlo.layer_passes.dispatch import forward
from meanfield.networks.layers.gated import Gated


@forward.register
def gated(layer: Gated, x: Array, draw: Draw) -> tuple[Array, Pullback]:
    """(W x + b) ⊙ φ(V x + b′), W drawn before V, with expansion times the units; backwards the product rule."""
    outside, draw.width = draw.width, max(round(layer.expansion * draw.width), 1)
    value, through_value = forward(layer.value, x, draw)
    gate, through_gate = forward(layer.gate, x, draw)
    draw.width = outside
    return value * gate, lambda gradient: through_value(gate * gradient) + through_gate(value * gradient)
