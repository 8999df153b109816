"""The fixed point of q that orbits from a given q reach, for all sigmas of a block of any form."""

from itertools import pairwise

import numpy as np

from meanfield._types import Bools, Floats, Ints
from meanfield.numerics.solve.far_fixed_points import LEAST, far_fixed_points
from meanfield.numerics.solve.fixed_points import Map, every_fixed_point, logarithmic_grid
from meanfield.theory.assumptions.block import Block
from meanfield.theory.fixed_points.attractors import attractor
from meanfield.theory.fixed_points.finite_variance import largest_q
from meanfield.theory.fixed_points.maps import signal_map
from meanfield.theory.fixed_points.mlp_moments import mlp_moments
from meanfield.theory.fixed_points.variance import FALLS, LOWEST, SMALLEST, lowest_q, variance_maps
from meanfield.theory.fixed_points.variance_curves import CurvesOfBlocks

MANY = 48  # networks from which on tables of their variance maps serve them all
STAGES = (1e3, 1e6, 1e12, 1e30)  # ends of the search, each taken where q still grows at the one before
ROUNDING = 4 * float(np.finfo(float).eps)
ORBIT = 2000  # layers for which the map is iterated where it is not monotonic


def stable_and_multiple_q(block: Block, q0: float) -> tuple[Floats, Bools | None]:
    """`stable_q` and `multiple_q` from tables; where these are whole and for few networks, `stable_q` and None."""
    many = np.prod(block.shape, dtype=int) >= MANY
    maps = (mlp_moments(block) if many else None) or CurvesOfBlocks.of(block, apart=not many)
    if not (many or maps.rise_apart):
        return _with_far(block, stable_q(block, q0)), None
    found = attractor(maps, q0)
    # A map that only touches the identity stops an orbit; tables see that by rounding alone.
    again = np.flatnonzero(found.leaps if many else found.leaps | np.isinf(found.q) | (found.q == 0))
    if again.size:
        found.q[again] = stable_q(block.take(again), q0)
    return _with_far(block, found.q), found.multiple


def _with_far(block: Block, q: Floats) -> Floats:
    """`q` with the fixed points beyond the range of the search in place of 0 and inf."""
    networks = block.take(np.arange(q.size))
    ends = np.flatnonzero((q == 0) | np.isinf(q))
    if ends.size == 0:
        return q
    at_zero = np.broadcast_to(signal_map(networks, np.zeros(q.size)).q, q.shape)[ends]
    lowest = np.where(at_zero > 0, np.maximum(at_zero, LEAST), LOWEST)
    far = far_fixed_points(variance_maps(block), ends, np.where(q[ends] == 0, lowest, STAGES[-1]))
    q[ends] = np.where(np.isnan(far), q[ends], far)
    return q


def stable_q(block: Block, q0: float = 1.0) -> Floats:
    """The fixed point that an orbit from `q0` reaches, for all the block's sigmas, flattened.

    It is 0 where the signal dies out, and inf where it grows without bound. Where the map rises, an orbit ends at the
    next fixed point in the direction it sets out in. Where it also falls, the orbit is followed and the fixed point
    nearest to its end is taken.
    """
    count = int(np.prod(block.shape, dtype=int))
    mapping, start = variance_maps(block), np.full(count, q0)
    value, error, _ = mapping(np.arange(count), start)
    excess = value - start
    still, rises = np.abs(excess) <= 4 * error, excess > 0
    reach = largest_q(block, q0, max(STAGES[0], 2 * q0))
    roots = every_fixed_point(mapping, count, logarithmic_grid(min(lowest_q(block), 0.5 * q0), reach))
    q_star = np.where(still | roots.neutral, q0, np.where(rises, np.inf, 0.0))
    for sets_out, ahead, nearest in ((rises, roots.q > q0, np.minimum), (~rises, roots.q < q0, np.maximum)):
        chosen = ahead & (sets_out & ~still)[roots.which]
        nearest.at(q_star, roots.which[chosen], roots.q[chosen])
    for low, high in pairwise(STAGES):  # only where q still grows at the end of the range searched so far
        grows = np.flatnonzero(np.isinf(q_star))
        if grows.size == 0 or reach < low:
            break
        if reach >= high:
            continue
        reach = largest_q(block, low, high)
        farther = every_fixed_point(variance_maps(block.take(grows)), grows.size, logarithmic_grid(low, reach))
        np.minimum.at(q_star, grows[farther.which], farther.q)
    which, tried = np.meshgrid(np.arange(count), np.geomspace(1e-3, min(reach, STAGES[0]), 31), indexing="ij")
    falls = (mapping(which.ravel(), tried.ravel())[2].reshape(which.shape) < FALLS).any(axis=1)
    falling = np.flatnonzero(falls & np.isin(np.arange(count), roots.which))
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
