"""What the maps assume of a block, checked once: Gaussian units before activations, known means and batches."""

from collections.abc import Callable
from typing import Any

from meanfield.errors import InvalidInput
from meanfield.networks.block import as_block
from meanfield.networks.images import check_alike
from meanfield.networks.layers.base import Layer, Mean
from meanfield.networks.layers.batchnorm import BatchNorm, batch_size
from meanfield.networks.layers.network import Network
from meanfield.theory.assumptions.surrogates import refuse_surrogates


class Block(Network):
    """A network of which second moments tell what its repetitions do to signals.

    `checked` makes one where a user's block comes in; everything inside takes it and does not check it again. Networks
    of the same layers with other parameters, as `at` and `take` make them, are blocks too.
    """


def checked(spec: Any) -> Block:
    """What a user gives as a block, as a `Block`.

    Parameters
    ----------
    spec : Network, Layer, activation or text
        As `meanfield.analyze` takes it.

    Raises
    ------
    InvalidInput
        If second moments do not determine what a layer does.

    Examples
    --------
    >>> block = checked("tanh")
    >>> block
    Network('tanh', Dense(sigma_w=1.0, sigma_b=0.0))
    >>> checked(block) is block
    True
    """
    if isinstance(spec, Block):
        return spec
    network = as_block(spec)
    check_gaussian(network)
    return Block(*network)


def weighted(spec: Any, asked: str, check: Callable[[Any], Block] = checked) -> Block:
    """`checked`, or another check, for what finds sigma_w and sigma_b itself, and is called `asked` in messages.

    Raises
    ------
    InvalidInput
        If the block has no weights or another parameter is an array, too.
    """
    block = check(spec)
    if not any("sigma_w" in layer.parameters for layer in block.walk()):
        raise InvalidInput(f"{asked} takes a block that has some weights: put a Dense layer into it")
    if (shape := block.at(sigma_w=1.0, sigma_b=0.0).shape) != ():
        raise InvalidInput(f"{asked} takes one value of each other parameter, not arrays of shape {shape}")
    return block


def check_gaussian(*blocks: Layer, repeated: bool = True, alike: bool = True, means: bool = False) -> None:
    """Refuse blocks whose second moments do not determine what they do to a signal.

    An activation needs Gaussian units; a norm, or a skip connection around a branch with a mean, needs the mean over
    units of its input. Means are tracked within a block, while from block to block (`repeated`) the state is a second
    moment alone, unless `means` are carried on too. Where pixels are not followed one by one
    (`alike`), one second moment stands for all pixels, so layers that tell pixels apart are refused too.

    Raises
    ------
    InvalidInput
        Naming both layers, since second moments do not determine what the second one does.
    """
    if len(blocks) == 1 and isinstance(blocks[0], Block):
        return
    if batch_size(*blocks) is not None:
        layers = [layer for block in blocks for layer in block.walk()]
        untold = any(isinstance(layer, BatchNorm) and layer.untold for layer in layers)
        if untold and any(layer.window for layer in layers):
            raise InvalidInput(
                "a BatchNorm beside a convolution normalises over pixels too: say over how many, as in "
                "BatchNorm(8, pixels=64) for 8 images of 8 x 8"
            )
        refuse_surrogates(*blocks, what="behind BatchNorm gradients are known for derivatives alone")
        for block in blocks:
            block.normalised_after(False)
    if alike:
        check_alike(*blocks)
    left: Layer | None = None
    mean: Mean | None = None
    asked = not means and needs_mean(*blocks)  # means of callables take quadratures
    for block in blocks * 2 if repeated else blocks:
        left = block.units_after(left and left.passed_on)
        if asked:
            mean = block.mean_after(mean and mean._replace(earlier=True))


def needs_mean(*blocks: Layer) -> bool:
    """Whether some layer depends on the mean over units of its input."""
    return any(layer.needs_mean for block in blocks for layer in block.walk())


def carries_mean(*blocks: Network) -> bool:
    """Whether what a block does depends on the mean over units that a block before it leaves."""
    if not needs_mean(*blocks):
        return False
    try:
        check_gaussian(*blocks, repeated=len(blocks) == 1, alike=False)
    except InvalidInput:
        return True
    return False
