"""Derivatives of Legendre interpolants on panels, with a bound on the effect of noise."""

from functools import cache

import numpy as np
from numpy.polynomial.legendre import legder, legval

from meanfield._types import Floats
from meanfield.numerics.quadrature.gauss_legendre import N, rule, tail

EPS = float(np.finfo(float).eps)
ULPS = 4 * EPS  # rounding of a coefficient, relative to the largest |f| of the panel
NOISE = 1e-4  # an unresolved part below this, relative to the largest |f| of the panel, may be noise


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


@cache
def _slopes() -> Floats:
    """Derivatives of the Legendre polynomials at the nodes, shape (N, N)."""
    return np.stack([legval(rule().nodes, legder(row)) for row in np.eye(N)], axis=1)
