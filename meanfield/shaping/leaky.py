"""Leaky ReLUs: one activation for each negative slope, so that the slope takes the place of the input scale.

For a function that is linear on each side of 0, only b/a matters, and the conditions of DKS cannot all hold. With the
negative slope α as second unknown they can. TAT takes b = c = 0 and sets α by C_f(0) = η (Zhang et al. 2022,
arXiv:2203.08120, section 4.1).
"""

import math
from typing import NamedTuple

import numpy as np

from meanfield._types import Floats, Ints
from meanfield.errors import InvalidInput
from meanfield.numerics.solve.bracketed import root


class LeakyMap(NamedTuple):
    """The local correlation map of the leaky ReLU of negative slope α, iterated."""

    weight: float  # (1 − α)²/(π(1 + α²))

    def iterated(self, c: float, count: int) -> float:
        """C applied `count` times to c: C(c) = c + w(√(1 − c²) − c arccos c)."""
        for _ in range(count):
            c = min(c + self.weight * (math.sqrt(max(1 - c * c, 0.0)) - c * math.acos(c)), 1.0)
        return c


def correlation_map(alpha: float) -> LeakyMap:
    """The local correlation map without biases and shifts, as a function of c and of the number of layers."""
    return LeakyMap((1 - alpha) ** 2 / (math.pi * (1 + alpha**2)))


class LeakyShape(NamedTuple):
    """The parameters of d·(LReLU_α(z + b) + c)."""

    negative_slope: float
    input_shift: float
    output_shift: float
    output_scale: float


def tat_shape(alpha: float) -> LeakyShape:
    """Q(1) = 1 with b = c = 0: d = √(2/(1 + α²))."""
    return LeakyShape(alpha, 0.0, 0.0, math.sqrt(2 / (1 + alpha**2)))


LARGEST_SHIFT = 6.0


def dks_shape(excess: float) -> LeakyShape:
    """The four conditions of DKS with C′(1) − 1 = `excess`, and b > 0.

    f(z) = uz + w|z + b| + … with u = (1 + α)/2 and w = (1 − α)/2. The remainder r of |z + b| beyond its mean m and its
    linear part ez has moments in closed form, with the normal density p and e = erf(b/√2) at b: E r² = 1 + b² − m² − e²
    and E r′² = 1 − e². E z(f − m)f′ = Var f then gives w/u as a function of b, and b is the root of one equation.

    Raises
    ------
    InvalidInput
        If no shift gives the slope.
    """

    def defect(which: Ints, b: Floats) -> Floats:
        return np.array([_slope_excess(x)[0] / excess - 1 for x in b.tolist()])

    grid = np.linspace(0.01, LARGEST_SHIFT, 240)
    values = defect(np.arange(grid.size), grid)
    change = np.flatnonzero((values[1:] * values[:-1] < 0) & (np.abs(values[1:] - values[:-1]) < 1e3))
    if not change.size:
        raise InvalidInput(
            f"no leaky ReLU has the slope 1 + {excess:.6g} with the other conditions of DKS: ask for a smaller zeta"
        )
    i = change[:1]
    b = float(root(defect, grid[i], grid[i + 1])[0])
    _, ratio, mean_abs = _slope_excess(b)
    alpha = (1 - ratio) / (1 + ratio)
    u, w = (1 + alpha) / 2, (1 - alpha) / 2
    e = math.erf(b / math.sqrt(2))
    variance = (u + w * e) ** 2 + w**2 * (1 + b * b - mean_abs**2 - e * e)
    return LeakyShape(alpha, b, -(u * b + w * mean_abs), variance**-0.5)


def _slope_excess(b: float) -> tuple[float, float, float]:
    """D/v − 1 at the w/u for which Q′(1) = 1; w/u; E |z + b|."""
    p = math.exp(-b * b / 2) / math.sqrt(2 * math.pi)
    e = math.erf(b / math.sqrt(2))
    m = 2 * p + b * e
    of_square = 1 + b * b - m * m - e * e
    third, mixed = -2 * b * p, m * m - b * b - 4 * p * p  # E He₃ |z + b| and ½E (z² − 3)r²
    ratio = -third / (e * third + mixed)
    linear = 1 + ratio * e
    return ratio**2 * (1 - e * e - of_square) / (linear**2 + ratio**2 * of_square), ratio, m
