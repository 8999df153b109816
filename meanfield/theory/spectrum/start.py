"""The second moment at which all layers are, where none is given."""

import math
from collections.abc import Sequence

from meanfield.errors import InvalidInput
from meanfield.networks.layers.network import Network
from meanfield.theory.assumptions.block import checked
from meanfield.theory.fixed_points.stable_variance import stable_and_multiple_q


def start(blocks: Sequence[Network]) -> float:
    """The fixed point q* of one repeated block that is reached from q = 1.

    Where all activations are scale-invariant, slopes are the same at every q, and q = 1 will do.

    Raises
    ------
    InvalidInput
        If there are several blocks, or q* is 0 or infinite.
    """
    if len(blocks) > 1:
        raise InvalidInput("layers that differ need q, the second moment of the units at layer 0")
    block = checked(blocks[0])
    if all(phi.is_scale_invariant for phi in block.activations):
        return 1.0
    q = float(stable_and_multiple_q(block, 1.0)[0][0])
    if q == 0 or math.isinf(q):
        why = "the signal dies out (q* = 0)" if q == 0 else "q grows without limit"
        raise InvalidInput(f"{why}: give q, the second moment of the units at layer 0, to follow it from there")
    return q
