"""Exponential, Gaussian bump and Gabor wavelet."""

import numpy as np

from meanfield._types import Floats
from meanfield.activations.closed_forms.form import (
    ANY_SIZE,
    ClosedForm,
    affine,
    pair,
    reciprocal_gap,
    root_of_determinant,
)


def exponential(rate: float = 1.0) -> ClosedForm:
    """φ(x) = exp(rate·x); infinite where it exceeds the range of a float."""

    def grow(x: Floats) -> Floats:
        with np.errstate(over="ignore"):
            return np.exp(x)

    def distance(q1: Floats, q2: Floats, d: Floats) -> Floats:
        with np.errstate(over="ignore", invalid="ignore"):
            ray = (np.exp(np.maximum(q1, q2)) * np.expm1(-np.abs(q1 - q2))) ** 2 / 2
            rest = -np.expm1(-d) * np.exp(q1 + q2)
        return np.where(q1 == q2, 0.0, ray) + np.where(d == 0, 0.0, rest)

    form = ClosedForm(
        second_moment=lambda q: grow(2 * q),
        second_moment_slope=lambda q: 2 * grow(2 * q),
        derivative_moment=lambda q: grow(2 * q),
        mean=lambda q: grow(q / 2),
        distance=distance,
        distance_slope=lambda q1, q2, d: grow(q1 + q2 - d),
        dual=lambda q1, q2, k: grow((q1 + q2) / 2 + k),
        source="Daniely, Frostig & Singer 2016 (arXiv:1602.05897), table 1; moment generating function",
        largest_q=ANY_SIZE,
    )
    return affine(form, rate)


def gaussian(rate: float = 1.0) -> ClosedForm:
    """φ(x) = exp(−rate·x²)."""

    def distance(q1: Floats, q2: Floats, d: Floats) -> Floats:
        at = pair(q1, q2, d)
        square = 1 + 2 * (q1 + q2)
        growth = 4 * at.e * (at.product + at.k)
        r1, r = np.sqrt(square), np.sqrt(square + growth)
        u, v = np.sqrt(1 + 4 * q1), np.sqrt(1 + 4 * q2)
        rest: Floats = growth / (r1 * r * (r1 + r))
        return reciprocal_gap(u, v, r1, 4 * (q1 - q2) / (u + v)) + rest

    def distance_slope(q1: Floats, q2: Floats, d: Floats) -> Floats:
        at = pair(q1, q2, d)
        return 4 * at.k / (1 + 2 * (q1 + q2) + 4 * at.e * (at.product + at.k)) ** 1.5

    form = ClosedForm(
        second_moment=lambda q: 1 / np.sqrt(1 + 4 * q),
        second_moment_slope=lambda q: -2 / (1 + 4 * q) ** 1.5,
        derivative_moment=lambda q: 4 * q / (1 + 4 * q) ** 1.5,
        mean=lambda q: 1 / np.sqrt(1 + 2 * q),
        distance=distance,
        distance_slope=distance_slope,
        dual=lambda q1, q2, k: 1 / np.hypot(np.sqrt(1 + 2 * (q1 + q2)), 2 * root_of_determinant(q1, q2, k)),
        source="Williams 1997 (NeurIPS 9), eq. 13",
    )
    return affine(form, rate**0.5)


def gabor() -> ClosedForm:
    """φ(x) = exp(−x²) sin x: half the difference of two bumps, at u − v and at u + v."""

    def second_moment_slope(q: Floats) -> Floats:
        a = 1 + 4 * q
        return (a * np.expm1(-2 * q / a) + np.exp(-2 * q / a)) / a**2.5

    def ray(q1: Floats, q2: Floats, gap: Floats) -> Floats:
        a1, a2, a = 1 + 4 * q1, 1 + 4 * q2, 1 + 2 * (q1 + q2)
        r1, r2, r = np.sqrt(a1), np.sqrt(a2), np.sqrt(a)
        concave = reciprocal_gap(r1, r2, r, 4 * (q1 - q2) / (r1 + r2))
        b1, b2, b = np.exp(-2 * q1 / a1), np.exp(-2 * q2 / a2), np.exp(-(q1 + q2) / a)
        rise = np.expm1((q1 - q2) ** 2 * 2 / (a1 * a2 * a))
        mean = b * (rise + (1 + rise) * 2 * np.sinh((q1 - q2) / (2 * a1 * a2)) ** 2)
        cross = (q1 - q2) / (r1 * r2 * (r1 + r2)) * b1 * np.expm1(2 * (q1 - q2) / (a1 * a2))
        far = concave * (b1 + b2) / 2 + mean / r + cross
        near = concave - np.expm1(-gap / (2 * a)) / r
        twice: Floats = near - far + b * np.expm1(gap / (2 * a)) / r
        return twice / 2

    def distance(q1: Floats, q2: Floats, d: Floats) -> Floats:
        at = pair(q1, q2, d)
        both, e, gap = at.product + at.k, at.e, at.gap
        a1 = 1 + 2 * (q1 + q2)
        a = a1 + 4 * e * both
        half_log = np.log1p(4 * e * both / a1) / 2
        near_loss = e * (a1 + 2 * both * (a1 - gap)) / (a * a1)
        far_loss = e * (2 * gap * (both - 1) - 1 - 2 * e) / (a * a1)
        near = np.exp(-gap / (2 * a1)) * np.expm1(-half_log - near_loss)
        far = np.exp(-(gap + 4 * at.product) / (2 * a1)) * np.expm1(-half_log - far_loss)
        rest: Floats = (far - near) / (2 * np.sqrt(a1))
        return ray(q1, q2, gap) + rest

    def distance_slope(q1: Floats, q2: Floats, d: Floats) -> Floats:
        at = pair(q1, q2, d)
        k, apart, excess = at.k, at.gap + 2 * at.e, 4 * at.e * (at.product + at.k)
        a = 1 + 2 * (q1 + q2) + excess
        far = (4 * k - 1) * a + 4 * k * (1 + apart)
        both = 2 * a + 16 * k * k - np.expm1(-2 * k / a) * far
        return np.exp(-(apart + excess) / (2 * a)) * both / (2 * a**2.5)

    def dual(q1: Floats, q2: Floats, k: Floats) -> Floats:
        excess = 4 * np.maximum(q1 * q2 - k * k, 0.0)
        a = 1 + 2 * (q1 + q2) + excess
        bumps = np.exp(-(q1 + q2 + excess + 2 * k) / (2 * a)) * np.expm1(2 * k / a)
        kernel: Floats = bumps / (2 * np.sqrt(a))
        return kernel

    return ClosedForm(
        second_moment=lambda q: -np.expm1(-2 * q / (1 + 4 * q)) / (2 * np.sqrt(1 + 4 * q)),
        second_moment_slope=second_moment_slope,
        derivative_moment=lambda q: distance_slope(q, q, np.zeros(np.shape(q))),
        mean=lambda q: np.zeros(np.shape(q)),
        distance=distance,
        distance_slope=distance_slope,
        dual=dual,
        source="neural_tangents.stax.Gabor; E exp(−x² ± ix) under a bivariate Gaussian",
    )
