"""Real ranges (lo, hi) of the operations of a program, rounded outwards; infinite ends are allowed.

A range holds every finite value that the operation takes on the ranges of its operands, and the limits that NumPy
computes at a division by zero. A result that is not a number becomes the whole line.
"""

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from meanfield._types import Floats, Ints
from meanfield.numerics.discs.program import LARGER, SMALLER, UNIT, Constant
from meanfield.special_functions import special

Range: TypeAlias = tuple[Floats, Floats]

EXACT = UNIT  # relative error of + − × ÷ √
ELEMENTARY = 8 * UNIT  # of NumPy's functions, which err by at most 4 units in the last place
SPECIAL = 32 * UNIT  # of SciPy's functions
TINY = 1e-320  # absolute error of numbers near the underflow threshold
SLACK = 1e-12  # widening of ranges in which extrema of sine and cosine are looked for
LOST = 1e8  # beyond it a sine is only known to lie in [−1, 1]


def softplus(x: Floats) -> Floats:
    """log(1 + eˣ)."""
    return np.logaddexp(0.0, x)


def sech_squared(x: Floats) -> Floats:
    """1 − tanh² x."""
    e = np.exp(-2 * np.abs(x))
    square: Floats = 4 * e / (1 + e) ** 2
    return square


def log_cosh(x: Floats) -> Floats:
    """log cosh x: log1p(2 sinh²(x/2)) within |x| < 1, |x| − log 2 + log1p(exp(−2|x|)) outside."""
    size = np.abs(x)
    near: Floats = np.log1p(2 * np.sinh(np.minimum(size, 1) / 2) ** 2)
    return np.where(size < 1, near, size - math.log(2) + np.log1p(np.exp(-2 * size)))


# Values at real numbers, with a relative error; the same functions give the midpoints of discs.
VALUES: dict[str, tuple[Callable[[Floats], Floats], float]] = {
    "exp": (np.exp, ELEMENTARY),
    "expm1": (np.expm1, ELEMENTARY),
    "log": (np.log, ELEMENTARY),
    "log1p": (np.log1p, ELEMENTARY),
    "sin": (np.sin, ELEMENTARY),
    "cos": (np.cos, ELEMENTARY),
    "sinh": (np.sinh, ELEMENTARY),
    "cosh": (np.cosh, ELEMENTARY),
    "tanh": (np.tanh, ELEMENTARY),
    "atan": (np.arctan, ELEMENTARY),
    "asin": (np.arcsin, ELEMENTARY),
    "acos": (np.arccos, ELEMENTARY),
    "asinh": (np.arcsinh, ELEMENTARY),
    "acosh": (np.arccosh, ELEMENTARY),
    "atanh": (np.arctanh, ELEMENTARY),
    "sech2": (sech_squared, SPECIAL),
    "sigmoid": (lambda x: special.expit(x), SPECIAL),
    "softplus": (softplus, SPECIAL),
    "logcosh": (log_cosh, SPECIAL),
    "erf": (lambda x: special.erf(x), SPECIAL),
    "erfc": (lambda x: special.erfc(x), SPECIAL),
    "ndtr": (lambda x: special.ndtr(x), SPECIAL),
    "floor": (np.floor, 0.0),
}
SQUARED = ("erfc", "ndtr")  # those whose relative error grows like x², as that of exp(−x²) does
EVEN = ("cosh", "sech2", "logcosh")  # monotone in |x|
FALLING = ("acos", "erfc", "sech2")
UNDERFLOWING = ("exp", "sigmoid", "softplus", "erfc", "ndtr", "sech2")
DOMAINS = {"log": (0.0, np.inf), "log1p": (-1.0, np.inf), "asin": (-1.0, 1.0), "acos": (-1.0, 1.0)} | {
    "acosh": (1.0, np.inf),
    "atanh": (-1.0, 1.0),
}


def error_of(name: str, x: Floats) -> float | Floats:
    """Relative error of the value of the function of that name at `x`."""
    relative = VALUES[name][1]
    return relative + 4 * UNIT * np.minimum(x * x, 1e4) if name in SQUARED else relative


def outward(lo: Floats, hi: Floats, relative: float | Floats) -> Range:
    """The range with its ends moved outwards by a relative error; an end that is 0 is exact."""
    lo, hi = lo * (1.0 - np.copysign(2 * relative, lo)), hi * (1.0 + np.copysign(2 * relative, hi))
    if np.isnan(lo).any() or np.isnan(hi).any():
        lo, hi = np.where(np.isnan(lo), -np.inf, lo), np.where(np.isnan(hi), np.inf, hi)
    return lo, hi


def shift(u: Range, c: Constant) -> Range:
    """U + c."""
    lo, hi = outward(u[0] + c.value, u[1] + c.value, EXACT)
    return (lo - c.error, hi + c.error) if c.error else (lo, hi)


def scale(u: Range, c: Constant) -> Range:
    """C·u."""
    ends = (u[0], u[1]) if c.value > 0 else (u[1], u[0])
    return outward(ends[0] * c.value, ends[1] * c.value, relative_of(c))


def relative_of(c: Constant) -> float:
    """Relative error of a product with a constant: none if it is a power of two."""
    exact = not c.error and abs(math.frexp(c.value)[0]) == 0.5
    return 0.0 if exact else EXACT + c.error / abs(c.value)


def add(u: Range, v: Range) -> Range:
    """U + v."""
    return outward(u[0] + v[0], u[1] + v[1], EXACT)


def multiply(u: Range, v: Range) -> Range:
    """U·v, with 0·∞ = 0: an infinite end stands for arbitrarily large numbers."""
    products = [a * b for a in u for b in v]
    if any(np.isnan(product).any() for product in products):
        products = [np.where(np.isnan(product), 0.0, product) for product in products]
    return outward(np.minimum.reduce(products), np.maximum.reduce(products), EXACT)


def reciprocal(u: Range) -> Range:
    """1/u; 1/0 is ∞."""
    lo, hi = u
    below = np.where(hi < 0, 1 / hi, np.where(hi == 0, np.where(lo == 0, np.inf, -np.inf), 1 / hi))
    above = np.where(lo > 0, 1 / lo, np.where(lo == 0, np.inf, 1 / lo))
    across = (lo < 0) & (hi > 0)
    return outward(np.where(across, -np.inf, below), np.where(across, np.inf, above), EXACT)


def integer_power(u: Range, n: float) -> Range:
    """Uⁿ for a whole n ≥ 2."""
    a, b = u[0] ** n, u[1] ** n
    if n % 2 == 0:
        a, b = np.where((u[0] <= 0) & (u[1] >= 0), 0.0, np.minimum(a, b)), np.maximum(a, b)
    if n == 2 and _short(u[0]) and _short(u[1]):
        return a, b
    return outward(a, b, ELEMENTARY)


def _short(x: Floats) -> bool:
    """Whether all significands have half the length of a float64's, so that squares are exact."""
    return bool((np.float32(x) == x).all())


def real_power(u: Range, p: float) -> Range:
    """Uᵖ on the part of u that is not negative; the whole line if there is none."""
    least = np.maximum(u[0], 0.0)
    a, b = least**p, u[1] ** p
    lo, hi = (a, b) if p > 0 else (b, a)
    size = np.abs(np.log(np.where(least > 0, least, 1.0))) + np.abs(np.log(np.where(u[1] > 0, u[1], 1.0)))
    slack = ELEMENTARY + 4 * UNIT * abs(p) * float(np.max(np.where(np.isfinite(size), size, 0.0), initial=0.0))
    lo, hi = outward(lo, hi, slack)
    bad = u[1] < 0
    return np.where(bad, -np.inf, lo), np.where(bad, np.inf, hi)


def flat(u: Range, c: Constant) -> Range:
    """exp(c/u)/u² for c < 0 and u ≥ 0: s² e^(cs) of s = 1/u, which is largest at s = −2/c and 0 at infinity."""
    size = abs(c.value)
    ends = []
    for end in u:
        s = 1 / np.maximum(end, 0.0)
        ends.append(np.where(np.isinf(s), 0.0, s * s * np.exp(-size * s)))
    peak = (u[0] <= 0.5 * size * (1 + ELEMENTARY)) & (u[1] >= 0.5 * size * (1 - ELEMENTARY))
    most = np.where(peak, 4 * math.exp(-2) / size**2, np.maximum(*ends))
    relative = 16 * ELEMENTARY + 8 * c.error / size + 1000 * (UNIT + c.error / size)  # e^(cs) underflows beyond 750
    lo, hi = outward(np.minimum(*ends), most, relative)
    negative = u[0] < 0
    return np.where(negative, 0.0, lo), np.where(negative, np.inf, hi + TINY)


def function(name: str, u: Range) -> Range:
    """F(u) of the function of that name."""
    lo, hi = u
    if name in ("sin", "cos"):
        return _wave(lo, hi, 0.5 if name == "sin" else 0.0, VALUES[name][0])
    value = VALUES[name][0]
    if name in DOMAINS:
        low, high = DOMAINS[name]
        outside = (hi < low) | (lo > high)
        lo, hi = np.clip(lo, low, high), np.clip(hi, low, high)
    if name in EVEN:
        inside = (lo <= 0) & (hi >= 0)
        lo, hi = np.where(inside, 0.0, np.minimum(np.abs(lo), np.abs(hi))), np.maximum(np.abs(lo), np.abs(hi))
    a, b = (value(hi), value(lo)) if name in FALLING else (value(lo), value(hi))
    a, b = outward(a, b, error_of(name, np.fmax(np.abs(lo), np.abs(hi))))
    if name in UNDERFLOWING:
        a, b = np.maximum(a, 0.0), b + TINY
    if name in DOMAINS and outside.any():
        a, b = np.where(outside, -np.inf, a), np.where(outside, np.inf, b)
    return a, b


def _wave(lo: Floats, hi: Floats, phase: float, value: Callable[[Floats], Floats]) -> Range:
    """Sine (phase ½) or cosine (phase 0), with maxima at (phase + 2k)π and minima half a period later."""
    lost = ~(np.maximum(np.abs(lo), np.abs(hi)) < LOST)
    a, b = np.where(lost, 0.0, lo), np.where(lost, 0.0, hi)
    low, high = (a - SLACK * (1 + np.abs(a))) / np.pi, (b + SLACK * (1 + np.abs(b))) / np.pi
    peak, trough = (np.floor((high - place) / 2) > np.floor((low - place) / 2) for place in (phase, phase + 1.0))
    ends = value(a), value(b)
    least, most = outward(np.minimum(*ends), np.maximum(*ends), ELEMENTARY)
    return np.where(trough | lost, -1.0, least), np.where(peak | lost, 1.0, most)


def by_case(sign: Ints, u: Range, v: Range, kind: Constant | float) -> Range:
    """`u` where the sign is 1, `v` where it is −1, and where it is 0 the larger, the smaller or either one."""
    low = np.maximum if kind == LARGER else np.minimum
    high = np.minimum if kind == SMALLER else np.maximum
    lo, hi = low(u[0], v[0]), high(u[1], v[1])
    return (
        np.where(sign > 0, u[0], np.where(sign < 0, v[0], lo)),
        np.where(sign > 0, u[1], np.where(sign < 0, v[1], hi)),
    )
