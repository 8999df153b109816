"""Tables of E(q) = q − F(q) for many curves F, in which E is monotonic between neighbours.

Where every network has a curve of its own, and the curves rise, most of a table can be left out. A curve that rises has
no fixed point between a and b if F(a) > b or F(b) < a. The search for the cells of the grid that may have one begins
with two octaves and halves them. Of a straight line the ends are enough.
"""

from typing import NamedTuple

import numpy as np

from meanfield._types import Bools, Floats, Ints
from meanfield.numerics.solve.bracketed import root
from meanfield.numerics.solve.fixed_points import PER_OCTAVE, logarithmic_grid
from meanfield.theory.fixed_points.variance_curves import VarianceCurves

TURN = 1e-8  # error of ln q at an extremum: its height is then known to 1e-16
ROUNDING = float(np.finfo(float).eps)
FIRST = 2 * PER_OCTAVE  # points of the grid in an interval that the search begins with
STRAIGHT = 1e-13  # largest distance of F from a straight line, relative to F, where it is one
CLEARLY = 1.1  # by which factor F(a) exceeds b, or a exceeds F(b), where intervals are left out


class Tables(NamedTuple):
    """E for each curve at ascending q, between which it is monotonic or keeps its sign."""

    curve: Ints  # (curves,)
    q: Floats  # (curves, points)
    height: Floats  # E(q)
    noise: Floats  # bound on its error
    steepest: Floats  # (curves,): the least slope of F on the grid


class _Samples(NamedTuple):
    """F at points of the grid; arrays of shape (curves, points). Rows with fewer points repeat their last one."""

    column: Ints  # number of the point in the grid
    height: Floats  # E
    error: Floats
    slope: Floats  # of F

    def turns(self) -> Bools:
        """Whether E has an extremum between neighbours, shape (curves, points − 1): it falls where F′ > 1."""
        falling = self.slope > 1
        return np.asarray((falling[:, :-1] != falling[:, 1:]) & (np.diff(self.column, axis=1) == 1))


def tabulated(maps: VarianceCurves, networks: Ints, low: float, high: float, q0: float) -> tuple[Tables, Ints]:
    """E on a grid and at its extrema for each distinct curve, and the number of each network's curve among them."""
    curve, row = np.unique(maps.curve[networks], return_inverse=True)
    grid = logarithmic_grid(low, high)
    grid = np.unique(np.r_[grid if low < 1 < high else grid[::PER_OCTAVE], high, q0])
    kept = np.unique(np.r_[np.arange(0, grid.size, FIRST), np.searchsorted(grid, q0), grid.size - 1])
    if maps.rise_apart:
        samples = _sampled_where_needed(maps, curve, grid, kept)
        turns = samples.turns() & _may_cross(samples.height, grid[samples.column])
    else:
        samples = _sampled(maps, curve, grid, np.arange(grid.size))
        turns = samples.turns()
    q, height, error = grid[samples.column], samples.height, samples.error
    if turns.any():
        q, height, error = _with_extrema(maps, curve, turns, q, height, error)
    return Tables(curve, q, height, error + ROUNDING * q, samples.slope.min(axis=1)), row


def _sampled(maps: VarianceCurves, curve: Ints, grid: Floats, column: Ints) -> _Samples:
    """All curves at these points of the grid."""
    shape = (curve.size, column.size)
    value, error, slope = (np.broadcast_to(a.T, shape) for a in maps.without_bias(curve, grid[column][:, None]))
    return _Samples(np.broadcast_to(column, shape), grid[column] - value, error, slope)


def _sampled_where_needed(maps: VarianceCurves, curve: Ints, grid: Floats, kept: Ints) -> _Samples:
    """Curves that rise, at the points `kept`, and at those between them next to which a fixed point may be."""
    height, error, slope = dense = [np.full((curve.size, grid.size), np.nan) for _ in range(3)]
    first = _sampled(maps, curve, grid, kept)
    for array, sampled in zip(dense, first[1:], strict=True):
        array[:, kept] = sampled
    bent = ~_is_straight(first, grid[kept])
    row, cell = np.nonzero(_may_cross(first.height, grid[first.column]) & bent[:, None])
    left, right = kept[cell], kept[cell + 1]
    while row.size:
        wide = np.flatnonzero(right > left + 1)
        row, left, right = row[wide], left[wide], right[wide]
        if row.size == 0:
            break
        middle = (left + right) // 2
        value, error[row, middle], slope[row, middle] = maps.without_bias(curve[row], grid[middle])
        height[row, middle] = grid[middle] - value
        ends = np.stack([left, middle, right], axis=1)
        half, side = np.nonzero(_may_cross(height[row[:, None], ends], grid[ends]))
        row, left, right = row[half], ends[half, side], ends[half, side + 1]
    fallen = np.flatnonzero((slope < 0).any(axis=1))
    if fallen.size:
        for array, sampled in zip(dense, _sampled(maps, curve[fallen], grid, np.arange(grid.size))[1:], strict=True):
            array[fallen] = sampled
    return _compressed(*dense)


def _is_straight(samples: _Samples, q: Floats) -> Bools:
    """Whether F is an affine function of q to rounding, shape (curves,), as behind norms and of scale-invariant φ."""
    image = q - samples.height
    share = (q - q[0]) / (q[-1] - q[0])
    chord = (1 - share) * image[:, :1] + share * image[:, -1:]
    return np.asarray((np.abs(image - chord) <= STRAIGHT * chord).all(axis=1) & (q.size > 2))


def _may_cross(height: Floats, q: Floats) -> Bools:
    """Whether rising curves with these E at q may have a fixed point between neighbours in a row."""
    image = q - height
    above, below = image[:, :-1] > CLEARLY * q[:, 1:], CLEARLY * image[:, 1:] < q[:, :-1]
    return np.asarray(~(above | below))


def _compressed(height: Floats, error: Floats, slope: Floats) -> _Samples:
    """Arrays on the whole grid without the points that are nan."""
    row, column = np.nonzero(~np.isnan(height))
    number = np.bincount(row, minlength=height.shape[0])
    place = np.arange(row.size) - np.repeat(np.cumsum(number) - number, number)
    at = np.full((number.size, number.max()), height.shape[1] - 1)
    at[row, place] = column
    return _Samples(at, *(np.take_along_axis(array, at, axis=1) for array in (height, error, slope)))


def _with_extrema(
    maps: VarianceCurves, curve: Ints, turns: Bools, q: Floats, height: Floats, error: Floats
) -> tuple[Floats, Floats, Floats]:
    """q, E and the bounds on its error, with the extrema that are between neighbours."""
    row, left = np.nonzero(turns)
    at = _extrema(maps, curve[row], q[row, left], q[row, left + 1])
    value, bound, _ = maps.without_bias(curve[row], at)
    order = np.arange(row.size) - np.searchsorted(row, row)  # number of the extremum within its row
    found = []
    for array, extrema in ((q, at), (height, at - value), (error, bound)):
        more = np.repeat(array[:, -1:], int(order.max()) + 1, axis=1)  # rows with fewer repeat their end
        more[row, order] = extrema
        found.append(np.concatenate([array, more], axis=1))
    by_q = np.argsort(found[0], axis=1, kind="stable")
    q, height, error = (np.take_along_axis(array, by_q, axis=1) for array in found)
    return q, height, error


def _extrema(maps: VarianceCurves, curve: Ints, low: Floats, high: Floats) -> Floats:
    """Where F′ = 1 in each [low, high]."""

    def steepness(which: Ints, log_q: Floats) -> Floats:
        return maps.without_bias(curve[which], np.exp(log_q))[2] - 1

    return np.exp(root(steepness, np.log(low), np.log(high), atol=TURN))
