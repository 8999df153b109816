"""The error of Gauss–Legendre quadrature of a function that is analytic and bounded in a Bernstein ellipse.

The ellipse of a panel [m − h, m + h] has the foci m ± h and the half axes h(ϱ ± 1/ϱ)/2. If |g| ≤ M inside, the
Chebyshev coefficients of g on the panel are at most 2M/ϱᵏ, and the rule with N nodes errs by at most (32/15)h on each
T_k of even degree k ≥ 2N and not at all on the others. So its error is at most (64/15) M h ϱ^(−2N)/(1 − ϱ⁻²) (Trefethen
2008, SIAM Review 50, theorem 4.5; 2013, *Approximation Theory and Approximation Practice*, theorem 19.3).
"""

import numpy as np

from meanfield._types import Floats
from meanfield.numerics.quadrature.gauss_legendre import N

RHO = 2.5
LONG, SHORT = 0.5 * (RHO + 1 / RHO), 0.5 * (RHO - 1 / RHO)  # half axes, in units of h
FACTOR = 64 / 15 * RHO ** (-2 * N) / (1 - RHO**-2)  # 4e-19
SLACK = 1e-12  # for the rounding of the bounds


def radius(h: Floats) -> Floats:
    """Radius of the disc around the ellipse."""
    return LONG * h * (1 + SLACK)


def largest_weight(m: Floats, h: Floats, q: Floats) -> Floats:
    """The largest |exp(−z²/2q)|/√(2πq) on the ellipse, shape (q, panels).

    −Re z² = y² − x² with x = m + Ac and y² = B²(1 − c²) is largest at c = −Am/(A² + B²) or at the nearer end.
    """
    long, short = LONG * h, SHORT * h
    size = np.abs(m)
    c = np.maximum(-long * size / (long * long + short * short), -1.0)
    largest = short * short * (1 - c * c) - (size + long * c) ** 2
    largest = largest + 16 * np.finfo(float).eps * (size + long) ** 2
    variance = q[:, None]
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(np.exp(largest / (2 * variance)) / np.sqrt(2 * np.pi * variance) * (1 + SLACK))
