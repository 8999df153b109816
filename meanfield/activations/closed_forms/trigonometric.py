"""Sine, cosine and snake."""

import numpy as np

from meanfield._types import Floats
from meanfield.activations.closed_forms.form import ClosedForm, affine

SOURCE = "Rahimi & Recht 2007 (NeurIPS 20): E cos(u − v) = exp(−½E(u − v)²), at u − v and at u + v"


def _far(q1: Floats, q2: Floats, d: Floats) -> Floats:
    """½E(u + v)² = (q₁ + q₂)/2 + k."""
    return np.maximum(q1 + q2 - d, 0.0)


def _odd(k: Floats, m: Floats) -> Floats:
    """e^{−m} sinh k for |k| ≤ m."""
    doubled: Floats = -np.copysign(np.exp(np.abs(k) - m), k) * np.expm1(-2 * np.abs(k))
    return doubled / 2


def _ray(q1: Floats, q2: Floats) -> Floats:
    """¼(e^{−q₁} − e^{−q₂})²."""
    return (np.exp(-np.minimum(q1, q2)) * np.expm1(-np.abs(q1 - q2))) ** 2 / 4


def _cosine_distance(q1: Floats, q2: Floats, d: Floats) -> Floats:
    return np.expm1(-d) * np.expm1(-_far(q1, q2, d)) / 2 + _ray(q1, q2)


def _cosine_slope(q1: Floats, q2: Floats, d: Floats) -> Floats:
    far = _far(q1, q2, d)
    return -np.copysign(np.exp(-np.minimum(d, far)), far - d) * np.expm1(-np.abs(far - d)) / 2


def sine(frequency: float = 1.0) -> ClosedForm:
    """φ(x) = sin(frequency·x)."""
    form = ClosedForm(
        second_moment=lambda q: -np.expm1(-2 * q) / 2,
        second_moment_slope=lambda q: np.exp(-2 * q),
        derivative_moment=lambda q: (1 + np.exp(-2 * q)) / 2,
        mean=lambda q: np.zeros(np.shape(q)),
        distance=lambda q1, q2, d: -np.expm1(-d) * (1 + np.exp(-_far(q1, q2, d))) / 2 - _ray(q1, q2),
        distance_slope=lambda q1, q2, d: (np.exp(-d) + np.exp(-_far(q1, q2, d))) / 2,
        dual=lambda q1, q2, k: _odd(k, (q1 + q2) / 2),
        source=SOURCE,
    )
    return affine(form, frequency)


def cosine(frequency: float = 1.0) -> ClosedForm:
    """φ(x) = cos(frequency·x)."""
    form = ClosedForm(
        second_moment=lambda q: (1 + np.exp(-2 * q)) / 2,
        second_moment_slope=lambda q: -np.exp(-2 * q),
        derivative_moment=lambda q: -np.expm1(-2 * q) / 2,
        mean=lambda q: np.exp(-q / 2),
        distance=_cosine_distance,
        distance_slope=_cosine_slope,
        dual=lambda q1, q2, k: (np.exp(k - (q1 + q2) / 2) + np.exp(-k - (q1 + q2) / 2)) / 2,
        source=SOURCE,
    )
    return affine(form, frequency)


def snake(frequency: float = 1.0) -> ClosedForm:
    """φ(x) = x + sin²(frequency·x)/frequency: x and half of 1 − cos(2·frequency·x), which are uncorrelated."""
    a = 4 * frequency**2

    def second_moment(q: Floats) -> Floats:
        m: Floats = np.expm1(-a * q / 2)
        return q + m * m * (3 + m * (2 + m / 2)) / a

    def second_moment_slope(q: Floats) -> Floats:
        m: Floats = np.expm1(-a * q / 2)
        return 1 - (1 + m) * m * (3 + m * (3 + m))

    def dual(q1: Floats, q2: Floats, k: Floats) -> Floats:
        f1, f2 = np.expm1(-a * q1 / 2), np.expm1(-a * q2 / 2)
        even = np.exp(a * (np.abs(k) - (q1 + q2) / 2)) * np.expm1(-a * np.abs(k)) ** 2 / 2
        waves: Floats = f1 * f2 + even
        return k + waves / a

    return ClosedForm(
        second_moment=second_moment,
        second_moment_slope=second_moment_slope,
        derivative_moment=lambda q: 1 - np.expm1(-2 * a * q) / 2,
        mean=lambda q: -np.expm1(-a * q / 2) / (2 * frequency),
        distance=lambda q1, q2, d: d + _cosine_distance(a * q1, a * q2, a * d) / a,
        distance_slope=lambda q1, q2, d: 1 + _cosine_slope(a * q1, a * q2, a * d),
        dual=dual,
        source="as of cos: " + SOURCE,
    )
