"""Hermite coefficients aₙ(q) = E f(√q·Z) heₙ(Z) of one function, with the orthonormal heₙ, at any number of q.

The coefficients are computed for f − E f, so that a small variation about a large constant keeps its digits. Parseval's
identity Σ aₙ² = Var f gives the norm of the truncated coefficients. For many q, Legendre series in ln q interpolate the
coefficients between the nodes of panels of ln q.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.polynomial.legendre import legval

from meanfield._types import Floats
from meanfield.errors import DivergentExpectation
from meanfield.numerics.pairs.variance_panels import NODES, PANEL, panel_basis, panel_nodes, panel_number
from meanfield.numerics.quadrature.gauss_legendre import N, nodes_between, rule, tail
from meanfield.numerics.quadrature.one_gaussian import AIM, ROUNDING, resolved
from meanfield.numerics.quadrature.piecewise_smooth import PiecewiseSmooth

LARGEST = float(np.finfo(float).max)
ORDER = 300  # coefficients; 0.85³⁰⁰ = 7e-22
FINE = 0.35  # panel length in standard deviations that resolves he₃₀₀; wavelengths of heₙ scale like 1/√n
LEAST = 72  # lower orders use the panel length of this order
FAR = 13.5  # range of the standard rule in z
ALIKE = 1e-12  # largest difference of an interpolant that reproduces f, relative to the largest |f| on its panel
LENGTH = FINE / 2  # length of its panels
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
    rows = _standard_expansions(pieces, q, order) if q.size > 1 and order <= ORDER else None
    if rows is not None:
        return rows
    each = [_fitted_expansion(pieces, np.array([one]), order) for one in q.tolist()]
    return Expansions(*map(np.concatenate, zip(*each, strict=True)))


def _standard_expansions(pieces: PiecewiseSmooth, q: Floats, order: int) -> Expansions | None:
    """`expand` by a rule in z with tabulated Hermite polynomials; None where it does not resolve the function.

    Its panels are divided at breakpoints. They resolve the function if they reproduce its values at the nodes of the
    grid, which are dense wherever the function changes fast, and if nothing is left at their ends.
    """
    edges, z, table = _standard_rule()
    weights, root = np.tile(0.5 * LENGTH * rule().weights, edges.size - 1), np.sqrt(q)[:, None]
    points = np.array(pieces.breakpoints_within(float(root.max()) * FAR)) / root
    panel = np.searchsorted(edges, points) - 1
    who, where = np.nonzero((panel >= 0) & (panel < edges.size - 1))
    whole = np.ones((q.size, edges.size - 1), dtype=bool)
    whole[who, panel[who, where]] = False
    density = np.repeat(whole, N, axis=1) * weights * np.exp(-0.25 * z**2) / np.sqrt(2 * np.pi)
    f = pieces(root * z)
    # The divided panels of each q, in the order of q.
    of, which = np.nonzero(~whole)
    cuts = np.concatenate([edges[which, None], edges[which + 1, None], points[of]], axis=1)
    cuts = np.sort(np.clip(cuts, edges[which, None], edges[which + 1, None]), axis=1)
    row, column = np.nonzero(np.diff(cuts) > 0)
    own, low, high = of[row], cuts[row, column], cuts[row, column + 1]
    own_z, half = nodes_between(low, high), 0.5 * (high - low)
    own_f = pieces(root[own] * own_z)
    most = int(np.argmax(q))
    here, ours = whole[most], own == most
    first, last = np.r_[edges[:-1][here], low[ours]], np.r_[edges[1:][here], high[ours]]
    if not _reproduced(pieces, float(q[most]), first, last, np.r_[f[most].reshape(-1, N)[here], own_f[ours]]):
        return None
    own_density = half[:, None] * rule().weights * np.exp(-0.25 * own_z**2) / np.sqrt(2 * np.pi)
    own_table = _scaled_hermite(own_z.ravel(), order + 1).reshape(order + 2, *own_z.shape)

    def both(values: Floats, own_values: Floats, n: int) -> Floats:
        """E of the values times heₙ at each q."""
        some = np.einsum("pk,pk->p", own_values * own_density, own_table[n])
        return np.asarray((values * density) @ table[n] + np.bincount(own, some, minlength=q.size))

    mean = both(f, own_f, 0)
    rest, own_rest = f - mean[:, None], own_f - mean[own, None]
    variance = both(rest**2, own_rest**2, 0)
    outer = (np.abs(rest) * density).reshape(q.size, -1, N)[:, [0, -1]].sum(axis=2)  # |heₙ| exp(−z²/4) ≤ 1.1
    if not np.all(outer <= AIM * np.sqrt(variance[:, None])):
        return None
    coefficients = (rest * density) @ table[1 : order + 1].T
    added = np.einsum("npk,pk->np", own_table[1 : order + 1], own_rest * own_density)
    np.add.at(coefficients, own, added.T)

    def tails(values: Floats, own_values: Floats, n: int) -> Floats:
        over = (values * density / weights * table[n]).reshape(q.size, -1, N)
        result = tail(over).sum(axis=1) * LENGTH
        some = tail(own_values * own_density / (half[:, None] * rule().weights) * own_table[n]) * 2 * half
        return np.asarray(result + np.bincount(own, some, minlength=q.size))

    error = tails(rest, own_rest, order + 1) + ROUNDING * np.sqrt(variance)
    sums, slopes = (error[:, None] * norms for norms in _error_norms(np.ones(order)))
    unresolved = tails(rest**2, own_rest**2, 0)
    return Expansions(q, mean, variance, coefficients, error, unresolved + ROUNDING * variance, sums, slopes)


def _reproduced(pieces: PiecewiseSmooth, q: float, low: Floats, high: Floats, values: Floats) -> bool:
    """Whether the interpolants of `values`, shape (panels, N), on panels of z reproduce f at the nodes of its grid."""
    with pieces.lock:
        grid = resolved(pieces.grid(q), "ff", np.array([q]))
        x, f = grid.x.ravel() / np.sqrt(q), grid.f.ravel()
    inside = (x > low.min()) & (x < high.max())
    x, f = x[inside], f[inside]
    order = np.argsort(low)
    panel = order[np.searchsorted(low[order], x) - 1]
    series = values @ rule().coefficients.T
    found = legval((2 * x - low[panel] - high[panel]) / (high - low)[panel], series[panel].T, tensor=False)
    return bool(np.all(np.abs(found - f) <= ALIKE * np.abs(values).max(axis=1)[panel]))


@cache
def _standard_rule() -> tuple[Floats, Floats, Floats]:
    """Edges and nodes of panels of z, and heₙ(z) exp(−z²/4) there for n ≤ ORDER + 1."""
    number = int(np.ceil(2 * FAR / LENGTH))
    edges = LENGTH * (np.arange(number + 1) - 0.5 * number)
    z = nodes_between(edges[:-1], edges[1:]).ravel()
    return np.asarray(edges), z, _scaled_hermite(z, ORDER + 1)


def _scaled_hermite(z: Floats, order: int) -> Floats:
    """The orthonormal heₙ(z) exp(−z²/4) for n = 0 … order, shape (order + 1, nodes)."""
    table = np.empty((order + 1, z.size))
    table[0] = np.exp(-0.25 * z**2)
    table[1] = z * table[0]
    for n in range(1, order):
        table[n + 1] = (z * table[n] - np.sqrt(n) * table[n - 1]) / np.sqrt(n + 1)
    return table


def _fitted_expansion(pieces: PiecewiseSmooth, q: Floats, order: int) -> Expansions:
    """`expand` at one q, of shape (1,), by parts of the panels that resolve the function there."""
    with pieces.lock:
        grid, root = (
            resolved(pieces.grid(min(2 * float(q[0]), LARGEST)), "ff", q),
            np.sqrt(q),
        )  # heₙ(z) reach farther than e^{−z²∕2}
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
        self._expand_octaves([x for x in q.tolist() if x not in self._rows])
        rows = [self._row(x) for x in q.tolist()]
        return rows[0] if len(rows) == 1 else Expansions(*map(np.concatenate, zip(*rows, strict=True)))

    def _expand_octaves(self, q: list[float]) -> None:
        """Cache the expansions at many variances, those of an octave at once."""
        for octave in np.unique(np.frexp(q)[1]).tolist() if 1 < len(q) <= KEPT else []:
            own = np.array([x for x in q if np.frexp(x)[1] == octave])
            found = expand(self.pieces, own, self.order)
            for i, x in enumerate(own.tolist()):
                self._rows[x] = Expansions(*(column[i : i + 1] for column in found))

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
