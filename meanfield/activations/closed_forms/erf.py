"""The error function, and with it the normal distribution function."""

from math import pi

import numpy as np

from meanfield._types import Floats
from meanfield.activations.closed_forms.form import ClosedForm, affine, pair, root_of_determinant


def ray_angle(x1: Floats, x2: Floats, gap: Floats) -> Floats:
    """½(A₁ + A₂) − B ≥ 0 with Aᵢ = asin(xᵢ²/(1 + xᵢ²)), B = asin(x₁x₂/√((1 + x₁²)(1 + x₂²))) and gap = (x₁ − x₂)²."""
    r1, r2, p = np.sqrt(1 + 2 * x1 * x1), np.sqrt(1 + 2 * x2 * x2), x1 * x2
    r = np.sqrt(1 + 2 * p + gap)
    excess = 2 * gap / (1 + 2 * p + r1 * r2)
    opposite = p * gap * (2 * (x1 + x2) / (r1 + r2)) ** 2 / (2 * r + r1 + r2) + excess * r
    angle: Floats = np.arctan2(opposite, (r1 + r2) * r + (2 * p + excess) * p)
    return angle


def half_angle_between(k1: Floats, r1: Floats, k: Floats, r: Floats, e: Floats) -> Floats:
    """Half of atan(k₁/r₁) − atan(k/r) where e = k₁ − k ≥ 0 and k₁² + r₁² = k² + r²."""
    positive = np.maximum(k, 0.0)
    straight = k1 * r - r1 * k
    turned = (k1 + k) / np.where(k > 0, k1 * r + r1 * positive, 1.0)
    opposite = np.where(k > 0, e * turned * (k1**2 + r1**2), straight)
    return np.arctan2(opposite, r1 * r + k1 * k) / 2


def erf(scale: float = 1.0) -> ClosedForm:
    """φ(x) = erf(scale·x); its variables are a = 2 scale² q, as the kernel is an arcsine of those."""

    def distance(a1: Floats, a2: Floats, d: Floats) -> Floats:
        at = pair(a1, a2, d)
        r1 = np.sqrt(1 + at.gap + 2 * at.product)
        r = np.sqrt(r1**2 + at.e * (at.product + at.k))
        return (ray_angle(at.s1, at.s2, at.gap) + 2 * half_angle_between(at.product, r1, at.k, r, at.e)) * (2 / pi)

    def distance_slope(a1: Floats, a2: Floats, d: Floats) -> Floats:
        at = pair(a1, a2, d)
        return (2 / pi) / np.sqrt(1 + at.gap + 2 * at.product + at.e * (at.product + at.k))

    def dual(a1: Floats, a2: Floats, k: Floats) -> Floats:
        return np.arctan2(k, np.hypot(np.sqrt(1 + a1 + a2), root_of_determinant(a1, a2, k))) * (2 / pi)

    form = ClosedForm(
        second_moment=lambda a: np.arctan2(a, np.sqrt(1 + 2 * a)) * (2 / pi),
        second_moment_slope=lambda a: (2 / pi) / ((1 + a) * np.sqrt(1 + 2 * a)),
        derivative_moment=lambda a: (2 / pi) / np.sqrt(1 + 2 * a),
        mean=lambda a: np.zeros(np.shape(a)),
        distance=distance,
        distance_slope=distance_slope,
        dual=dual,
        source="Williams 1997 (NeurIPS 9), eq. 11",
    )
    return affine(form, scale=2**0.5 * scale)


def normal_cdf() -> ClosedForm:
    """Φ(x) = ½ + ½ erf(x/√2)."""
    return affine(erf(0.5**0.5), slope=0.5, offset=0.5)
