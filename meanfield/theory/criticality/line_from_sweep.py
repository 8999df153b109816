"""Critical weights of a block of any form: where χ₁ crosses 1 as sigma_w grows, at the q that deep networks reach."""

import numpy as np

from meanfield._types import Bools, Floats
from meanfield.numerics.solve.bracketed import root
from meanfield.theory.assumptions.block import Block
from meanfield.theory.criticality.rows import Rows
from meanfield.theory.fixed_points.depth_scales import CRITICAL
from meanfield.theory.fixed_points.finite_variance import largest_q
from meanfield.theory.fixed_points.maps import Signal, signal_map
from meanfield.theory.fixed_points.stable_variance import stable_q
from meanfield.theory.fixed_points.variance import keeps_zero

SIGMAS = np.geomspace(1e-3, 1e3, 121)
FARTHEST = 2.0**100  # stands for an unbounded q
CONTINUOUS = 1e-8  # how near to 1 χ₁ gets at a crossing that is no jump
NEAR_ZERO = 1e-6  # a q this small at σ_b = 0 is 0
PRECISION = 1e-12  # of ln σ_w
ROUNDING = 1e-11  # of χ₁ at a q* that is found to rounding
STEP = 1e-3  # of ln σ_w, over which the slope of ln χ₁ is taken
SMALLEST = 1e-300
PARTS = 32  # of a cell, of which the first in which χ₁ crosses 1 is searched


class _Sweep:
    """ln χ₁ of a block as a function of ln σ_w, at one σ_b."""

    def __init__(self, block: Block, sigma_b: float) -> None:
        self.block, self.sigma_b = block, sigma_b

    def at(self, log_sigma: Floats) -> tuple[Floats, Signal]:
        """q reached from q = 1, and the signal behind one block there."""
        networks = self._networks(log_sigma)
        q = stable_q(networks)
        finite = np.minimum(q, FARTHEST)
        if np.isinf(q).any():
            finite = np.minimum(finite, largest_q(networks, 1.0, FARTHEST))
        return q, signal_map(networks, finite)

    def log_chi(self, log_sigma: Floats) -> Floats:
        """ln χ₁ at the q that is reached."""
        return np.asarray(np.log(np.maximum(self.at(log_sigma)[1].chi, SMALLEST)))

    def signal_at_zero(self, log_sigma: Floats) -> Signal:
        """The signal behind one block at q = 0."""
        return signal_map(self._networks(log_sigma), np.zeros(log_sigma.size))

    def log_chi_at_zero(self, log_sigma: Floats) -> Floats:
        """ln χ₁ at q = 0."""
        return np.asarray(np.log(np.maximum(self.signal_at_zero(log_sigma).chi, SMALLEST)))

    def keeps_zero(self, log_sigma: Floats) -> bool:
        """Whether a signal of q = 0 stays 0."""
        return keeps_zero(self._networks(log_sigma))

    def _networks(self, log_sigma: Floats) -> Block:
        return self.block.at(sigma_w=np.exp(log_sigma), sigma_b=self.sigma_b)


def line_from_sweep(block: Block, sigma_b: Floats) -> Rows:
    """The solutions of χ₁ = 1 for each of `sigma_b` whose q is reached from q = 1."""
    rows = [row for bias in sigma_b for row in _crossings(_Sweep(block, float(bias)))]
    columns = [np.array([row[i] for row in rows], dtype=bool if i == 4 else float) for i in range(6)]
    return Rows(*columns)


def _crossings(sweep: _Sweep) -> list[tuple[float, float, float, float, bool, float]]:
    """Rows (σ_b, σ_w, q, χ_∥, stable, error)."""
    log_sigma = np.log(SIGMAS)
    q, signal = sweep.at(log_sigma)
    rows, level = [], _level(signal.chi)
    if level.any():  # all of these sigma_w are critical, and one with q nearest 1 makes the row
        logs = np.log(np.clip(q[level], 1 / FARTHEST, FARTHEST))
        nearest = np.array([np.interp(0.0, logs, log_sigma[level])])
        at, after = sweep.at(nearest)
        sigma_w = float(np.exp(nearest[0]))
        rows.append((sweep.sigma_b, sigma_w, float(at[0]), float(after.slope[0]), True, sigma_w))
    crosses = ((signal.chi[:-1] < 1) != (signal.chi[1:] < 1)) & ~(level[:-1] | level[1:])
    cells = np.flatnonzero(crosses)
    low, high = log_sigma[cells], log_sigma[cells + 1]
    roots = root(lambda _, x: sweep.log_chi(x), *_first_crossing(sweep, low, high), atol=PRECISION)
    for k in range(cells.size):
        here = roots[k : k + 1]
        q, signal = sweep.at(here)
        if abs(float(signal.chi[0]) - 1) > CONTINUOUS or np.isinf(q[0]):  # it jumps across 1
            continue
        log_chi = sweep.log_chi
        if q[0] < NEAR_ZERO and sweep.keeps_zero(here):
            # A fixed point leaves 0 here, and χ₁ at it grows with the square of what σ_w has beyond the critical one.
            log_chi, q = sweep.log_chi_at_zero, np.zeros(1)
            here = root(lambda _, x: sweep.log_chi_at_zero(x), low[k : k + 1], high[k : k + 1], atol=PRECISION)
            signal = sweep.signal_at_zero(here)
        sigma_w, slope = float(np.exp(here[0])), float(signal.slope[0])
        steepness = float(np.abs(np.diff(log_chi(here[0] + np.array([-STEP, STEP])))[0])) / (2 * STEP)
        error = sigma_w * (2 * PRECISION + (ROUNDING + float(signal.chi_error[0])) / max(steepness, 1e-6))
        stable = q[0] == 0 or abs(slope) < 1 - CRITICAL
        rows.append((sweep.sigma_b, sigma_w, float(q[0]), slope, bool(stable), error))
    return rows


def _first_crossing(sweep: _Sweep, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """The part of each cell in which χ₁ first crosses 1; it crosses again where q grows without bound later on."""
    if low.size == 0:
        return low, high
    points = np.linspace(low, high, PARTS + 1, axis=1)
    below = (sweep.log_chi(points.ravel()) < 0).reshape(points.shape)
    changes = below[:, :-1] != below[:, 1:]
    cell, first, found = np.arange(low.size), np.argmax(changes, axis=1), changes.any(axis=1)
    return np.where(found, points[cell, first], low), np.where(found, points[cell, first + 1], high)


def _level(chi: Floats) -> Bools:
    """Where χ₁ is 1 to rounding at three sigma_w in a row or more."""
    flat = np.abs(chi - 1) <= CRITICAL
    middle = np.pad(flat[:-2] & flat[1:-1] & flat[2:], 1)
    return np.asarray(middle | np.append(middle[1:], False) | np.append(False, middle[:-1]))
