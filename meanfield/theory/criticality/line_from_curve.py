"""The critical line of a block that has a critical curve: the points of the curve at given σ_b, all of them."""

import numpy as np

from meanfield._types import Floats, Ints
from meanfield.numerics.solve.bracketed import root
from meanfield.theory.criticality.curve import FLAT, ROUNDING, CriticalCurve
from meanfield.theory.criticality.rows import Rows
from meanfield.theory.fixed_points.depth_scales import CRITICAL

TOUCH = 1e-13  # a bias variance this small relative to q is 0
STEP = 1e-2  # relative, over which slopes in q are taken for the error
BLOCK = 2048  # values of sigma_b whose signs are held at once


def line_from_curve(curve: CriticalCurve, sigma_b: Floats) -> Rows:
    """All solutions for each `sigma_b`, which ascend; then ascending in q."""
    grid, at = curve.grid, curve.at(curve.grid)
    touch = at.bias_error + TOUCH * grid / curve.bias
    nowhere = bool(np.isinf(at.bias_error).all())  # gradients vanish at every q
    everywhere = not nowhere and bool(np.all(np.abs(at.bias) <= touch))  # every q is critical, and only without biases
    zeros = np.flatnonzero(sigma_b == 0)
    which, q = np.zeros(0, dtype=np.intp), np.zeros(0)
    if everywhere:
        which, q = zeros, np.ones(zeros.size)
    elif not nowhere:
        for start in range(0, sigma_b.size, BLOCK):
            rows, low, high = _changes(at.bias, touch, sigma_b[start : start + BLOCK] ** 2)
            beta = sigma_b[rows + start] ** 2

            def excess(k: Ints, log_q: Floats, beta: Floats = beta) -> Floats:
                return curve.at(np.exp(log_q)).bias - beta[k]

            log_q = root(excess, np.log(grid[low]), np.log(grid[high]))
            which, q = np.append(which, rows + start), np.append(q, np.exp(log_q))
        origin = curve.at(0.0)
        if zeros.size and origin.q == 0 and origin.chi > FLAT:
            which, q = np.append(which, zeros), np.append(q, np.zeros(zeros.size))
    order = np.lexsort((q, which))
    return _rows(curve, sigma_b[which[order]], q[order])


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


def _rows(curve: CriticalCurve, sigma_b: Floats, q: Floats) -> Rows:
    """The solutions at these q."""
    at = curve.at(q)
    sigma_w, chi_parallel = at.chi**-0.5, at.slope
    marginal = np.abs(chi_parallel - 1) <= CRITICAL
    stable = np.where(marginal, False, np.abs(chi_parallel) < 1)
    ends = marginal & (q == 0)
    if ends.any():
        stable[ends] = dies_out(curve)
    shift = np.zeros(q.size)
    positive = np.flatnonzero(q > 0)
    if positive.size:
        here = q[positive]
        below, above = (curve.at(here * (1 + s)) for s in (-STEP, STEP))
        slope = np.abs(above.chi - below.chi) / (2 * STEP * here)
        uncertain = at.bias_error[positive] + TOUCH * here / curve.bias
        least = (np.abs(above.bias - below.bias) - 2 * uncertain) / (2 * STEP * here)  # of |d(σ_b²)/dq|, from below
        moved = np.where(least > 0, np.minimum(uncertain / (0.9 * np.maximum(least, 1e-300)), here), here)
        shift[positive] = 0.5 * sigma_w[positive] ** 3 * slope * moved
    error = sigma_w * (0.5 * at.chi_error / at.chi + ROUNDING) + shift
    return Rows(sigma_b, sigma_w, q, chi_parallel, stable, error)


def dies_out(curve: CriticalCurve) -> bool:
    """Whether q decays to 0 at the σ_w² that is critical at q = 0: the first q whose image differs from it tells."""
    q = np.geomspace(1e-8, min(10.0, curve.grid[-1]), 73)
    at, origin = curve.at(q), curve.at(0.0)
    ratio = (at.carried + at.q / float(origin.chi)) / q
    uncertain = curve.bias * at.bias_error / q + float(origin.chi_error / origin.chi)
    tells = np.flatnonzero(np.abs(ratio - 1) > np.maximum(uncertain, 1e-11))
    return bool(tells.size and ratio[tells[0]] < 1)
