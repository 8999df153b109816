"""Every critical point for many bias variances at once: σ_b² as a function of q, cut where it changes sides."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import elementwise

from meanfield.theory.criticality.by_variance import FLAT, ROUNDING, Profile
from meanfield.theory.fixed_points.variance import CRITICAL

__all__ = ["TOUCH", "Rows", "critical_rows", "dies_out"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

TOUCH = 1e-13  # a bias variance this small relative to q is 0
STEP = 1e-2  # relative, over which slopes in q are taken for the error
BLOCK = 2048  # values of sigma_b whose signs are held at once
TIGHT: Any = {"xatol": 1e-15, "xrtol": 1e-15, "fatol": 0.0, "frtol": 0.0}


class Rows(NamedTuple):
    """The columns of a `CriticalLine`."""

    sigma_b: Floats
    sigma_w: Floats
    q: Floats
    chi_parallel: Floats
    stable: NDArray[np.bool_]
    error: Floats


def critical_rows(profile: Profile, sigma_b: Floats) -> Rows:
    """All solutions for each `sigma_b`, which ascend; then ascending in q."""
    grid = profile.grid
    variance, error = profile.bias_variance(grid)
    touch = error + TOUCH * grid / profile.bias
    nowhere = bool(np.isinf(error).all())  # gradients vanish at every q
    everywhere = not nowhere and bool(np.all(np.abs(variance) <= touch))  # every q is critical, and only without biases
    zeros = np.flatnonzero(sigma_b == 0)
    which, q = np.zeros(0, dtype=np.intp), np.zeros(0)
    if everywhere:
        which, q = zeros, np.ones(zeros.size)
    elif not nowhere:
        for start in range(0, sigma_b.size, BLOCK):
            rows, low, high = _changes(variance, touch, sigma_b[start : start + BLOCK] ** 2)
            rows = rows + start
            which = np.append(which, rows)
            q = np.append(q, _crossings(profile, grid[low], grid[high], sigma_b[rows] ** 2))
        if zeros.size and profile(0.0).q == 0 and profile(0.0).chi > FLAT:
            which, q = np.append(which, zeros), np.append(q, np.zeros(zeros.size))
    order = np.lexsort((q, which))
    return _rows(profile, sigma_b[which[order]], q[order])


def _changes(variance: Floats, touch: Floats, beta: Floats) -> tuple[Ints, Ints, Ints]:
    """Where variance − β changes its sign: number of β, and the points before and after.

    Values within `touch` have no sign: they neither make nor hide a change.
    """
    excess = variance - beta[:, None]
    told = np.abs(excess) > touch
    last = np.maximum.accumulate(np.where(told, np.arange(variance.size), -1), axis=1)
    before = np.concatenate([np.full((beta.size, 1), -1), last[:, :-1]], axis=1)
    signs = np.take_along_axis(np.sign(excess), np.maximum(before, 0), axis=1)
    rows, after = np.nonzero(told & (before >= 0) & (signs * np.sign(excess) < 0))
    return rows, before[rows, after], after


def _crossings(profile: Profile, low: Floats, high: Floats, beta: Floats) -> Floats:
    """The q between `low` and `high` at which σ_b² is β."""
    if low.size == 0:
        return low

    def excess(log_q: Any, beta: Any) -> Any:
        return profile.bias_variance(np.exp(log_q))[0] - beta

    found: Any = elementwise.find_root(excess, (np.log(low), np.log(high)), args=(beta,), tolerances=TIGHT)
    return np.asarray(np.exp(found.x))


def _rows(profile: Profile, sigma_b: Floats, q: Floats) -> Rows:
    """The solutions at these q."""
    at, added = profile(q), profile.added(q)
    chi, chi_error = (np.broadcast_to(a, q.shape) for a in (at.chi, at.chi_error))
    sigma_w = chi**-0.5
    chi_parallel = np.broadcast_to(added.slope + at.slope / chi, q.shape)
    marginal = np.abs(chi_parallel - 1) <= CRITICAL
    stable = np.where(marginal, False, np.abs(chi_parallel) < 1)
    ends = marginal & (q == 0)
    if ends.any():
        stable[ends] = dies_out(profile)
    shift = np.zeros(q.size)
    positive = np.flatnonzero(q > 0)
    if positive.size:
        here = q[positive]
        sides = [here * (1 + s) for s in (-STEP, STEP)]
        low, high = (np.asarray(profile(side).chi) for side in sides)
        slope = np.abs(high - low) / (2 * STEP * here)
        below, above = (profile.bias_variance(side)[0] for side in sides)
        uncertain = profile.bias_variance(here)[1] + TOUCH * here / profile.bias
        least = (np.abs(above - below) - 2 * uncertain) / (2 * STEP * here)  # that d(σ_b²)/dq may be
        moved = np.where(least > 0, np.minimum(uncertain / (0.9 * np.maximum(least, 1e-300)), here), here)
        shift[positive] = 0.5 * sigma_w[positive] ** 3 * slope * moved
    error = sigma_w * (0.5 * chi_error / chi + ROUNDING) + shift
    return Rows(sigma_b, sigma_w, q, chi_parallel, stable, error)


def dies_out(profile: Profile) -> bool:
    """Whether q decays to 0 at σ_w² = 1/B(0): told by the first q at which A(q)/B(0) differs from q."""
    q = np.geomspace(1e-8, min(10.0, profile.grid[-1]), 73)
    ratio = (profile.added(q).q + profile(q).q / float(profile(0.0).chi)) / q
    tells = np.flatnonzero(np.abs(ratio - 1) > 1e-11)
    return bool(tells.size and ratio[tells[0]] < 1)
