"""A factor for all units."""

from meanfield.montecarlo.draws import Array, Draw, Pullback
from meanfield.montecarlo.layer_passes.dispatch import forward
from meanfield.networks.layers.scale import Scale


@forward.register
def scale(layer: Scale, x: Array, draw: Draw) -> tuple[Array, Pullback]:
    """a·x; backwards a·g."""
    factor = draw.dtype.type(layer.value)
    return factor * x, lambda gradient: factor * gradient
