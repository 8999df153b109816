"""Which blocks keep tokens exchangeable."""

from meanfield.errors import InvalidInput
from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.batchnorm import batch_size
from meanfield.theory.assumptions.block import check_gaussian


def check_tokens(*blocks: Layer, repeated: bool = True) -> None:
    """Refuse blocks that do not keep tokens exchangeable, or whose second moments do not determine what they do.

    Raises
    ------
    InvalidInput
        Naming the layer.
    """
    if batch_size(*blocks) is not None:
        raise InvalidInput("exchangeable tokens cannot be followed through a BatchNorm, which reads all of them")
    for layer in (layer for block in blocks for layer in block.walk()):
        if layer.reads_points and not layer.needs_same_points:
            raise InvalidInput(
                f"{layer.label} does not keep tokens exchangeable: follow them with propagate_pixels, without tokens="
            )
    check_gaussian(*blocks, repeated=repeated, alike=False)
