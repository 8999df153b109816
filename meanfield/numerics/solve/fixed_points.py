"""All fixed points of many scalar maps on a half-line.

The excess E(q) = map(q) − q is evaluated on a logarithmic grid. A change of sign of E between two grid points brackets
a fixed point. An extremum of E between two grid points, located as a zero of E′, is added to the grid: there E can have
the opposite sign (two fixed points) or be zero within its error (a double fixed point).
"""

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from meanfield._types import Bools, Floats, Ints
from meanfield.numerics.solve.bracketed import newton, root

PER_OCTAVE = 8  # grid points per factor 2 in q
USUAL = (1e-30, 1e30)  # outside this range of q there are fewer:
FAR = 1 / 32  # of them per factor 2
NOISE = 4.0  # an excess within this multiple of its error bound counts as 0
NEARLY = 1e-3  # where |E|/q is below this and |E′| below ten times this, a grid cell may hold several fixed points
FINER = 16  # such a cell is divided into this many parts
EPS = float(np.finfo(float).eps)

# map(which, q) → values, error bounds and derivatives of map number which[i] at q[i]; all are arrays of one shape.
Map = Callable[[Ints, Floats], tuple[Floats, Floats, Floats]]


class Roots(NamedTuple):
    """Fixed points of all maps, sorted by map and then by q."""

    which: Ints  # (fixed points,): number of the map
    q: Floats  # (fixed points,): the fixed point
    neutral: Bools  # (maps,): whether map(q) = q at every grid point, within the errors


def logarithmic_grid(low: float, high: float) -> Floats:
    """Points from `low` to `high`, ends included: at least eight per factor of 2 where maps have structure.

    Outside `USUAL`, where activations are powers of x or constant, a point in 32 factors of 2 is enough.
    """
    ends = np.array([low, *(end for end in USUAL if low < end < high), high])
    parts = []
    for a, b in pairwise(ends):
        number = PER_OCTAVE if USUAL[0] <= a and b <= USUAL[1] else FAR
        parts.append(np.geomspace(a, b, max(2, int(np.ceil(number * (np.log2(b) - np.log2(a)))) + 1)))
    return np.unique(np.concatenate(parts))


def every_fixed_point(mapping: Map, maps: int, grid: Floats) -> Roots:
    """All fixed points of maps number 0 … maps − 1 between the ends of the grid.

    At some points the excess is zero within its error. A run of such points counts as one fixed point if the excess has
    opposite signs on the two sides of the run, or if the excess has an extremum in the run. A run at the lower end of
    the grid is attributed to q = 0 and not reported.

    Parameters
    ----------
    mapping : callable
        ``mapping(which, q)`` returns values, bounds on their absolute errors, and derivatives, in arrays of the shape
        of `which` and `q`.
    maps : int
        Number of maps.
    grid : ndarray, shape (points,)
        Ascending q > 0, as from `logarithmic_grid`.

    Returns
    -------
    Roots
        The fixed points, sorted by map and then by q, and the maps that equal the identity.
    """
    points = _sorted(_look(mapping, np.repeat(np.arange(maps), grid.size), np.tile(grid, maps)))
    neutral = (points.sign.reshape(maps, grid.size) == 0).all(axis=1)
    points = _sorted(points, _look(mapping, *_between(points, neutral)))
    turns = np.flatnonzero((points.rising[:-1] * points.rising[1:] < 0) & (points.which[:-1] == points.which[1:]))
    if turns.size:  # at an extremum in a cell the excess may change sign or be 0
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
    """Evaluated points of all maps, sorted by map and then by q; all fields have shape (points,)."""

    which: Ints  # number of the map
    q: Floats
    sign: Ints  # sign of the excess; 0 within its error
    slope: Floats  # derivative of the map
    relative: Floats  # (map(q) − q)/q

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
    """Maps and arguments of additional points in the cells where a map is nearly the identity."""
    near = (np.abs(points.relative) < NEARLY) & (np.abs(points.slope - 1) < 10 * NEARLY) & ~neutral[points.which]
    cell = np.flatnonzero((near[:-1] | near[1:]) & (points.which[:-1] == points.which[1:]))
    share = np.arange(1, FINER) / FINER
    q = points.q[cell, None] ** (1 - share) * points.q[cell + 1, None] ** share
    return np.repeat(points.which[cell], FINER - 1), q.ravel()


def _crossings(mapping: Map, which: Ints, low: Floats, high: Floats, sign: Ints) -> Floats:
    """The zero of the excess in each bracket [low, high]; `sign` is the sign of the excess at `low`."""

    def excess(number: Ints, q: Floats) -> tuple[Floats, Floats, Floats]:
        value, error, slope = mapping(which[number], q)
        return value - q, error, slope - 1

    return newton(excess, low, high, sign.astype(np.float64))


def _extrema(mapping: Map, which: Ints, low: Floats, high: Floats) -> Floats:
    """The extremum of the excess in each bracket [low, high], where the slope of the map is 1."""

    def steepness(number: Ints, log_q: Floats) -> Floats:
        return mapping(which[number], np.exp(log_q))[2] - 1

    return np.exp(root(steepness, np.log(low), np.log(high)))
