"""The fixed point of q that an orbit reaches, for MLPs of one activation and many weights and biases at once.

For weights of variance w the fixed points at bias variance β are the solutions of E(q) = q − w·V(q) = β. E is tabulated
for each w, and cut where it turns, so that each piece has at most one solution. Where V rises, an orbit that sets out
upwards from q₀, E(q₀) < β, ends at the next solution above, and one that sets out downwards at the next one below.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from meanfield._types import Bools, Floats, Ints
from meanfield.numerics.solve.bracketed import newton, root
from meanfield.numerics.solve.fixed_points import logarithmic_grid
from meanfield.theory.fixed_points.mlp_moments import MLPMoments
from meanfield.theory.fixed_points.variance import FALLS, OTHERS

FIRST = (1e-4, 1e3)  # the range of q that is searched in eighths of an octave
UP, DOWN = (1e6, 1e12, 1e30), (1e-12, 1e-100)  # how far orbits that leave it are followed, in octaves
LOWEST = 1e-12  # a q that falls below this, where 0 is a fixed point, falls to 0
TURN = 1e-8  # error of ln q at an extremum: its height is then known to 1e-16
NOISE = 4.0  # an excess within so many error bounds is no sign
BLOCK = 4096  # networks at once: their tables take some 100 MB
EPS = float(np.finfo(float).eps)


class Attractor(NamedTuple):
    """Where orbits end; one entry a network."""

    q: Floats  # 0 where the signal dies out, inf where it grows without bound
    multiple: Bools  # whether the map has several fixed points from 0 to 1e6
    leaps: Bools  # whether the map falls somewhere and there are others: an orbit may end at another one


class _Tables(NamedTuple):
    """E for each distinct w at ascending q, between which it is monotonic."""

    q: Floats  # (distinct w, points)
    height: Floats  # E(q)
    noise: Floats  # bound on its error


def attractor(moments: MLPMoments, q0: float) -> Attractor:
    """The fixed points that orbits from `q0` reach, if they do not leap."""
    starts = range(0, moments.w.size, BLOCK)
    parts = [_attractor(moments.part(slice(start, start + BLOCK)), q0) for start in starts]
    return Attractor(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _attractor(moments: MLPMoments, q0: float) -> Attractor:
    everything = np.arange(moments.w.size)
    low, high = min(FIRST[0], 0.5 * q0), max(FIRST[1], 2 * q0)
    end = moments.reach(q0, high)
    tables, row, steepest = _tabulated(moments, everything, low, end, q0)
    multiple = _count(moments, tables, row) > 1
    q = _search(moments, everything, tables, row, q0)
    for start, stop in pairwise((high, *UP)):  # only where q still grows at the end of the range searched so far
        rising = np.flatnonzero(np.isinf(q))
        if rising.size == 0 or end < start:
            break
        if stop > start:
            end = moments.reach(start, stop)
            tables, row, _ = _tabulated(moments, rising, start, end, start)
            q[rising] = _search(moments, rising, tables, row, start)
    above_zero = (moments.beta > 0) | (moments.w * moments.second_moment(np.zeros(()))[0] > 0)
    for start, stop in pairwise((low, *DOWN)):
        falling = np.flatnonzero((q == 0) & (above_zero | (start > LOWEST)))
        if falling.size and stop < start:
            tables, row, _ = _tabulated(moments, falling, stop, start, start)
            q[falling] = _search(moments, falling, tables, row, start)
    return Attractor(q, multiple, multiple & (moments.w * steepest < FALLS))


def _search(moments: MLPMoments, points: Ints, tables: _Tables, row: Ints, q0: float) -> Floats:
    """The fixed points next to `q0`; inf or 0 where there is none on that side."""
    sets_out, low, high, found = _bracket(tables, row, moments.beta[points], q0)
    q = np.where(sets_out > 0, np.inf, np.where(sets_out < 0, 0.0, q0))
    q[found] = _close(moments, points[found], low[found], high[found])
    return q


def _tabulated(moments: MLPMoments, points: Ints, low: float, high: float, q0: float) -> tuple[_Tables, Ints, float]:
    """E on a grid and at its extrema for each distinct w, the table of each point, and the least slope of V."""
    w, row = np.unique(moments.w[points], return_inverse=True)
    grid = logarithmic_grid(low, high)
    grid = np.unique(np.r_[grid if low < 1 < high else grid[::8], high, q0])
    value, error = moments.second_moment(grid)
    slope, _ = moments.slope(grid)
    falling = w[:, None] * slope > 1  # E falls where the map is steeper than the identity
    r, cell = np.nonzero(falling[:, :-1] != falling[:, 1:])
    q = np.broadcast_to(grid, (w.size, grid.size))
    if r.size:
        order = np.arange(r.size) - np.searchsorted(r, r)  # number of the extremum within its row
        extra = np.repeat(q[:, -1:], int(order.max()) + 1, axis=1)  # rows with fewer repeat their end
        extra[r, order] = _extrema(moments, w[r], grid[cell], grid[cell + 1])
        of_extra = moments.second_moment(extra)
        q = np.concatenate([q, extra], axis=1)
        by_q = np.argsort(q, axis=1, kind="stable")
        q = np.take_along_axis(q, by_q, axis=1)
        value, error = (
            np.take_along_axis(np.concatenate([np.broadcast_to(a, (w.size, a.size)), b], axis=1), by_q, axis=1)
            for a, b in zip((value, error), of_extra, strict=True)
        )
    return _Tables(q, q - w[:, None] * value, w[:, None] * error + EPS * q), row, float(slope.min())


def _extrema(moments: MLPMoments, w: Floats, low: Floats, high: Floats) -> Floats:
    """Where w·V′ = 1 in each [low, high]."""

    def steepness(which: Ints, log_q: Floats) -> Floats:
        return w[which] * moments.slope(np.exp(log_q))[0] - 1

    return np.exp(root(steepness, np.log(low), np.log(high), atol=TURN))


def _bracket(tables: _Tables, row: Ints, beta: Floats, q0: float) -> tuple[Ints, Floats, Floats, Bools]:
    """Which way each orbit sets out from q₀ (1, 0, −1), the piece of E on which it ends, and whether there is one."""
    first = np.argmax(tables.q >= q0, axis=1)
    column, width = np.arange(tables.q.shape[1]), tables.q.shape[1]
    excess = beta - tables.height[row, first[row]]
    sets_out = np.where(np.abs(excess) <= NOISE * tables.noise[row, first[row]], 0, np.sign(excess)).astype(np.intp)
    ceiling = np.where(column >= first[:, None], tables.height - NOISE * tables.noise, -np.inf)
    floor = np.where(column <= first[:, None], tables.height + NOISE * tables.noise, np.inf)
    ceiling = np.maximum.accumulate(ceiling, axis=1)
    floor = np.minimum.accumulate(floor[:, ::-1], axis=1)[:, ::-1]
    reached = _first(lambda at: ceiling[row, at] >= beta, row.size, width)
    passed = _first(lambda at: floor[row, at] > beta, row.size, width)
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


def _count(moments: MLPMoments, tables: _Tables, row: Ints) -> Ints:
    """How many fixed points there are from 0 to 1e6."""
    beta = moments.beta
    steps = np.diff(tables.height, axis=1)
    turns = np.ones(tables.height.shape, dtype=np.bool_)
    turns[:, 1:-1] = np.sign(steps[:, :-1]) * np.sign(steps[:, 1:]) < 0
    chosen = np.argsort(~turns, axis=1, kind="stable")[:, : turns.sum(axis=1).max()]
    chosen = np.where(np.take_along_axis(turns, chosen, axis=1), chosen, tables.q.shape[1] - 1)
    heights, noise = (np.take_along_axis(a, chosen, axis=1) for a in (tables.height, tables.noise))
    at_zero = float(moments.second_moment(np.zeros(()))[0])
    starts_at_zero = (beta == 0) & (at_zero == 0)
    side = np.where(starts_at_zero, 0.0, -1.0)  # of E − β: below 0 at q = 0
    count = starts_at_zero.astype(np.intp)
    columns = [(heights[:, k], noise[:, k]) for k in range(heights.shape[1])]
    end = float(tables.q[0, -1])
    if end < OTHERS and moments.reach(end, OTHERS) == OTHERS:
        value, error = moments.second_moment(np.asarray(OTHERS))
        w = np.unique(moments.w)
        columns.append((OTHERS - w * float(value), w * float(error) + EPS * OTHERS))
    for height, uncertain in columns:
        excess = height[row] - beta
        told = np.abs(excess) > NOISE * uncertain[row]
        count += told & (side * excess < 0)
        side = np.where(told, np.sign(excess), side)
    return np.asarray(count)


def _close(moments: MLPMoments, points: Ints, low: Floats, high: Floats) -> Floats:
    """The fixed point in each [low, high], where the excess of the map changes its sign once."""
    w, beta = moments.w[points], moments.beta[points]

    def excess(which: Ints, q: Floats) -> tuple[Floats, Floats, Floats]:
        value, error = moments.second_moment(q)
        return w[which] * value + beta[which] - q, w[which] * error, w[which] * moments.slope(q)[0] - 1

    ends = [w * moments.second_moment(q)[0] + beta - q for q in (low, high)]
    sign = np.where(ends[0] != 0, np.sign(ends[0]), -np.sign(ends[1]))
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.clip(np.nan_to_num(ends[0] / (ends[0] - ends[1]), nan=0.5), 1e-9, 1 - 1e-9)
    return newton(excess, low, high, sign, low * (high / low) ** share)
