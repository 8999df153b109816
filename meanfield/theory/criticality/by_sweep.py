"""Critical weights of a block of any form: where χ₁ crosses 1 as sigma_w grows, at the q that deep networks reach."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from meanfield.networks.layers.network import Network
from meanfield.theory.fixed_points.largest_variance import largest_q
from meanfield.theory.fixed_points.variance import CRITICAL, stable_q
from meanfield.theory.layer_maps import one_point
from meanfield.theory.states import OnePoint

__all__ = ["swept"]

Floats = NDArray[np.float64]

SIGMAS = np.geomspace(1e-3, 1e3, 121)
FARTHEST = 2.0**100  # stands for an unbounded q
CONTINUOUS = 1e-8  # how near to 1 χ₁ must get at a crossing that is no jump
NARROWED, POINTS = 3, 33  # times that a bracket is cut, into how many parts
STEEP = 0.1  # change of ln χ₁ over the last of these beyond which it jumps
NEAR_ZERO = 1e-6  # a q this small at σ_b = 0 is 0
PRECISION = 1e-12  # of ln σ_w
ROUNDING = 1e-11  # of χ₁ at a q* that is found to rounding


def swept(block: Network, sigma_b: float) -> list[tuple[float, float, float, float, bool, float]]:
    """Rows (σ_b, σ_w, q, χ_∥, stable, error) at which χ₁ = 1 with a q that is reached from q = 1."""

    def at(sigma_w: Floats) -> tuple[Floats, OnePoint]:
        networks = block.at(sigma_w=sigma_w, sigma_b=sigma_b)
        q = stable_q(networks)
        finite = np.minimum(q, FARTHEST)
        if np.isinf(q).any():
            finite = np.minimum(finite, largest_q(networks, 1.0, FARTHEST))
        return q, one_point(networks, OnePoint(finite))

    def excess(log_sigma: Floats) -> Floats:
        return _log(at(np.exp(log_sigma))[1].chi, log_sigma.size)

    def excess_at_zero(log_sigma: Floats) -> Floats:
        signal = one_point(block.at(sigma_w=np.exp(log_sigma), sigma_b=sigma_b), OnePoint(np.zeros(log_sigma.size)))
        return _log(signal.chi, log_sigma.size)

    q, signal = at(SIGMAS)
    chi = np.broadcast_to(signal.chi, SIGMAS.shape)
    rows, level = [], _level(chi)
    if level.any():  # all of these sigma_w are critical, and the row is that of q nearest 1
        logs = np.log(np.clip(q[level], 1 / FARTHEST, FARTHEST))
        nearest = float(np.interp(0.0, logs, np.log(SIGMAS[level])))
        q, signal = at(np.exp([nearest]))
        free = float(np.exp(nearest))
        rows.append((sigma_b, free, float(q[0]), float(np.ravel(signal.slope)[0]), True, free))
    crosses = ((chi[:-1] < 1) != (chi[1:] < 1)) & ~(level[:-1] | level[1:])
    for i in np.flatnonzero(crosses):
        bracket = np.log(SIGMAS[i : i + 2]).tolist()
        closer = _closer(excess, *bracket)
        if closer is None:
            continue
        root = _root(excess, *closer)
        q, signal = at(np.exp([root]))
        if abs(float(signal.chi[0]) - 1) > CONTINUOUS or np.isinf(q[0]):
            continue
        change = excess
        if q[0] < NEAR_ZERO and _keeps_zero(block.at(sigma_w=np.exp(root), sigma_b=sigma_b)):
            # A fixed point leaves 0 here, and χ₁ at it grows with the square of what σ_w has beyond the critical one.
            change, root, q = excess_at_zero, _root(excess_at_zero, *bracket), np.zeros(1)
            signal = one_point(block.at(sigma_w=np.exp([root]), sigma_b=sigma_b), OnePoint(q))
        sigma_w, slope = float(np.exp(root)), float(signal.slope[0])
        steepness = float(np.abs(np.diff(change(np.array([root - 1e-3, root + 1e-3])))[0])) / 2e-3
        error = sigma_w * (2 * PRECISION + (ROUNDING + float(signal.chi_error[0])) / max(steepness, 1e-6))
        stable = q[0] == 0 or abs(slope) < 1 - CRITICAL
        rows.append((sigma_b, sigma_w, float(q[0]), slope, bool(stable), error))
    return rows


def _level(chi: Floats) -> NDArray[np.bool_]:
    """Where χ₁ is 1 to rounding at three sigma_w in a row or more."""
    flat = np.abs(chi - 1) <= CRITICAL
    middle = np.pad(flat[:-2] & flat[1:-1] & flat[2:], 1)
    return np.asarray(middle | np.append(middle[1:], False) | np.append(False, middle[:-1]))


def _log(chi: Any, count: int) -> Floats:
    return np.asarray(np.log(np.maximum(np.broadcast_to(chi, count), 1e-300)))


def _closer(function: Callable[[Floats], Floats], low: float, high: float) -> tuple[float, float] | None:
    """A narrow bracket of the first change of sign between `low` and `high`; None if the function jumps there."""
    for _ in range(NARROWED):
        points = np.linspace(low, high, POINTS)
        values = function(points)
        changes = np.flatnonzero((values[:-1] < 0) != (values[1:] < 0))
        if changes.size == 0:  # by rounding
            break
        low, high = points[changes[0]], points[changes[0] + 1]
        change = abs(values[changes[0] + 1] - values[changes[0]])
    return None if changes.size and change > STEEP else (float(low), float(high))


def _root(function: Callable[[Floats], Floats], low: float, high: float) -> float:
    ends = {end: float(function(np.array([end]))[0]) for end in (low, high)}
    if np.prod(np.sign(list(ends.values()))) > 0:  # it is 0 at one of them, but for rounding
        return min(ends, key=lambda end: abs(ends[end]))
    return float(brentq(lambda x: float(function(np.array([x]))[0]), low, high, xtol=PRECISION, rtol=1e-14))


def _keeps_zero(block: Network) -> bool:
    return bool(np.all(one_point(block, OnePoint(np.zeros(()))).q == 0))
