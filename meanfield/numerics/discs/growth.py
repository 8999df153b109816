"""Growth classes: bounds C yᵏ exp(a y + b y²) on a program's instructions for y = |x|/L ≥ 1, and Gaussian tails.

Each instruction has its range on [L, ∞) and on (−∞, −L], and a class. Ranges alone do not see that x·tanh x grows like
x, and classes alone do not see that exp(−x²) is small.
"""

from typing import NamedTuple

import numpy as np

from meanfield._types import Floats
from meanfield.numerics.discs.evaluation import Ranges
from meanfield.numerics.discs.intervals import Range
from meanfield.numerics.discs.program import CLOSED, Constant, Program, X

SLACK = 1e-9  # of the exponents, for rounding
BOUNDED = {"tanh": 1.0, "sin": 1.0, "cos": 1.0, "erf": 1.0, "ndtr": 1.0, "sigmoid": 1.0, "sech2": 1.0, "erfc": 2.0}


class Growth(NamedTuple):
    """log|node| ≤ c + k log y + a y + b y², arrays with one entry a side; k, a and b are ≥ 0."""

    c: Floats
    k: Floats
    a: Floats
    b: Floats

    def times(self, other: "Growth") -> "Growth":
        """The class of a product."""
        return Growth(*(u + v for u, v in zip(self, other, strict=True)))

    def power(self, p: float) -> "Growth":
        """The class of a power p > 0."""
        return Growth(*(p * u for u in self))

    def plus(self, other: "Growth") -> "Growth":
        """The class of a sum."""
        c, *rest = (np.maximum(u, v) for u, v in zip(self, other, strict=True))
        return Growth(c + np.log(2.0), *rest)


def constant(size: Floats) -> Growth:
    """The class of what is at most `size`."""
    zero = np.zeros(size.shape)
    with np.errstate(divide="ignore"):
        return Growth(np.maximum(np.log(size), -700.0), zero, zero, zero)


class Tails:
    """Growth classes of a program's instructions outside of [−L, L]."""

    def __init__(self, program: Program, reach: float) -> None:
        self.program, self.reach = program, reach
        ends = np.array([-np.inf, reach]), np.array([-reach, np.inf])
        self.ranges = Ranges(program, *ends)
        line = np.full(2, np.log(reach))
        self._known = {X: Growth(line, np.ones(2), np.zeros(2), np.zeros(2))}

    def growth(self, index: int) -> Growth:
        """The class of an instruction."""
        for i in self.program.used(index, conditions=False):
            if i not in self._known:
                lo, hi = self.ranges.range(i)
                size = np.maximum(np.abs(lo), np.abs(hi))
                own, bounded = self._growth(i), constant(size)
                self._known[i] = Growth(*(np.where(np.isfinite(size), u, v) for u, v in zip(bounded, own, strict=True)))
        return self._known[index]

    def _growth(self, i: int) -> Growth:
        operation, operands, parameter = self.program.instructions[i]
        unknown = Growth(*(np.full(2, np.inf) for _ in range(4)))
        if isinstance(parameter, Constant) and operation != "flat":
            size = constant(np.full(2, abs(parameter.value) + parameter.error))
            if not operands:
                return size
            u = self._known[operands[0]]
            return u.plus(size) if operation == "shift" else u.times(size)
        u = self._known[operands[1 if operation == "where" else 0]]
        inner = self.ranges.range(operands[0])
        match operation:
            case "add" | "multiply":
                v = self._known[operands[1]]
                return u.plus(v) if operation == "add" else u.times(v)
            case "where":
                v, sign = self._known[operands[2]], self.ranges.sign(operands[0], parameter == CLOSED)
                either = Growth(*(np.maximum(x, y) for x, y in zip(u, v, strict=True)))
                return Growth(
                    *(np.where(sign > 0, x, np.where(sign < 0, y, z)) for x, y, z in zip(u, v, either, strict=True))
                )
            case "integer_power" | "real_power" if isinstance(parameter, float) and parameter > 0:
                return u.power(parameter)
            case "exp" | "expm1":
                return _exponential(u, inner).plus(constant(np.ones(2)))
            case "sinh" | "cosh":
                return _exponential(u, (-inner[1], np.maximum(np.abs(inner[0]), np.abs(inner[1]))))
            case "softplus" | "logcosh" | "asinh" | "atan" | "floor":
                return u.plus(constant(np.ones(2)))
            case "log" | "log1p":
                return _logarithm(u, inner)
        return constant(np.full(2, BOUNDED[operation])) if operation in BOUNDED else unknown


def _exponential(u: Growth, inner: Range) -> Growth:
    """The class of exp(u): constant where u is bounded above, else exp(e^c y) or exp(e^c y²) for |u| ≤ e^c yᵏ."""
    size, zero = np.exp(np.minimum(u.c + SLACK, 700.0)), np.zeros(2)
    algebraic = (u.a == 0) & (u.b == 0)
    line, square = algebraic & (u.k <= 1), algebraic & (u.k <= 2)
    high = inner[1]
    above = np.isfinite(high)
    c = np.where(above, high, np.where(square, 0.0, np.inf))
    return Growth(c, zero, np.where(~above & line, size, zero), np.where(~above & ~line & square, size, zero))


def _logarithm(u: Growth, inner: Range) -> Growth:
    """The class of log u: |log u| ≤ |c| + k y + a y + b y² where u ≥ 1, from log y ≤ y."""
    zero = np.zeros(2)
    total = np.abs(u.c) + u.k + u.a + u.b + 1.0
    grows = inner[0] >= 1.0
    return Growth(np.where(grows, np.log(total), np.inf), np.where(u.b > 0, 2.0, 1.0), zero, zero)


def tail(classes: list[Growth], reach: float, q: Floats) -> Floats:
    """Bound on E |product|; |X| > L, of factors with these classes at X = √q·Z, shape (q,); inf where it is not known.

    With β = L²/2q − b, log y ≤ y − 1 and y² ≥ 2y − 1 bound the exponent by c + a − β − (2β − a − k)(y − 1).
    """
    c, k, a, b = (np.sum([growth[i] for growth in classes], axis=0) for i in range(4))
    variance = q[:, None]
    with np.errstate(all="ignore"):
        beta = reach * reach / (2 * variance) * (1 - SLACK) - b
        rate = 2 * beta - a - k
        exponent = c + a - beta + SLACK * (np.abs(c) + a + np.abs(beta))
        size = reach / np.sqrt(2 * np.pi * variance) * np.exp(exponent) / rate
        return np.asarray(np.where((rate > 0) & (beta > 0), size, np.inf).sum(axis=1) * (1 + SLACK))
