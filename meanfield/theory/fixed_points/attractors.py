"""The fixed point of q that an orbit reaches, for many networks at once.

The fixed points of a network are the solutions of E(q) = q − F(q) = level (`variance_curves`); for an MLP F = w·V, and
the level is the variance of the biases. E is tabulated for each curve, and cut where it turns, so that each piece has
at most one solution. Where F rises, an orbit that sets out upwards from q₀, E(q₀) < level, ends at the next solution
above, and one that sets out downwards at the next one below.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from meanfield._types import Bools, Floats, Ints
from meanfield.numerics.solve.bracketed import newton
from meanfield.theory.fixed_points.variance import FALLS, OTHERS
from meanfield.theory.fixed_points.variance_curves import VarianceCurves
from meanfield.theory.fixed_points.variance_tables import ROUNDING, Tables, tabulated

FIRST = (1e-4, 1e3)  # the range of q that is searched in eighths of an octave
UP, DOWN = (1e6, 1e12, 1e30), (1e-12, 1e-100)  # how far orbits that leave it are followed, in octaves
LOWEST = 1e-12  # a q that falls below this, where 0 is a fixed point, falls to 0
NOISE = 4.0  # an excess within so many error bounds is no sign
BLOCK = 4096  # networks at once: their tables take some 100 MB


class Attractor(NamedTuple):
    """Where orbits end; one entry a network."""

    q: Floats  # 0 where the signal dies out, inf where it grows without bound
    multiple: Bools  # whether the map has several fixed points from 0 to 1e6
    leaps: Bools  # whether the map falls somewhere and there are others: an orbit may end at another one


def attractor(maps: VarianceCurves, q0: float) -> Attractor:
    """The fixed points that orbits from `q0` reach, if they do not leap."""
    starts = range(0, maps.level.size, BLOCK)
    parts = [_attractor(maps.part(slice(start, start + BLOCK)), q0) for start in starts]
    return Attractor(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _attractor(maps: VarianceCurves, q0: float) -> Attractor:
    everything = np.arange(maps.level.size)
    low, high = min(FIRST[0], 0.5 * q0), max(FIRST[1], 2 * q0)
    end = maps.reach(q0, high)
    first, row = tabulated(maps, everything, low, end, q0)
    at_zero = maps.without_bias(first.curve, np.zeros(first.curve.size))[0]
    multiple = _count(maps, first, row, at_zero) > 1
    q = _search(maps, everything, first, row, q0)
    for start, stop in pairwise((high, *UP)):  # only where q still grows at the end of the range searched so far
        rising = np.flatnonzero(np.isinf(q))
        if rising.size == 0 or end < start:
            break
        if stop > start:
            end = maps.reach(start, stop)
            tables, own = tabulated(maps, rising, start, end, start)
            q[rising] = _search(maps, rising, tables, own, start, 1)
    above_zero = (maps.level > 0) | (at_zero[row] > 0)
    for start, stop in pairwise((low, *DOWN)):
        falling = np.flatnonzero((q == 0) & (above_zero | (start > LOWEST)))
        if falling.size and stop < start:
            tables, own = tabulated(maps, falling, stop, start, start)
            q[falling] = _search(maps, falling, tables, own, start, -1)
    return Attractor(q, multiple, multiple & (first.steepest[row] < FALLS))


def _search(maps: VarianceCurves, points: Ints, tables: Tables, row: Ints, q0: float, way: int = 0) -> Floats:
    """The fixed points next to `q0`; inf or 0 where there is none on that side.

    `way` is 1 for orbits that come to `q0` from below, −1 from above, and 0 for those that set out there.
    """
    sets_out, low, high, found = _bracket(tables, row, maps.level[points], q0, way)
    q = np.where(sets_out > 0, np.inf, np.where(sets_out < 0, 0.0, q0))
    q[found] = _close(maps, points[found], low[found], high[found])
    return q


def _bracket(tables: Tables, row: Ints, level: Floats, q0: float, way: int) -> tuple[Ints, Floats, Floats, Bools]:
    """Which way each orbit goes on from q₀ (1, 0, −1), the piece of E on which it ends, and whether there is one."""
    first = np.argmax(tables.q >= q0, axis=1)
    column, width = np.arange(tables.q.shape[1]), tables.q.shape[1]
    excess = level - tables.height[row, first[row]]
    sets_out = np.where(np.abs(excess) <= NOISE * tables.noise[row, first[row]], way, np.sign(excess)).astype(np.intp)
    ceiling = np.where(column >= first[:, None], tables.height - NOISE * tables.noise, -np.inf)
    floor = np.where(column <= first[:, None], tables.height + NOISE * tables.noise, np.inf)
    ceiling = np.maximum.accumulate(ceiling, axis=1)
    floor = np.minimum.accumulate(floor[:, ::-1], axis=1)[:, ::-1]
    reached = _first(lambda at: ceiling[row, at] >= level, row.size, width)
    passed = _first(lambda at: floor[row, at] > level, row.size, width)
    found = np.where(sets_out > 0, reached < width, (sets_out < 0) & (passed > 0))
    left = np.clip(np.where(sets_out > 0, reached, passed) - 1, 0, width - 2)
    return sets_out, tables.q[row, left], tables.q[row, left + 1], found


def _first(holds: Callable[[Ints], Bools], points: int, width: int) -> Ints:
    """The first column at which `holds` is true, for each point, by binary search; `width` if it is true nowhere.

    Once true it stays true in all later columns.
    """
    low, high = np.zeros(points, dtype=np.intp), np.full(points, width, dtype=np.intp)
    while np.any(low < high):
        middle = (low + high) // 2
        true = (low >= high) | holds(np.minimum(middle, width - 1))
        low, high = np.where(true, low, middle + 1), np.where(true, np.minimum(middle, high), high)
    return low


def _count(maps: VarianceCurves, tables: Tables, row: Ints, at_zero: Floats) -> Ints:
    """How many fixed points there are from 0 to 1e6; `at_zero` is F(0) of each curve."""
    level = maps.level
    steps = np.diff(tables.height, axis=1)
    turns = np.ones(tables.height.shape, dtype=np.bool_)
    turns[:, 1:-1] = np.sign(steps[:, :-1]) * np.sign(steps[:, 1:]) < 0
    chosen = np.argsort(~turns, axis=1, kind="stable")[:, : turns.sum(axis=1).max()]
    chosen = np.where(np.take_along_axis(turns, chosen, axis=1), chosen, tables.q.shape[1] - 1)
    heights, noise = (np.take_along_axis(a, chosen, axis=1) for a in (tables.height, tables.noise))
    starts_at_zero = (level == 0) & (at_zero[row] == 0)
    side = np.where(starts_at_zero, 0.0, -1.0)  # of E − level: below 0 at q = 0
    count = starts_at_zero.astype(np.intp)
    columns = [(heights[:, k], noise[:, k]) for k in range(heights.shape[1])]
    end = float(tables.q[0, -1])
    if end < OTHERS and maps.reach(end, OTHERS) == OTHERS:
        value, error, _ = maps.without_bias(tables.curve, np.full(tables.curve.size, OTHERS))
        columns.append((OTHERS - value, error + ROUNDING * OTHERS))
    for height, uncertain in columns:
        excess = height[row] - level
        told = np.abs(excess) > NOISE * uncertain[row]
        count += told & (side * excess < 0)
        side = np.where(told, np.sign(excess), side)
    return np.asarray(count)


def _close(maps: VarianceCurves, points: Ints, low: Floats, high: Floats) -> Floats:
    """The fixed point in each [low, high], where the excess of the map changes its sign once."""
    if points.size == 0:
        return low

    def excess(which: Ints, q: Floats) -> tuple[Floats, Floats, Floats]:
        value, error, slope = maps.image(points[which], q)
        return value - q, error, slope - 1

    ends = [maps.image(points, q)[0] - q for q in (low, high)]
    sign = np.where(ends[0] != 0, np.sign(ends[0]), -np.sign(ends[1]))
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.clip(np.nan_to_num(ends[0] / (ends[0] - ends[1]), nan=0.5), 1e-9, 1 - 1e-9)
    return newton(excess, low, high, sign, low * (high / low) ** share)
