"""Every fixed point of many scalar maps at once, on a half-line, with what tells the kinds apart.

The excess E(q) = map(q) − q is looked at on a logarithmic grid. A change of its sign brackets a fixed point; so does an
interior extremum of E that reaches across 0, or touches it. Each bracket is closed by Newton steps that may not
leave it.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Map", "Roots", "logarithmic_grid", "solve"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

PER_OCTAVE = 8  # grid points per factor 2 in q
STEPS = 200  # of a bracketed root search; 60 halvings would do
NOISE = 4.0  # an excess within so many error bounds is no sign

# map(which, q) → value, error, derivative, for the maps number `which` at the arguments `q`, arrays of one shape.
Map = Callable[[Ints, Floats], tuple[Floats, Floats, Floats]]


class Roots(NamedTuple):
    """Fixed points of all maps: the number of the map, and q, sorted; and which maps equal q everywhere."""

    which: Ints
    q: Floats
    neutral: NDArray[np.bool_]


def logarithmic_grid(low: float, high: float) -> Floats:
    """From `low` to `high`, ends included."""
    return np.geomspace(low, high, max(2, int(np.ceil(PER_OCTAVE * np.log2(high / low))) + 1))


def solve(mapping: Map, maps: int, grid: Floats) -> Roots:
    """All fixed points of maps number 0 … maps − 1 within the grid.

    A stretch of the grid on which the excess is no larger than its error counts as one fixed point, at its middle;
    one that reaches the lower end belongs to 0 and is left out.
    """
    which, q = np.meshgrid(np.arange(maps), grid, indexing="ij")
    value, error, slope = (a.reshape(maps, grid.size) for a in mapping(which.ravel(), q.ravel()))
    excess = value - q
    sign = np.where(np.abs(excess) <= NOISE * (error + EPS * q), 0, np.sign(excess)).astype(int)
    neutral = (sign == 0).all(axis=1)
    found = [_zero_runs(sign, grid, neutral)]
    s, g = np.nonzero(sign[:, :-1] * sign[:, 1:] < 0)
    found.append((s, _close(mapping, s, grid[g], grid[g + 1], sign[s, g])))
    rising = np.sign(slope - 1)
    s, g = np.nonzero((sign[:, :-1] == sign[:, 1:]) & (sign[:, :-1] != 0) & (rising[:, :-1] * rising[:, 1:] < 0))
    towards = rising[s, g] == -sign[s, g]  # E heads for 0 from the left end: an extremum on the near side of it
    s, g = s[towards], g[towards]
    if s.size:
        extremum = _close_extremum(mapping, s, grid[g], grid[g + 1], rising[s, g])
        value, error, _ = mapping(s, extremum)
        height = (value - extremum) * sign[s, g]
        touches = np.abs(height) <= NOISE * (error + EPS * extremum)
        found.append((s[touches], extremum[touches]))
        across = (height < 0) & ~touches
        s, g, middle, side = s[across], g[across], extremum[across], sign[s, g][across]
        found.append((s, _close(mapping, s, grid[g], middle, side)))
        found.append((s, _close(mapping, s, middle, grid[g + 1], -side)))
    which, roots = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.lexsort((roots, which))
    return Roots(which[order], roots[order], neutral)


EPS = float(np.finfo(float).eps)


def _zero_runs(sign: NDArray[np.int_], grid: Floats, neutral: NDArray[np.bool_]) -> tuple[Ints, Floats]:
    which, roots = [], []
    for s in np.flatnonzero((sign == 0).any(axis=1) & ~neutral):
        zero = np.flatnonzero(sign[s] == 0)
        for run in np.split(zero, np.flatnonzero(np.diff(zero) > 1) + 1):
            if run[0] > 0:
                which.append(s)
                roots.append(np.sqrt(grid[run[0]] * grid[run[-1]]))
    return np.array(which, dtype=np.intp), np.array(roots)


def _close(mapping: Map, which: Ints, low: Floats, high: Floats, sign: NDArray[np.int_]) -> Floats:
    """The root of the excess in each [low, high], where its sign at `low` is `sign`: bracketed Newton in q."""
    low, high = low.copy(), high.copy()
    q = np.sqrt(low * high)
    active = np.arange(q.size)
    for _ in range(STEPS):
        if active.size == 0:
            break
        value, error, slope = mapping(which[active], q[active])
        here = q[active]
        excess = value - here
        left = excess * sign[active] > 0
        low[active] = np.where(left, here, low[active])
        high[active] = np.where(left, high[active], here)
        with np.errstate(divide="ignore", invalid="ignore"):
            newton = here - excess / (slope - 1)
        inside = (newton > low[active]) & (newton < high[active])
        following = np.where(inside, newton, np.sqrt(low[active] * high[active]))
        done = (np.abs(excess) <= 0.5 * error) | (np.abs(following - here) <= 2 * EPS * here)
        q[active] = np.where(excess == 0, here, following)
        active = active[~done]
    return q


def _close_extremum(mapping: Map, which: Ints, low: Floats, high: Floats, rising: Floats) -> Floats:
    """Where slope = 1 in each [low, high], by halving."""
    low, high = low.copy(), high.copy()
    for _ in range(60):
        middle = np.sqrt(low * high)
        left = np.sign(mapping(which, middle)[2] - 1) == rising
        low, high = np.where(left, middle, low), np.where(left, high, middle)
    return np.sqrt(low * high)
