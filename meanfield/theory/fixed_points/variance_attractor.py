"""The fixed point of q that an orbit reaches, for many weights and biases at once.

For weights of variance w the fixed points at bias variance β are the solutions of E(q) = q − w·V(q) = β. E is cut
where it turns, so that each solution is alone on its piece. Where V rises, an orbit that leaves q₀ upwards, E(q₀) < β,
ends at the next one above, and one that leaves it downwards at the next one below.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from meanfield.numerics.solve.fixed_points import logarithmic_grid
from meanfield.theory.fixed_points.mlp_response import Response

__all__ = ["Attractor", "attractor"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]

FIRST = (1e-4, 1e3)  # the range of q that is searched in eighths of an octave
UP, DOWN = (1e6, 1e12, 1e30), (1e-12, 1e-100)  # how far orbits that leave it are followed, in octaves
LOWEST = 1e-12  # a q that falls below this, where 0 is a fixed point, falls to 0
OTHERS = 1e6  # up to which there may be other fixed points
TURNS = 8  # steps to an extremum: 1e-8 of its place is 1e-16 of its height
STEPS = 100  # of a bracketed Newton method; 60 halvings would do
QUADRATIC = 3e-8  # a Newton step this short, next to the distance of the slope from 1, is the last one
NOISE = 4.0  # an excess within so many error bounds is no sign
FALLS = -1e-6  # a slope of the map below this may make orbits leap
EPS = float(np.finfo(float).eps)


class Attractor(NamedTuple):
    """Where orbits end, one entry a point."""

    q: Floats  # 0 where the signal dies out, inf where it grows without bound
    multiple: Bools  # whether there are other fixed points, 0 included, up to q = 1e6
    leaps: Bools  # whether the map falls somewhere and there are others: an orbit need not end at the next one


class _Rows(NamedTuple):
    """E for each weight, at points between which it is monotonic, ascending."""

    q: Floats  # (weights, points)
    height: Floats
    noise: Floats


def attractor(response: Response, q0: float = 1.0) -> Attractor:
    """The fixed points that orbits from `q0` reach, if they do not leap."""
    everything = np.arange(response.w.size)
    low, high = min(FIRST[0], 0.5 * q0), max(FIRST[1], 2 * q0)
    end = response.reach(q0, high)
    rows, row, steepest = _rows(response, everything, low, end, q0)
    multiple = _count(response, rows, row) > 1
    q = _search(response, everything, rows, row, q0)
    for start, stop in pairwise((high, *UP)):  # only where q still grows at the end of what has been searched
        rising = np.flatnonzero(np.isinf(q))
        if rising.size == 0 or end < start:
            break
        if stop > start:
            end = response.reach(start, stop)
            rows, row, _ = _rows(response, rising, start, end, start)
            q[rising] = _search(response, rising, rows, row, start)
    above_zero = (response.beta > 0) | (response.w * response.second_moment(np.zeros(()))[0] > 0)
    for start, stop in pairwise((low, *DOWN)):
        falling = np.flatnonzero((q == 0) & (above_zero | (start > LOWEST)))
        if falling.size and stop < start:
            rows, row, _ = _rows(response, falling, stop, start, start)
            q[falling] = _search(response, falling, rows, row, start)
    return Attractor(q, multiple, multiple & (response.w * steepest < FALLS))


def _search(response: Response, points: Ints, rows: "_Rows", row: Ints, q0: float) -> Floats:
    """The fixed points next to `q0`; inf or 0 where there is none on that side."""
    sets_out, low, high, found = _bracket(rows, row, response.beta[points], q0)
    q = np.where(sets_out > 0, np.inf, np.where(sets_out < 0, 0.0, q0))
    q[found] = _close(response, points[found], low[found], high[found])
    return q


def _rows(response: Response, points: Ints, low: float, high: float, q0: float) -> tuple[_Rows, Ints, float]:
    """E on a grid and at its extrema for each weight, which of them belongs to each point, and the least slope of V."""
    w, row = np.unique(response.w[points], return_inverse=True)
    grid = logarithmic_grid(low, high)
    grid = np.unique(np.r_[grid if low < 1 < high else grid[::8], high, q0])
    value, error = response.second_moment(grid)
    slope, _ = response.slope(grid)
    falling = w[:, None] * slope > 1  # E falls where the map is steeper than the identity
    r, cell = np.nonzero(falling[:, :-1] != falling[:, 1:])
    q = np.broadcast_to(grid, (w.size, grid.size))
    if r.size:
        order = np.arange(r.size) - np.searchsorted(r, r)  # the how-manieth extremum of its row
        extra = np.repeat(q[:, -1:], int(order.max()) + 1, axis=1)  # rows with fewer repeat their end
        extra[r, order] = _extremum(response, w[r], grid[cell], grid[cell + 1], slope[cell], slope[cell + 1])
        of_extra = response.second_moment(extra)
        q = np.concatenate([q, extra], axis=1)
        by_q = np.argsort(q, axis=1, kind="stable")
        q = np.take_along_axis(q, by_q, axis=1)
        value, error = (
            np.take_along_axis(np.concatenate([np.broadcast_to(a, (w.size, a.size)), b], axis=1), by_q, axis=1)
            for a, b in zip((value, error), of_extra, strict=True)
        )
    return _Rows(q, q - w[:, None] * value, w[:, None] * error + EPS * q), row, float(slope.min())


def _extremum(response: Response, w: Floats, low: Floats, high: Floats, at_low: Floats, at_high: Floats) -> Floats:
    """Where w·V′ = 1, by regula falsi in ln q with the Illinois modification."""
    a, b, fa, fb = np.log(low), np.log(high), w * at_low - 1, w * at_high - 1
    x = b
    for _ in range(TURNS):
        x = np.clip(a - fa * (b - a) / np.where(fb == fa, 1.0, fb - fa), np.minimum(a, b), np.maximum(a, b))
        fx = w * response.slope(np.exp(x))[0] - 1
        crossed = fx * fb < 0
        a, fa = np.where(crossed, b, a), np.where(crossed, fb, 0.5 * fa)
        b, fb = x, fx
    return np.exp(x)


def _bracket(rows: _Rows, row: Ints, beta: Floats, q0: float) -> tuple[Ints, Floats, Floats, Bools]:
    """Which way each point sets out from q₀, the piece of E that holds its fixed point, and whether there is one."""
    first = np.argmax(rows.q >= q0, axis=1)
    column, width = np.arange(rows.q.shape[1]), rows.q.shape[1]
    excess = beta - rows.height[row, first[row]]
    sets_out = np.where(np.abs(excess) <= NOISE * rows.noise[row, first[row]], 0, np.sign(excess)).astype(np.intp)
    ceiling = np.where(column >= first[:, None], rows.height - NOISE * rows.noise, -np.inf)
    floor = np.where(column <= first[:, None], rows.height + NOISE * rows.noise, np.inf)
    ceiling = np.maximum.accumulate(ceiling, axis=1)
    floor = np.minimum.accumulate(floor[:, ::-1], axis=1)[:, ::-1]
    reached = _first(lambda at: ceiling[row, at] >= beta, row.size, width)
    passed = _first(lambda at: floor[row, at] > beta, row.size, width)
    found = np.where(sets_out > 0, reached < width, (sets_out < 0) & (passed > 0))
    left = np.clip(np.where(sets_out > 0, reached, passed) - 1, 0, width - 2)
    return sets_out, rows.q[row, left], rows.q[row, left + 1], found


def _first(holds: Callable[[Ints], Bools], points: int, width: int) -> Ints:
    """The first column at which something holds that goes on holding, for each point; `width` if there is none."""
    low, high = np.zeros(points, dtype=np.intp), np.full(points, width, dtype=np.intp)
    while np.any(low < high):
        middle = (low + high) // 2
        true = (low >= high) | holds(np.minimum(middle, width - 1))
        low, high = np.where(true, low, middle + 1), np.where(true, np.minimum(middle, high), high)
    return low


def _count(response: Response, rows: _Rows, row: Ints) -> Ints:
    """How many fixed points there are from 0 to 1e6."""
    beta = response.beta
    steps = np.diff(rows.height, axis=1)
    turns = np.ones(rows.height.shape, dtype=np.bool_)
    turns[:, 1:-1] = np.sign(steps[:, :-1]) * np.sign(steps[:, 1:]) < 0
    chosen = np.argsort(~turns, axis=1, kind="stable")[:, : turns.sum(axis=1).max()]
    chosen = np.where(np.take_along_axis(turns, chosen, axis=1), chosen, rows.q.shape[1] - 1)
    heights, noise = (np.take_along_axis(a, chosen, axis=1) for a in (rows.height, rows.noise))
    at_zero = float(response.second_moment(np.zeros(()))[0])
    starts_at_zero = (beta == 0) & (at_zero == 0)
    side = np.where(starts_at_zero, 0.0, -1.0)  # of E − β: below 0 at q = 0
    count = starts_at_zero.astype(np.intp)
    columns: list[tuple[Any, Any]] = [(heights[:, k], noise[:, k]) for k in range(heights.shape[1])]
    end = float(rows.q[0, -1])
    if end < OTHERS and response.reach(end, OTHERS) == OTHERS:
        value, error = response.second_moment(np.asarray(OTHERS))
        w = np.unique(response.w)
        columns.append((OTHERS - w * float(value), w * float(error) + EPS * OTHERS))
    for height, uncertain in columns:
        excess = height[row] - beta
        told = np.abs(excess) > NOISE * uncertain[row]
        count += told & (side * excess < 0)
        side = np.where(told, np.sign(excess), side)
    return np.asarray(count)


def _close(response: Response, points: Ints, low: Floats, high: Floats) -> Floats:
    """The fixed point in each [low, high], where the excess of the map changes its sign once: bracketed Newton."""
    w, beta = response.w[points], response.beta[points]
    low, high = low.copy(), high.copy()
    ends = [w * response.second_moment(q)[0] + beta - q for q in (low, high)]
    sign = np.where(ends[0] != 0, np.sign(ends[0]), -np.sign(ends[1]))
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.clip(np.nan_to_num(ends[0] / (ends[0] - ends[1]), nan=0.5), 1e-9, 1 - 1e-9)
    q = low * (high / low) ** share
    active = np.arange(q.size)
    for _ in range(STEPS):
        if active.size == 0:
            break
        here = q[active]
        value, error = response.second_moment(here)
        steepness = w[active] * response.slope(here)[0] - 1
        excess = w[active] * value + beta[active] - here
        left = excess * sign[active] > 0
        low[active], high[active] = np.where(left, here, low[active]), np.where(left, high[active], here)
        with np.errstate(invalid="ignore", divide="ignore"):
            newton = here - excess / steepness
        inside = (newton >= low[active]) & (newton <= high[active])
        following = np.where(inside, newton, np.sqrt(low[active] * high[active]))
        last = inside & (np.abs(newton - here) <= QUADRATIC * np.minimum(np.abs(steepness), 1.0) * here)
        done = last | (np.abs(excess) <= 0.5 * w[active] * error) | (high[active] - low[active] <= 2 * EPS * here)
        q[active] = np.where(excess == 0, here, following)
        active = active[~done]
    return q
