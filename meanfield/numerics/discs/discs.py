"""Discs in the complex plane, as pairs (midpoint, radius): operations whose disc holds every value on the operands.

A function that is real on the real line takes a disc with a real midpoint m into a disc around its value at m, so all
midpoints are real. Its radius bounds |F(z) − F(m)| by the Taylor series, by an identity, or by the largest |F′| on the
disc; it is of first order in the radius of the operand, so that tiny discs also bound rounding errors. A radius that is
infinite or not a number says that the function is not analytic on the disc, or not known to be.
"""

import math
from typing import TypeAlias

import numpy as np

from meanfield._types import Floats
from meanfield.numerics.discs.intervals import ELEMENTARY, EXACT, TINY, VALUES, error_of, relative_of
from meanfield.numerics.discs.program import UNIT, Constant

Disc: TypeAlias = tuple[Floats, Floats]

GROW = 1.0 + 64 * UNIT  # covers the rounding of radii: at most a few dozen operations on numbers that are not negative
FAR = 300.0  # radii of arguments of exponentials beyond which the result counts as unknown


def rounded(m: Floats, r: Floats, relative: float | Floats) -> Disc:
    """The disc enlarged by the rounding of its midpoint and of its radius."""
    return m, r * GROW + (relative * np.abs(m) + TINY)


def shift(u: Disc, c: Constant) -> Disc:
    """U + c."""
    return rounded(u[0] + c.value, u[1] + c.error, EXACT)


def scale(u: Disc, c: Constant) -> Disc:
    """C·u."""
    return rounded(u[0] * c.value, u[1] * (abs(c.value) + c.error), relative_of(c))


def add(u: Disc, v: Disc) -> Disc:
    """U + v."""
    return rounded(u[0] + v[0], u[1] + v[1], EXACT)


def multiply(u: Disc, v: Disc) -> Disc:
    """U·v."""
    (a, r), (b, s) = u, v
    m, radius = rounded(a * b, np.abs(a) * s + (np.abs(b) + s) * r, EXACT)
    if not np.isfinite(radius).all():  # 0·∞ is 0 where the factor is exactly 0, as the slope of a constant case
        zero = ((a == 0) & (r == 0)) | ((b == 0) & (s == 0))
        m, radius = np.where(zero, 0.0, m), np.where(zero, 0.0, radius)
    return m, radius


def reciprocal(u: Disc) -> Disc:
    """1/u; 1/0 is ∞ at an exact 0, as in NumPy."""
    m, r = u
    size = np.abs(m)
    radius = np.where(r < size, r / (size * (size - r)), np.inf)
    m, radius = rounded(1 / m, radius, EXACT)
    zero = (size == 0) & (r == 0)
    return (np.where(zero, np.inf, m), np.where(zero, 0.0, radius)) if zero.any() else (m, radius)


def integer_power(u: Disc, n: float) -> Disc:
    """Uⁿ for a whole n ≥ 2: (|m| + r)ⁿ − |m|ⁿ is the sum of the other terms of the binomial series."""
    m, r = u
    size = np.abs(m)
    if n == 2:
        return rounded(m * m, r * (2 * size + r), EXACT)
    return rounded(m**n, n * r * (size + r) ** (n - 1) * (1 + n * ELEMENTARY), ELEMENTARY)


def real_power(u: Disc, p: float) -> Disc:
    """Uᵖ of a disc to the right of 0: the binomial series in t = r/m is bounded by that of (1 − t)^(−|p|)."""
    m, r = u
    t = np.where(r < m, r / m, np.nan)
    away = np.log1p(-t)
    series = -np.expm1(p * away) if 0 < p < 1 else np.expm1(-abs(p) * away)
    value = np.where(m > 0, m, np.nan) ** p
    relative = ELEMENTARY + 2 * UNIT * abs(p) * np.abs(np.log(np.where(m > 0, m, 1.0)))
    return rounded(value, value * series * (1 + ELEMENTARY * (1 + abs(p))), relative)


def flat(u: Disc, c: Constant) -> Disc:
    """exp(c/u)/u²."""
    inverse = reciprocal(u)
    return multiply(function("exp", scale(inverse, c)), integer_power(inverse, 2.0))


def function(name: str, u: Disc) -> Disc:
    """F(u) of the function of that name."""
    m, r = u
    middle = VALUES[name][0](m)
    return rounded(middle, _radius(name, m, r, middle) * (1 + ELEMENTARY), error_of(name, m))


def _radius(name: str, m: Floats, r: Floats, middle: Floats) -> Floats:
    """Bound on |F(z) − F(m)| for |z − m| ≤ r."""
    match name:
        case "exp":
            return _exp(m, r, middle)
        case "expm1":
            return _exp(m, r, np.exp(m))
        case "log" | "log1p":
            size = m if name == "log" else 1 + m
            return -np.log1p(-np.where(r < size, r / size * GROW, np.nan))
        case "sin" | "cos" | "sinh" | "cosh":  # both parts of the Taylor series
            other = VALUES[{"sin": "cos", "cos": "sin", "sinh": "cosh", "cosh": "sinh"}[name]][0](m)
            half = np.sinh(0.5 * r)
            return np.asarray(np.abs(middle) * 2 * half * half + np.abs(other) * np.sinh(r))
        case "tanh":
            return _tanh(m, r)
        case "sech2":  # tanh² m − tanh² z
            apart = _tanh(m, r)
            return apart * (2 * np.abs(np.tanh(m)) + apart)
        case "sigmoid":  # (1 + tanh(z/2))/2
            return 0.5 * _tanh(0.5 * m, 0.5 * r)
        case "softplus":
            return r * (VALUES["sigmoid"][0](m) + 0.5 * _tanh(0.5 * m, 0.5 * r))
        case "logcosh":
            return r * (np.abs(np.tanh(m)) + _tanh(m, r))
        case "erf" | "erfc":
            return r * (2 / math.sqrt(math.pi)) * np.exp(_largest_of_minus_square(m, r))
        case "ndtr":
            return r / math.sqrt(2 * math.pi) * np.exp(0.5 * _largest_of_minus_square(m, r))
        case "floor":
            return np.zeros_like(r)  # by cases: the program's evaluation refuses panels across a step
    return _inverse(name, m, r)


def _exp(m: Floats, r: Floats, middle: Floats) -> Floats:
    """eᵐ(eʳ − 1); for large r the larger e^(m + r), which neither overflows nor underflows early."""
    return np.where(r < 1, middle * np.expm1(np.minimum(r, 1.0)), np.exp(m + r + 4 * UNIT * (np.abs(m) + r)))


def _inverse(name: str, m: Floats, r: Floats) -> Floats:
    """The bound for inverse functions: r times the largest |F′|, from the distance to the two singular points."""
    size = np.abs(m)
    if name in ("atan", "asinh"):  # singular at ±i
        away = np.sqrt(1 + size * size) - r
        away = np.where(away > 0, away, np.nan) * (1 - 4 * ELEMENTARY)
        return r / away**2 if name == "atan" else r / away
    near, far = (m - 1 - r, m + 1 - r) if name == "acosh" else (1 - size - r, 1 + size - r)
    near = np.where(near > 0, near, np.nan) * (1 - ELEMENTARY) - UNIT * (1 + size)
    square = np.where(near > 0, near, np.nan) * far
    return r / square if name == "atanh" else r / np.sqrt(square)


def _tanh(m: Floats, r: Floats) -> Floats:
    """The smaller of two bounds on |tanh z − tanh m| = |sinh(z − m)|/|cosh z cosh m|.

    Near 0 with |cosh(x + iy)|² = sinh² x + cos² y; far away as the sum of |1 − tanh z| = 2/|e^(2z) + 1| at z and at m.
    """
    nearest = np.maximum(np.abs(m) - r, 0.0)
    cosine = np.cos(np.minimum(r, np.pi / 2))
    least = np.sqrt(np.sinh(nearest) ** 2 + np.where(r < np.pi / 2, cosine * cosine, 0.0)) * (1 - 8 * ELEMENTARY)
    near = np.where(r < FAR, np.sinh(r) / (least * np.cosh(m)), np.inf)
    return np.asarray(np.fmin(near, 4 / np.expm1(2 * nearest)) * (1 + 8 * ELEMENTARY) + TINY)


def _largest_of_minus_square(m: Floats, r: Floats) -> Floats:
    """The largest real part of −z² on the disc: y² − x² at x = m + r cos θ with cos θ = −m/2r, or at cos θ = ∓1."""
    size = np.abs(m)
    inside = size < 2 * r
    largest = np.where(inside, r * r - 0.5 * size * size, -((size - r) ** 2))
    return largest + 8 * UNIT * (size + r) ** 2
