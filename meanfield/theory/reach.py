"""How large q may be before a moment of an activation is infinite or no longer a float."""

import numpy as np

from meanfield.errors import DivergentExpectation, NoFixedPoint
from meanfield.networks.network import Network
from meanfield.theory.kernels import one_point
from meanfield.theory.signal import OnePoint

__all__ = ["largest_q"]

STEPS = 30  # halvings of the range of ln q
MARGIN = 0.99  # kept from the end, where moments are finite but grow without bound


def largest_q(block: Network, low: float, high: float) -> float:
    """The largest q in [low, high] up to which the block's map is finite; `high` unless it diverges before.

    Raises
    ------
    NoFixedPoint
        If it is infinite at `low` already.
    """
    if _finite(block, high):
        return high
    if not _finite(block, low):
        raise NoFixedPoint(f"the second moment after {block!r} is infinite even at q = {low:g}")
    inside, outside = np.log(low), np.log(high)
    for _ in range(STEPS):
        middle = 0.5 * (inside + outside)
        inside, outside = (middle, outside) if _finite(block, float(np.exp(middle))) else (inside, middle)
    return float(MARGIN * np.exp(inside))


def _finite(block: Network, q: float) -> bool:
    try:
        return bool(np.all(np.isfinite(one_point(block, OnePoint(np.asarray(q))).q)))
    except DivergentExpectation:
        return False
