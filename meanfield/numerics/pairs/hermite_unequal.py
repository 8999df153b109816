"""Pairs of many different variances by Hermite series: the coefficients at any q from those at a few.

They are analytic in ln q for |Im ln q| < π/2, as the pair map is, so they are Legendre series on panels of ln q.
"""

from typing import NamedTuple

import numpy as np
from numpy.polynomial.legendre import legvander

from meanfield._types import Floats, Ints
from meanfield.numerics.pairs.hermite import projected
from meanfield.numerics.pairs.surface_panels import NODES, PANEL
from meanfield.numerics.quadrature.gauss_legendre import nodes_between, rule, tail
from meanfield.numerics.quadrature.one_gaussian import ROUNDING
from meanfield.numerics.quadrature.piecewise_smooth import PiecewiseSmooth

BLOCK = 8192  # pairs summed at once, of about the same |c|
GRID = 256  # values of |c| at which the error of the sums is known
SMALLEST = 1e-17  # powers of c below this are left out


class Rows(NamedTuple):
    """Expansions at several q."""

    mean: Floats
    variance: Floats
    coefficients: Floats  # (order, q)
    rest: Floats  # of the variance, beyond the order
    error: Floats  # (order,): bound on the error of the coefficients of any of them


class Expansions:
    """Expansions of one function to one order, made panel by panel of ln q."""

    def __init__(self, pieces: PiecewiseSmooth, order: int) -> None:
        self.pieces, self.order = pieces, order
        self._panels: dict[int, tuple[Floats, Floats]] = {}

    def at(self, q: Floats) -> Rows:
        """The expansion at each q."""
        columns, error = np.empty((q.size, self.order + 2)), np.zeros(self.order)
        number = np.floor(np.log(q) / PANEL).astype(np.intp)
        for index in np.unique(number):
            series, bound = self._panel(int(index))
            own = number == index
            columns[own] = legvander(2 * (np.log(q[own]) / PANEL - index) - 1, NODES - 1) @ series
            error = np.maximum(error, bound)
        coefficients = np.ascontiguousarray(columns[:, 2:].T)
        rest = np.maximum(columns[:, 1] - (coefficients**2).sum(axis=0), 0.0)
        return Rows(columns[:, 0], columns[:, 1], coefficients, rest, error)

    def distance(self, q1: Floats, q2: Floats, gap: Floats) -> tuple[Floats, Floats]:
        """½E(f(U) − f(V))² = ½(E f(U) − E f(V))² + ½(Var f(U) + Var f(V)) − Σ aₙbₙcⁿ, and bounds on its error."""
        distinct, where = np.unique(np.r_[q1, q2], return_inverse=True)
        rows, (first, second) = self.at(distinct), np.split(where, 2)
        c = 1.0 - gap
        size = 0.5 * (rows.variance[first] + rows.variance[second])
        value = 0.5 * (rows.mean[first] - rows.mean[second]) ** 2 + size
        value -= power_sums(rows.coefficients, first, second, c)
        terms = 2 * rows.error * np.abs(rows.coefficients).max(axis=1)
        inexact = np.linspace(0, 1, GRID + 1)[:, None] ** np.arange(1, self.order + 1) @ terms
        beyond = np.abs(c) ** (self.order + 1) * np.sqrt(rows.rest[first] * rows.rest[second])
        return value, beyond + inexact[np.ceil(np.abs(c) * GRID).astype(np.intp)] + 4 * ROUNDING * size

    def _panel(self, index: int) -> tuple[Floats, Floats]:
        """Legendre coefficients in ln q of mean, variance and Hermite coefficients, and the errors of these."""
        with self.pieces.lock:
            if index not in self._panels:
                q = np.exp(nodes_between(index * PANEL, (index + 1) * PANEL, NODES))
                mean, variance, coefficients = projected(self.pieces, q, self.order)
                error = tail(coefficients.T) + ROUNDING * np.sqrt(variance.max())
                self._panels[index] = rule(NODES).coefficients @ np.column_stack([mean, variance, coefficients]), error
        return self._panels[index]


def power_sums(coefficients: Floats, first: Ints, second: Ints, c: Floats) -> Floats:
    """Σ aₙbₙcⁿ from n = 1 on for pairs of columns, with as many terms as their |c| needs."""
    value = np.empty(c.size)
    order = np.argsort(np.abs(c))
    for start in range(0, c.size, BLOCK):
        chosen = order[start : start + BLOCK]
        largest = min(float(np.abs(c[chosen[-1]])), 1 - 1e-9)
        terms = int(np.log(SMALLEST) / np.log(largest)) + 1 if largest > 0 else 1
        a, b, x = first[chosen], second[chosen], c[chosen]
        total = np.zeros(chosen.size)
        for row in coefficients[min(terms, len(coefficients)) - 1 :: -1]:
            total += row[a] * row[b]
            total *= x
        value[chosen] = total
    return value
