"""Derivatives of Legendre interpolants on panels, with a bound on the effect of noise."""

from functools import cache

import numpy as np
from numpy.polynomial.legendre import legder, legval

from meanfield._types import Bools, Floats
from meanfield.numerics.quadrature.gauss_legendre import N, at_ends, rule, tail

EPS = float(np.finfo(float).eps)
ULPS = 4 * EPS  # rounding of a coefficient, relative to the largest |f| of the panel
NOISE = 1e-4  # an unresolved part below this, relative to the largest |f| of the panel, may be noise
LEAP = 1e-11  # of the largest value: larger differences of two panels at their common end are no rounding


def relative_tail(values: Floats) -> Floats:
    """The tail of each panel, relative to its largest absolute value, shape (panels,)."""
    height = np.abs(values).max(axis=1)
    return np.asarray(tail(values) / np.where(height > 0, height, 1.0))


def rounding(values: Floats, precision: float) -> Floats:
    """Bound on the rounding errors of `values` in arithmetic of this precision, shape (panels,); 0 for float64."""
    if precision <= EPS:
        return np.zeros(values.shape[0])
    return np.asarray(precision * np.abs(values).max(axis=1))


def differentiate(
    f: Floats, coefficients: Floats, half: Floats, unresolved: Floats, floor: Floats, precision: float
) -> tuple[Floats, Floats]:
    """Derivatives at the nodes of panels of half length `half` from values and coefficients, and a bound on the error.

    The noise level of the coefficients is the larger of their unresolved part and the rounding error. Trailing
    coefficients below it are dropped, because differentiation would magnify their noise. Unit noise in the m remaining
    coefficients has a root mean square of at most m^{3/2}/√6 in the derivative, since ∫ (Pₖ′)² = k(k + 1). A part of
    more than `NOISE`, and more than `floor`, is structure that the panel does not show: its coefficients may be as
    large as the function.
    """
    with np.errstate(all="ignore"):
        height = np.abs(f).max(axis=1)
        hidden = (unresolved > NOISE) & (unresolved * height > floor)
        noise = np.maximum(np.where(hidden, np.maximum(unresolved, 1.0), unresolved), max(ULPS, precision / 4)) * height
        kept = N - np.argmax(np.abs(coefficients[:, ::-1]) > noise[:, None], axis=1)
        coefficients = np.where(np.arange(N) < kept[:, None], coefficients, 0.0)
        d = coefficients @ _slopes().T / half[:, None]
    return d, noise * kept**1.5 / half


def leaps(values: Floats, broken: Bools, precision: float) -> Floats:
    """Differences of interpolants at the ends of each panel from the adjacent ones, shape (panels,).

    Such a difference is a transition that is too narrow for the nodes of both panels, so that their derivatives do not
    show it. It is 0 at rounding level and at the inner edges in the mask `broken`, where the function jumps.
    """
    with np.errstate(all="ignore"):
        ends, height = values @ at_ends(), np.abs(values).max(axis=1)
        leap = np.abs(ends[1:, 0] - ends[:-1, 1])
        least = max(LEAP, 4 * N * precision) * np.maximum(height[1:], height[:-1])
    leap = np.where(np.isfinite(leap) & (leap > least) & ~broken, leap, 0.0)
    return np.asarray(np.append(leap, 0.0) + np.insert(leap, 0, 0.0))


@cache
def _slopes() -> Floats:
    """Derivatives of the Legendre polynomials at the nodes, shape (N, N)."""
    return np.stack([legval(rule().nodes, legder(row)) for row in np.eye(N)], axis=1)


@cache
def derivatives_at_nodes() -> Floats:
    """The matrix from values at the nodes of [−1, 1] to derivatives of the interpolant there, shape (N, N)."""
    return np.ascontiguousarray(_slopes() @ rule().coefficients)
