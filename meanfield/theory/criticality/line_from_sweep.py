"""Critical weights of a block of any form: where χ₁ crosses 1 as sigma_w grows, at the q that deep networks reach."""

from collections.abc import Callable

import numpy as np

from meanfield._types import Bools, Floats
from meanfield.numerics.solve.bracketed import root
from meanfield.theory.assumptions.block import Block
from meanfield.theory.criticality.rows import Rows
from meanfield.theory.fixed_points.depth_scales import CRITICAL
from meanfield.theory.fixed_points.finite_variance import largest_q
from meanfield.theory.fixed_points.maps import Signal, signal_map
from meanfield.theory.fixed_points.stable_variance import stable_q

SIGMAS = np.geomspace(1e-3, 1e3, 121)
FARTHEST = 2.0**100  # stands for an unbounded q
CONTINUOUS = 1e-8  # how near to 1 χ₁ gets at a crossing that is no jump
NEAR_ZERO = 1e-6  # a q this small at σ_b = 0 is 0
PRECISION = 1e-12  # of ln σ_w
ROUNDING = 1e-11  # of χ₁ at a q* that is found to rounding
STEP = 1e-3  # of ln σ_w, over which the slope of ln χ₁ is taken
SMALLEST = 1e-300
PARTS = 32  # of a cell, of which the first in which χ₁ crosses 1 is searched


def line_from_sweep(block: Block, sigma_b: Floats) -> Rows:
    """The solutions of χ₁ = 1 for each of `sigma_b` whose q is reached from q = 1."""
    rows = [row for bias in sigma_b for row in _crossings(block, float(bias))]
    columns = [np.array([row[i] for row in rows], dtype=bool if i == 4 else float) for i in range(6)]
    return Rows(*columns)


def _crossings(block: Block, sigma_b: float) -> list[tuple[float, float, float, float, bool, float]]:
    """Rows (σ_b, σ_w, q, χ_∥, stable, error)."""

    def reached(log_sigma: Floats) -> tuple[Floats, Signal]:
        return _reached(block.at(sigma_w=np.exp(log_sigma), sigma_b=sigma_b))

    def at_zero(log_sigma: Floats) -> Signal:
        return signal_map(block.at(sigma_w=np.exp(log_sigma), sigma_b=sigma_b), np.zeros(log_sigma.size))

    log_sigma = np.log(SIGMAS)
    q, signal = reached(log_sigma)
    rows, level = [], _level(signal.chi)
    if level.any():  # all of these sigma_w are critical, and one with q nearest 1 makes the row
        logs = np.log(np.clip(q[level], 1 / FARTHEST, FARTHEST))
        nearest = np.array([np.interp(0.0, logs, log_sigma[level])])
        at, after = reached(nearest)
        sigma_w = float(np.exp(nearest[0]))
        rows.append((sigma_b, sigma_w, float(at[0]), float(after.slope[0]), True, sigma_w))
    crosses = ((signal.chi[:-1] < 1) != (signal.chi[1:] < 1)) & ~(level[:-1] | level[1:])
    cells = np.flatnonzero(crosses)

    def log_chi(log_sigma: Floats) -> Floats:
        return _log(reached(log_sigma)[1].chi)

    def log_chi_at_zero(log_sigma: Floats) -> Floats:
        return _log(at_zero(log_sigma).chi)

    low, high = log_sigma[cells], log_sigma[cells + 1]
    roots = root(lambda _, x: log_chi(x), *_first_crossing(log_chi, low, high), atol=PRECISION)
    for k in range(cells.size):
        here, growth = roots[k : k + 1], log_chi
        q, signal = reached(here)
        if abs(float(signal.chi[0]) - 1) > CONTINUOUS or np.isinf(q[0]):  # it jumps across 1
            continue
        if q[0] < NEAR_ZERO and np.all(at_zero(here).q == 0):
            # A fixed point leaves 0 here, and χ₁ at it grows with the square of what σ_w has beyond the critical one.
            growth, q = log_chi_at_zero, np.zeros(1)
            here = root(lambda _, x: log_chi_at_zero(x), low[k : k + 1], high[k : k + 1], atol=PRECISION)
            signal = at_zero(here)
        sigma_w, slope = float(np.exp(here[0])), float(signal.slope[0])
        steepness = float(np.abs(np.diff(growth(here[0] + np.array([-STEP, STEP])))[0])) / (2 * STEP)
        error = sigma_w * (2 * PRECISION + (ROUNDING + float(signal.chi_error[0])) / max(steepness, 1e-6))
        stable = q[0] == 0 or abs(slope) < 1 - CRITICAL
        rows.append((sigma_b, sigma_w, float(q[0]), slope, bool(stable), error))
    return rows


def _reached(networks: Block) -> tuple[Floats, Signal]:
    """The q that each network reaches from q = 1, and the signal behind one block there."""
    q = stable_q(networks)
    finite = np.minimum(q, FARTHEST)
    if np.isinf(q).any():
        finite = np.minimum(finite, largest_q(networks, 1.0, FARTHEST))
    return q, signal_map(networks, finite)


def _log(chi: Floats) -> Floats:
    """ln χ₁, where χ₁ = 0 too."""
    return np.asarray(np.log(np.maximum(chi, SMALLEST)))


def _first_crossing(log_chi: Callable[[Floats], Floats], low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """The part of each cell in which χ₁ first crosses 1; it crosses again where q grows without bound later on."""
    if low.size == 0:
        return low, high
    points = np.linspace(low, high, PARTS + 1, axis=1)
    below = (log_chi(points.ravel()) < 0).reshape(points.shape)
    changes = below[:, :-1] != below[:, 1:]
    cell, first, found = np.arange(low.size), np.argmax(changes, axis=1), changes.any(axis=1)
    return np.where(found, points[cell, first], low), np.where(found, points[cell, first + 1], high)


def _level(chi: Floats) -> Bools:
    """Where χ₁ is 1 to rounding at three sigma_w in a row or more."""
    flat = np.abs(chi - 1) <= CRITICAL
    middle = np.pad(flat[:-2] & flat[1:-1] & flat[2:], 1)
    return np.asarray(middle | np.append(middle[1:], False) | np.append(False, middle[:-1]))
