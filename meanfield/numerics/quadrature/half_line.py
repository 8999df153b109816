"""Gauss quadrature on d ≥ 0 for the normal weight; smooth integrands need about thirty nodes.

The recurrence of the orthonormal polynomials comes from a fine discretisation of the weight (Stieltjes' procedure;
Gautschi 2004, section 2.2). The nodes are the eigenvalues of its Jacobi matrix (Golub & Welsch 1969).
"""

from functools import cache
from typing import NamedTuple

import numpy as np

from meanfield._types import Floats
from meanfield.numerics.quadrature import gauss_legendre as legendre

NODES = 40  # a smooth pair integrand needs 25 to 35
FAR = 20.0  # end of the discretisation of the weight
PANELS = 80  # Gauss–Legendre panels of the discretisation


class HalfLine(NamedTuple):
    """Nodes and weights for ∫₀^∞ g(d) exp(−d²/2)/√(2π) dd, and the matrix from values to orthonormal coefficients."""

    nodes: Floats  # (n,), ascending
    weights: Floats  # (n,), with sum ½
    coefficients: Floats  # (n, n)


@cache
def half_line(n: int = NODES) -> HalfLine:
    """The `n`-point rule."""
    edges = np.linspace(0.0, FAR, PANELS + 1)
    x = legendre.nodes_between(edges[:-1], edges[1:]).ravel()
    panel = 0.5 * (edges[1] - edges[0]) * legendre.rule().weights
    mass = np.exp(-0.5 * x**2) / np.sqrt(2 * np.pi) * np.tile(panel, PANELS)
    diagonal, beside = np.empty(n), np.empty(n)
    before, now = np.zeros_like(x), np.full_like(x, mass.sum() ** -0.5)
    for k in range(n):
        diagonal[k] = mass @ (x * now**2)
        following = (x - diagonal[k]) * now - (beside[k - 1] if k else 0.0) * before
        beside[k] = np.sqrt(mass @ following**2)
        before, now = now, following / beside[k]
    nodes = np.asarray(np.linalg.eigvalsh(np.diag(diagonal) + np.diag(beside[:-1], -1)), dtype=np.float64)
    orthonormal = np.empty((n, n))
    before, now = np.zeros(n), np.full(n, mass.sum() ** -0.5)
    for k in range(n):
        orthonormal[k] = now
        before, now = now, ((nodes - diagonal[k]) * now - (beside[k - 1] if k else 0.0) * before) / beside[k]
    weights = 1.0 / (orthonormal**2).sum(axis=0)  # Christoffel numbers, with a small relative error at any size
    return HalfLine(nodes, weights, orthonormal * weights)
