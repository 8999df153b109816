"""The correlation at which many chaotic networks settle, c* < 1, and the slope of the correlation map there.

At a settled q the map takes 1 − c to w·D(q, c)/q. So c* solves w·R = 1 with R = D/(q(1 − c)), which decreases in 1 − c;
with the Hermite sum T it solves c·(q − w·T(q, c)) = w·(E φ)² + β, in which nothing cancels where c is small.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from meanfield.numerics.pairs.surface import PairPanel, PairSurface
from meanfield.numerics.pairs.surface_panels import FAR, PANEL, InAngle
from meanfield.numerics.solve.legendre_series import decreasing_root, values_and_slopes

__all__ = ["Decorrelated", "decorrelated"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

SMOOTH = 8.0  # how many times a smooth error changes its sign on a panel, at the most
BLOCK = 8192  # points whose series are held at once


class Decorrelated(NamedTuple):
    """One entry a point."""

    c: Floats
    slope: Floats  # of the correlation map at c
    error: Floats  # bound on the error of the slope; inf where none could be computed


def decorrelated(surface: PairSurface, q: Floats, w: Floats, beta: Floats) -> Decorrelated:
    """c* and χ_c where χ₁ > 1, for settled q > 0, weight variances w and bias variances β."""
    result = Decorrelated(*(np.empty(q.size) for _ in range(3)))
    log_q = np.log(q)
    number = np.floor(log_q / PANEL).astype(np.intp)
    for index in np.unique(number):
        panel, members = surface.panel(int(index)), np.flatnonzero(number == index)
        if panel is None:
            result.error[members] = np.inf
            continue
        for start in range(0, members.size, BLOCK):
            chosen = members[start : start + BLOCK]
            basis = panel.basis(log_q[chosen])
            found = _settle(panel, surface.power, basis, q[chosen], w[chosen], beta[chosen])
            for column, values in zip(result, found, strict=True):
                column[chosen] = values
    return result


def _settle(panel: PairPanel, power: int, basis: Floats, q: Floats, w: Floats, beta: Floats) -> tuple[Floats, ...]:
    """c*, χ_c and the error of χ_c for points of one panel of ln q."""
    far = np.ascontiguousarray((basis @ panel.far).T)
    source = w * (basis @ panel.mean) ** 2 + beta
    small = source + FAR * (w * far.sum(axis=0) - q) < 0  # at the end of the range of T all polynomials are 1
    c, slope, error = np.empty(q.size), np.empty(q.size), np.empty(q.size)
    low = np.flatnonzero(small)
    c[low], slope[low] = _far(far[:, low], q[low], w[low], source[low])
    error[low] = w[low] / q[low] * panel.far_error
    high = np.flatnonzero(~small)
    coefficients = np.tensordot(basis[high], panel.near.series, 1)
    t, slope[high], error[high] = _near(panel.near, coefficients, power, w[high])
    c[high] = (1 - t**2) / (1 + t**2)
    return c, slope, error


def _far(far: Floats, q: Floats, w: Floats, source: Floats) -> tuple[Floats, Floats]:
    """c* in [0, FAR] and the slope w·(cT)′/q there."""

    def excess(c: Floats, which: Ints) -> tuple[Floats, Floats]:
        t, steepness = values_and_slopes(far[:, which], c / FAR)
        return source[which] + c * (w[which] * t - q[which]), w[which] * (t + c * steepness / FAR) - q[which]

    c = decreasing_root(excess, np.zeros(q.size), np.full(q.size, FAR))
    t, steepness = values_and_slopes(far, c / FAR)
    c = source / (q - w * t)  # all digits, however small
    return c, w * (t + c * steepness / FAR) / q


def _near(made: InAngle, near: Floats, power: int, w: Floats) -> tuple[Floats, Floats, Floats]:
    """Tan(θ/2) at c*, χ_c there, and its error; `near` is (points, panels of t, N)."""
    edges = made.edges
    at_end = near.sum(axis=2)  # W at the upper end of each panel
    panel = np.minimum((w[:, None] * at_end > edges[1:] ** power).sum(axis=1), edges.size - 2)
    a, b = edges[panel], edges[panel + 1]
    series = np.ascontiguousarray(near[np.arange(w.size), panel].T)

    def excess(t: Floats, which: Ints) -> tuple[Floats, Floats]:
        width = (b - a)[which]
        value, steepness = values_and_slopes(series[:, which], (2 * t - a[which] - b[which]) / width)
        return w[which] * value - t**power, w[which] * steepness * 2 / width - power

    t = decreasing_root(excess, a, b)
    _, steepness = values_and_slopes(series, (2 * t - a - b) / (b - a))
    turn = 0.5 * (1 + t**2)
    weight = turn * t ** (1.0 - power) * 2 / (b - a)
    error = made.smooth_error * (1 + SMOOTH * weight) + made.rough_error[panel] * (1 + near.shape[2] ** 2 / 2 * weight)
    return t, 1 - power * turn + w * weight * steepness, w * error
