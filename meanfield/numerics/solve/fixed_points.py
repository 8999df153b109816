"""Every fixed point of many scalar maps at once, on a half-line, with what tells the kinds apart.

The excess E(q) = map(q) − q is looked at on a logarithmic grid. A change of its sign brackets a fixed point; so does an
interior extremum of E that reaches across 0, or touches it. Each bracket is closed by Newton steps that may not
leave it.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from meanfield._types import Bools, Floats, Ints

PER_OCTAVE = 8  # grid points per factor 2 in q
STEPS = 200  # of a bracketed root search; 60 halvings would do
NOISE = 4.0  # an excess within so many error bounds is no sign

# map(which, q) → value, error, derivative, for the maps number `which` at the arguments `q`, arrays of one shape.
Map = Callable[[Ints, Floats], tuple[Floats, Floats, Floats]]


class Roots(NamedTuple):
    """Fixed points of all maps: the number of the map, and q, sorted; and which maps equal q everywhere."""

    which: Ints
    q: Floats
    neutral: Bools


def logarithmic_grid(low: float, high: float) -> Floats:
    """From `low` to `high`, ends included."""
    return np.geomspace(low, high, max(2, int(np.ceil(PER_OCTAVE * np.log2(high / low))) + 1))


def solve(mapping: Map, maps: int, grid: Floats) -> Roots:
    """All fixed points of maps number 0 … maps − 1 within the grid.

    Points at which the excess is no larger than its error have no sign. A run of them counts as one fixed point if the
    signs on its two sides differ, or if the excess turns within it; those at the lower end belong to 0.
    """
    points = _sorted(_look(mapping, np.repeat(np.arange(maps), grid.size), np.tile(grid, maps)))
    neutral = (points.sign.reshape(maps, grid.size) == 0).all(axis=1)
    points = _sorted(points, _look(mapping, *_between(points, neutral)))
    turns = np.flatnonzero((points.rising[:-1] * points.rising[1:] < 0) & (points.which[:-1] == points.which[1:]))
    if turns.size:  # an extremum of the excess within a cell may reach across 0 or touch it
        low, high = points.q[turns], points.q[turns + 1]
        extrema = _close_extremum(mapping, points.which[turns], low, high, points.rising[turns])
        points = _sorted(points, _look(mapping, points.which[turns], extrema))
    told = np.flatnonzero(points.sign != 0)
    left, right = told[:-1], told[1:]
    same = points.which[left] == points.which[right]
    crossed = same & (points.sign[left] != points.sign[right])
    first, last = left[crossed], right[crossed]
    crossings = _close(mapping, points.which[first], points.q[first], points.q[last], points.sign[first])
    touching = [
        i + int(np.argmin(np.abs(points.slope[i : j + 1] - 1)))
        for i, j in zip(
            left[same & ~crossed & (right > left + 1)], right[same & ~crossed & (right > left + 1)], strict=True
        )
        if np.ptp(points.rising[i : j + 1]) == 2
    ]
    owner = np.concatenate([points.which[first], points.which[touching]])
    roots = np.concatenate([crossings, points.q[touching]])
    order = np.lexsort((roots, owner))
    return Roots(owner[order], roots[order], neutral)


EPS = float(np.finfo(float).eps)
NEARLY = 1e-3  # where excess and slope are this near to those of the identity, a cell may hide several fixed points
FINER = 16  # and is looked at in so many parts


class _Points(NamedTuple):
    """Where maps have been looked at: sign of the excess (0 within its error), slope of the map, all sorted."""

    which: Ints
    q: Floats
    sign: Ints
    slope: Floats
    relative: Floats  # the excess over q

    @property
    def rising(self) -> Floats:
        """Sign of the slope of the excess."""
        return np.asarray(np.sign(self.slope - 1))


def _look(mapping: Map, which: Ints, q: Floats) -> _Points:
    value, error, slope = mapping(which, q) if q.size else (q, q, q)
    excess = value - q
    sign = np.where(np.abs(excess) <= NOISE * (error + EPS * q), 0, np.sign(excess)).astype(np.intp)
    return _Points(which, q, sign, slope, excess / q)


def _sorted(*parts: _Points) -> _Points:
    merged = [np.concatenate(columns) for columns in zip(*parts, strict=True)]
    order = np.lexsort((merged[1], merged[0]))
    return _Points(*(column[order] for column in merged))


def _between(points: _Points, neutral: Bools) -> tuple[Ints, Floats]:
    """More points in the cells on which a map is nearly the identity."""
    near = (np.abs(points.relative) < NEARLY) & (np.abs(points.slope - 1) < 10 * NEARLY) & ~neutral[points.which]
    cell = np.flatnonzero((near[:-1] | near[1:]) & (points.which[:-1] == points.which[1:]))
    share = np.arange(1, FINER) / FINER
    q = points.q[cell, None] ** (1 - share) * points.q[cell + 1, None] ** share
    return np.repeat(points.which[cell], FINER - 1), q.ravel()


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
