"""Clipped and shrunk lines: moments of one Gaussian, by incomplete gamma functions (pairs are left to quadrature)."""

from math import pi

import numpy as np

from meanfield._types import Floats
from meanfield.activations.closed_forms.form import ANY_SIZE, ClosedForm, standardised
from meanfield.special_functions import special

SOURCE = "truncated normal moments: Johnson, Kotz & Balakrishnan 1994, Continuous Univariate Distributions 1, 13.10"


def _excess(h: Floats) -> tuple[Floats, Floats]:
    """E (z − h) and E (z − h)² over z > h ≥ 0: the density times ratios of repeated integrals, from order 120 down."""
    tail = special.erfc(h / 2**0.5) / 2
    density = np.exp(-h * h / 2) / (2 * pi) ** 0.5
    start = np.maximum(h, 1.5)
    ratios = [1 / (start + 11)]
    for order in range(120, 0, -1):
        ratios = [1 / (start + order * ratios[0]), *ratios[:2]]
    first = density * ratios[0] * ratios[1]
    far = h > 1.5
    return np.where(far, first, density - h * tail), np.where(
        far, 2 * first * ratios[2], (1 + h * h) * tail - h * density
    )


def clip(low: float, high: float) -> ClosedForm:
    """φ(x) = min(max(x, low), high)."""

    def inside(q: Floats) -> Floats:
        h, l = standardised(high, q), standardised(low, q)
        return (np.copysign(special.gammainc(1.5, h * h), h) - np.copysign(special.gammainc(1.5, l * l), l)) / 2

    def second_moment(q: Floats) -> Floats:
        return (
            q * inside(q)
            + (high**2 * special.erfc(standardised(high, q)) + low**2 * special.erfc(-standardised(low, q))) / 2
        )

    def mean(q: Floats) -> Floats:
        h, l = standardised(high, q), standardised(low, q)
        between = np.sqrt(q / (2 * pi)) * (np.expm1(-l * l) - np.expm1(-h * h))
        direct: Floats = between + (high * special.erfc(h) + low * special.erfc(-l)) / 2
        if not low < 0 < high:
            return direct
        below, above = (_excess(np.minimum(x * 2**0.5, 40.0))[0] for x in (-l, h))
        return np.where(np.minimum(-l, h) > 1, np.sqrt(q) * (below - above), direct)

    return ClosedForm(
        second_moment=second_moment,
        second_moment_slope=inside,
        derivative_moment=lambda q: (special.erf(standardised(high, q)) - special.erf(standardised(low, q))) / 2,
        mean=mean,
        source=SOURCE,
        largest_q=ANY_SIZE,
    )


def soft_shrink(width: float = 0.5) -> ClosedForm:
    """φ(x) = x − width·sign(x) where |x| > width, else 0."""
    return ClosedForm(
        second_moment=lambda q: 2 * q * _excess(np.minimum(standardised(width, q) * 2**0.5, 40.0))[1],
        second_moment_slope=lambda q: special.erfc(standardised(width, q)),
        derivative_moment=lambda q: special.erfc(standardised(width, q)),
        mean=lambda q: np.zeros(np.shape(q)),
        source=SOURCE,
        largest_q=ANY_SIZE,
    )


def hard_shrink(width: float = 0.5) -> ClosedForm:
    """φ(x) = x where |x| > width, else 0."""

    def slope(q: Floats) -> Floats:
        x = standardised(width, q) ** 2
        edges: Floats = 2 / pi**0.5 * np.minimum(x, 1e3) ** 1.5 * np.exp(-x)
        return special.gammaincc(1.5, x) + edges

    return ClosedForm(
        second_moment=lambda q: q * special.gammaincc(1.5, standardised(width, q) ** 2),
        second_moment_slope=slope,
        derivative_moment=None if width else (lambda q: np.ones(np.shape(q))),
        mean=lambda q: np.zeros(np.shape(q)),
        source=SOURCE,
        largest_q=ANY_SIZE,
    )


def threshold(threshold: float, value: float) -> ClosedForm:
    """φ(x) = x for x > threshold, else value."""

    def above(q: Floats) -> Floats:
        return special.erfc(standardised(threshold, q)) / 2

    def second_moment(q: Floats) -> Floats:
        t = standardised(threshold, q)
        square = special.gammaincc(1.5, t * t) if threshold > 0 else 1 + special.gammainc(1.5, t * t)
        return q * square / 2 + value**2 * special.erfc(-t) / 2

    def second_moment_slope(q: Floats) -> Floats:
        t = standardised(threshold, q)
        density = np.clip(t, -1e3, 1e3) * np.exp(-t * t) / pi**0.5
        jump = np.divide(threshold**2 - value**2, 2 * q, out=np.zeros(np.shape(q)), where=np.asarray(q) > 0)
        edge: Floats = density * (1 + jump)
        return above(q) + edge

    def mean(q: Floats) -> Floats:
        t = standardised(threshold, q)
        line: Floats = np.sqrt(q / (2 * pi)) * np.exp(-t * t)
        return line + value * special.erfc(-t) / 2

    slope = above if threshold == value else None
    return ClosedForm(second_moment, second_moment_slope, slope, mean, source=SOURCE, largest_q=ANY_SIZE)
