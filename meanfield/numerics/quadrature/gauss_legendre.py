"""Gauss–Legendre panels: nodes, weights and expansion coefficients, as constant matrices.

A panel [a, b] carries the values of a function at ``N`` Gauss–Legendre nodes. These values give the integral (exact for
polynomials of degree ≤ 2N − 1) and the Legendre coefficients. The decay of the coefficients shows how well the panel
resolves the function, without further evaluations.
"""

from decimal import Decimal, localcontext
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import ArrayLike

from meanfield._types import Floats, Ints

N = 24  # default nodes a panel: resolves tanh to 1e-15 on panels of length 1, and exp(−t²/2) on panels of length 3
TAIL = 4  # last coefficients that measure the resolution; more than two, for even and odd functions
SAFETY = 2.0  # factor on the largest of them


class Rule(NamedTuple):
    """Nodes and weights on [−1, 1], and the matrix from values at the nodes to coefficients."""

    nodes: Floats  # (n,), ascending
    weights: Floats  # (n,), with sum 2
    coefficients: Floats  # (n, n): values → Legendre coefficients


@cache
def rule(n: int = N) -> Rule:
    """The `n`-point rule; the coefficients come from the discrete orthogonality of the Gauss nodes."""
    nodes, weights = _gauss(n)
    vandermonde = legendre.legvander(nodes, n - 1)
    coefficients = (vandermonde * weights[:, None]).T * (np.arange(n)[:, None] + 0.5)
    return Rule(nodes, weights, coefficients)


def _gauss(n: int) -> tuple[Floats, Floats]:
    """Nodes and weights rounded from 40 digits; double-precision routines err by 1e-13 in the outermost weights."""
    nodes, weights = [], []
    with localcontext() as context:
        context.prec = 40
        for start in legendre.leggauss(n)[0]:
            x = Decimal(float(start))
            for _ in range(3):  # two Newton steps from 16 digits suffice
                before, value = Decimal(1), x
                for k in range(2, n + 1):
                    before, value = value, ((2 * k - 1) * x * value - (k - 1) * before) / k
                slope = n * (before - x * value) / (1 - x * x)
                x -= value / slope
            nodes.append(float(x))
            weights.append(float(2 / ((1 - x * x) * slope * slope)))
    return np.array(nodes), np.array(weights)


def nodes_between(a: ArrayLike, b: ArrayLike, n: int = N) -> Floats:
    """The nodes of the panels [a, b], shape ``(*a.shape, n)``."""
    low, high = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    return np.asarray(0.5 * (low + high)[..., None] + 0.5 * (high - low)[..., None] * rule(n).nodes)


def interpolation(points: Floats, n: int = N) -> Floats:
    """The matrix, shape (points, n), from values at the nodes to values of the interpolant at `points` in [−1, 1]."""
    return np.asarray(legendre.legvander(points, n - 1) @ rule(n).coefficients)


def series(coefficients: Floats, panel: Ints, s: Floats) -> Floats:
    """The Legendre series of the panels number `panel` at `s` in [−1, 1], shape (points,)."""
    own = np.ascontiguousarray(coefficients.T).take(panel, axis=1)
    return np.asarray(legendre.legval(s, own, tensor=False))


@cache
def at_ends() -> Floats:
    """The matrix, shape (N, 2), from values at the nodes to values of the interpolant at −1 and 1."""
    return np.ascontiguousarray(interpolation(np.array([-1.0, 1.0])).T)


def tail(values: Floats) -> Floats:
    """Twice the largest of the last four Legendre coefficients of values at the nodes (last axis).

    The quadrature error of a panel is at most the length of the panel times the sum of the coefficients |aₖ| of degree
    k ≥ 2N. If this sum is at most the tail, then the length times the tail bounds the quadrature error. The condition
    holds if the coefficients keep decaying beyond degree N:

    * for analytic functions, also if they are too steep for the panel to resolve;
    * for kinks and algebraic singularities, unless they lie between the last node but one and the end of the panel;
    * for waves of up to 2N radians from the middle of the panel to its end, which is π/2 nodes a wavelength.

    On the N nodes a faster wave is indistinguishable from a slower one. At 59 radians the error is up to 1.6 times the
    bound. Integrals therefore halve panels until the tail is at rounding level.
    """
    return SAFETY * largest(np.abs(values @ rule(values.shape[-1]).coefficients[-TAIL:].T))


def largest(values: Floats) -> Floats:
    """The largest value along the last axis, NaN if one is; for short axes four times as quick as `numpy.max`.

    Examples
    --------
    >>> largest(np.array([[1.0, 3.0, 2.0], [0.0, -1.0, -2.0]]))
    array([3., 0.])
    """
    while (length := values.shape[-1]) > 1:
        half = length // 2
        halves = np.maximum(values[..., :half], values[..., half : 2 * half])
        values = np.maximum(halves, values[..., -1:]) if length % 2 else halves
    return values[..., 0]
