"""Networks whose blocks, and whose widths, differ by layer."""

from typing import Any

import numpy as np

from meanfield.errors import InvalidInput
from meanfield.networks.network import Network, as_block

__all__ = ["as_blocks", "as_widths"]


def as_blocks(block: Any, depth: int) -> tuple[Network, ...]:
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
    >>> from meanfield.networks.layers import Dense
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
    """Units at layer 0 … `depth`: one number for all, or depth + 1 of them; each ≥ 2.

    Examples
    --------
    >>> as_widths(8, 2), as_widths([784, 300, 10], 2)
    ((8, 8, 8), (784, 300, 10))
    """
    widths = [width] * (depth + 1) if np.ndim(width) == 0 else list(width)
    for one in widths[: 1 if np.ndim(width) == 0 else None]:
        if isinstance(one, bool | np.bool_) or not isinstance(one, int | np.integer) or one < 2:
            raise InvalidInput(f"width must be an integer ≥ 2, or one for each of layers 0 to depth, not {width!r}")
    if len(widths) != depth + 1:
        raise InvalidInput(f"width must be one integer or depth + 1 = {depth + 1} of them, not {len(widths)}")
    return tuple(map(int, widths))
