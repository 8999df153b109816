"""Rectifiers: two slopes that meet at 0, and the square of ReLU (arc-cosine kernels)."""

from math import factorial, pi, sqrt

import numpy as np

from meanfield._types import Floats
from meanfield.activations.closed_forms.form import (
    ANY_SIZE,
    ClosedForm,
    Pair,
    chord_defect,
    pair,
    root_of_determinant,
    sine_minus_chord,
)


def abs_distance(at: Pair) -> Floats:
    """½E(|u| − |v|)², accurate at both ends: it is zero at correlation one and minus one where q₁ = q₂."""
    opposite = at.product + at.k
    least, most = np.minimum(at.e, opposite), np.maximum(at.e, opposite)
    return at.gap / 2 + least - chord_defect(least, most) * (2 / pi)


def rectifier(negative: float, positive: float) -> ClosedForm:
    """φ(x) = positive·x for x > 0 and negative·x for x < 0: a x + b |x|, whose two parts are uncorrelated."""
    a, b = (positive + negative) / 2, (positive - negative) / 2
    power = (positive**2 + negative**2) / 2

    def distance(q1: Floats, q2: Floats, d: Floats) -> Floats:
        at = pair(q1, q2, d)
        return a * a * (at.gap / 2 + at.e) + b * b * abs_distance(at)

    def distance_slope(q1: Floats, q2: Floats, d: Floats) -> Floats:
        return negative * positive + b * b * pair(q1, q2, d).supplement * (2 / pi)

    def dual(q1: Floats, q2: Floats, k: Floats) -> Floats:
        sine = root_of_determinant(q1, q2, k)
        return a * a * k + b * b * (sine + k * np.arctan2(k, sine)) * (2 / pi)

    return ClosedForm(
        second_moment=lambda q: power * q,
        second_moment_slope=lambda q: np.full(np.shape(q), power),
        derivative_moment=lambda q: np.full(np.shape(q), power),
        mean=lambda q: b * sqrt(2 / pi) * np.sqrt(q),
        distance=distance,
        distance_slope=distance_slope,
        dual=dual,
        source="Cho & Saul 2009 (NeurIPS 22), eq. 6 (J₁); two slopes: Tsuchida et al. 2018 (arXiv:1711.09090)",
        largest_q=ANY_SIZE,
    )


def squared_relu(scale: float = 1.0, offset: float = 0.0) -> ClosedForm:
    """φ(x) = scale·max(x, 0)² + offset."""
    s, o = scale, offset

    def defect(t: Floats) -> Floats:
        """Half of 3 − J₂(t)/π, J₂ the arc-cosine kernel of order 2: sin² t + (t(2 + cos 2t) − (3/2) sin 2t)/(2π)."""
        coefficients = [(-4) ** n * (1 / factorial(2 * n) - 3 / factorial(2 * n + 1)) for n in range(11, 1, -1)]
        series = t**5 * np.polyval(coefficients, t * t)
        return np.sin(t) ** 2 + np.where(t < 1, series, t * (2 + np.cos(2 * t)) - 1.5 * np.sin(2 * t)) / (2 * pi)

    def distance(q1: Floats, q2: Floats, d: Floats) -> Floats:
        at = pair(q1, q2, d)
        return s * s * (0.75 * (q1 - q2) ** 2 + at.product**2 * defect(at.angle))

    def distance_slope(q1: Floats, q2: Floats, d: Floats) -> Floats:
        at = pair(q1, q2, d)
        return s * s * (2 / pi) * at.product * sine_minus_chord(at.supplement)

    def dual(q1: Floats, q2: Floats, k: Floats) -> Floats:
        sine = root_of_determinant(q1, q2, k)
        square = (3 * sine * k + (pi / 2 + np.arctan2(k, sine)) * (q1 * q2 + 2 * k * k)) / (2 * pi)
        return s * s * square + s * o * (q1 + q2) / 2 + o * o

    return ClosedForm(
        second_moment=lambda q: 1.5 * (s * q) ** 2 + s * o * q + o * o,
        second_moment_slope=lambda q: 3 * s * s * q + s * o,
        derivative_moment=lambda q: 2 * s * s * q,
        mean=lambda q: s * q / 2 + o,
        distance=distance,
        distance_slope=distance_slope,
        dual=dual,
        source="Cho & Saul 2009 (NeurIPS 22), eq. 7 (J₂)",
        largest_q=ANY_SIZE,
    )
