"""How large q may be before a moment of an activation is infinite or no longer a float."""

from bisect import bisect_left

import numpy as np

from meanfield.errors import DivergentExpectation, NoFixedPoint
from meanfield.networks.layers.network import Network
from meanfield.theory.fixed_points.maps import signal_map

PARTS = 2**30  # of the range of ln q: the resolution of its end
STAGE = 100.0  # the factor by which a q that is too large is reduced first
UNRESOLVED = 1e-6  # relative error of a moment beyond which it has no use
UNITS = 64  # an activation in single precision may err by as many rounding units
SINGLE = 2.0**-23  # the rounding unit of single precision; moments of less exact activations have no use
MARGIN = 0.99  # kept from the end, where moments are finite but grow without bound


def largest_q(block: Network, low: float, high: float) -> float:
    """The largest q in [low, high] up to which the block's map is finite and resolved; `high` unless it ends before.

    Moments that diverge do so from some q on, which is bisected. An activation that oscillates is resolved up to some
    scale, and that is found to a power of 100 below `high`.

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
            raise NoFixedPoint(f"the second moment after {block!r} is {outcome} even at q = {low:g}{_rough(block)}")
        above, wrong = q, outcome
        q = max(q / STAGE, low)
        outcome = _outcome(block, q)
    if wrong == "unresolved":
        return q
    part = np.log(above / q) / PARTS
    first = bisect_left(range(PARTS), True, key=lambda i: _outcome(block, q * float(np.exp(i * part))) != "fine")
    return float(MARGIN * q * np.exp((first - 1) * part))


def _outcome(block: Network, q: float) -> str:
    """In a word: fine, infinite or unresolved."""
    try:
        signal = signal_map(block, q)
    except DivergentExpectation:
        return "infinite"
    if not np.all(np.isfinite(signal.q)):
        return "infinite"
    allowed = max(UNRESOLVED, min(UNITS * SINGLE, resolved_to(block)))
    return "fine" if np.all(signal.error <= allowed * np.abs(signal.q)) else "unresolved"


def resolved_to(block: Network) -> float:
    """Relative error that the arithmetic of the block's activations may cause."""
    return UNITS * max((phi.precision for phi in block.activations), default=0.0)


def _rough(block: Network) -> str:
    if (unit := resolved_to(block) / UNITS) <= SINGLE:
        return ""
    return f", since an activation rounds to one part in {1 / unit:.0f}: give one in single precision or better"
