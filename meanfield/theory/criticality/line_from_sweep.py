"""Critical weights of a block of any form: where χ₁ crosses 1 as sigma_w grows, at the q that deep networks reach."""

import numpy as np

from meanfield._types import Bools, Floats, Ints
from meanfield.numerics.solve.bracketed import NumberedFunction, root
from meanfield.numerics.solve.first_root import first_root
from meanfield.theory.assumptions.block import Block
from meanfield.theory.criticality.rows import Rows
from meanfield.theory.fixed_points.depth_scales import CRITICAL
from meanfield.theory.fixed_points.finite_variance import largest_q
from meanfield.theory.fixed_points.maps import Signal, signal_map
from meanfield.theory.fixed_points.stable_variance import stable_and_multiple_q

SIGMAS = np.geomspace(1e-3, 1e3, 121)
FARTHEST = 2.0**100  # stands for an unbounded q
CONTINUOUS = 1e-8  # how near to 1 χ₁ gets at a crossing that is no jump
NEAR_ZERO = 1e-6  # a q this small at σ_b = 0 is 0
PRECISION = 1e-12  # of ln σ_w
ROUNDING = 1e-11  # of χ₁ at a q* that is found to rounding
STEP = 1e-3  # of ln σ_w, over which the slope of ln χ₁ is taken
SMALLEST = 1e-300
NOTHING = np.zeros(0)
NO_ROWS = Rows(NOTHING, NOTHING, NOTHING, NOTHING, NOTHING > 0, NOTHING)


def line_from_sweep(block: Block, sigma_b: Floats) -> Rows:
    """The solutions of χ₁ = 1 for each of `sigma_b` whose q is reached from q = 1."""
    if sigma_b.size == 0:
        return NO_ROWS
    sweep = _Sweep(block, sigma_b)
    scan, every = np.log(SIGMAS), np.arange(sigma_b.size)
    q, signal = sweep.reached(*(a.ravel() for a in np.broadcast_arrays(every[:, None], scan)))
    q, chi = q.reshape(every.size, scan.size), signal.chi.reshape(every.size, scan.size)
    level = np.array([_level(row) for row in chi])
    crosses = ((chi[:, :-1] < 1) != (chi[:, 1:] < 1)) & ~(level[:, :-1] | level[:, 1:])
    bias, cell = np.nonzero(crosses)
    found = [_neutral(sweep, np.flatnonzero(level.any(axis=1)), q, level, scan)]
    if bias.size:
        found.append(_crossings(sweep, bias, scan[cell], scan[cell + 1]))
    order = np.argsort(np.concatenate([rows.sigma_b for rows in found]), kind="stable")
    columns = {name: np.concatenate([getattr(rows, name) for rows in found])[order] for name in Rows._fields}
    return Rows(**columns)


class _Sweep:
    """The q that networks reach, and the signal there, by the number of σ_b and by ln σ_w, arrays of one shape."""

    def __init__(self, block: Block, sigma_b: Floats) -> None:
        self.block, self.sigma_b = block, sigma_b

    def networks(self, bias: Ints, log_sigma: Floats) -> Block:
        """The networks with these σ_b and σ_w."""
        return self.block.at(sigma_w=np.exp(log_sigma), sigma_b=self.sigma_b[bias])

    def reached(self, bias: Ints, log_sigma: Floats) -> tuple[Floats, Signal]:
        """The q that each network reaches from q = 1, and the signal behind one block there."""
        networks = self.networks(bias, log_sigma)
        q, _ = stable_and_multiple_q(networks, 1.0)
        finite = np.minimum(q, FARTHEST)
        if np.isinf(q).any():
            finite = np.minimum(finite, largest_q(networks, 1.0, FARTHEST))
        return q, signal_map(networks, finite)

    def at_zero(self, bias: Ints, log_sigma: Floats) -> Signal:
        """The signal behind one block of a signal of q = 0."""
        return signal_map(self.networks(bias, log_sigma), np.zeros(log_sigma.size))


def _neutral(sweep: _Sweep, biases: Ints, q: Floats, level: Bools, scan: Floats) -> Rows:
    """Of each σ_b at which many σ_w in a row are critical the one with q nearest 1."""
    nearest = np.zeros(biases.size)
    for k, bias in enumerate(biases):
        logs = np.log(np.clip(q[bias, level[bias]], 1 / FARTHEST, FARTHEST))
        nearest[k] = np.interp(0.0, logs, scan[level[bias]])
    sigma_w = np.exp(nearest)
    at, slope = np.zeros(0), np.zeros(0)
    if biases.size:
        at, after = sweep.reached(biases, nearest)
        slope = after.slope
    return Rows(sweep.sigma_b[biases], sigma_w, at, slope, np.full(biases.size, True), sigma_w)


def _crossings(sweep: _Sweep, bias: Ints, low: Floats, high: Floats) -> Rows:
    """Where χ₁ first crosses 1 between these ln σ_w; it crosses again where q grows without bound later on."""

    def log_chi(which: Ints, log_sigma: Floats) -> Floats:
        return _log(sweep.reached(bias[which], log_sigma)[1].chi)

    def log_chi_at_zero(which: Ints, log_sigma: Floats) -> Floats:
        return _log(sweep.at_zero(bias[which], log_sigma).chi)

    here = first_root(log_chi, low, high, atol=PRECISION)
    q, signal = sweep.reached(bias, here)
    kept = np.flatnonzero((np.abs(signal.chi - 1) <= CONTINUOUS) & np.isfinite(q))  # elsewhere χ₁ jumps across 1
    bias, low, high, here, q = bias[kept], low[kept], high[kept], here[kept], q[kept]
    slope, chi_error = signal.slope[kept], signal.chi_error[kept]
    if bias.size == 0:
        return NO_ROWS
    growth = np.diff(_around(log_chi, here), axis=1)[:, 0]
    zero = np.flatnonzero((q < NEAR_ZERO) & (sweep.at_zero(bias, here).q == 0))
    if zero.size:
        # A fixed point leaves 0 here, and χ₁ at it grows with the square of what σ_w has beyond the critical one.
        here[zero] = root(lambda which, x: log_chi_at_zero(zero[which], x), low[zero], high[zero], atol=PRECISION)
        signal = sweep.at_zero(bias[zero], here[zero])
        q[zero], slope[zero], chi_error[zero] = 0.0, signal.slope, signal.chi_error
        growth[zero] = np.diff(_around(lambda which, x: log_chi_at_zero(zero[which], x), here[zero]), axis=1)[:, 0]
    steepness, sigma_w = np.abs(growth) / (2 * STEP), np.exp(here)
    error = sigma_w * (2 * PRECISION + (ROUNDING + chi_error) / np.maximum(steepness, 1e-6))
    return Rows(sweep.sigma_b[bias], sigma_w, q, slope, (q == 0) | (np.abs(slope) < 1 - CRITICAL), error)


def _around(function: NumberedFunction, x: Floats) -> Floats:
    """The functions a step before and behind each x, shape (functions, 2)."""
    which = np.repeat(np.arange(x.size), 2)
    return function(which, (x[:, None] + np.array([-STEP, STEP])).ravel()).reshape(-1, 2)


def _log(chi: Floats) -> Floats:
    """ln χ₁, where χ₁ = 0 too."""
    return np.asarray(np.log(np.maximum(chi, SMALLEST)))


def _level(chi: Floats) -> Bools:
    """Where χ₁ is 1 to rounding at three sigma_w in a row or more."""
    flat = np.abs(chi - 1) <= CRITICAL
    middle = np.pad(flat[:-2] & flat[1:-1] & flat[2:], 1)
    return np.asarray(middle | np.append(middle[1:], False) | np.append(False, middle[:-1]))
