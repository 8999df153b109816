"""Gaussian moments of z ↦ φ(az + b) for many pairs (a, b) at once, free of the cancellations of small a.

For small a the function is nearly linear, and the conditions of DKS and TAT compare moments that differ by O(a²). So
φ(az + b) is split into its mean, a linear part and a remainder r that is orthogonal to both. The differences of moments
are moments of r. With Hermite coefficients c_k they are sums over k ≥ 2, which need no derivative of φ; where φ has
breakpoints the coefficients decay too slowly, and panels between the breakpoints integrate r, r′ and r″.
"""

from functools import cache
from typing import NamedTuple

import numpy as np

from meanfield._types import ArrayFunction, Floats
from meanfield.activations.activation import Activation
from meanfield.numerics.quadrature.differentiation import derivatives_at_nodes
from meanfield.numerics.quadrature.gauss_legendre import nodes_between, rule
from meanfield.numerics.quadrature.one_gaussian import COVERED

REACH = 13.0  # the weight is e⁻⁸⁴ there, and the product with he₈₀ below rounding
ORDER = 80  # Hermite coefficients
EDGES = np.linspace(-REACH, REACH, 14)  # of the panels that give Hermite coefficients
NEAR = 10.0
NEAR_EDGES = np.linspace(-NEAR, NEAR, 9)  # of the panels that give moments; the weight is e⁻⁵⁰ at the ends
NOISE = 1e-13  # rounding of coefficients, relative to the norm of φ(az + b)
TAIL = 4  # last coefficients that show whether the expansion has converged
SMALL = 3e-8  # of the last Hermite coefficients, relative to the norm of the remainder: moments are sums of squares
RESOLVED = 1e-12  # of the tail of panels, relative to the same norm


class ShapeMoments(NamedTuple):
    """Moments of f(z) = φ(az + b) with a standard normal z; arrays of the shape of a and b."""

    mean: Floats  # E f
    variance: Floats  # v = Var f
    excess: Floats  # E f′² − v ≥ 0, where f′ is the derivative in z
    coupling: Floats  # E z(f − m)f′ − E f′²
    second_hermite: Floats  # E (z² − 1)f = E z f′
    curvature: Floats  # E f″²
    resolved: Floats  # whether the quadrature shows that it has converged, as 1.0 or 0.0

    @property
    def slope_moment(self) -> Floats:
        """E f′²."""
        return self.variance + self.excess


class ShapeIntegrals:
    """The moments of φ(az + b) as functions of a and b.

    Parameters
    ----------
    phi : Activation
        φ.
    edges : ndarray, optional
        Where panels end; by default at the breakpoints of φ.
    """

    def __init__(self, phi: Activation, edges: Floats | None = None) -> None:
        self.phi, self.breakpoints = phi, np.array(phi.breakpoints)
        self.edges = self.breakpoints if edges is None else edges

    def __call__(self, a: Floats, b: Floats) -> ShapeMoments:
        """The moments at each of the pairs (a, b), 1-d arrays of one length."""
        if self.edges.size:
            return by_panels(self.phi, a, b, self.edges)
        found = by_hermite(self.phi, a, b)
        left = np.flatnonzero(found.resolved == 0)
        if left.size:
            for column, values in zip(found, by_panels(self.phi, a[left], b[left], self.edges), strict=True):
                column[left] = values
        return found

    def refined(self, a: float, b: float) -> "ShapeIntegrals":
        """The same with panels on which φ itself is resolved, for parameters near a and b."""
        reach = abs(b) + NEAR * a
        edges = self.phi.pieces.resolved_grid(max(reach / COVERED, 1e-3)).edges
        return ShapeIntegrals(self.phi, edges[np.abs(edges) <= reach])


@cache
def _hermite_rule() -> tuple[Floats, Floats]:
    """Nodes z, and the matrix (nodes, ORDER + 1) from values to coefficients in the orthonormal he_k."""
    a, b = EDGES[:-1], EDGES[1:]
    z = nodes_between(a, b).ravel()
    weight = (0.5 * (b - a)[:, None] * rule().weights).ravel() * np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
    he = np.empty((ORDER + 1, z.size))
    he[0], he[1] = 1.0, z
    for k in range(1, ORDER):
        he[k + 1] = (z * he[k] - np.sqrt(k) * he[k - 1]) / np.sqrt(k + 1)
    return z, (he * weight).T


def by_hermite(phi: ArrayFunction, a: Floats, b: Floats) -> ShapeMoments:
    """The moments from Hermite coefficients."""
    z, to_coefficients = _hermite_rule()
    c = phi(a[:, None] * z + b[:, None]) @ to_coefficients
    k = np.arange(ORDER + 1.0)
    rest = c[:, 2:] ** 2
    size = np.sqrt((rest * k[2:] ** 2).sum(axis=1))
    tail = np.abs(c[:, -TAIL:]).max(axis=1) * ORDER
    height = np.sqrt((c**2).sum(axis=1))
    return ShapeMoments(
        mean=c[:, 0],
        variance=c[:, 1] ** 2 + rest.sum(axis=1),
        excess=rest @ (k[2:] - 1),
        coupling=(c[:, 3:] * c[:, 1:-2]) @ np.sqrt(k[3:] * (k[3:] - 1)),
        second_hermite=np.sqrt(2.0) * c[:, 2],
        curvature=rest @ (k[2:] * (k[2:] - 1)),
        resolved=(tail <= SMALL * size + NOISE * height).astype(np.float64),
    )


def by_panels(phi: Activation, a: Floats, b: Floats, edges: Floats) -> ShapeMoments:
    """The moments from panels in z that end where az + b is in `edges`."""
    inner = np.clip((edges - b[:, None]) / a[:, None], -NEAR, NEAR)
    ends = np.sort(np.concatenate([np.broadcast_to(NEAR_EDGES, (a.size, NEAR_EDGES.size)), inner], axis=1), axis=1)
    low, high = ends[:, :-1], ends[:, 1:]
    z, half = nodes_between(low, high), 0.5 * (high - low)[..., None]
    weight = half * rule().weights * np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)

    def mean(*factors: Floats) -> Floats:
        return np.asarray(np.einsum("npk,npk->n", weight, np.prod(np.broadcast_arrays(*factors), axis=0)))

    x = a[:, None, None] * z + b[:, None, None]
    f = phi(x)
    m, linear = mean(f), mean(z, f)
    r = f - m[:, None, None] - linear[:, None, None] * z
    length = np.where(half > 0, half, 1.0)
    if phi.derivative_function is not None:
        first = a[:, None, None] * phi.derivative(x) - linear[:, None, None]
    else:
        first = r @ derivatives_at_nodes().T / length
    second = first @ derivatives_at_nodes().T / length
    variance = linear**2 + mean(r, r)
    excess = mean(first, first) - mean(r, r)
    mixed = linear * mean(z**3 - 3 * z, r) + 0.5 * mean(z**2 - 3, r, r)
    tail = np.abs(r @ rule().coefficients[-TAIL:].T).max(axis=-1)
    worst = (tail * weight.sum(axis=-1)).sum(axis=1)
    return ShapeMoments(
        m,
        variance,
        excess,
        mixed - excess,
        mean(z**2 - 1, f),
        mean(second, second),
        (worst <= RESOLVED * np.sqrt(mean(r, r)) + NOISE * np.sqrt(mean(f, f))).astype(np.float64),
    )
