"""Every fixed point of many scalar maps at once, on a half-line, with what tells the kinds apart.

The excess E(q) = map(q) − q is looked at on a logarithmic grid. A change of its sign brackets a fixed point; so does an
interior extremum of E that reaches across 0, or touches it.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from meanfield._types import Bools, Floats, Ints
from meanfield.numerics.solve.bracketed import newton, root

PER_OCTAVE = 8  # grid points per factor 2 in q
NOISE = 4.0  # an excess within so many error bounds is no sign
NEARLY = 1e-3  # where a map and its slope are this near to the identity, a cell may hide several fixed points
FINER = 16  # and is looked at in so many parts
EPS = float(np.finfo(float).eps)

# map(which, q) → value, error, derivative, for the maps number `which` at the arguments `q`, arrays of one shape.
Map = Callable[[Ints, Floats], tuple[Floats, Floats, Floats]]


class Roots(NamedTuple):
    """Fixed points of all maps, sorted by map and then by q."""

    which: Ints  # the number of the map, one entry a fixed point
    q: Floats
    neutral: Bools  # whether a map reproduces every q, one entry a map


def logarithmic_grid(low: float, high: float) -> Floats:
    """Points from `low` to `high`, both included, eight to a factor of 2."""
    return np.geomspace(low, high, max(2, int(np.ceil(PER_OCTAVE * np.log2(high / low))) + 1))


def every_fixed_point(mapping: Map, maps: int, grid: Floats) -> Roots:
    """All fixed points of maps number 0 … maps − 1 within the grid.

    Points at which the excess is no larger than its error have no sign. A run of them counts as one fixed point if the
    signs on its two sides differ, or if the excess turns within it; a run at the lower end belongs to q = 0.
    """
    points = _sorted(_look(mapping, np.repeat(np.arange(maps), grid.size), np.tile(grid, maps)))
    neutral = (points.sign.reshape(maps, grid.size) == 0).all(axis=1)
    points = _sorted(points, _look(mapping, *_between(points, neutral)))
    turns = np.flatnonzero((points.rising[:-1] * points.rising[1:] < 0) & (points.which[:-1] == points.which[1:]))
    if turns.size:  # an extremum of the excess within a cell may reach across 0 or touch it
        low, high = points.q[turns], points.q[turns + 1]
        extrema = _extrema(mapping, points.which[turns], low, high)
        points = _sorted(points, _look(mapping, points.which[turns], extrema))
    told = np.flatnonzero(points.sign != 0)
    left, right = told[:-1], told[1:]
    same = points.which[left] == points.which[right]
    crossed = same & (points.sign[left] != points.sign[right])
    first, last = left[crossed], right[crossed]
    crossings = _crossings(mapping, points.which[first], points.q[first], points.q[last], points.sign[first])
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


def _crossings(mapping: Map, which: Ints, low: Floats, high: Floats, sign: Ints) -> Floats:
    """The zero of the excess in each [low, high], where its sign at `low` is `sign`."""

    def excess(number: Ints, q: Floats) -> tuple[Floats, Floats, Floats]:
        value, error, slope = mapping(which[number], q)
        return value - q, error, slope - 1

    return newton(excess, low, high, sign.astype(np.float64))


def _extrema(mapping: Map, which: Ints, low: Floats, high: Floats) -> Floats:
    """Where the excess turns in each [low, high]: where the slope of the map is 1."""

    def steepness(number: Ints, log_q: Floats) -> Floats:
        return mapping(which[number], np.exp(log_q))[2] - 1

    return np.exp(root(steepness, np.log(low), np.log(high)))
