"""Where the signals of many MLPs of one activation settle: all of them from what the activation's moments are in q."""

import numpy as np
from numpy.typing import NDArray

from meanfield.networks.layers.network import Network
from meanfield.theory.fixed_points.correlation import Settled, factors, stable_c
from meanfield.theory.fixed_points.correlation_attractor import decorrelated
from meanfield.theory.fixed_points.mlp_response import Response
from meanfield.theory.fixed_points.variance import CRITICAL, stable_q
from meanfield.theory.fixed_points.variance_attractor import attractor

__all__ = ["BLOCK", "settled_many"]

Floats = NDArray[np.float64]

BLOCK = 4096  # networks at once: their searches take some 100 MB
INEXACT = 2e-10  # where χ_c may be off by so much, relative to itself, it is computed for one network at a time
LEAST = 1e-3  # or to this, where it is smaller


def settled_many(block: Network, response: Response, q0: float = 1.0) -> tuple[Settled, NDArray[np.bool_]]:
    """What `settled` gives for the block of which `response` is one, and whether there are other fixed points of q."""
    points = response.w.size
    columns = Settled(*(np.empty(points) for _ in Settled._fields))
    multiple = np.empty(points, dtype=np.bool_)
    for start in range(0, points, BLOCK):
        part = slice(start, min(start + BLOCK, points))
        own = Response(response.activation, response.w[part], response.beta[part])
        found, multiple[part] = _settled(block.take(np.arange(points)[part]), own, q0)
        for column, values in zip(columns, found, strict=True):
            column[part] = values
    return columns, multiple


def _settled(block: Network, response: Response, q0: float) -> tuple[Settled, NDArray[np.bool_]]:
    where = attractor(response, q0)
    q = where.q
    if where.leaps.any():
        q[where.leaps] = stable_q(block.take(np.flatnonzero(where.leaps)), q0)
    chi_parallel, chi_1, c, chi_c = (np.empty(q.size) for _ in range(4))
    for group in (q == 0, np.isfinite(q) & (q > 0)):
        if group.any():
            at, w = q[group], response.w[group]
            at = at[:1] if at[0] == 0 else at  # of one q there is one value
            chi_parallel[group] = w * response.slope(at)[0]
            with np.errstate(invalid="ignore"):  # no weights, no gradient, even where φ jumps
                chi_1[group] = np.where(w == 0, 0.0, w * response.derivative_moment(at)[0])
    c[:], chi_c[:] = 1.0, chi_1
    chaotic = np.flatnonzero(np.isfinite(q) & (q > 0) & (chi_1 > 1 + CRITICAL))
    if chaotic.size:
        c[chaotic], chi_c[chaotic] = _decorrelated(block, response, chaotic, q, chi_1)
    unbounded = np.flatnonzero(np.isinf(q))
    if unbounded.size:  # as q → ∞ biases are nothing, and weights cancel from the correlation
        one = unbounded[:1]
        slope, chi, usable = factors(block.take(one), q[one])
        ratio = response.w[unbounded] / response.w[one]
        chi_parallel[unbounded], chi_1[unbounded] = ratio * slope, ratio * chi
        c[unbounded], chi_c[unbounded] = stable_c(block.take(one[0]), np.inf, chi[0]) if usable[0] else (np.nan, np.inf)
    return Settled(q, chi_parallel, chi_1, c, chi_c), where.multiple


def _decorrelated(
    block: Network, response: Response, points: NDArray[np.intp], q: Floats, chi_1: Floats
) -> tuple[Floats, Floats]:
    """c* and χ_c of chaotic networks, one by one where the series are not good enough."""
    surface = response.activation.moments.pair_surface
    c, chi_c, error = decorrelated(surface, q[points], response.w[points], response.beta[points])
    for i in np.flatnonzero(~(error <= INEXACT * np.maximum(chi_c, LEAST))):
        s = points[i]
        c[i], chi_c[i] = stable_c(block.take(s), float(q[s]), float(chi_1[s]))
    return c, chi_c
