"""E h(Z₁, Z₂) for correlated standard normals, where h is smooth except on lines z₁ = const and z₂ = const.

The variables are rotated: Z₁ = α·A + β·D and Z₂ = α·A − β·D with independent standard normals A and D, β² = (1 − c)/2
and α² = 1 − β². The difference Z₁ − Z₂ = 2β·D has no cancellation near c = 1. The breakpoints of h become two families
of lines in the (A, D) plane. The inner panels over A are cut at every line, the outer panels over D where two lines
meet. The correlation c is ≥ 0. For a negative correlation the caller reflects the second argument.
"""

from collections.abc import Callable

import numpy as np

from meanfield._types import Floats
from meanfield.numerics.quadrature.gauss_legendre import N, interpolation, nodes_between, rule, tail
from meanfield.numerics.quadrature.grid import SENTINELS
from meanfield.numerics.quadrature.half_line import half_line

Integrand = Callable[[Floats, Floats], Floats]
Inner = Callable[..., tuple[Floats, Floats, Floats]]

OUTER = (0.0, 1.0, 2.0, 3.5, 5.0, 7.0)  # edges of the outer panels, before the cuts
ROUNDING = 1e-14  # rounding error of sums and of a well-conditioned h, relative to the integral of |h|
NOISE = 10.0  # level of interpolant minus function next to the ends of a panel that is rounding, in units of it
AIM = 0.4  # outer panels are refined until their error is this part of the rounding
HALF_AIM = 2.0  # the half-line rule is accepted if its error is at most this multiple of the rounding
HALF_SAFETY = 8.0  # safety factor on the estimated error of the half-line rule
BLOCK = 1_000_000  # points a call of h
ROUNDS = 24  # most halvings of an outer panel


def rotated(
    integrand: Integrand,
    first: Floats,
    second: Floats,
    gap: float,
    *,
    breakpoints: tuple[Floats, Floats],
    sharp: tuple[Floats, Floats],
    symmetric: bool,
    rounding: float = ROUNDING,
) -> tuple[float, float]:
    """E h(Z₁, Z₂) and a bound on its error.

    Parameters
    ----------
    integrand : callable
        h on two arrays of equal shape.
    first, second : ndarray
        Ascending panel edges on which h is smooth in its first and second argument, in standard deviations.
    gap : float
        1 − c, in [0, 1].
    breakpoints : pair of ndarray
        The edges of `first` and of `second` at which h is not smooth.
    sharp : pair of ndarray
        Points in or near which h is smooth, but changes within a small part of a standard deviation.
    symmetric : bool
        Whether h(z₁, z₂) = h(z₂, z₁), so that half of the plane suffices.
    rounding : float
        Relative rounding error of h; above the default if h is a difference of nearly equal numbers.
    """
    beta = np.sqrt(0.5 * gap)
    alpha = np.sqrt(1.0 - beta**2)
    far = min(-first[0], first[-1], -second[0], second[-1])

    rows = max(1, BLOCK // ((first.size + second.size) * N))

    def inner(d: Floats, share: float = 1.0) -> tuple[Floats, Floats, Floats]:
        parts = [
            _inner(integrand, first, second, d[i : i + rows], alpha, beta, far, share) for i in range(0, d.size, rows)
        ]
        value, absolute, error = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        return value, absolute, error

    if beta == 0:
        on_line, absolute, on_line_error = inner(np.zeros(1))
        return float(on_line[0]), float(on_line_error[0] + rounding * absolute[0])
    kinks = _meeting(breakpoints, breakpoints, beta)
    rounded = np.concatenate([_meeting(sharp, sharp, beta), _meeting(sharp, breakpoints, beta)])
    if not (np.any((kinks != 0) & (np.abs(kinks) < far)) or np.any(np.abs(rounded) < far)):
        right = _half_plane(inner, 1.0, rounding)
        left = right if symmetric or right is None else _half_plane(inner, -1.0, rounding)
        if left is not None and right is not None:
            return left[0] + right[0], left[1] + right[1]
    edges = np.array([e for e in OUTER if e < far] + [far])
    if not symmetric:
        edges = np.concatenate([-edges[:0:-1], edges])
    meet = np.concatenate([kinks, rounded])
    edges = np.union1d(edges, meet[(meet > edges[0]) & (meet < edges[-1])])
    value, error = _outer(inner, edges, rounding)
    return (2 * value, 2 * error) if symmetric else (value, error)


def _meeting(one: tuple[Floats, Floats], other: tuple[Floats, Floats], beta: float) -> Floats:
    """The D at which lines through points `one` of either argument meet lines through points `other`."""
    pairs = (one[0][:, None] - other[1], other[0][:, None] - one[1])
    return np.unique(np.concatenate([pair.ravel() for pair in pairs])) / (2 * beta)


def _half_plane(inner: Inner, side: float, rounding: float) -> tuple[float, float] | None:
    """The integral over side·D > 0 by the half-line rule, and its error bound; None if that bound is too large.

    The n-point rule is exact for polynomials of degree < 2n, so its error comes from the coefficients of degree ≥ 2n.
    The coefficients decay at least by the same factor from degree n to 2n as from n/2 to n, whether the decay is
    algebraic, exponential, or in between, as is usual on a half-line. The error estimate extrapolates by this factor.
    """
    line = half_line()
    integral, absolute, inner_error = inner(side * line.nodes, 0.5)  # share ½: coefficients see √(weight of D)
    size = float(line.weights @ absolute)
    coefficients = np.abs(line.coefficients @ integral)
    middle = coefficients.size // 2
    midway, last = float(coefficients[middle - 2 : middle + 2].max()), float(coefficients[-4:].max())
    unresolved = HALF_SAFETY * last * min(1.0, last / midway if midway > 0 else 1.0)
    if unresolved > HALF_AIM * rounding * size:
        return None
    return float(line.weights @ integral), unresolved + float(line.weights @ inner_error) + rounding * size


def _outer(inner: Inner, edges: Floats, rounding: float) -> tuple[float, float]:
    a, b = edges[:-1], edges[1:]
    value = error = size = 0.0
    for level in range(ROUNDS):
        half = 0.5 * (b - a)
        x = np.concatenate([nodes_between(a, b), 0.5 * (a + b)[:, None] + half[:, None] * SENTINELS], axis=1)
        density = np.exp(-0.5 * x**2) / np.sqrt(2 * np.pi)
        integral, absolute, inner_error = (density * part.reshape(x.shape) for part in inner(x.ravel()))
        integral, ends = np.split(integral, [N], axis=1)
        absolute, inner_error = absolute[:, :N], inner_error[:, :N]
        weights = rule().weights
        panel_size = half * (absolute @ weights)
        blind = np.abs(integral @ interpolation(SENTINELS).T - ends).max(axis=1)
        blind = np.where(blind > NOISE * rounding * np.abs(integral).max(axis=1), blind, 0.0)
        panel_error = 2 * half * (tail(integral) + blind)
        total = size + panel_size.sum()
        noise = 2 * half * inner_error.max(axis=1)  # halving the outer panel does not reduce it
        done = (panel_error <= np.maximum(AIM * rounding * total, noise)) | (level == ROUNDS - 1)
        value += float((half * (integral @ weights))[done].sum())
        error += float((panel_error + half * (inner_error @ weights))[done].sum())
        size += float(panel_size[done].sum())
        if done.all():
            break
        a, b, middle = a[~done], b[~done], 0.5 * (a + b)[~done]
        a, b = np.r_[a, middle], np.r_[middle, b]
    return value, error + rounding * size


def _inner(
    integrand: Integrand, first: Floats, second: Floats, d: Floats, alpha: float, beta: float, far: float, share: float
) -> tuple[Floats, Floats, Floats]:
    """The integral of h over A at each D, the integral of |h|, and a bound on the error, each of shape of `d`.

    Panels on which the weight exp(−A²/2 − share·D²/2) is negligible are skipped.
    """
    shift = beta * d[:, None]
    ends = np.full((d.size, 1), far)
    edges = np.concatenate([(first - shift) / alpha, (second + shift) / alpha, -ends, ends], axis=1)
    edges = np.sort(np.clip(edges, -far, far), axis=1)
    a, b = edges[:, :-1], edges[:, 1:]
    nearest = np.where(a * b <= 0, 0.0, np.minimum(np.abs(a), np.abs(b)))
    row, column = np.nonzero((b > a) & (nearest**2 + share * d[:, None] ** 2 < far**2))
    a, b = a[row, column], b[row, column]
    x = nodes_between(a, b)
    shift = shift[row]
    values = integrand(alpha * x + shift, alpha * x - shift) * (np.exp(-0.5 * x**2) / np.sqrt(2 * np.pi))
    half = 0.5 * (b - a)

    def over_panels(part: Floats) -> Floats:
        return np.asarray(np.bincount(row, half * part, minlength=d.size))

    weights = rule().weights
    return over_panels(values @ weights), over_panels(np.abs(values) @ weights), over_panels(2 * tail(values))
