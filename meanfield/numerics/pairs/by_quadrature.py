"""Moments of two correlated Gaussian arguments U and V: products, squared differences, products of derivatives.

The pair is given by its variances and by ``one_minus_c``, never by c: near c = 1 all digits are in the difference.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from meanfield._types import Floats
from meanfield.numerics.pairs.rotated_quadrature import ROUNDING, rotated
from meanfield.numerics.quadrature.gauss_legendre import nodes_between, rule, tail
from meanfield.numerics.quadrature.one_gaussian import moment
from meanfield.numerics.quadrature.piecewise_smooth import PiecewiseSmooth

EPS = float(np.finfo(float).eps)
CLOSE = 1e-8  # 1 − c below which squared differences come from Price's theorem, not from differences
SAME = 1e-8  # relative difference of two standard deviations below which f(√q₁Z) − f(√q₂Z) is taken as linear in it
PRICE = 3  # nodes for the integral of E f′(U) f′(V) over so small a range of angles, where it is nearly linear


class _Side(NamedTuple):
    """One argument: the function's panel edges and breakpoints in standard deviations of its argument."""

    sd: float
    edges: Floats
    breakpoints: Floats

    def reflected(self) -> "_Side":
        return _Side(-self.sd, -self.edges[::-1], -self.breakpoints[::-1])


def _side(pieces: PiecewiseSmooth, q: float, product: str) -> _Side:
    with pieces.lock:
        moment(pieces, product, q)  # refines and extends the grid to what this q needs
        grid, sd = pieces.grid(q), float(np.sqrt(q))
        points = np.array([x for x in pieces.breakpoints if abs(x) < grid.reach * grid.scale])
        return _Side(sd, grid.edges / sd, points / sd)


def product(f: PiecewiseSmooth, g: PiecewiseSmooth, q1: float, q2: float, one_minus_c: float) -> tuple[float, float]:
    """E f(U) g(V) and a bound on its error, for 1 − c in [0, 2]."""
    first, second = _side(f, q1, "ff"), _side(g, q2, "ff")
    return _rotate(first, second, one_minus_c, lambda u, v: f(u) * g(v), symmetric=f is g and q1 == q2)


def _rotate(
    first: _Side,
    second: _Side,
    one_minus_c: float,
    h: Callable[[Floats, Floats], Floats],
    *,
    symmetric: bool,
    rounding: float = ROUNDING,
) -> tuple[float, float]:
    """E h(U, V); a negative correlation is taken as a positive one with V reflected."""
    if one_minus_c > 1:
        second, one_minus_c, symmetric = second.reflected(), 2.0 - one_minus_c, False
    return rotated(
        lambda z1, z2: h(first.sd * z1, second.sd * z2),
        first.edges,
        second.edges,
        one_minus_c,
        breakpoints=(first.breakpoints, second.breakpoints),
        symmetric=symmetric,
        rounding=rounding,
    )


def distance(f: PiecewiseSmooth, q1: float, q2: float, one_minus_c: float) -> tuple[float, float]:
    """½ E (f(U) − f(V))² to a small *relative* error, and a bound on it."""
    if one_minus_c >= CLOSE or f.jumps:
        first, second = _side(f, q1, "ff"), _side(f, q2, "ff")
        rounding = max(ROUNDING, 8 * EPS / np.sqrt(0.5 * one_minus_c))  # what f(u) − f(v) leaves of the digits of f
        return _rotate(
            first, second, one_minus_c, lambda u, v: 0.5 * (f(u) - f(v)) ** 2, symmetric=q1 == q2, rounding=rounding
        )
    # Price: dE f(U)f(V)/dc = √(q₁q₂) E f′(U)f′(V), which is smooth in √(1 − c); the rest is the distance at c = 1.
    r, weights = 0.5 * (1 + rule(PRICE).nodes), 0.5 * rule(PRICE).weights
    slopes = np.array([slope(f, q1, q2, one_minus_c * s * s) for s in r])
    scale = np.sqrt(q1 * q2) * one_minus_c
    value, error = (float(scale * (2 * r * weights) @ column) for column in slopes.T)
    aligned, aligned_error = _aligned_distance(f, q1, q2)
    return value + aligned, error + aligned_error


def _aligned_distance(f: PiecewiseSmooth, q1: float, q2: float) -> tuple[float, float]:
    """½ E (f(√q₁ Z) − f(√q₂ Z))²."""
    if q1 == q2:
        return 0.0, 0.0
    difference = abs(q1 - q2) / (np.sqrt(q1) + np.sqrt(q2))
    middle = float((0.5 * (np.sqrt(q1) + np.sqrt(q2))) ** 2)
    if difference > SAME * np.sqrt(middle):
        first, second = _side(f, q1, "ff"), _side(f, q2, "ff")
        return _rotate(first, second, 0.0, lambda u, v: 0.5 * (f(u) - f(v)) ** 2, symmetric=False)
    square = moment(f, "xxdd", middle)
    factor = 0.5 * difference**2 / middle
    return factor * square.value, factor * (square.error + SAME * square.value)


def slope(f: PiecewiseSmooth, q1: float, q2: float, one_minus_c: float) -> tuple[float, float]:
    """E f′(U) f′(V), the derivative of E f(U) f(V) in the covariance, jumps included, and a bound on its error."""
    moments = "d" if f.jumps else "dd"
    first, second = _side(f, q1, moments), _side(f, q2, moments)
    smooth = _rotate(first, second, one_minus_c, lambda u, v: f.derivative(u) * f.derivative(v), symmetric=q1 == q2)
    if not f.jumps:
        # Given or not, the derivative's own error is that of the one-dimensional moments (Cauchy–Schwarz).
        inexact = 0.5 * (moment(f, "dd", q1).error + moment(f, "dd", q2).error)
        return smooth[0], smooth[1] + inexact
    points = np.array(f.jumps)
    heights = f.jump_heights()
    c, rest = 1.0 - one_minus_c, one_minus_c * (2.0 - one_minus_c)
    z1, z2 = points / np.sqrt(q1), points / np.sqrt(q2)
    exponent = (z1[:, None] - z2) ** 2 / rest + 2 * z1[:, None] * z2 / (1 + c)
    both = np.exp(-0.5 * exponent) / (2 * np.pi * np.sqrt(q1 * q2 * rest))
    value, error = smooth[0] + float(heights @ both @ heights), smooth[1]
    for z, q, other, side in ((z1, q1, q2, second), (z2, q2, q1, first)):
        density = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi * q)
        for weight, mean in zip(heights * density, c * z, strict=True):
            conditional = _conditional(f, side, float(mean), float(np.sqrt(rest)), float(np.sqrt(other)))
            value += float(weight * conditional[0])
            error += float(abs(weight) * conditional[1])
    return value, error + 1e-14 * abs(value)


def _conditional(f: PiecewiseSmooth, side: _Side, mean: float, sd: float, scale: float) -> tuple[float, float]:
    """E f′(scale·(mean + sd·Z)) without the jumps' part, cut at the panel edges."""
    edges = np.union1d(np.linspace(-9.5, 9.5, 20), np.clip((side.edges - mean) / sd, -9.5, 9.5))
    a, b = edges[:-1], edges[1:]
    x = nodes_between(a, b)
    values = f.derivative(scale * (mean + sd * x)) * np.exp(-0.5 * x**2) / np.sqrt(2 * np.pi)
    half = 0.5 * (b - a)
    return float(half @ (values @ rule().weights)), float(2 * half @ tail(values))
