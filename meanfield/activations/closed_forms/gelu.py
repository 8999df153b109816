"""GELU, x Φ(x), with the exact normal distribution function."""

from math import pi, sqrt

import numpy as np

from meanfield._types import Floats
from meanfield.activations.closed_forms.erf import half_angle_between, ray_angle
from meanfield.activations.closed_forms.form import (
    ClosedForm,
    pair,
    reciprocal_gap,
    root_of_determinant,
    sine_minus_chord,
)


def _arcsine(q: Floats) -> Floats:
    return np.arctan2(q, np.sqrt(1 + 2 * q))


def _second_moment(q: Floats) -> Floats:
    return q * (0.25 + _arcsine(q) / (2 * pi) + q / (pi * (1 + q) * np.sqrt(1 + 2 * q)))


def _second_moment_slope(q: Floats) -> Floats:
    r = np.sqrt(1 + 2 * q)
    tail = q / (2 * pi * (1 + q) * r) * (1 + 2 / (1 + q) + 2 * (1 + q) / (1 + 2 * q))
    return 0.25 + _arcsine(q) / (2 * pi) + tail


def _derivative_moment(q: Floats) -> Floats:
    return 0.25 + _arcsine(q) / (2 * pi) + q * (3 + 5 * q) / (2 * pi * (1 + q) * (1 + 2 * q) ** 1.5)


def _ray_distance(q1: Floats, q2: Floats, x1: Floats, x2: Floats, gap: Floats) -> Floats:
    """½E(φ(x₁z) − φ(x₂z))²: each of its terms is a square of differences."""
    r1, r2, p = np.sqrt(1 + 2 * q1), np.sqrt(1 + 2 * q2), x1 * x2
    r = np.sqrt(1 + 2 * p + gap)
    difference = 2 * (q1 - q2) / (r1 + r2)
    angles = (_arcsine(q1) + _arcsine(q2)) * gap / 4 + p * ray_angle(x1, x2, gap)
    angles = angles + (q1 - q2) / 2 * np.arctan2(difference, 1 + r1 * r2)
    c1, c2 = q1 / (1 + q1), q2 / (1 + q2)
    mean = (r1 + r2 + 1 / r1 + 1 / r2) / 2
    rest = ((q1 - q2) / ((1 + q1) * (1 + q2))) ** 2 * mean / 2
    rest = rest + (q1 - q2) / ((1 + q1) * (1 + q2)) * (c1 + c2) * difference * (1 - 1 / (r1 * r2)) / 4
    rest = rest + c1 * c2 * (reciprocal_gap(r1, r2, r, difference) - difference**2 / (4 * r + 2 * (r1 + r2)))
    turned: Floats = (angles + rest) / (2 * pi)
    return gap / 8 + turned


def _distance(q1: Floats, q2: Floats, d: Floats) -> Floats:
    at = pair(q1, q2, d)
    k1, k, e = at.product, at.k, at.e
    r1 = np.sqrt(1 + q1 + q2)
    r = np.sqrt(r1**2 + e * (k1 + k))
    w = half_angle_between(k1, r1, k, r, e)
    middle = np.arctan2(k1, r1) - w
    angles = e * middle - (k1 + k) * sine_minus_chord(w) / np.cos(w)
    rest: Floats = e * (k1 + k) / (r + r1) * ((2 + q1 + q2) / ((1 + q1) * (1 + q2)) + 1 / (r * r1))
    return _ray_distance(q1, q2, at.s1, at.s2, at.gap) + e / 4 + (angles + rest) / (2 * pi)


def _distance_slope(q1: Floats, q2: Floats, d: Floats) -> Floats:
    at = pair(q1, q2, d)
    r = np.sqrt(1 + q1 + q2 + at.e * (at.product + at.k))
    rest = at.k / r * ((2 + q1 + q2) / ((1 + q1) * (1 + q2)) + 1 / r**2)
    return 0.25 + (np.arctan2(at.k, r) + rest) / (2 * pi)


def _dual(q1: Floats, q2: Floats, k: Floats) -> Floats:
    r = np.hypot(np.sqrt(1 + q1 + q2), root_of_determinant(q1, q2, k))
    rest = k / (1 + q1) * (k / (1 + q2)) / r + q1 / (1 + q1) * (q2 / (1 + q2)) * r
    return k / 4 + (k * np.arctan2(k, r) + rest) / (2 * pi)


def gelu() -> ClosedForm:
    """φ(x) = x Φ(x)."""
    return ClosedForm(
        second_moment=_second_moment,
        second_moment_slope=_second_moment_slope,
        derivative_moment=_derivative_moment,
        mean=lambda q: q / np.sqrt(1 + q) / sqrt(2 * pi),
        distance=_distance,
        distance_slope=_distance_slope,
        dual=_dual,
        source="Tsuchida, Pearce, van der Heide, Roosta & Gallagher 2021 (arXiv:2002.08517)",
    )
