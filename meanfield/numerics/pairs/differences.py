"""½E(f(U) − f(V))² for many variances and correlations at once: U, V = a ± δ with independent normal a and δ.

Let s = Var a and t² = Var δ/Var a = (1 − c)/(1 + c). G(δ, s) is the mean of (f(a + δ) − f(a − δ))² over a at fixed δ.
The same G serves every t. It is smooth in δ, except at half the distances between breakpoints of f, where the panels in
δ are cut. The panel at δ = 0 is halved until G/δ² (G/δ if f jumps) is a polynomial to rounding on it; smaller panels
are then interpolated from this polynomial. The other panels are divided until the tails of G on them are small; what is
left of the tails, for instance at breakpoints that the search did not find, is part of the error.
"""

from collections.abc import Iterator
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.polynomial.legendre import legvander

from meanfield._types import Floats, Ints
from meanfield.errors import NotConverged
from meanfield.numerics.quadrature.gauss_legendre import interpolation, nodes_between, rule, tail
from meanfield.numerics.quadrature.half_line import half_line
from meanfield.numerics.quadrature.one_gaussian import FARTHEST, resolved
from meanfield.numerics.quadrature.piecewise_smooth import PiecewiseSmooth
from meanfield.special_functions import special

Panel = tuple[Floats, Floats, Floats]

NODES = 16  # nodes a panel of δ; panel lengths double outwards
NEAREST = 9.2  # least range of a in standard deviations: beyond it the weight is below 1e-19
FIRST = 0.25  # initial length of the panel at δ = 0, in the smallest standard deviation of a
RTOL = 1e-13  # the panel at δ = 0 is halved until G/δᵖ is resolved to this relative error
HALVINGS = 8
PANELS = 60  # most panels of δ; functions with more breakpoints than that raise NotConverged
MOST = 120  # most panels of δ after division
BUDGET = 100_000_000  # most evaluations of f for the divisions
UNRESOLVED = 1e-13  # panels of δ are divided until their tails are this part of D
COARSE = 1e-5  # panels with a tail above this part of D are divided into four
SMALL = 1e-3  # smallest t, relative to the largest, at which the weight of a panel of δ is compared
NOISE = 16 * float(np.finfo(float).eps)
NOTHING = 1e-120  # products of smaller numbers may underflow, which is slow
ALIKE = 512  # most short panels of a that serve all δ
HALF_NODES = 24  # nodes of δ ≥ 0 that are exact for the polynomial G at δ = 0 times he₂ₙ, n ≤ 10
CLOSE = 0.2  # if the edges e + δ and e − δ are nearer than this part of the panel, e replaces both


class Differences:
    """D(s, t) = ½E(f(U) − f(V))² at given s and at any t in [0, largest]; f is evaluated once for all t.

    If `opposite` is true, V = δ − a instead of a − δ, so that t² = (1 + c)/(1 − c). With `orders` N above 0, also the
    coefficients Dₙ of Mehler's series for correlated a and δ, n = 1 … N. At correlation ρ of a and δ it is
    ½E(f(a + δ) − f(a − δ))² = Σ ρ²ⁿ Dₙ with D₀ = D and Dₙ = ½E (f(a + δ) − f(a − δ))² he₂ₙ(a/√s) he₂ₙ(δ/t√s) of
    independent a and δ; odd powers vanish because the square is even in δ.

    Attributes
    ----------
    power : int
        The p of G ~ δᵖ at δ = 0: 2 in general, 1 if f jumps, 0 if `opposite` is true.
    noise : float
        Relative rounding error of D at small t.
    left_out : ndarray, shape (orders + 1, s)
        Estimates of the truncation errors of the Dₙ, divided by tᵖ, due to the polynomials in δ.
    """

    def __init__(
        self,
        pieces: PiecewiseSmooth,
        s: Floats,
        largest: float,
        *,
        opposite: bool = False,
        orders: int = 0,
    ) -> None:
        self.pieces, self.s, self.opposite, self.orders = pieces, s, opposite, orders
        self.power = 0 if opposite else 1 if pieces.jumps else 2
        high, low = float(s.max()), float(s.min())
        grid = resolved(pieces.grid(high), "ff", np.append(s, high * (1 + largest**2)))
        reach = np.clip(grid.reach * grid.scale / np.sqrt(high), NEAREST + np.sqrt(orders) / 2, FARTHEST)
        self._ends, self._reach = reach * np.sqrt(high) * np.array([1.0, largest]), reach * np.sqrt(high)
        self._size = float(np.abs(grid.f[np.abs(grid.x) < 3 * np.sqrt(high)]).max(initial=0.0))
        length = grid.b - grid.a
        self._edges, self._lengths = grid.edges, np.minimum(np.r_[length, np.inf], np.r_[np.inf, length])
        self._points = np.array([x for x in pieces.breakpoints_within(self._ends.sum()) if abs(x) < self._ends.sum()])
        halves = 0.5 * np.abs(self._points[:, None] - (-1) ** opposite * self._points).ravel()
        halves = np.unique(np.round(halves / self._ends[1], 12)) * self._ends[1]
        levels = max(int(np.log2(self._ends[1] / (FIRST * np.sqrt(low)))), 1)
        cuts = np.r_[0.0, self._ends[1] * 0.5 ** np.arange(levels + 1), halves[(halves > 0) & (halves < self._ends[1])]]
        cuts = np.unique(cuts)
        if cuts.size > PANELS:
            raise NotConverged(f"{pieces.name} has too many breakpoints for all correlations at once")
        cuts = _graded(cuts)
        before = pieces.evaluations
        panels = [self._panel(a, b) for a, b in pairwise(cuts.tolist())]
        most = int(BUDGET / max(pieces.evaluations - before, 1) * len(panels))  # divided panels within the budget
        cuts, panels = self._halved(cuts, panels)
        innermost, near = self._interpolated(cuts[1], panels[0])
        others, far = self._resolved(cuts[1:], panels[1:], largest, most)
        parts, self.left_out = innermost + others, near + far
        self._delta, self._weights, square = (np.concatenate(columns, axis=-1) for columns in zip(*parts, strict=True))
        self._weighted = square * self._weights

    def _resolved(self, edges: Floats, panels: list[Panel], largest: float, most: int) -> tuple[list[Panel], Floats]:
        """The panels, divided until their tails are small beside D/tᵖ, and the rest: see `left_out`."""
        t = largest * np.geomspace(1.0, SMALL, 64)
        small = np.array([min(largest, self._end / (half_line(HALF_NODES).nodes[-1] * np.sqrt(self.s.max())))])
        near = self._by_polynomial(small)[0, :, 0] / small**self.power
        while True:
            shares = np.diff(special.ndtr(edges[:, None, None] / (np.sqrt(self.s)[:, None] * t)), axis=0)
            tails = np.array([tail(square) for _, _, square in panels])
            means = np.array([square[0].mean(axis=1) for _, _, square in panels])
            whole = near + (shares[..., 0] * means).sum(axis=0) / largest**self.power
            weights = [shares, *[np.sqrt(shares)] * self.orders]  # |he₂ₙ| has the mean √share at most: Cauchy–Schwarz
            lost = tails * np.stack([(weight / t**self.power).max(axis=2) for weight in weights], axis=1)
            least = max(UNRESOLVED, self.noise) if self.orders else UNRESOLVED
            rough, coarse = ((lost > level * whole).any(axis=(1, 2)) for level in (least, COARSE))
            parts = np.where(coarse, 4, np.where(rough, 2, 1))
            more = int(parts[parts > 1].sum())
            most -= more
            if more == 0 or parts.sum() > MOST or most < 0:
                return panels, lost.sum(axis=0)
            divided: list[Panel] = []
            fresh = []
            for (a, b), panel, n in zip(pairwise(edges.tolist()), panels, parts.tolist(), strict=True):
                inside = np.linspace(a, b, n + 1).tolist()
                fresh += inside[:-1]
                divided += [self._panel(*ends) for ends in pairwise(inside)] if n > 1 else [panel]
            edges, panels = np.array([*fresh, edges[-1]]), divided

    def _panel(self, a: float, b: float) -> Panel:
        """Nodes and weights on [a, b], shape (NODES,), and Gₙ at each s and node, shape (orders + 1, s, NODES)."""
        delta = nodes_between(a, b, NODES)
        square = self._mean_square(delta)
        if self.opposite:  # without `opposite`, G is even in δ already
            square = 0.5 * (square + self._mean_square(-delta))
        return delta, 0.5 * (b - a) * rule(NODES).weights, square

    def _halved(self, edges: Floats, panels: list[Panel]) -> tuple[Floats, list[Panel]]:
        """The edges and panels, with the innermost panel halved until G/δᵖ is a polynomial on it."""
        for _ in range(HALVINGS):
            delta, _, square = panels[0]
            ratio = square / delta**self.power
            if np.all(tail(ratio) <= max(RTOL, self._noise(square)) * np.abs(ratio[0]).max(axis=1)):
                break
            middle = 0.5 * float(edges[1])
            edges = np.insert(edges, 1, middle)
            panels = [self._panel(0.0, middle), self._panel(middle, float(edges[2])), *panels[1:]]
        return edges, panels

    def _noise(self, square: Floats) -> float:
        """Rounding of G on the panel at δ = 0, relative to G: f(a + δ) − f(a − δ) is smaller than f by √G/|f|."""
        middle = float(np.sqrt(square[0, :, NODES // 2].min()))
        return NOISE * self._size / middle if middle > 0 else 0.0

    def _interpolated(self, end: float, innermost: Panel) -> tuple[list[Panel], Floats]:
        """Panels of [0, end], halved towards 0, with G from the polynomial G/δᵖ, and its truncation: see `left_out`.

        They resolve the density of δ at those t at which it reaches beyond `end`. At smaller t the polynomial suffices.
        """
        ratio = innermost[2] / innermost[0] ** self.power
        self.noise = self._noise(innermost[2])
        self._end, self._polynomial = end, ratio @ rule(NODES).coefficients.T
        narrowest = np.sqrt(self.s.min() / self.s.max()) / half_line(HALF_NODES).nodes[-1]  # Var δ relative to `end`
        levels = np.arange(int(np.ceil(-np.log2(narrowest))), -1, -1)
        parts: list[Panel] = []
        for a, b in pairwise(np.r_[0.0, end * 0.5**levels].tolist()):
            delta = nodes_between(a, b, NODES)
            square = ratio @ interpolation(2 * delta / end - 1, NODES).T * delta**self.power
            parts.append((delta, 0.5 * (b - a) * rule(NODES).weights, square))
        return parts, 0.5 * tail(ratio) * self.s ** (0.5 * self.power)

    @cached_property
    def _alike(self) -> tuple[Floats, Floats, Floats] | None:
        """Edges of short panels of a that suit every δ, their nodes, and the weights of the nodes for each n and s.

        They are as short as the shortest panel of the grid, so that they resolve f(a ± δ) too. None if they are many.
        """
        smooth = self._edges[~np.isin(self._edges, self._points)]
        number = int(np.ceil(2 * self._ends[0] / np.diff(smooth).min()))
        if number > ALIKE:
            return None
        edges = np.linspace(-self._ends[0], self._ends[0], number + 1)
        x = nodes_between(edges[:-1], edges[1:]).ravel()
        weights = np.tile(rule().weights, number) * self._ends[0] / number
        columns = [
            np.array(list(_even_hermite(x * x / s, np.exp(-0.5 * x * x / s) / np.sqrt(2 * np.pi * s), self.orders)))
            for s in self.s
        ]
        rows = np.stack(columns, axis=1) * weights
        return edges, x, np.where(np.abs(rows) < NOTHING, 0.0, rows)

    def _mean_square(self, delta: Floats) -> Floats:
        """Gₙ at each s and δ of one panel: E (f(a + δ) − f(±(a − δ)))² he₂ₙ(a/√s), shape (orders + 1, s, δ)."""
        if self._alike is None:
            return self._on_panels(delta, *self._shifted(delta))
        edges, x, weights = self._alike
        shift, sign = delta[:, None], -1.0 if self.opposite else 1.0
        cuts = np.concatenate([self._points - shift, sign * self._points + shift], axis=1)
        divided = np.unique(np.searchsorted(edges, cuts)) - 1
        divided = divided[(divided >= 0) & (divided < edges.size - 1)]
        whole = np.ones(edges.size - 1, dtype=bool)
        whole[divided] = False
        whole &= (np.minimum(np.abs(edges[1:]), np.abs(edges[:-1])) / self._ends[0]) ** 2 + (
            delta.min() / self._ends[1]
        ) ** 2 < 1
        nodes = np.repeat(whole, rule().nodes.size)
        square = (self.pieces(x[nodes] + shift) - self.pieces(sign * (x[nodes] - shift))) ** 2
        square[square < NOTHING] = 0.0
        result = np.tensordot(weights[..., nodes], square, axes=(2, 1))
        if divided.size:
            fixed = np.broadcast_to(np.r_[edges[divided], edges[divided + 1]], (delta.size, 2 * divided.size))
            ends = np.sort(np.clip(np.concatenate([cuts, fixed], axis=1), -self._ends[0], self._ends[0]), axis=1)
            inside = np.searchsorted(edges, 0.5 * (ends[:, 1:] + ends[:, :-1])) - 1
            row, column = np.nonzero((ends[:, 1:] > ends[:, :-1]) & np.isin(inside, divided))
            result += self._on_panels(delta, row, ends[row, column], ends[row, column + 1])
        return result

    def _shifted(self, delta: Floats) -> tuple[Ints, Floats, Floats]:
        """Panels of a between the edges of the grid, shifted by ±δ: the number of δ, and both ends."""
        far, shift, sign = self._ends[0], delta[:, None], -1.0 if self.opposite else 1.0
        near = self._lengths * CLOSE > 2 * np.abs(delta).max()
        near &= ~np.isin(self._edges, self._points)
        both, one = self._edges[~near], np.union1d(self._edges[near], sign * self._edges[near])
        one = np.broadcast_to(one, (delta.size, one.size))
        ends = np.full((delta.size, 1), far)
        cuts = np.concatenate([both - shift, sign * both + shift, one, -ends, ends], axis=1)
        cuts = np.sort(np.clip(cuts, -far, far), axis=1)
        a, b = cuts[:, :-1], cuts[:, 1:]
        nearest = np.where(a * b <= 0, 0.0, np.minimum(np.abs(a), np.abs(b)))
        row, column = np.nonzero((b > a) & ((nearest / far) ** 2 + (shift / self._ends[1]) ** 2 < 1))
        return row, a[row, column], b[row, column]

    def _on_panels(self, delta: Floats, row: Ints, a: Floats, b: Floats) -> Floats:
        """The part of Gₙ on the panels [a, b] of δ number `row`."""
        sign, shift = -1.0 if self.opposite else 1.0, delta[row, None]
        x, half = nodes_between(a, b), 0.5 * (b - a)
        square = (self.pieces(x + shift) - self.pieces(sign * (x - shift))) ** 2 * (half[:, None] * rule().weights)
        tells = square.any(axis=1)
        row, square, x = row[tells], square[tells], x[tells] ** 2
        result = np.empty((self.orders + 1, self.s.size, delta.size))
        for i, s in enumerate(self.s):
            for n, weight in enumerate(_even_hermite(x / s, np.exp(x * (-0.5 / s)), self.orders)):
                over = np.einsum("pn,pn->p", square, weight)
                result[n, i] = np.bincount(row, over, minlength=delta.size) / np.sqrt(2 * np.pi * s)
        return result

    def __call__(self, t: Floats) -> Floats:
        """Dₙ at every s and t, shape (orders + 1, s, t), for t of shape (t,)."""
        result = np.empty((self.orders + 1, self.s.size, t.size))
        inside = half_line(HALF_NODES).nodes[-1] * np.sqrt(self.s.max()) * t <= self._end
        if inside.any():
            result[..., inside] = self._by_polynomial(t[inside])
        if inside.all():
            return result
        far = int(np.searchsorted(self._delta, self._reach * t.max(), side="right"))
        variance = self.s[:, None] * t[~inside] ** 2
        y = self._delta[:far] ** 2 / variance[..., None]
        density = np.exp(-0.5 * y) / np.sqrt(2 * np.pi * variance)[..., None]
        weights = _even_hermite(y, density, self.orders)
        parts = zip(weights, self._weighted[..., :far], strict=True)
        result[..., ~inside] = [np.einsum("std,sd->st", *both) for both in parts]
        return result

    def _by_polynomial(self, t: Floats) -> Floats:
        """Dₙ at such small t that G/δᵖ is one polynomial where δ has weight; the rule is exact for this polynomial."""
        x, weights, _ = half_line(HALF_NODES)
        hermite = np.array(list(_even_hermite(x * x, weights, self.orders)))
        delta = np.sqrt(self.s)[:, None, None] * t[:, None] * x
        powers = legvander(2 * delta / self._end - 1, NODES - 1) * (delta**self.power)[..., None]
        return np.asarray(np.einsum("nstk,nsk->nst", np.tensordot(hermite, powers, axes=(1, 2)), self._polynomial))


def _even_hermite(y: Floats, first: Floats, orders: int) -> Iterator[Floats]:
    """The orthonormal Hermite polynomials he₀, he₂ … he₂ₙ of n = `orders` at √y, each times `first`."""
    before, now = np.zeros(()), first
    yield now
    for n in range(orders):
        before, now = (
            now,
            ((y - (4 * n + 1)) * now - np.sqrt(2 * n * (2 * n - 1)) * before) / np.sqrt((2 * n + 1) * (2 * n + 2)),
        )
        yield now


def _graded(cuts: Floats) -> Floats:
    """The cuts, and more of them beyond the first, so that the length of a panel is at most its distance from 0."""
    parts = [np.geomspace(a, b, int(np.ceil(np.log2(b / a) - 1e-9)) + 1)[:-1] for a, b in pairwise(cuts[1:].tolist())]
    return np.concatenate([cuts[:1], *parts, cuts[-1:]])
