"""Gauss–Legendre panels: nodes, weights and expansion coefficients, as constant matrices.

A panel [a, b] carries the values of a function at ``N`` Gauss–Legendre nodes. They give its integral (exact to
degree 2N − 1) and its Legendre coefficients, so how well the function is resolved, without another evaluation.
"""

from decimal import Decimal, localcontext
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import ArrayLike

from meanfield._types import Floats

N = 24  # nodes a panel: resolves tanh to 1e-15 on panels of length 1, and exp(−t²/2) on panels of length 3
TAIL = 4  # coefficients that measure the resolution: more than two, so that neither parity hides
SAFETY = 2.0  # on them


class Rule(NamedTuple):
    """Nodes and weights on [−1, 1], and the matrix from values at the nodes to coefficients."""

    nodes: Floats
    weights: Floats
    coefficients: Floats  # (N, N): values → Legendre coefficients


@cache
def rule(n: int = N) -> Rule:
    """The `n`-point rule; the coefficients come from the discrete orthogonality of the Gauss nodes."""
    nodes, weights = _gauss(n)
    vandermonde = legendre.legvander(nodes, n - 1)
    coefficients = (vandermonde * weights[:, None]).T * (np.arange(n)[:, None] + 0.5)
    return Rule(nodes, weights, coefficients)


def _gauss(n: int) -> tuple[Floats, Floats]:
    """Nodes and weights rounded from 40 digits: double-precision routines leave 1e-13 in the outermost weights."""
    nodes, weights = [], []
    with localcontext() as context:
        context.prec = 40
        for start in legendre.leggauss(n)[0]:
            x = Decimal(float(start))
            for _ in range(3):  # from 16 digits on, two Newton steps would do
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
    """The matrix from values at the nodes to those of their interpolant at `points` of [−1, 1]."""
    return np.asarray(legendre.legvander(points, n - 1) @ rule(n).coefficients)


def tail(values: Floats) -> Floats:
    """Twice the largest of the last four Legendre coefficients of values at the nodes (last axis).

    The quadrature error of a panel is at most its length times the sum of the function's coefficients |aₖ| of degree
    2N and more; so its length times this bounds it where that sum is no larger than this. That holds for functions
    whose coefficients decay from the last ones on: analytic ones, also where they are steeper than the panel resolves;
    kinks and algebraic singularities but for those beyond the last nodes but one; waves of up to 2N radians from the
    middle of the panel to its end, π/2 nodes a wavelength. Faster waves have aliases among the slower ones, and N
    values cannot tell them apart: at 59 radians the error is up to 1.6 times the bound. So integrals halve panels until
    the tail is rounding, and a tail that is not small bounds the error only of the functions above.
    """
    return np.asarray(SAFETY * np.abs(values @ rule(values.shape[-1]).coefficients[-TAIL:].T).max(axis=-1))
