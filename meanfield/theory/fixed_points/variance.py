"""Fixed points of the variance map: all of them, and the one that an orbit from q = 1 reaches."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meanfield.arguments import positive
from meanfield.errors import InvalidInput
from meanfield.networks.block import as_block
from meanfield.networks.layers.network import Network
from meanfield.numerics.solve.fixed_points import Map, logarithmic_grid, solve
from meanfield.theory.assumptions.gaussian_units import check_gaussian
from meanfield.theory.fixed_points.largest_variance import largest_q
from meanfield.theory.layer_maps import one_point
from meanfield.theory.states import OnePoint

__all__ = ["CRITICAL", "FixedPoint", "fixed_points", "multiple_q", "stable_q"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

CRITICAL = 1e-9  # a factor within this of 1 is 1: ten times what parameters given to ten digits leave
LOWEST = 1e-12  # fixed points of q are looked for from here on, or from below the image of 0
SMALLEST = 1e-100  # but no lower
FARTHEST = 1e100
STAGES = (1e3, 1e6, 1e12, 1e30)  # and up to here, one after the other as long as q still grows there
ROUNDING = 4 * float(np.finfo(float).eps)
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
        If the block's parameters are arrays, `q_max` is not positive, or second moments do not determine what the
        block does.

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
        raise InvalidInput(f"fixed_points takes one value of each parameter, not arrays of shape {block.shape}")
    reach = positive(q_max, "q_max")
    if reach.ndim or reach > FARTHEST:
        raise InvalidInput(f"q_max must be one number of at most {FARTHEST:g}")
    q_max = float(reach)
    check_gaussian(block)
    mapping = _variance_maps(block)
    low = min(_lowest(block), 1e-3 * q_max)
    roots = solve(mapping, 1, logarithmic_grid(low, largest_q(block, low, q_max)))
    if roots.neutral[0]:
        return (FixedPoint(min(1.0, q_max), 1.0, False),)
    candidates = ([0.0] if _starts_at_zero(block) else []) + [float(q) for q in roots.q]
    return tuple(_describe(mapping, q) for q in candidates)


def multiple_q(block: Network) -> NDArray[np.bool_]:
    """Whether the variance map has more than one fixed point in [0, 1e6], for all the block's sigmas, flattened."""
    count = int(np.prod(block.shape, dtype=int))
    low = _lowest(block)
    roots = solve(_variance_maps(block), count, logarithmic_grid(low, largest_q(block, low, 1e6)))
    at_zero = np.broadcast_to(one_point(block.take(np.arange(count)), OnePoint(np.zeros(count))).q == 0, count)
    return np.asarray((np.bincount(roots.which, minlength=count) + at_zero > 1) & ~roots.neutral)


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


def stable_q(block: Network, q0: float = 1.0) -> Floats:
    """q_star for all the block's sigmas, flattened.

    Where the map rises, an orbit from q0 ends at the next fixed point in the direction it sets out in. Where it also
    falls, the orbit is followed and the fixed point nearest to where it gets is taken.
    """
    check_gaussian(block)
    count = int(np.prod(block.shape, dtype=int))
    mapping, start = _variance_maps(block), np.full(count, q0)
    value, error, _ = mapping(np.arange(count), start)
    excess = value - start
    still, rises = np.abs(excess) <= 4 * error, excess > 0
    reach = largest_q(block, q0, max(STAGES[0], 2 * q0))
    roots = solve(mapping, count, logarithmic_grid(min(_lowest(block), 0.5 * q0), reach))
    q_star = np.where(still | roots.neutral, q0, np.where(rises, np.inf, 0.0))
    for sets_out, ahead, nearest in ((rises, roots.q > q0, np.minimum), (~rises, roots.q < q0, np.maximum)):
        chosen = ahead & (sets_out & ~still)[roots.which]
        nearest.at(q_star, roots.which[chosen], roots.q[chosen])
    for low, high in pairwise(STAGES):  # only where q still grows at the end of what has been searched
        grows = np.flatnonzero(np.isinf(q_star))
        if grows.size == 0 or reach < low:
            break
        if reach >= high:
            continue
        reach = largest_q(block, low, high)
        farther = solve(_variance_maps(block.take(grows)), grows.size, logarithmic_grid(low, reach))
        np.minimum.at(q_star, grows[farther.which], farther.q)
    falling = np.flatnonzero(_falls(mapping, count, min(reach, STAGES[0])) & np.isin(np.arange(count), roots.which))
    if falling.size:
        farthest = largest_q(block, q0, STAGES[-1])
        for s, end in zip(falling, _orbit_ends(mapping, falling, q0, farthest), strict=True):
            mine = roots.q[roots.which == s]
            q_star[s] = mine[np.argmin(np.abs(np.log(mine / end)))] if end < farthest else np.inf
    return q_star


def _orbit_ends(mapping: Map, which: Ints, q0: float, farthest: float) -> Floats:
    """Where orbits from `q0` are after many layers, or as soon as they are beyond `farthest`."""
    q, active = np.full(which.size, q0), np.arange(which.size)
    for _ in range(ORBIT):
        here = q[active]
        q[active] = np.maximum(mapping(which[active], here)[0], SMALLEST)
        active = active[(np.abs(q[active] - here) > ROUNDING * here) & (q[active] < farthest)]
        if active.size == 0:
            break
    return q


def _falls(mapping: Map, count: int, high: float) -> NDArray[np.bool_]:
    """For which maps dq′/dq is negative somewhere between 1e-3 and `high`."""
    grid = np.geomspace(1e-3, high, 31)
    which, q = np.meshgrid(np.arange(count), grid, indexing="ij")
    return np.asarray((mapping(which.ravel(), q.ravel())[2].reshape(count, -1) < -1e-6).any(axis=1))
