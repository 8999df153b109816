"""Pairs by Mehler's formula: with Hermite coefficients aₙ of f(U) and bₙ of g(V), E f(U)g(V) = Σ aₙ bₙ cⁿ.

The squared difference and the product of derivatives are other sums over the same coefficients. What the first N
leave out is bounded by what Parseval says that they leave out of the variances, times |c|^{N+1}.
"""

from collections.abc import Sequence

import numpy as np

from meanfield._types import Floats, Ints
from meanfield.numerics.pairs.hermite import Expansion
from meanfield.numerics.quadrature.one_gaussian import ROUNDING

LARGEST = 0.999  # correlation: nearer to 1 errors of the coefficients add up
BLOCK = 4096  # pairs whose terms are held at once


def mehler(f: Expansion, g: Expansion, c: Floats) -> tuple[Floats, Floats]:
    """E f(U) g(V) at correlations |c| < 1, and bounds on its error."""
    terms = f.coefficients * g.coefficients
    sizes = np.sqrt(f.variance * g.variance)
    coefficients = f.error * np.sqrt(g.variance) + g.error * np.sqrt(f.variance)
    value = np.full(c.shape, f.mean * g.mean)
    error = coefficients / (1.0 - np.abs(c)) + ROUNDING * (sizes + np.abs(f.mean * g.mean))
    open_ = np.full(c.shape, True)
    orders = 2 ** np.arange(6, int(np.log2(terms.size)) + 1)
    for order in (*orders, terms.size):  # each correlation takes the fewest terms that leave out no more than rounding
        beyond = np.abs(c) ** (order + 1) * (np.sqrt(_rest(f, order) * _rest(g, order)) + ROUNDING * sizes)
        chosen = open_ & ((beyond <= ROUNDING * sizes) | (order == terms.size))
        value[chosen] += c[chosen] * np.polynomial.polynomial.polyval(c[chosen], terms[:order])
        error[chosen] += beyond[chosen]
        open_ &= ~chosen
    return value, error


def reach(f: Expansion, g: Expansion, atol: float) -> float:
    """The largest |c| at which what `mehler` leaves out is at most `atol`."""
    left_out = np.sqrt(f.rest * g.rest) + ROUNDING * np.sqrt(f.variance * g.variance)
    return float(min((atol / left_out) ** (1.0 / (f.coefficients.size + 1)) if left_out > 0 else 1.0, LARGEST))


def _rest(f: Expansion, order: int) -> float:
    """What the first `order` coefficients leave out of the variance."""
    return f.rest + float(f.coefficients[order:] @ f.coefficients[order:])


class Table:
    """Expansions of one function at several q, for sums over many pairs of them."""

    def __init__(self, expansions: Sequence[Expansion]) -> None:
        self.coefficients = np.array([e.coefficients for e in expansions])
        self.q, self.mean, self.rest, self.error, self.variance = (
            np.array([getattr(e, name) for e in expansions]) for name in ("q", "mean", "rest", "error", "variance")
        )

    def distance(self, first: Ints, second: Ints, gap: Floats) -> tuple[Floats, Floats]:
        """½E(f(U) − f(V))² = ½Σ(aₙ − bₙ)² + Σ aₙbₙ(1 − cⁿ) for pairs of rows at 1 − c = gap, with error bounds."""
        c, n = 1.0 - gap, np.arange(1, self.coefficients.shape[1] + 1)
        value = 0.5 * (self.mean[first] - self.mean[second]) ** 2 + 0.5 * (self.rest[first] + self.rest[second])
        for start in range(0, gap.size, BLOCK):
            s = slice(start, start + BLOCK)
            a, b = self.coefficients[first[s]], self.coefficients[second[s]]
            value[s] += (0.5 * (a - b) ** 2 + a * b * (1.0 - c[s, None] ** n)).sum(axis=1)
        sizes = self.variance[first] + self.variance[second]
        beyond = np.abs(c) ** n.size * (np.sqrt(self.rest[first] * self.rest[second]) + ROUNDING * sizes)
        return value, 2.0 * self._inexact(first, second) / (1.0 - np.abs(c)) + beyond + ROUNDING * sizes

    def slope(self, first: Ints, second: Ints, gap: Floats) -> tuple[Floats, Floats]:
        """E f′(U) f′(V) = Σ n aₙbₙ c^{n−1}/√(q₁q₂), jumps included, and bounds on its error."""
        c, n = 1.0 - gap, np.arange(1, self.coefficients.shape[1] + 1)
        value = np.empty(gap.size)
        for start in range(0, gap.size, BLOCK):
            s = slice(start, start + BLOCK)
            terms = self.coefficients[first[s]] * self.coefficients[second[s]] * n
            value[s] = (terms * c[s, None] ** (n - 1)).sum(axis=1)
        size = np.sqrt(self.variance[first] * self.variance[second])
        spread = 1.0 / (1.0 - np.abs(c)) ** 2  # Σ n|c|^{n−1}
        beyond = (n.size + 1) * np.abs(c) ** n.size * (np.sqrt(self.rest[first] * self.rest[second]) + ROUNDING * size)
        scale = np.sqrt(self.q[first] * self.q[second])
        return value / scale, (spread * (self._inexact(first, second) + ROUNDING * size) + beyond) / scale

    def _inexact(self, first: Ints, second: Ints) -> Floats:
        """Bound on the error of each product aₙbₙ."""
        left, right = (
            self.error[first] * np.sqrt(self.variance[second]),
            self.error[second] * np.sqrt(self.variance[first]),
        )
        return np.asarray(left + right)
