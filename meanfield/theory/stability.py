"""Where the signal settles with depth, and how fast it forgets: q*, c*, χ and ξ (Poole 2016, Schoenholz 2017)."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from meanfield.arguments import positive
from meanfield.errors import InvalidInput
from meanfield.networks.network import Network, as_block
from meanfield.numerics.fixed_points import Map, logarithmic_grid, solve
from meanfield.theory.kernels import one_point, pair_slope, two_points
from meanfield.theory.reach import largest_q
from meanfield.theory.signal import OnePoint, TwoPoints

__all__ = ["CRITICAL", "Analysis", "FixedPoint", "analyze", "depth_scale", "fixed_points", "stable_q"]

Floats = NDArray[np.float64]

CRITICAL = 1e-9  # a factor within this of 1 is 1: ten times what parameters given to ten digits leave
LOWEST = 1e-12  # fixed points of q are looked for from here on, or from below the image of 0
SMALLEST = 1e-100  # but no lower
FARTHEST = 1e100
STAGES = (1e3, 1e6, 1e12, 1e30)  # and up to here, one after the other as long as q still grows there
INFINITE = 2.0**100  # stands for q = ∞ where an unbounded signal's factors are wanted
ORBIT = 2000  # layers for which the map is iterated where it is not monotonic


@dataclass(frozen=True)
class FixedPoint:
    """A fixed point of the variance map.

    Attributes
    ----------
    q : float
        The second moment that the block reproduces.
    slope : float
        dq′/dq there (χ_∥).
    stable : bool
        Whether q returns to it from both sides (from above, for q = 0).
    """

    q: float
    slope: float
    stable: bool


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


def fixed_points(block: Any, *, q_max: float = 1e6) -> tuple[FixedPoint, ...]:
    """Every fixed point of the variance map in [0, q_max].

    Parameters
    ----------
    block : Network or activation
        With scalar sigmas; a bare activation means ``mlp(activation)``.
    q_max : float
        Upper end of the search, > 0.

    Returns
    -------
    tuple of FixedPoint
        Ascending in q; empty if there is none. A map that reproduces every q (ReLU at sigma_w² = 2) gives one neutral
        fixed point at q = 1, which is not stable.

    Raises
    ------
    InvalidInput
        If sigma_w or sigma_b are arrays, or `q_max` is not positive.

    References
    ----------
    Roberts, Yaida & Hanin 2022 (arXiv:2106.10165), chapter 5, on how many there are and which are stable.

    Examples
    --------
    GELU can have two, and only the lower one is stable:

    >>> import meanfield as mf
    >>> for point in mf.fixed_points(mf.mlp("gelu", 2.05**0.5, 0.1**0.5)):
    ...     print(f"{point.q:.4f} {point.slope:.4f} {point.stable}")
    0.3865 0.8783 True
    2.3166 1.0318 False
    """
    block = as_block(block)
    if block.shape != ():
        raise InvalidInput(f"fixed_points takes one sigma_w and sigma_b, not arrays of shape {block.shape}")
    reach = positive(q_max, "q_max")
    if reach.ndim or reach > FARTHEST:
        raise InvalidInput(f"q_max must be one number of at most {FARTHEST:g}")
    q_max = float(reach)
    mapping = _variance_maps(block)
    low = min(_lowest(block), 1e-3 * q_max)
    roots = solve(mapping, 1, logarithmic_grid(low, largest_q(block, low, q_max)))
    if roots.neutral[0]:
        return (FixedPoint(min(1.0, q_max), 1.0, False),)
    candidates = ([0.0] if _starts_at_zero(block) else []) + [float(q) for q in roots.q]
    return tuple(_describe(mapping, q) for q in candidates)


def _variance_maps(block: Network) -> Map:
    """The variance maps of all the block's sigmas, numbered, as `numerics.fixed_points` takes them."""

    def mapping(which: NDArray[np.intp], q: Floats) -> tuple[Floats, Floats, Floats]:
        signal = one_point(block.take(which), OnePoint(q))
        value, error, slope = (np.broadcast_to(a, q.shape) for a in (signal.q, signal.error, signal.slope))
        return value, error, slope

    return mapping


def _lowest(block: Network) -> float:
    """Where to begin the search: below every fixed point that is not 0, since none is below the image of 0."""
    least = np.asarray(one_point(block, OnePoint(np.zeros(()))).q)
    return float(max(min(LOWEST, 0.1 * np.min(least, where=least > 0, initial=1.0)), SMALLEST))


def _starts_at_zero(block: Network) -> bool:
    return bool(np.all(one_point(block, OnePoint(np.zeros(()))).q == 0))


def _describe(mapping: Map, q: float) -> FixedPoint:
    zero = np.zeros(1, dtype=np.intp)
    slope = float(mapping(zero, np.array([q]))[2][0])
    if abs(abs(slope) - 1) > CRITICAL:
        return FixedPoint(q, slope, abs(slope) < 1)
    if q == 0:  # marginal: the first q whose image differs from it tells
        tried = np.geomspace(1e-6, 1.0, 25)
        value, error, _ = mapping(np.zeros(25, dtype=np.intp), tried)
        tells = np.flatnonzero(np.abs(value - tried) > 8 * error)
        return FixedPoint(q, slope, bool(tells.size and value[tells[0]] < tried[tells[0]]))
    sides = q * np.array([1 - 1e-3, 1 + 1e-3])
    value, _, _ = mapping(np.zeros(2, dtype=np.intp), sides)
    return FixedPoint(q, slope, bool(value[0] > sides[0] and value[1] < sides[1]))


def stable_q(block: Network) -> Floats:
    """q_star for all the block's sigmas, flattened.

    Where the map rises, an orbit from q = 1 ends at the next fixed point in the direction it sets out in. Where it also
    falls, the orbit is followed and the fixed point nearest to where it gets is taken.
    """
    count = int(np.prod(block.shape, dtype=int))
    mapping, start = _variance_maps(block), np.ones(count)
    value, error, _ = mapping(np.arange(count), start)
    excess = value - start
    still, rises = np.abs(excess) <= 4 * error, excess > 0
    reach = largest_q(block, 1.0, STAGES[0])
    roots = solve(mapping, count, logarithmic_grid(_lowest(block), reach))
    q_star = np.where(still | roots.neutral, 1.0, np.where(rises, np.inf, 0.0))
    for sets_out, ahead, nearest in ((rises, roots.q > 1, np.minimum), (~rises, roots.q < 1, np.maximum)):
        chosen = ahead & (sets_out & ~still)[roots.which]
        nearest.at(q_star, roots.which[chosen], roots.q[chosen])
    for low, high in pairwise(STAGES):  # only where q still grows at the end of what has been searched
        grows = np.flatnonzero(np.isinf(q_star))
        if grows.size == 0 or reach < low:
            break
        reach = largest_q(block, low, high)
        farther = solve(_variance_maps(block.take(grows)), grows.size, logarithmic_grid(low, reach))
        np.minimum.at(q_star, grows[farther.which], farther.q)
    for s in np.flatnonzero(
        _falls(mapping, count, min(reach, STAGES[0])) & (np.bincount(roots.which, minlength=count) > 0)
    ):
        q = np.ones(1)
        for _ in range(ORBIT):
            q = mapping(np.array([s]), q)[0]
        mine = roots.q[roots.which == s]
        q_star[s] = mine[np.argmin(np.abs(np.log(mine / q[0])))]
    return q_star


def _falls(mapping: Map, count: int, high: float) -> NDArray[np.bool_]:
    """For which maps dq′/dq is negative somewhere between 1e-3 and `high`."""
    grid = np.geomspace(1e-3, high, 31)
    which, q = np.meshgrid(np.arange(count), grid, indexing="ij")
    return np.asarray((mapping(which.ravel(), q.ravel())[2].reshape(count, -1) < -1e-6).any(axis=1))


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
