"""The functions whose textbook formula cancels or overflows, rearranged to be accurate to a few ulp everywhere."""

import math

import numpy as np

from meanfield._types import Floats
from meanfield.special_functions import special


def softplus(x: Floats) -> Floats:
    """log(1 + eˣ)."""
    return np.logaddexp(0.0, x)


def normal_density(x: Floats) -> Floats:
    """exp(−x²/2)/√2π."""
    return np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)


def sech_squared(x: Floats) -> Floats:
    """1 − tanh² x, as 4e/(1 + e)² with e = exp(−2|x|)."""
    e = np.exp(-2 * np.abs(x))
    square: Floats = 4 * e / (1 + e) ** 2
    return square


def tanhshrink(x: Floats) -> Floats:
    """x − tanh x; within |x| < 1 as (x cosh x − sinh x)/cosh x = Σ 2k x^(2k+1)/(2k+1)! / cosh x."""
    near = np.clip(x, -1, 1)
    series = np.polyval([2 * k / math.factorial(2 * k + 1) for k in range(11, 0, -1)], near * near)
    return np.where(np.abs(x) < 1, near**3 * series / np.cosh(near), x - np.tanh(x))


def exp_remainder(x: Floats) -> Floats:
    """eˣ − 1 − x for x ≤ 0; within |x| < 1 as its series."""
    near = np.clip(x, -1, 0)
    series = np.polyval([1 / math.factorial(k) for k in range(20, 1, -1)], near)
    return np.where(x > -1, near * near * series, np.expm1(np.minimum(x, 0)) - x)


def log_cosh(x: Floats) -> Floats:
    """log cosh x: log1p(2 sinh²(x/2)) within |x| < 1, |x| − log 2 + log1p(exp(−2|x|)) outside."""
    size = np.abs(x)
    near: Floats = np.log1p(2 * np.sinh(np.minimum(size, 1) / 2) ** 2)
    return np.where(size < 1, near, size - math.log(2) + np.log1p(np.exp(-2 * size)))


def _mish_parts(x: Floats) -> tuple[Floats, Floats]:
    """tanh(softplus x) and 1 − it, as n/(n + m), m/(n + m): n = eˣ(eˣ + 2), m = 2, both times e^(−2x) if x > 0."""
    e = np.exp(-np.abs(x))
    n = np.where(x < 0, e * (e + 2), 1 + 2 * e)
    m = np.where(x < 0, 2.0, 2 * e * e)
    return n / (n + m), m / (n + m)


def mish(x: Floats) -> Floats:
    """x tanh(softplus x)."""
    return x * _mish_parts(x)[0]


def dmish(x: Floats) -> Floats:
    """Derivative of mish."""
    t, rest = _mish_parts(x)
    return t + x * rest * (1 + t) * special.expit(x)


def serf(x: Floats) -> Floats:
    """x erf(softplus x)."""
    return x * special.erf(softplus(x))


def dserf(x: Floats) -> Floats:
    """Derivative of serf."""
    s = softplus(x)
    return special.erf(s) + x * special.expit(x) * np.exp(-s * s) * (2 / math.sqrt(math.pi))


def squareplus(x: Floats, b: float) -> Floats:
    """(x + √(x² + b))/2, as b/(2(√(x² + b) − x)) for negative x."""
    r = np.hypot(x, math.sqrt(b)) + np.abs(x)
    return np.where(x < 0, b / (2 * r), r / 2)


def dsquareplus(x: Floats, b: float) -> Floats:
    """Derivative of squareplus: itself divided by √(x² + b)."""
    return squareplus(x, b) / np.hypot(x, math.sqrt(b))


def bent_identity(x: Floats) -> Floats:
    """(√(x² + 1) − 1)/2 + x."""
    ratio: Floats = x / (np.sqrt(x * x + 1) + 1)
    return x + 0.5 * x * ratio


GELU_SLOPE = 2 * math.sqrt(2 / math.pi)


def tanh_gelu(x: Floats, slope: float = GELU_SLOPE) -> Floats:
    """x(1 + tanh u)/2 = x σ(2u) with 2u = slope·(x + 0.044715 x³)."""
    return x * special.expit(slope * (x + 0.044715 * x**3))


def tanh_gelu_derivative(x: Floats, slope: float = GELU_SLOPE) -> Floats:
    """σ(2u)(1 + 2xu′ σ(−2u))."""
    u2 = slope * (x + 0.044715 * x**3)
    return special.expit(u2) * (1 + x * slope * (1 + 3 * 0.044715 * x * x) * special.expit(-u2))


def gelu(x: Floats) -> Floats:
    """x Φ(x)."""
    return x * special.ndtr(x)


def dgelu(x: Floats) -> Floats:
    """Φ(x) + x Φ′(x)."""
    return special.ndtr(x) + x * normal_density(x)


BEYOND = 50.0  # where exp(−exp |x|) and 1 − tanh(exp |x|) have long underflowed


def golu(x: Floats) -> Floats:
    """x exp(−e^(−x))."""
    return x * np.exp(-np.exp(np.minimum(-x, BEYOND)))


def dgolu(x: Floats) -> Floats:
    """exp(−u)(1 + xu) with u = e^(−x)."""
    u = np.exp(np.minimum(-x, BEYOND))
    return np.exp(-u) * (1 + x * u)


def telu(x: Floats) -> Floats:
    """x tanh(eˣ)."""
    return x * np.tanh(np.exp(np.minimum(x, BEYOND)))


def dtelu(x: Floats) -> Floats:
    """tanh u + xu/cosh² u with u = eˣ."""
    u = np.exp(np.minimum(x, BEYOND))
    return np.tanh(u) + x * u * sech_squared(u)
