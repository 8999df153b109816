"""What the maps assume of units: activations read Gaussian ones, as sums over many weights are; means are known."""

from meanfield.networks.images import check_alike
from meanfield.networks.layers.base import Layer, Mean
from meanfield.networks.layers.batchnorm import batch_size


def check_gaussian(*blocks: Layer, repeated: bool = True, alike: bool = True) -> None:
    """Refuse blocks in which an activation reads what another one left, or a norm a mean, be it in the next repetition.

    Within a block means are tracked; from block to block the state is a second moment alone. It is that of any pixel,
    so those that do not keep pixels alike are refused too, unless these are followed by themselves (`alike` is False).

    Raises
    ------
    InvalidInput
        Naming both layers, since second moments do not determine what the second one does.
    """
    if batch_size(*blocks) is not None:
        for block in blocks:
            block.normalised_after(False)
    if alike:
        check_alike(*blocks)
    left: Layer | None = None
    mean: Mean | None = None
    for block in blocks * 2 if repeated else blocks:
        left = block.units_after(left)
        mean = block.mean_after(mean and mean._replace(earlier=True))
