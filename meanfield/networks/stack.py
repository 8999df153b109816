"""Networks whose blocks, and whose widths, differ by layer."""

import itertools
from typing import Any

import numpy as np

from meanfield._types import Parameter
from meanfield.errors import InvalidInput
from meanfield.networks.block import as_block
from meanfield.networks.layers.elementwise import LayerLike
from meanfield.networks.layers.network import Network, in_sequence

WHOLE = 1e-6  # of a unit


def as_blocks(block: LayerLike | list[Any] | tuple[Any, ...], depth: int) -> tuple[Network, ...]:
    """One block if it is repeated, else `depth` of them, one a layer.

    Parameters
    ----------
    block : Network, activation, or list or tuple of them
        A list or tuple gives the blocks in their order.
    depth : int
        Number of layers of the whole.

    Raises
    ------
    InvalidInput
        If a list has not one entry a layer, or the blocks' sigmas do not broadcast.

    Examples
    --------
    >>> from meanfield.networks.layers.dense import Dense
    >>> as_blocks(["relu", Network("tanh", Dense(1.5))], 2)
    (Network('relu', Dense(sigma_w=1.0, sigma_b=0.0)), Network('tanh', Dense(sigma_w=1.5, sigma_b=0.0)))
    """
    if not isinstance(block, list | tuple):
        return (as_block(block),)
    if len(block) != depth:
        raise InvalidInput(f"a list of blocks gives one a layer: {depth} of them for depth={depth}, not {len(block)}")
    blocks = tuple(as_block(one) for one in block)
    _ = Network(*blocks).shape  # raises where they do not broadcast
    return blocks


def as_widths(width: Any, depth: int) -> tuple[int, ...]:
    """Units at layer 0 … `depth`: one number ≥ 2 for all, or depth + 1 of them, each ≥ 1.

    Examples
    --------
    >>> as_widths(8, 2), as_widths([784, 300, 10], 2)
    ((8, 8, 8), (784, 300, 10))
    """
    same = np.ndim(width) == 0
    widths = [width] * (depth + 1) if same else list(width)
    for one in widths[:1] if same else widths:
        if isinstance(one, bool | np.bool_) or not isinstance(one, int | np.integer) or one < 1 + same:
            raise InvalidInput(f"width must be an integer ≥ 2, or one for each of layers 0 to depth, not {width!r}")
    if len(widths) != depth + 1:
        raise InvalidInput(f"width must be one integer or depth + 1 = {depth + 1} of them, not {len(widths)}")
    return tuple(map(int, widths))


def check_widths(blocks: tuple[Network, ...], widths: tuple[int, ...]) -> None:
    """Refuse widths that change where a block has no dense layer to change them, or not as its concatenations do."""
    for layer, (before, after) in enumerate(itertools.pairwise(widths), 1):
        units = _units(blocks[min(layer, len(blocks)) - 1], before)
        if units is None or np.all(np.abs(units - after) <= WHOLE):
            continue
        if np.all(units == before):
            why = "has no dense layer outside of skip connections to change them"
        else:
            why = f"makes {np.max(units):g} of them"
        raise InvalidInput(f"layer {layer} cannot have {after} units after {before}: its block {why}")


def _units(block: Network, before: int) -> Parameter | None:
    """The units that a block must have after it; None if any number, since a dense layer sets it before a skip does."""
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
