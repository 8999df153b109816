"""Where a block's signals settle, each network by itself: what holds for blocks of any form."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from meanfield.networks.layers.network import Network
from meanfield.theory.fixed_points.largest_variance import largest_q
from meanfield.theory.fixed_points.marginal_correlation import marginal_gap
from meanfield.theory.fixed_points.variance import CRITICAL, stable_q
from meanfield.theory.layer_maps import one_point, pair_slope, two_points
from meanfield.theory.states import OnePoint, TwoPoints

__all__ = ["INFINITE", "Settled", "settled", "stable_c"]

Floats = NDArray[np.float64]

TINY = 1e-300  # stands for a distance that is no float
VANISHING = 2.0**-100  # stands for q = 0 where noise parts inputs
INFINITE = 2.0**100  # stands for q = ∞ where an unbounded signal's factors are wanted


class Settled(NamedTuple):
    """Fixed points and slopes of both maps; one entry a network."""

    q: Floats
    chi_parallel: Floats
    chi_1: Floats
    c: Floats
    chi_c: Floats


def settled(block: Network, q0: float = 1.0) -> Settled:
    """The fixed points that are reached from `q0`, for all the block's sigmas, flattened."""
    q = stable_q(block, q0)
    chi_parallel, chi_1, usable = factors(block, q)
    c, chi_c = np.full(q.size, np.nan), np.full(q.size, np.inf)
    for s in np.flatnonzero(usable):
        c[s], chi_c[s] = stable_c(block.take(s), float(q[s]), float(chi_1[s]))
    return Settled(q, chi_parallel, chi_1, c, chi_c)


def factors(block: Network, q: Floats) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """χ_∥ and χ₁ at q, as q → ∞ where that is infinite, and where they are finite."""
    usable = np.isfinite(q)
    if not usable.all() and largest_q(block, 1.0, INFINITE) == INFINITE:
        usable = np.full(q.shape, True)
    signal = one_point(block.take(np.arange(q.size)), OnePoint(np.where(usable, np.minimum(q, INFINITE), 1.0)))
    slope, chi = (np.where(usable, factor, np.inf) for factor in (signal.slope, signal.chi))
    return slope, chi, usable


def stable_c(block: Network, q: float, chi_1: float) -> tuple[float, float]:
    """The stable fixed point of the correlation map at q, and its slope there.

    The map E φ(u)φ(v) is a power series in c with coefficients that are not negative, so it is convex on [0, 1]:
    besides c = 1 it has one fixed point there if the slope at 1 exceeds 1, and none otherwise; c′/c grows towards it.
    Where equal inputs part, as under dropout, 1 is none and there is always another one.
    """
    if q == 0:  # where noise parts inputs, c has a limit of its own as q → 0
        q = VANISHING
        if not float(two_points(block, TwoPoints(q, q, np.asarray(0.0))).d) > 0:
            return 1.0, chi_1
    q = q if np.isfinite(q) else INFINITE
    scale = float(one_point(block, OnePoint(np.asarray(q))).q)  # q itself, unless it is not bounded
    if q == INFINITE and abs(scale / q - 1) <= CRITICAL and np.isfinite(gap := marginal_gap(block, q)):
        return 1.0 - gap, 1.0
    parted = float(two_points(block, TwoPoints(q, q, np.asarray(0.0))).d)
    if parted <= 0 and chi_1 * q / scale <= 1 + CRITICAL:
        return 1.0, chi_1 * q / scale

    def growth(log_gap: float) -> float:
        gap = np.exp(log_gap)
        d = float(two_points(block, TwoPoints(q, q, q * gap)).d)
        return float(np.log(max(d, TINY)) - np.log(scale * gap))

    at_one = growth(0.0)
    if at_one > 1e-13:  # only inputs of a batch end anticorrelated, and their d′ = α d + β
        alpha = float(pair_slope(block, TwoPoints(np.asarray(q), np.asarray(q), np.asarray(q)))) * q / scale
        log_gap = float(np.log((np.exp(at_one) - alpha) / (1.0 - alpha)))
    elif at_one >= -1e-13:
        log_gap = 0.0
    else:
        low = -1.0
        while growth(low) <= 0:
            low = 2 * low - 1
            if low < -600:  # indistinguishable from 1
                return 1.0, chi_1 * q / scale
        log_gap = brentq(growth, low, 0.0, xtol=1e-15, rtol=1e-14)
    gap = float(np.exp(log_gap))
    slope: Any = pair_slope(block, TwoPoints(np.asarray(q), np.asarray(q), np.asarray(q * gap)))
    return 1.0 - gap, float(slope) * q / scale
