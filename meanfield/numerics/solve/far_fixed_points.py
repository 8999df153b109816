"""Fixed points of q outside the range that is searched on a grid, where activations are powers of x or constant."""

import numpy as np

from meanfield._types import Floats, Ints
from meanfield.errors import DivergentExpectation, NoFixedPoint
from meanfield.numerics.solve.fixed_points import Map

LEAST, MOST = 1e-300, 1e300  # the range in which they are found
STEPS = 100
PROPORTIONAL = 1e-9  # where d ln q′/d ln q is closer to 1, q′ is proportional to q, and q has no end
ROUNDING = 8 * float(np.finfo(float).eps)


def far_fixed_points(mapping: Map, which: Ints, start: Floats) -> Floats:
    """The fixed point that Newton's method in ln q reaches from `start`, shape (networks,); nan where there is none.

    For a bounded activation at large q one step leads to q* = σ_w² E φ² + σ_b². For a map that is linear in q, as that
    of every smooth activation at small q and of ReLU, a few steps lead to σ_b²/(1 − slope).

    Parameters
    ----------
    mapping : callable
        The variance maps, as `every_fixed_point` takes them.
    which : ndarray, shape (networks,)
        Numbers of the maps.
    start : ndarray, shape (networks,)
        q > 0 beyond the range that has been searched, or at its end.
    """
    found, q, active = np.full(which.size, np.nan), start.astype(np.float64), np.arange(which.size)
    for _ in range(STEPS):
        if active.size == 0:
            break
        here = q[active]
        try:
            value, error, slope = mapping(which[active], here)
        except (DivergentExpectation, NoFixedPoint):
            break
        with np.errstate(all="ignore"):
            flatness = 1.0 - slope * here / value
            step = np.log(value / here) / flatness
        there = here * np.exp(np.clip(step, -100.0, 100.0))
        settled = (np.abs(value - here) <= 4 * error + ROUNDING * here) & (flatness > PROPORTIONAL)
        found[active[settled]] = there[settled]
        goes_on = ~settled & (flatness > PROPORTIONAL) & (there >= LEAST) & (there <= MOST)
        q[active] = there
        active = active[goes_on]
    return found
