"""How large q may be before a moment of an activation is infinite or no longer a float."""

import numpy as np

from meanfield.errors import DivergentExpectation, NoFixedPoint
from meanfield.networks.layers.network import Network
from meanfield.theory.layer_maps import one_point
from meanfield.theory.states import OnePoint

__all__ = ["largest_q"]

STEPS = 30  # halvings of the range of ln q
STAGE = 100.0  # the factor by which a q that is too large is reduced first
UNRESOLVED = 1e-6  # relative error of a moment beyond which nothing can be read off it
MARGIN = 0.99  # kept from the end, where moments are finite but grow without bound


def largest_q(block: Network, low: float, high: float) -> float:
    """The largest q in [low, high] up to which the block's map is finite and resolved; `high` unless it ends before.

    Moments that diverge do so from some q on, which is found closely. An activation that oscillates is resolved up
    to some scale; there a power of 100 below `high` will do.

    Raises
    ------
    NoFixedPoint
        If the map cannot be computed at `low` already.
    """
    q, outcome = high, _outcome(block, high)
    if outcome == "fine":
        return high
    while outcome != "fine":
        if q <= low:
            raise NoFixedPoint(f"the second moment after {block!r} is {outcome} even at q = {low:g}")
        above, wrong = q, outcome
        q = max(q / STAGE, low)
        outcome = _outcome(block, q)
    if wrong == "unresolved":
        return q
    inside, outside = np.log(q), np.log(above)
    for _ in range(STEPS):
        middle = 0.5 * (inside + outside)
        inside, outside = (middle, outside) if _outcome(block, float(np.exp(middle))) == "fine" else (inside, middle)
    return float(MARGIN * np.exp(inside))


def _outcome(block: Network, q: float) -> str:
    """In a word: fine, infinite or unresolved."""
    try:
        signal = one_point(block, OnePoint(np.asarray(q)))
    except DivergentExpectation:
        return "infinite"
    if not np.all(np.isfinite(signal.q)):
        return "infinite"
    return "fine" if np.all(signal.error <= UNRESOLVED * np.abs(signal.q)) else "unresolved"
