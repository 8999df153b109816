"""Networks whose blocks and widths differ from layer to layer."""

import itertools
from typing import Any

import numpy as np

from meanfield._types import Parameter
from meanfield.arguments import as_integer, each_axis, is_several
from meanfield.errors import InvalidInput, shown
from meanfield.networks.block import as_block
from meanfield.networks.layers.elementwise import LayerLike
from meanfield.networks.layers.network import Network, in_sequence

WIDEST = 10**9  # units of a layer
WHOLE = 1e-6  # tolerance for a whole number of units


def as_blocks(block: LayerLike | list[Any] | tuple[Any, ...], depth: int) -> tuple[Network, ...]:
    """The blocks of a network: one if it is repeated at every layer, otherwise `depth` of them.

    Parameters
    ----------
    block : Network, activation, or list or tuple of them
        A list or tuple has one block for each layer.
    depth : int
        Number of layers of the network.

    Raises
    ------
    InvalidInput
        If a list does not have `depth` entries, or the parameters of the blocks do not broadcast.

    Examples
    --------
    >>> from meanfield.networks.layers.dense import Dense
    >>> as_blocks(["relu", Network("tanh", Dense(1.5))], 2)
    (Network('relu', Dense(sigma_w=1.0, sigma_b=0.0)), Network('tanh', Dense(sigma_w=1.5, sigma_b=0.0)))
    """
    if not isinstance(block, list | tuple):
        return (as_block(block),)
    if len(block) != depth:
        raise InvalidInput(
            f"a list of blocks must have one for each layer, {depth} for depth={depth}, not {len(block)}"
        )
    blocks = tuple(as_block(one) for one in block)
    _ = Network(*blocks).shape  # raises where they do not broadcast
    return blocks


def as_widths(width: Any, depth: int) -> tuple[int, ...]:
    """Numbers of units of layers 0 … `depth`: one integer ≥ 2 for all layers, or depth + 1 integers ≥ 1.

    Examples
    --------
    >>> as_widths(8, 2), as_widths([784, 300, 10], 2)
    ((8, 8, 8), (784, 300, 10))
    """
    same = not is_several(width)
    widths = [as_integer(one) or 0 for one in each_axis(width)]
    for one in widths:
        if not 1 + same <= one <= WIDEST:
            raise InvalidInput(
                f"width must be an integer ≥ 2, or one for each of layers 0 to depth, not {shown(width)}"
            )
    widths *= depth + 1 if same else 1
    if len(widths) != depth + 1:
        raise InvalidInput(f"width must be one integer or depth + 1 = {depth + 1} of them, not {len(widths)}")
    return tuple(widths)


def check_widths(blocks: tuple[Network, ...], widths: tuple[int, ...]) -> None:
    """Refuse a width that changes over a block without a Dense layer, except by the ratio of its concatenations."""
    for block in blocks:
        last = next((layer for layer in reversed(list(in_sequence(block))) if layer.fresh), None)
        if getattr(last, "expansion", 1.0) != 1:
            raise InvalidInput(f"a Dense layer must follow {last!r} in its block, to bring the width back")
    for layer, (before, after) in enumerate(itertools.pairwise(widths), 1):
        units = _units(blocks[min(layer, len(blocks)) - 1], before)
        if units is None or np.all(np.abs(units - after) <= WHOLE):
            continue
        if np.all(units == before):
            why = "has no dense layer outside of skip connections to change them"
        else:
            why = f"gives {np.max(units):g} units"
        raise InvalidInput(f"layer {layer} cannot have {after} units after {before}: its block {why}")


def _units(block: Network, before: int) -> Parameter | None:
    """The number of units that must follow the block; None if its Dense layer may set any number."""
    units: Parameter = before
    skipped: Parameter | None = None
    for layer in in_sequence(block):
        if layer.fresh:
            return skipped
        if np.any(np.asarray(layer.width_ratio) != 1):
            units = units * layer.width_ratio
        elif skipped is None and any(inner.fresh for inner in layer.walk()):
            skipped = units
    return units
