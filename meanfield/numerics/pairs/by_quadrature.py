"""One pair by quadrature: E f(U) g(V), ½E(f(U) − f(V))² and E f′(U) f′(V) of two correlated Gaussians U and V.

This representation serves every pair. The tests compare all other representations with it. A pair is given by its
variances and by `gap` = 1 − c. Near c = 1 the float 1 − c keeps its relative precision, while a float c would lose it.
"""

from collections.abc import Callable
from typing import NamedTuple, Self

import numpy as np

from meanfield._types import Floats
from meanfield.numerics.pairs.price import integrated_slope, jump_terms
from meanfield.numerics.pairs.rotated_quadrature import ROUNDING, rotated
from meanfield.numerics.quadrature.one_gaussian import moment, resolved
from meanfield.numerics.quadrature.piecewise_smooth import PiecewiseSmooth

EPS = float(np.finfo(float).eps)
CLOSE = 1e-8  # 1 − c below which squared differences come from Price's theorem, not from differences
STRAIGHT = 0.01  # √(1 − c) in the shortest panels of f below which E f′(U) f′(V) is nearly linear in √(1 − c)
SAME = 1e-8  # relative difference of two standard deviations below which f(√q₁Z) − f(√q₂Z) is linearised in it


class _Side(NamedTuple):
    """Panel edges, breakpoints and sharp points of a function, in standard deviations of its argument."""

    sd: float
    edges: Floats
    breakpoints: Floats
    sharp: Floats

    @property
    def narrowest(self) -> float:
        """The length of the shortest panel if f changes sharply anywhere, else inf."""
        return float(np.diff(self.edges).min()) if self.sharp.size else np.inf

    def reflected(self) -> Self:
        edges, breakpoints, sharp = (-points[::-1] for points in self[1:])
        return self._replace(sd=-self.sd, edges=edges, breakpoints=breakpoints, sharp=sharp)


def _side(pieces: PiecewiseSmooth, q: float, product: str) -> _Side:
    with pieces.lock:
        grid, sd = resolved(pieces.grid(q), product, np.array([q])), float(np.sqrt(q))
        points = np.array([x for x in pieces.breakpoints if abs(x) < grid.reach * grid.scale])
        return _Side(sd, grid.edges / sd, points / sd, grid.sharp_points() / sd)


def _rotate(
    first: _Side,
    second: _Side,
    gap: float,
    h: Callable[[Floats, Floats], Floats],
    *,
    symmetric: bool,
    rounding: float = ROUNDING,
) -> tuple[float, float]:
    """E h(U, V) and a bound on its error. For c < 0, V is replaced by −V, so that the correlation becomes positive."""
    if gap > 1:
        second, gap, symmetric = second.reflected(), 2.0 - gap, False
    return rotated(
        lambda z1, z2: h(first.sd * z1, second.sd * z2),
        first.edges,
        second.edges,
        gap,
        breakpoints=(first.breakpoints, second.breakpoints),
        sharp=(first.sharp, second.sharp),
        symmetric=symmetric,
        rounding=rounding,
    )


def product(f: PiecewiseSmooth, g: PiecewiseSmooth, q1: float, q2: float, gap: float) -> tuple[float, float]:
    """E f(U) g(V) and a bound on its error, for 1 − c in [0, 2]."""
    first, second = _side(f, q1, "ff"), _side(g, q2, "ff")
    return _rotate(first, second, gap, lambda u, v: f(u) * g(v), symmetric=f is g and q1 == q2)


def distance(f: PiecewiseSmooth, q1: float, q2: float, gap: float) -> tuple[float, float]:
    """½ E (f(U) − f(V))² to a small *relative* error, and a bound on it."""
    apart = gap + 0.5 * (np.sqrt(q1) - np.sqrt(q2)) ** 2 / (np.sqrt(q1) * np.sqrt(q2))  # ½E(U − V)²/√(q₁q₂)
    if apart == 0:
        return 0.0, 0.0
    rounding = max(ROUNDING, 8 * EPS / np.sqrt(0.5 * apart))  # relative rounding error of f(u) − f(v)
    first, second = _side(f, q1, "ff"), _side(f, q2, "ff")
    value, error = 0.0, np.inf
    if gap < CLOSE and not f.jumps and np.sqrt(gap) < STRAIGHT * min(first.narrowest, second.narrowest):
        value, error = integrated_slope(lambda g: slope(f, q1, q2, g), q1, q2, gap)
        aligned, aligned_error = _aligned_distance(f, q1, q2)
        value, error = value + aligned, error + aligned_error
    if error <= rounding * value:
        return value, error
    direct = _rotate(first, second, gap, lambda u, v: 0.5 * (f(u) - f(v)) ** 2, symmetric=q1 == q2, rounding=rounding)
    return direct if direct[1] < error else (value, error)


def _aligned_distance(f: PiecewiseSmooth, q1: float, q2: float) -> tuple[float, float]:
    """½ E (f(√q₁ Z) − f(√q₂ Z))² and a bound on its error."""
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


def slope(f: PiecewiseSmooth, q1: float, q2: float, gap: float) -> tuple[float, float]:
    """E f′(U) f′(V) and a bound on its error.

    It is the derivative of E f(U) f(V) in the covariance; f′ includes a delta function at each jump of f.
    """
    moments = "d" if f.jumps else "dd"
    first, second = _side(f, q1, moments), _side(f, q2, moments)
    value, error = _rotate(first, second, gap, lambda u, v: f.derivative(u) * f.derivative(v), symmetric=q1 == q2)
    if f.jumps:
        more, more_error = jump_terms(f, (first.edges, second.edges), q1, q2, gap)
        return value + more, error + more_error
    # By Cauchy–Schwarz, errors of f′ change the result by at most the mean error of the moments E f′(U)² and E f′(V)².
    return value, error + 0.5 * (moment(f, "dd", q1).error + moment(f, "dd", q2).error)
