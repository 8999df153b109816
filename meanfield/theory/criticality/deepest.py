"""How deep signals carry where nothing is critical: the sigma_w at which correlations and gradients last longest."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, elementwise

from meanfield.networks.layers.network import Network
from meanfield.theory.fixed_points.analysis import depth_scale
from meanfield.theory.fixed_points.correlation import INFINITE, factors
from meanfield.theory.fixed_points.largest_variance import largest_q
from meanfield.theory.fixed_points.variance import CRITICAL, stable_q
from meanfield.theory.layer_maps import one_point, pair_slope, two_points
from meanfield.theory.states import OnePoint, TwoPoints

__all__ = ["TRAINABLE", "Deepest", "correlation_scale", "deepest"]

Floats = NDArray[np.float64]

TRAINABLE = 6.0  # layers that train, in units of the depth scale (Schoenholz et al. 2017, section 5)
INDEPENDENT = 1e-13  # by how much ln d′/d at c = 0 differs from 0 at least if c* does
HUGE = 1e300
SMALL = 1e-20  # stands for q → 0, where what noise does to correlations is a limit
CLOSEST = -69.0  # ln(1 − c) from where on a c* of equal inputs that do not part is looked for
SPAN = np.log(1e2)  # of ln σ_w that is searched, to both sides
SCANNED = 41  # points of the scan
TIE = 1e-9  # relative difference of depth scales below which the middle of the scan, or a critical sigma_w, is best
CLOSE: Any = {"xatol": 1e-8, "xrtol": 0.0, "fatol": 0.0, "frtol": 0.0}
TIGHT: Any = {"xatol": 1e-15, "xrtol": 1e-14, "fatol": 0.0, "frtol": 0.0}


@dataclass(frozen=True)
class Deepest:
    """Where signals carry deepest, one entry per sigma_b; nan where no sigma_w is best.

    Maximised is the smaller of xi_c and |xi_gradient|, over sigma_w from 0.01 to 100 times the one at which
    gradients keep their size at q = 1, as far as q does not grow exponentially; in a tie that is where chi_1 = 1.

    Attributes
    ----------
    sigma_b, sigma_w : ndarray, shape (biases,)
        Standard deviations of biases and of weights (times √fan_in).
    q : ndarray
        Second moment that is reached from q = 1 there; may be 0 or inf.
    xi_c, xi_gradient : ndarray
        Depth scales of correlation and gradient, in layers, as of `analyze`.
    depth : ndarray
        6·min(xi_c, |xi_gradient|): layers that train.
    """

    sigma_b: Floats
    sigma_w: Floats
    q: Floats
    xi_c: Floats
    xi_gradient: Floats
    depth: Floats


def correlation_scale(block: Network, q: Floats, chi_1: Floats) -> Floats:
    """ξ_c at the q of each of the block's networks; at q = 0 and ∞ the limit."""
    dies, q = q == 0, np.clip(q, SMALL, INFINITE)
    count = np.arange(q.size)
    scale = np.broadcast_to(one_point(block.take(count), OnePoint(q)).q, q.shape)  # q itself, unless it does not stay
    parted = np.broadcast_to(two_points(block.take(count), TwoPoints(q, q, np.zeros(q.shape))).d, q.shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        chi_c = np.where(dies, chi_1, np.where(scale > 0, chi_1 * q / scale, np.nan))
        low = np.maximum(np.log(0.5 * parted / scale), CLOSEST)

    def growth(log_gap: Any, which: Any) -> Any:
        which = which.astype(np.intp)
        at, gap = q[which], np.exp(log_gap)
        d = two_points(block.take(which), TwoPoints(at, at, at * gap)).d
        return np.log(d / (scale[which] * gap))

    apart = np.flatnonzero((scale > 0) & ((parted > 0) | (chi_c > 1 + CRITICAL)))
    if apart.size == 0:
        return depth_scale(chi_c)
    log_gap = np.zeros(apart.size)  # of independent inputs, which stay so where no mean and no bias is shared
    meet = growth(log_gap, apart) < -INDEPENDENT
    if meet.any():
        found: Any = elementwise.find_root(
            growth, (low[apart[meet]], log_gap[meet]), args=(apart[meet].astype(np.float64),), tolerances=TIGHT
        )
        log_gap[meet] = found.x
    at = q[apart]
    slope = pair_slope(block.take(apart), TwoPoints(at, at, at * np.exp(log_gap)))
    chi_c[apart] = slope * at / scale[apart]
    return depth_scale(chi_c)


def deepest(block: Network, sigma_b: Floats, critical: Sequence[Floats] = ()) -> Deepest:
    """The sigma_w for each sigma_b, `critical` ones (for each sigma_b) among them; other parameters are scalars."""

    def measured(log_sigma: Floats, which: Any) -> tuple[Floats, Floats, Floats]:
        """q, ξ_c and ξ_gradient; nan where q grows exponentially."""
        networks = block.at(sigma_w=np.exp(log_sigma), sigma_b=sigma_b[which.astype(np.intp)])
        q = stable_q(networks)
        chi_parallel, chi_1, usable = factors(networks, q)
        chosen = np.flatnonzero(usable & (np.isfinite(q) | (np.abs(chi_parallel - 1) <= CRITICAL)))
        xi_c, xi_gradient = np.full(q.size, np.nan), np.full(q.size, np.nan)
        if chosen.size:
            xi_c[chosen] = correlation_scale(networks.take(chosen), q[chosen], chi_1[chosen])
            xi_gradient[chosen] = depth_scale(chi_1[chosen])
        return q, xi_c, xi_gradient

    def shallowness(log_sigma: Floats, which: Any) -> Floats:
        _, xi_c, xi_gradient = measured(log_sigma.ravel(), which.ravel())
        scale = np.nan_to_num(np.minimum(xi_c, np.abs(xi_gradient)), nan=0.0, posinf=HUGE)
        return np.asarray(-np.log(np.maximum(scale, 1 / HUGE)).reshape(log_sigma.shape))

    every = np.arange(sigma_b.size)
    scan = _centre(block) + np.linspace(-SPAN, SPAN, SCANNED)
    values = shallowness(*np.broadcast_arrays(scan, every[:, None]))
    ties = values <= values.min(axis=1, keepdims=True) + TIE
    index = np.argmin(np.where(ties, np.abs(np.arange(SCANNED) - SCANNED // 2), SCANNED), axis=1)
    log_sigma, least = np.full(every.size, np.nan), values[every, index]
    inside = np.flatnonzero((index > 0) & (index < SCANNED - 1) & (least < np.log(HUGE)))
    if inside.size:
        bracket = tuple(scan[index[inside] + shift] for shift in (-1, 0, 1))
        search: Any = elementwise.find_minimum(shallowness, bracket, args=(inside.astype(float),), tolerances=CLOSE)
        flat = ~search.success  # the bracket is, so any of it will do
        log_sigma[inside] = np.where(flat, scan[index[inside]], search.x)
        least[inside] = np.where(flat, least[inside], search.f_x)
    marginal = _marginal(block)
    for row in range(every.size):
        for candidate in np.log([*(critical[row] if critical else ()), *marginal]):
            if shallowness(np.array([candidate]), np.array([row])) <= least[row] + TIE:
                log_sigma[row] = candidate
    q, xi_c, xi_gradient = np.full((3, every.size), np.nan)
    best = np.flatnonzero(np.isfinite(log_sigma))
    if best.size:
        q[best], xi_c[best], xi_gradient[best] = measured(log_sigma[best], best)
    return Deepest(sigma_b, np.exp(log_sigma), q, xi_c, xi_gradient, TRAINABLE * np.minimum(xi_c, np.abs(xi_gradient)))


def _marginal(block: Network) -> list[float]:
    """The σ_w, if any is in sight, at which q grows without bound but not exponentially."""
    if largest_q(block.at(sigma_w=1.0, sigma_b=0.0), 1.0, INFINITE) < INFINITE:
        return []

    def growth(log_sigma: float) -> float:
        after = one_point(block.at(sigma_w=np.exp(log_sigma), sigma_b=0.0), OnePoint(np.asarray(INFINITE)))
        return float(after.q) / INFINITE - 1.0

    ends = _centre(block) - SPAN, _centre(block) + SPAN
    if not growth(ends[0]) < 0 < growth(ends[1]):
        return []
    return [float(np.exp(brentq(growth, *ends, xtol=1e-15, rtol=1e-14)))]


def _centre(block: Network) -> float:
    """ln σ_w near which gradients keep their size at q = 1."""
    weighted = sum("sigma_w" in layer.parameters for layer in block.walk())
    chi = float(one_point(block.at(sigma_w=1.0, sigma_b=0.0), OnePoint(np.asarray(1.0))).chi)
    return float(-0.5 * np.log(chi) / weighted) if 0 < chi < np.inf else 0.0
