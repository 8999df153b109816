"""Where the signal settles with depth, and how fast it forgets: q*, c*, χ and ξ (Poole 2016, Schoenholz 2017)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from meanfield.networks.network import Network, as_block
from meanfield.theory.fixed_points import CRITICAL, stable_q
from meanfield.theory.kernels import one_point, pair_slope, two_points
from meanfield.theory.reach import largest_q
from meanfield.theory.signal import OnePoint, TwoPoints

__all__ = ["Analysis", "analyze", "depth_scale"]

Floats = NDArray[np.float64]

INFINITE = 2.0**100  # stands for q = ∞ where an unbounded signal's factors are wanted


@dataclass(frozen=True)
class Analysis:
    """Fixed points, stability and depth scales of a repeated block; arrays of the broadcast shape of its sigmas.

    Attributes
    ----------
    q_star : ndarray
        The fixed point of the variance map that is reached from q = 1; 0 if the signal dies out, inf if it is
        unbounded.
    chi_parallel : ndarray
        dq′/dq at q_star.
    chi_1 : ndarray
        Growth factor a layer of the mean squared gradient of one input; for an MLP also the slope of the correlation
        map at c = 1. Infinite where the activation jumps.
    c_star : ndarray
        The stable fixed point of the correlation map, in [−1, 1]; nan where an unbounded q takes the moments beyond
        floats.
    chi_c : ndarray
        Slope of the correlation map at c_star.
    xi_q, xi_c : ndarray
        Depth scales of second moment and correlation, −1/ln|chi_parallel| and −1/ln chi_c, in layers; inf at
        criticality.
    xi_gradient : ndarray
        −1/ln chi_1, in layers; negative where gradients grow.
    phase : ndarray of str
        "ordered" (chi_1 < 1), "critical", "chaotic" (chi_1 > 1) or "unbounded" (q grows without limit).
    """

    q_star: Floats
    chi_parallel: Floats
    chi_1: Floats
    c_star: Floats
    chi_c: Floats
    xi_q: Floats
    xi_c: Floats
    xi_gradient: Floats
    phase: NDArray[np.str_]


def analyze(block: Any) -> Analysis:
    """Fixed points, stability and depth scales of a block repeated in depth.

    Parameters
    ----------
    block : Network or activation
        A bare activation means ``mlp(activation)``, with sigma_w = 1 and sigma_b = 0.

    Returns
    -------
    Analysis
        Arrays of the broadcast shape of the block's sigmas (0-d for scalars).

    References
    ----------
    Poole et al. 2016 (arXiv:1606.05340), eqs. 3–9; Schoenholz et al. 2017 (arXiv:1611.01232), eqs. 7–9 and 18.

    Examples
    --------
    >>> import meanfield as mf
    >>> a = mf.analyze(mf.mlp("tanh", 1.3, 0.3))
    >>> print(f"{a.q_star:.12f} {a.chi_1:.12f} {a.xi_c:.6f} {a.phase}")
    0.607046791909 0.939807428682 16.108173 ordered
    """
    block = as_block(block)
    q_star = stable_q(block)
    chi_parallel, chi_1, usable = _factors(block, q_star)
    one_minus_c, chi_c = np.full(q_star.size, np.nan), np.full(q_star.size, np.inf)
    for s in np.flatnonzero(usable):
        one_minus_c[s], chi_c[s] = _stable_c(block.take(s), float(q_star[s]), float(chi_1[s]))
    phase = np.where(chi_1 < 1, "ordered", "chaotic")
    phase = np.where(np.abs(chi_1 - 1) <= CRITICAL, "critical", phase)
    phase = np.where(np.isinf(q_star), "unbounded", phase)
    fields = (
        q_star,
        chi_parallel,
        chi_1,
        1.0 - one_minus_c,
        chi_c,
        depth_scale(np.abs(chi_parallel)),
        depth_scale(chi_c),
        depth_scale(chi_1),
        phase,
    )
    return Analysis(*(np.asarray(field).reshape(block.shape) for field in fields))


def _factors(block: Network, q_star: Floats) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """χ_∥ and χ₁ at q*, as q → ∞ where that is infinite, and where they are finite."""
    usable = np.isfinite(q_star)
    if not usable.all() and largest_q(block, 1.0, INFINITE) == INFINITE:
        usable = np.full(q_star.shape, True)
    signal = one_point(
        block.take(np.arange(q_star.size)), OnePoint(np.where(usable, np.minimum(q_star, INFINITE), 1.0))
    )
    slope, chi = (np.where(usable, factor, np.inf) for factor in (signal.slope, signal.chi))
    return slope, chi, usable


def depth_scale(factor: Floats) -> Floats:
    """−1/ln(factor), in layers; inf where the factor is 1."""
    with np.errstate(divide="ignore"):
        return np.where(np.abs(factor - 1) <= CRITICAL, np.inf, -1.0 / np.log(factor))


def _stable_c(block: Network, q: float, chi_1: float) -> tuple[float, float]:
    """1 − c at the stable fixed point of the correlation map at q, and its slope there.

    The map E φ(u)φ(v) is a power series in c with coefficients that are not negative, so it is convex on [0, 1]:
    besides c = 1 it has one fixed point there if the slope at 1 exceeds 1, and none otherwise; c′/c grows towards it.
    """
    if q == 0:
        return 0.0, chi_1
    q = q if np.isfinite(q) else INFINITE
    scale = float(one_point(block, OnePoint(np.asarray(q))).q)  # q itself, unless it is not bounded
    if chi_1 * q / scale <= 1 + CRITICAL:
        return 0.0, chi_1 * q / scale

    def growth(log_gap: float) -> float:
        gap = np.exp(log_gap)
        return float(np.log(two_points(block, TwoPoints(q, q, q * gap)).d / (scale * gap)))

    if growth(0.0) >= -1e-13:
        log_gap = 0.0
    else:
        low = -1.0
        while growth(low) <= 0:
            low = 2 * low - 1
            if low < -600:  # indistinguishable from 1
                return 0.0, chi_1 * q / scale
        log_gap = brentq(growth, low, 0.0, xtol=1e-15, rtol=1e-14)
    gap = float(np.exp(log_gap))
    return gap, float(pair_slope(block, TwoPoints(np.asarray(q), np.asarray(q), np.asarray(q * gap)))) * q / scale
