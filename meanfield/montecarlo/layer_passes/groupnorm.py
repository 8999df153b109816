"""Normalisation over groups of units."""

from meanfield.errors import InvalidInput
from meanfield.montecarlo.draws import Array, Draw, Pullback
from meanfield.montecarlo.layer_passes.dispatch import forward
from meanfield.networks.layers.groupnorm import GroupNorm
from meanfield.networks.layers.normalisation import LayerNorm


@forward.register
def group_norm(layer: GroupNorm, x: Array, draw: Draw) -> tuple[Array, Pullback]:
    """LayerNorm of each group of neighbouring units."""
    units = x.shape[1]
    groups = layer.groups if layer.size is None else units // layer.size
    if not groups or units % groups or (layer.size is not None and groups * layer.size != units):
        what = f"{layer.groups} groups" if layer.size is None else f"groups of {layer.size}"
        raise InvalidInput(f"{units} units cannot be parted into {what} of one size")
    y, back = forward(LayerNorm(), x.reshape(-1, units // groups), draw)
    return y.reshape(x.shape), lambda gradient: back(gradient.reshape(y.shape)).reshape(x.shape)
