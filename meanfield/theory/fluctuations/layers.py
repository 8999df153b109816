"""The plain layers of a network in sequence, the widths that they read, and where first order ends."""

import numpy as np

from meanfield._types import Floats
from meanfield.networks.layers.network import Network
from meanfield.theory.fluctuations.families import PlainLayer, plain_layers
from meanfield.theory.fluctuations.plain import FirstOrder

LARGEST = 0.3  # variance of a logarithm beyond which terms of second order exceed a tenth of it


def layers_of(blocks: tuple[Network, ...]) -> tuple[tuple[PlainLayer, ...], list[int]]:
    """The plain layers of all blocks in sequence, and how many there are before each block and behind the last."""
    each = [plain_layers(block) for block in blocks]
    ends = np.cumsum([0, *(len(layers) for layers in each)]).tolist()
    return tuple(layer for layers in each for layer in layers), ends


def read_by(blocks: tuple[Network, ...], widths: tuple[int, ...]) -> Floats:
    """1/width of the units that each plain layer reads: of the layer before a block, and inside of it of its own."""
    read = []
    for block, before, after in zip(blocks, widths[:-1], widths[1:], strict=True):
        read += [before, *([after] * (len(plain_layers(block)) - 1))]
    return 1.0 / np.array(read, dtype=np.float64)


def at_ends(found: FirstOrder, ends: list[int]) -> FirstOrder:
    """The rows at the ends of blocks, as `layers_of` numbers them."""
    return FirstOrder(*(column[ends] for column in found))


def too_large(found: FirstOrder) -> str:
    """Why first order is not enough, as a sentence; empty if it is."""
    for name, what in (("var_log_q", "ln q"), ("var_log_gradient", "the log-gradient")):
        variance = getattr(found, name)
        large = np.flatnonzero(~(variance <= LARGEST) & ~np.isnan(variance))
        if large.size:
            at = int(large[0])
            return (
                f"the variance of {what} is {variance[at]:.2g} at layer {at}: above {LARGEST} terms of second order "
                "count; take more width or less depth"
            )
    return ""
