"""Leaky ReLUs: one activation for each negative slope, so that the slope takes the place of input scale and shift.

For a function that is linear on each side of 0, a is a factor of d. With b = 0 the variance is proportional to q, so
that Q′(1) = 1 holds with Q(1) = 1, and the negative slope α is left for one more condition. TAT sets it by C_f(0) = η
(Zhang et al. 2022, arXiv:2203.08120, section 4.1), DKS by C′(1) = ζ.
"""

import math
from typing import NamedTuple

from meanfield.errors import InvalidInput

LARGEST = 2 / (math.pi - 2)  # C′(1) − 1 of |x| with C(0) = 0


class LeakyMap(NamedTuple):
    """The local correlation map of the leaky ReLU of negative slope α without shifts, iterated."""

    weight: float  # (1 − α)²/(π(1 + α²))

    def iterated(self, c: float, count: int) -> float:
        """C applied `count` times to c: C(c) = c + w(√(1 − c²) − c arccos c)."""
        for _ in range(count):
            c = min(c + self.weight * (math.sqrt(max(1 - c * c, 0.0)) - c * math.acos(c)), 1.0)
        return c


def correlation_map(alpha: float) -> LeakyMap:
    """The local correlation map as a function of c and of the number of layers."""
    return LeakyMap((1 - alpha) ** 2 / (math.pi * (1 + alpha**2)))


class LeakyShape(NamedTuple):
    """The parameters of d·(LReLU_α(x) + c)."""

    negative_slope: float
    output_shift: float
    output_scale: float


def tat_shape(alpha: float) -> LeakyShape:
    """Q(1) = 1 with c = 0: d = √(2/(1 + α²))."""
    return LeakyShape(alpha, 0.0, math.sqrt(2 / (1 + alpha**2)))


def dks_shape(excess: float) -> LeakyShape:
    """The four conditions of DKS with C′(1) − 1 = `excess`, in closed form.

    f(z) = uz + w|z| has E f′² = u² + w² and Var f = u² + (1 − 2/π)w² with u = (1 + α)/2 and w = (1 − α)/2.

    Raises
    ------
    InvalidInput
        If the slope is larger than that of |x|.
    """
    if excess >= LARGEST:
        raise InvalidInput(f"a leaky ReLU has slopes below {1 + LARGEST:.6g}, and zeta asks for {1 + excess:.6g}")
    ratio = math.sqrt(excess / (2 / math.pi - excess * (1 - 2 / math.pi)))  # w/u
    u, w = 1 / (1 + ratio), ratio / (1 + ratio)
    variance = u * u + (1 - 2 / math.pi) * w * w
    return LeakyShape(u - w, -w * math.sqrt(2 / math.pi), variance**-0.5)
