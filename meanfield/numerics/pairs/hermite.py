"""Hermite coefficients aₙ(q) = E f(√q·Z) heₙ(Z) of one function, with the orthonormal heₙ, at any number of q.

The coefficients are computed for f − E f, so that a small variation about a large constant keeps its digits. Parseval's
identity Σ aₙ² = Var f gives the norm of the truncated coefficients. For many q, Legendre series in ln q interpolate the
coefficients between the nodes of panels of ln q.
"""

from functools import cache
from typing import NamedTuple

import numpy as np

from meanfield._types import Floats
from meanfield.errors import DivergentExpectation
from meanfield.numerics.pairs.variance_panels import NODES, PANEL, panel_basis, panel_nodes, panel_number
from meanfield.numerics.quadrature.gauss_legendre import nodes_between, rule, tail
from meanfield.numerics.quadrature.one_gaussian import ROUNDING, resolved
from meanfield.numerics.quadrature.piecewise_smooth import PiecewiseSmooth

ORDER = 300  # coefficients; 0.85³⁰⁰ = 7e-22
FINE = 0.35  # panel length in standard deviations that resolves he₃₀₀; wavelengths of heₙ scale like 1/√n
LEAST = 72  # lower orders use the panel length of this order
KEPT = 256  # most expansions in the cache of single q
GRID = 256  # error norms are tabulated at |c| = k/GRID


class Expansions(NamedTuple):
    """Expansions of f(√q·Z), one row a q, and bounds on the absolute errors; arrays of shape (q,) unless stated."""

    q: Floats
    mean: Floats
    variance: Floats
    coefficients: Floats  # (q, order), n = 1 … order, of f − mean
    mean_error: Floats
    variance_error: Floats
    sum_error: Floats  # (q, GRID + 1): (Σ εₙ²c²ⁿ)^½ at c = k/GRID, for errors εₙ of the coefficients
    slope_error: Floats  # (q, GRID + 1): (Σ n²εₙ²c^{2n−2})^½

    @property
    def rest(self) -> Floats:
        """Upper bound on Σ aₙ² over the truncated coefficients n > order, rounding included, shape (q,)."""
        known = np.einsum("qn,qn->q", self.coefficients, self.coefficients)
        return np.asarray(np.maximum(self.variance - known, 0.0) + ROUNDING * self.variance)


@cache
def _powers(order: int) -> tuple[Floats, Floats]:
    """The powers c²ⁿ and n²c^{2n−2} at c = k/GRID, shape (order, GRID + 1)."""
    n, c = np.arange(1, order + 1)[:, None], np.linspace(0, 1, GRID + 1)
    return c ** (2 * n), n**2 * c ** (2 * n - 2)


def _error_norms(error: Floats) -> tuple[Floats, Floats]:
    """`sum_error` and `slope_error` of `Expansions` for errors εₙ of the coefficients, shape (…, order)."""
    sums, slopes = (np.sqrt(error**2 @ powers) for powers in _powers(error.shape[-1]))
    return sums, slopes


def expand(pieces: PiecewiseSmooth, q: Floats, order: int = ORDER) -> Expansions:
    """The expansions to the given order at each q, shape (q,); q may range over a few octaves."""
    q = np.asarray(q, dtype=np.float64)
    with pieces.lock:
        grid, root = resolved(pieces.grid(float(q.max())), "ff", q), np.sqrt(q)
        low, high = grid.a, grid.b
    fine = FINE * np.sqrt(ORDER / max(order, LEAST)) * root.min()
    parts = np.maximum(np.ceil((high - low) / fine).astype(int), 1)
    edges = [np.linspace(a, b, m + 1) for a, b, m in zip(low, high, parts, strict=True)]
    a, b = np.concatenate([e[:-1] for e in edges]), np.concatenate([e[1:] for e in edges])
    x, half = nodes_between(a, b), 0.5 * (b - a)
    weights = (half[:, None] * rule().weights).ravel()
    z, f = x.ravel() / root[:, None], pieces(x).ravel()
    density = np.exp(-0.5 * z**2) / (np.sqrt(2 * np.pi) * root[:, None])
    mean = (weights * density) @ f
    rest = f - mean[:, None]
    weighted = density * rest
    variance = (weighted * rest) @ weights
    unresolved = 2 * tail((weighted * rest).reshape(q.size, *x.shape)) @ half
    coefficients = np.empty((q.size, order))
    with np.errstate(over="ignore", invalid="ignore"):
        scale = np.exp(-0.25 * z**2)  # scale factor of heₙ, which overflows where the Gaussian weight underflows
        weighted = np.where(scale > 0, weighted / np.where(scale > 0, scale, 1.0), 0.0)
    summed = weighted * weights
    before, now = scale, z * scale
    for n in range(1, order + 1):
        coefficients[:, n - 1] = np.einsum("qx,qx->q", summed, now)
        before, now = now, (z * now - np.sqrt(n) * before) / np.sqrt(n + 1)
    error = 2 * tail((weighted * now).reshape(q.size, *x.shape)) @ half + ROUNDING * np.sqrt(variance)
    sums, slopes = (error[:, None] * norms for norms in _error_norms(np.ones(order)))
    return Expansions(q, mean, variance, coefficients, error, unresolved + ROUNDING * variance, sums, slopes)


def hermite_coefficients(pieces: PiecewiseSmooth, n: int, q: float) -> tuple[Floats, float]:
    """The first `n` normalised coefficients E f(√q·Z) heₘ(Z), m = 0 … n − 1, and a bound on the error of each."""
    rows = expand(pieces, np.array([q]), max(n - 1, 1))
    return np.r_[rows.mean, rows.coefficients[0]][:n], float(rows.mean_error[0])


class EachVariance:
    """Expansions of one function to one order, computed and cached at each requested variance."""

    def __init__(self, pieces: PiecewiseSmooth, order: int) -> None:
        self.pieces, self.order = pieces, order
        self._rows: dict[float, Expansions] = {}

    def missing(self, q: Floats) -> int:
        """Number of the distinct variances `q` without a cached expansion."""
        return sum(x not in self._rows for x in q.tolist())

    def at(self, q: Floats) -> Expansions:
        """The expansions at the distinct variances `q`."""
        rows = [self._row(x) for x in q.tolist()]
        return rows[0] if len(rows) == 1 else Expansions(*map(np.concatenate, zip(*rows, strict=True)))

    def _row(self, q: float) -> Expansions:
        row = self._rows.get(q)
        if row is None:
            row = self._rows[q] = expand(self.pieces, np.array([q]), self.order)
            while len(self._rows) > KEPT:
                self._rows.pop(next(iter(self._rows)), None)
        return row


class AlongVariance:
    """Expansions of one function to one order at any variances, by Legendre series in ln q on cached panels.

    If f has a kink far from 0, the coefficients oscillate in ln q, faster for larger n. The errors include the
    truncation error of the Legendre series.
    """

    def __init__(self, pieces: PiecewiseSmooth, order: int) -> None:
        self.pieces, self.order = pieces, order
        self._panels: dict[int, tuple[Floats, Floats]] = {}

    def missing(self, q: Floats) -> int:
        """Number of panels without cached series among the panels that hold the variances `q`."""
        return sum(index not in self._panels for index in np.unique(panel_number(q)).tolist())

    def at(self, q: Floats) -> Expansions:
        """The expansions at `q`; the errors are infinite where an expansion on the panel diverges."""
        columns, errors = np.empty((q.size, self.order + 2)), np.empty((q.size, 2 * GRID + 4))
        number = panel_number(q)
        for index in np.unique(number).tolist():
            own = number == index
            series, errors[own] = self._panel(index)
            columns[own] = panel_basis(np.log(q[own]), index * PANEL).T @ series
        mean, variance, coefficients = columns[:, 0], columns[:, 1], columns[:, 2:]
        sum_error, slope_error = np.split(errors[:, 2:], 2, axis=1)
        return Expansions(q, mean, variance, coefficients, errors[:, 0], errors[:, 1], sum_error, slope_error)

    def _panel(self, index: int) -> tuple[Floats, Floats]:
        """Legendre coefficients in ln q of mean, variance and Hermite coefficients on one panel, and their errors."""
        with self.pieces.lock:
            if index not in self._panels:
                try:
                    self._panels[index] = self._make(index)
                except DivergentExpectation:
                    self._panels[index] = np.zeros((NODES, self.order + 2)), np.full(2 * GRID + 4, np.inf)
        return self._panels[index]

    def _make(self, index: int) -> tuple[Floats, Floats]:
        rows = expand(self.pieces, panel_nodes(index), self.order)
        columns = np.column_stack([rows.mean, rows.variance, rows.coefficients])
        left_out = tail(columns.T)
        errors = left_out[:2] + np.array([rows.mean_error.max(), rows.variance_error.max()])
        norms = _error_norms(left_out[2:] + rows.mean_error.max())
        return rule(NODES).coefficients @ columns, np.concatenate([errors, *norms])
