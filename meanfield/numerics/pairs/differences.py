"""½E(f(U) − f(V))² for many variances and correlations at once: U, V = a ± δ with independent normal a and δ.

Let s = Var a and t² = Var δ/Var a = (1 − c)/(1 + c). G(δ, s) is the mean of (f(a + δ) − f(a − δ))² over a at fixed δ.
The same G serves every t. It is smooth in δ, except at half the distances between breakpoints of f, where the panels in
δ are cut. The panel at δ = 0 is halved until G/δ² (G/δ if f jumps) is a polynomial to rounding on it; smaller panels
are then interpolated from this polynomial. The other panels are divided until the tails of G on them are small; what is
left of the tails, for instance at breakpoints that the search did not find, is part of the error.
"""

from itertools import pairwise

import numpy as np
from scipy.special import ndtr

from meanfield._types import Floats
from meanfield.errors import NotConverged
from meanfield.numerics.quadrature.gauss_legendre import interpolation, nodes_between, rule, tail
from meanfield.numerics.quadrature.one_gaussian import FARTHEST, resolved
from meanfield.numerics.quadrature.piecewise_smooth import PiecewiseSmooth

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
CLOSE = 0.2  # if the edges e + δ and e − δ are nearer than this part of the panel, e replaces both


class Differences:
    """D(s, t) = ½E(f(U) − f(V))² at given s and at any t in [smallest, largest]; f is evaluated once for all t.

    If `opposite` is true, V = δ − a instead of a − δ, so that t² = (1 + c)/(1 − c).

    Attributes
    ----------
    power : int
        The p of G ~ δᵖ at δ = 0: 2 in general, 1 if f jumps, 0 if `opposite` is true.
    left_out : ndarray, shape (s,)
        Estimate of the truncation error of D, divided by tᵖ, due to the polynomials in δ.
    """

    def __init__(
        self, pieces: PiecewiseSmooth, s: Floats, largest: float, smallest: float, *, opposite: bool = False
    ) -> None:
        self.pieces, self.s, self.opposite = pieces, s, opposite
        self.power = 0 if opposite else 1 if pieces.jumps else 2
        high, low = float(s.max()), float(s.min())
        grid = resolved(pieces.grid(high), "ff", np.append(s, high * (1 + largest**2)))
        reach = np.clip(grid.reach * grid.scale / np.sqrt(high), NEAREST, FARTHEST)
        self._ends = reach * np.sqrt(high) * np.array([1.0, largest])
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
        innermost, near = self._interpolated(cuts[1], panels[0], np.sqrt(low) * smallest)
        others, far = self._resolved(cuts[1:], panels[1:], largest, most)
        parts, self.left_out = innermost + others, near + far
        self._delta, self._weights, square = (np.concatenate(columns, axis=-1) for columns in zip(*parts, strict=True))
        self._weighted = square * self._weights

    def _resolved(self, edges: Floats, panels: list[Panel], largest: float, most: int) -> tuple[list[Panel], Floats]:
        """The panels, divided until their tails are small beside D at the largest t, and the rest: see `left_out`."""
        t = largest * np.geomspace(1.0, SMALL, 64)
        while True:
            shares = np.diff(ndtr(edges[:, None, None] / (np.sqrt(self.s)[:, None] * t)), axis=0)
            tails = np.array([tail(square) for _, _, square in panels])
            means = np.array([square.mean(axis=1) for _, _, square in panels])
            whole = (shares[..., 0] * means).sum(axis=0) / largest**self.power
            lost = tails * (shares / t**self.power).max(axis=2)
            rough, coarse = ((lost > level * whole).any(axis=1) for level in (UNRESOLVED, COARSE))
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
        """Nodes and weights on [a, b], shape (NODES,), and G at each s and node, shape (s, NODES)."""
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
            if np.all(tail(ratio) <= RTOL * np.abs(ratio).max(axis=1)):
                break
            middle = 0.5 * float(edges[1])
            edges = np.insert(edges, 1, middle)
            panels = [self._panel(0.0, middle), self._panel(middle, float(edges[2])), *panels[1:]]
        return edges, panels

    def _interpolated(self, end: float, innermost: Panel, smallest: float) -> tuple[list[Panel], Floats]:
        """Panels of [0, end], halved towards 0 to `smallest`, with G from the polynomial G/δᵖ: see `left_out`."""
        ratio = innermost[2] / innermost[0] ** self.power
        levels = np.arange(max(int(np.ceil(np.log2(end / smallest))), 0), -1, -1)
        parts: list[Panel] = []
        for a, b in pairwise(np.r_[0.0, end * 0.5**levels].tolist()):
            delta = nodes_between(a, b, NODES)
            square = ratio @ interpolation(2 * delta / end - 1, NODES).T * delta**self.power
            parts.append((delta, 0.5 * (b - a) * rule(NODES).weights, square))
        return parts, 0.5 * tail(ratio) * self.s ** (0.5 * self.power)

    def _mean_square(self, delta: Floats) -> Floats:
        """G at each s and δ of one panel: E (f(a + δ) − f(±(a − δ)))²."""
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
        a, b = a[row, column], b[row, column]
        x, half = nodes_between(a, b), 0.5 * (b - a)
        square = (self.pieces(x + shift[row]) - self.pieces(sign * (x - shift[row]))) ** 2 * (
            half[:, None] * rule().weights
        )
        tells = square.any(axis=1)
        row, square, x = row[tells], square[tells], x[tells] ** 2
        result = np.empty((self.s.size, delta.size))
        for i, s in enumerate(self.s):
            over = np.einsum("pn,pn->p", square, np.exp(x * (-0.5 / s)))
            result[i] = np.bincount(row, over, minlength=delta.size) / np.sqrt(2 * np.pi * s)
        return result

    def __call__(self, t: Floats) -> Floats:
        """D at every s and t, shape (s, t), for t of shape (t,)."""
        variance = self.s[:, None] * t**2
        density = np.exp(self._delta**2 * (-0.5 / variance[..., None])) / np.sqrt(2 * np.pi * variance)[..., None]
        return np.asarray(np.einsum("std,sd->st", density, self._weighted))


def _graded(cuts: Floats) -> Floats:
    """The cuts, and more of them beyond the first, so that the length of a panel is at most its distance from 0."""
    parts = [np.geomspace(a, b, int(np.ceil(np.log2(b / a) - 1e-9)) + 1)[:-1] for a, b in pairwise(cuts[1:].tolist())]
    return np.concatenate([cuts[:1], *parts, cuts[-1:]])
