"""Waves of one frequency on a straight line: a·x + b + α sin ωx + β cos ωx; sine, cosine and snake are among them.

The odd part a·x + α sin ωx and the even part b + β cos ωx are uncorrelated, so that their moments add.
"""

import numpy as np

from meanfield._types import Floats
from meanfield.activations.closed_forms.form import ANY_SIZE, ClosedForm, affine, uncorrelated

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


def _sine_distance(q1: Floats, q2: Floats, d: Floats) -> Floats:
    return np.asarray(-np.expm1(-d) * (1 + np.exp(-_far(q1, q2, d))) / 2 - _ray(q1, q2))


def _sine_slope(q1: Floats, q2: Floats, d: Floats) -> Floats:
    return (np.exp(-d) + np.exp(-_far(q1, q2, d))) / 2


SINE = ClosedForm(
    second_moment=lambda q: -np.expm1(-2 * q) / 2,
    second_moment_slope=lambda q: np.exp(-2 * q),
    derivative_moment=lambda q: (1 + np.exp(-2 * q)) / 2,
    mean=lambda q: np.zeros(np.shape(q)),
    distance=_sine_distance,
    distance_slope=_sine_slope,
    dual=lambda q1, q2, k: _odd(k, (q1 + q2) / 2),
    source=SOURCE,
    largest_q=ANY_SIZE,
)


def _odd_part(line: float, wave: float) -> ClosedForm:
    """φ(x) = line·x + wave·sin x. The factors have one sign, else the terms cancel."""
    if line == 0:
        return affine(SINE, slope=wave)
    a, both, b = line**2, line * wave, wave**2

    def damped(q1: Floats, q2: Floats) -> Floats:
        """E cos u + E cos v."""
        return np.exp(-q1 / 2) + np.exp(-q2 / 2)

    def chord(q1: Floats, q2: Floats, d: Floats) -> Floats:
        """E(u − v)(sin u − sin v)."""
        unequal = np.exp(-np.minimum(q1, q2) / 2) * np.expm1(-np.abs(q1 - q2) / 2) * np.abs(q1 - q2) / 2
        return d * damped(q1, q2) + unequal

    return ClosedForm(
        second_moment=lambda q: a * q + 2 * both * q * np.exp(-q / 2) + b * SINE.second_moment(q),
        second_moment_slope=lambda q: a + 2 * both * np.exp(-q / 2) * (1 - q / 2) + b * SINE.second_moment_slope(q),
        derivative_moment=lambda q: a + 2 * both * np.exp(-q / 2) + b * (1 + np.exp(-2 * q)) / 2,
        mean=SINE.mean,
        distance=lambda q1, q2, d: a * d + both * chord(q1, q2, d) + b * _sine_distance(q1, q2, d),
        distance_slope=lambda q1, q2, d: a + both * damped(q1, q2) + b * _sine_slope(q1, q2, d),
        dual=lambda q1, q2, k: a * k + both * k * damped(q1, q2) + b * _odd(k, (q1 + q2) / 2),
        source=SOURCE,
        largest_q=ANY_SIZE,
    )


def _even_part(constant: float, wave: float) -> ClosedForm:
    """φ(x) = constant + wave·cos x. Written with φ(0) where that is the smaller number: as q → 0 in 1 − cos x."""
    b, at_zero = wave**2, constant + wave
    by_constant = abs(constant) <= abs(at_zero)

    def mean(q: Floats) -> Floats:
        return constant + wave * np.exp(-q / 2) if by_constant else at_zero + wave * np.expm1(-q / 2)

    def second_moment_slope(q: Floats) -> Floats:
        other = constant * wave + b * np.exp(-1.5 * q) if by_constant else at_zero * wave + b * np.expm1(-1.5 * q)
        return -np.exp(-q / 2) * other

    def covariance(q1: Floats, q2: Floats, k: Floats) -> Floats:
        """Cov(cos u, cos v) = e^{−(q₁ + q₂)/2}(cosh k − 1)."""
        return np.asarray(np.exp(np.abs(k) - (q1 + q2) / 2) * np.expm1(-np.abs(k)) ** 2 / 2)

    return ClosedForm(
        second_moment=lambda q: mean(q) ** 2 + b * np.expm1(-q) ** 2 / 2,
        second_moment_slope=second_moment_slope,
        derivative_moment=lambda q: -b * np.expm1(-2 * q) / 2,
        mean=mean,
        distance=lambda q1, q2, d: b * _cosine_distance(q1, q2, d),
        distance_slope=lambda q1, q2, d: b * _cosine_slope(q1, q2, d),
        dual=lambda q1, q2, k: mean(q1) * mean(q2) + b * covariance(q1, q2, k),
        source=SOURCE,
        largest_q=ANY_SIZE,
    )


def wave(frequency: float, line: float, sine: float, cosine: float, constant: float) -> ClosedForm:
    """φ(x) = line·y + sine·sin y + cosine·cos y + constant with y = frequency·x; line·sine ≥ 0."""
    odd, even = line != 0 or sine != 0, cosine != 0 or constant != 0
    parts = [*([_odd_part(line, sine)] if odd else []), *([_even_part(constant, cosine)] if even else [])]
    return affine(parts[0] if len(parts) == 1 else uncorrelated(*parts), frequency)


def snake(frequency: float = 1.0) -> ClosedForm:
    """φ(x) = x + sin²(frequency·x)/frequency, a straight line and ½(1 − cos(2·frequency·x))/frequency."""
    half = 0.5 / frequency
    return wave(2 * frequency, line=half, sine=0.0, cosine=-half, constant=half)
