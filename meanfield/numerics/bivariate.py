"""E h(Z₁, Z₂) for correlated standard normals, where h is smooth but for lines on which one of its arguments is
constant.

Rotated to Z₁ = α·A + β·D, Z₂ = α·A − β·D with independent A and D, β² = (1 − c)/2: near c = 1 the two arguments differ
by 2β·D, without cancellation. The breakpoints of h become two families of lines in the (A, D) plane; the inner panels
over A are cut at all of them, the outer ones over D where two of them meet. Only c ≥ 0 is needed: a negative
correlation is a positive one with the second argument reflected.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from meanfield.numerics.legendre import nodes_between, rule, tail

__all__ = ["rotated"]

Floats = NDArray[np.float64]
Integrand = Callable[[Floats, Floats], Floats]

OUTER = (0.0, 1.0, 2.0, 3.5, 5.0, 7.0)  # edges of the outer panels, before the cuts
AIM = 4e-15  # outer panels are refined until their error is this part of the integral of |h|
ROUNDING = 1e-14  # of sums and of h itself, relative to the integral of |h|
ROUNDS = 24  # halvings of an outer panel at the most


def rotated(
    integrand: Integrand,
    first: Floats,
    second: Floats,
    one_minus_c: float,
    *,
    breakpoints: tuple[Floats, Floats],
    symmetric: bool,
) -> tuple[float, float]:
    """E h(Z₁, Z₂) and a bound on its error.

    Parameters
    ----------
    integrand : callable
        h on two arrays of equal shape.
    first, second : ndarray
        Ascending panel edges on which h is smooth in its first and second argument, in standard deviations.
    one_minus_c : float
        1 − c, in [0, 1].
    breakpoints : pair of ndarray
        Those edges at which h is not smooth.
    symmetric : bool
        Whether h(z₁, z₂) = h(z₂, z₁), so that half of the plane suffices.
    """
    beta = np.sqrt(0.5 * one_minus_c)
    alpha = np.sqrt(1.0 - beta**2)
    far = min(-first[0], first[-1], -second[0], second[-1])

    def inner(d: Floats) -> tuple[Floats, Floats, Floats]:
        return _inner(integrand, first, second, d, alpha, beta, far)

    if beta == 0:
        value, absolute, error = inner(np.zeros(1))
        return float(value[0]), float(error[0] + ROUNDING * absolute[0])
    edges = np.array([e for e in OUTER if e < far] + [far])
    if not symmetric:
        edges = np.concatenate([-edges[:0:-1], edges])
    meet = (breakpoints[0][:, None] - breakpoints[1]).ravel() / (2 * beta)
    edges = np.union1d(edges, meet[(meet > edges[0]) & (meet < edges[-1])])
    half_plane, error_bound = _outer(inner, edges)
    return (2 * half_plane, 2 * error_bound) if symmetric else (half_plane, error_bound)


def _outer(inner: Callable[[Floats], tuple[Floats, Floats, Floats]], edges: Floats) -> tuple[float, float]:
    a, b = edges[:-1], edges[1:]
    value = error = size = 0.0
    for level in range(ROUNDS):
        x = nodes_between(a, b)
        density = np.exp(-0.5 * x**2) / np.sqrt(2 * np.pi)
        integral, absolute, inner_error = (density * part.reshape(x.shape) for part in inner(x.ravel()))
        half = 0.5 * (b - a)
        weights = rule().weights
        panel_size = half * (absolute @ weights)
        panel_error = 2 * half * tail(integral)
        total = size + panel_size.sum()
        noise = 2 * half * inner_error.max(axis=1)  # what halving the panel cannot cure
        done = (panel_error <= np.maximum(AIM * total, noise)) | (level == ROUNDS - 1)
        value += float((half * (integral @ weights))[done].sum())
        error += float((panel_error + half * (inner_error @ weights))[done].sum())
        size += float(panel_size[done].sum())
        if done.all():
            break
        a, b, middle = a[~done], b[~done], 0.5 * (a + b)[~done]
        a, b = np.r_[a, middle], np.r_[middle, b]
    return value, error + ROUNDING * size


def _inner(
    integrand: Integrand, first: Floats, second: Floats, d: Floats, alpha: float, beta: float, far: float
) -> tuple[Floats, Floats, Floats]:
    """∫ h dA at each D: value, integral of the absolute value, and error bound."""
    shift = beta * d[:, None]
    ends = np.full((d.size, 1), far)
    edges = np.concatenate([(first - shift) / alpha, (second + shift) / alpha, -ends, ends], axis=1)
    edges = np.sort(np.clip(edges, -far, far), axis=1)
    a, b = edges[:, :-1], edges[:, 1:]
    nearest = np.where(a * b <= 0, 0.0, np.minimum(np.abs(a), np.abs(b)))
    row, column = np.nonzero((b > a) & (nearest**2 + d[:, None] ** 2 < far**2))
    a, b = a[row, column], b[row, column]
    x = nodes_between(a, b)
    shift = shift[row]
    values = integrand(alpha * x + shift, alpha * x - shift) * (np.exp(-0.5 * x**2) / np.sqrt(2 * np.pi))
    half = 0.5 * (b - a)
    parts = (half * (values @ rule().weights), half * (np.abs(values) @ rule().weights), 2 * half * tail(values))
    return tuple(np.bincount(row, part, minlength=d.size) for part in parts)  # type: ignore[return-value]
