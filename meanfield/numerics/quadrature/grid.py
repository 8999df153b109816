"""Panels that sample a function on one scale. Integrals refine the panels; later integrals reuse them."""

from functools import cache
from typing import NamedTuple, Protocol

import numpy as np
from numpy.polynomial.legendre import legvander
from numpy.typing import ArrayLike, NDArray

from meanfield._types import ArrayFunction, Bools, Floats
from meanfield.numerics.quadrature.differentiation import (
    EPS,
    LEAP,
    NOISE,
    differentiate,
    leaps,
    relative_tail,
    rounding,
)
from meanfield.numerics.quadrature.gauss_legendre import SAFETY, TAIL, N, nodes_between, rule, series

# Initial panel edges in units of the grid's scale s. A grid serves √q in [s, √2·s), so 13 s ≥ 9.2 standard deviations.
EDGES = (0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.5, 8.0, 10.0, 13.0)
REACH = EDGES[-1]
WIDE = 2.0**20  # from this scale on, panels are graded down to the length 1, the usual scale of activations
RATIO = 16.0  # of the ends of graded panels
EXTENSION = 3.0  # length, in units of s, of the panels that extend a grid
BUDGET = 200_000  # largest number of nodes of a grid
SHORTEST = 1e-40  # shortest panel at a singular point at 0, relative to the grid's scale, at most to 1
RESOLVED = 1e-14  # an unresolved part below this counts as rounding
BLIND = 1e-13  # rounding level of interpolant minus function next to the ends, relative to the largest |f|
UNSEEN = 2e-6  # length of the ends of [−1, 1] where there is no test point
SENTINELS = np.array([-1 + UNSEEN, 1 - UNSEEN])  # test points between the outermost nodes and the ends
SHARP = 1 / 4  # a run of short panels is shorter than this, in units of the scale, at a sharp feature
MOST_SHARP = 16  # more such runs are an oscillation
CENTRE = np.linspace(-2.0, 2.0, 33)  # the largest |f| here, in units of the scale, is the unit of noise elsewhere
UNRESOLVED = 7  # place of the unresolved part among the columns of the panels
ONE_SIDED = 0.1  # largest ratio of the unresolved parts of two halves of which only one has structure
STEPS = 4.0  # an unresolved part below this multiple of the rounding of a less exact function is its noise


class Function(Protocol):
    """The interface that a grid needs from a function."""

    name: str
    derivative_function: ArrayFunction | None
    precision: float
    derivative_precision: float

    def __call__(self, x: ArrayLike) -> Floats:
        """Values at `x`."""

    def derivative(self, x: ArrayLike) -> Floats:
        """Derivatives at `x`."""

    def breakpoints_within(self, reach: float) -> tuple[float, ...]:
        """The breakpoints with |x| ≤ reach, ascending."""

    def known(self, scale: float, reach: float) -> tuple[Floats, Floats]:
        """Points with |x| ≤ reach, ascending, and the values there that interpolants on this scale must reproduce."""

    def jumps_within(self, reach: float) -> tuple[float, ...]:
        """The jumps with |x| ≤ reach, ascending."""

    def misplacements(self, x: Floats) -> Floats:
        """Bounds on the errors of the places of the breakpoints among `x`; NaN at other points."""


class Column(NamedTuple):
    """A factor of the integrand on the panels of a grid."""

    values: Floats  # at the nodes, shape (panels, N)
    error: Floats  # bound on the error of the values, shape (panels,)
    unresolved: Floats  # relative unresolved part of the function that was differentiated, which halving reduces


class Grid:
    """The panels of one scale, in ascending order: edges, nodes, values and derivatives, as arrays.

    Attributes
    ----------
    a, b : ndarray, shape (panels,)
        Ends of the panels.
    x, f, d : ndarray, shape (panels, N)
        Nodes, values and first derivatives.
    d_error : ndarray, shape (panels,)
        Bound on the absolute error of `d`; 0 if the derivative is given as a function of float64 arithmetic.
    blind : ndarray, shape (panels,)
        Difference of interpolant and function, relative to the largest |f| of the panel, at two test points next to the
        ends and at the points where the function is known; 0 below rounding level. It detects kinks between the
        outermost node and the end, and features between the nodes, which the values at the nodes do not show.
    unresolved : ndarray, shape (panels,)
        Tail of f relative to the largest |f| of the panel, and `blind`.
    misplaced : ndarray, shape (panels,)
        Bound on the error of the place of `a` if it is a breakpoint, else NaN.
    """

    def __init__(self, pieces: Function, scale: float) -> None:
        self.pieces, self.scale, self.reach = pieces, scale, REACH
        self.centre = float(np.abs(pieces(CENTRE * scale)).max()) if pieces.precision > EPS else 0.0
        half = _graded(scale)
        self.known_x, self.known_f = pieces.known(scale, REACH * scale)
        edges = self._cut(np.concatenate([-half[:0:-1], half]))
        self._set(*self._panels(edges[:-1], edges[1:]))
        self.parent = np.full(self.a.size, np.inf)  # unresolved part of the parent panel, times its largest |f|
        self.stale = np.zeros(self.a.size, dtype=int)  # number of halvings without improvement

    def _cut(self, edges: Floats) -> Floats:
        points = np.array(self.pieces.breakpoints_within(float(np.abs(edges).max())))
        return np.union1d(edges, points[(points > edges[0]) & (points < edges[-1])] if points.size else points)

    def _panels(self, a: Floats, b: Floats) -> tuple[Floats, ...]:
        x, inside = nodes_between(a, b), 0.5 * (a + b)[:, None] + 0.5 * (b - a)[:, None] * SENTINELS
        f, ends = np.split(self.pieces(np.concatenate([x, inside], axis=1)), [N], axis=1)
        with np.errstate(all="ignore"):
            coefficients = f @ rule().coefficients.T
            height = np.abs(f).max(axis=1)
            height = np.where(height > 0, height, 1.0)
            blind = np.abs(coefficients @ _at_sentinels() - ends).max(axis=1) / height
            blind = np.maximum(blind, self._unlike_known(a, b, coefficients) / height)
            blind = np.where(blind > BLIND, blind, 0.0)
            unresolved = SAFETY * np.abs(coefficients[:, -TAIL:]).max(axis=1) / height + blind
        if self.pieces.derivative_function is not None:
            d = self.pieces.derivative(x)
            d_error = rounding(d, self.pieces.derivative_precision)
        else:
            floor, precision = self._floor(height), self.pieces.precision
            d, d_error = differentiate(f, coefficients, 0.5 * (b - a), unresolved, floor, precision)
        return a, b, x, f, d, d_error, blind, unresolved, self.pieces.misplacements(a)

    def _unlike_known(self, a: Floats, b: Floats, coefficients: Floats) -> Floats:
        """Largest difference of each Legendre series from the known values in its panel."""
        largest = np.zeros(a.size)
        first, end = np.searchsorted(self.known_x, a), np.searchsorted(self.known_x, b)
        count = end - first
        if not count.any():
            return largest
        panel = np.repeat(np.arange(a.size), count)
        begin = count.cumsum() - count
        point = np.arange(panel.size) + np.repeat(first - begin, count)
        s = (2 * self.known_x[point] - a[panel] - b[panel]) / (b - a)[panel]
        difference = np.abs(series(coefficients, panel, s) - self.known_f[point])
        largest[count > 0] = np.maximum.reduceat(difference, begin[count > 0])
        return largest

    def _set(self, *arrays: Floats) -> None:
        self.a, self.b, self.x, self.f, self.d, self.d_error, self.blind, self.unresolved, self.misplaced = arrays

    @property
    def unseen(self) -> Bools:
        """Panels on which f is 0 at all nodes, but not at a test point or where it is known."""
        return np.asarray((self.blind > 0) & ~self.f.any(axis=1))

    @property
    def edges(self) -> Floats:
        """The ends of all panels, ascending."""
        return np.concatenate([self.a, self.b[-1:]])

    def sharp_points(self) -> Floats:
        """The middles of sharp but smooth features, such as rounded kinks: runs of short panels between longer ones.

        Runs that touch a breakpoint are left out, as are the many runs of an oscillation.
        """
        length = self.b - self.a
        starts = np.flatnonzero(np.r_[True, ~np.isclose(length[1:], length[:-1])])
        own, low, high = length[starts], self.a[starts], np.r_[self.a[starts[1:]], self.b[-1]]
        isolated = (own < np.minimum(np.r_[np.inf, own[:-1]], np.r_[own[1:], np.inf])) & (
            high - low < SHARP * self.scale
        )
        points = np.array(self.pieces.breakpoints_within(self.reach * self.scale))
        isolated &= np.searchsorted(points, low) == np.searchsorted(points, high, side="right")
        middles = np.asarray(0.5 * (low + high)[isolated])
        return middles if middles.size <= MOST_SHARP else middles[:0]

    @property
    def hidden(self) -> Floats:
        """Lengths next to the inner edges on which a jump does not show in the panels, shape (panels − 1,)."""
        half = 0.5 * (self.b - self.a)
        ends = UNSEEN * np.maximum(half[:-1], half[1:])
        return np.where(np.isnan(self.misplaced[1:]), ends, self.misplaced[1:])

    def column(self, letter: str) -> Column:
        """The factor for a letter: "x" for the argument, "f" for the function, "d" for f′ and "s" for f″."""
        exact, precision = np.zeros(self.a.size), self.pieces.precision
        if letter == "x":
            return Column(self.x, exact, exact)
        if letter == "f":
            return Column(self.f, rounding(self.f, precision), exact)
        given, half = self.pieces.derivative_function is not None, 0.5 * (self.b - self.a)
        broken = np.isin(self.a[1:], self.pieces.jumps_within(self.reach * self.scale))
        leap, height = leaps(self.f, broken, precision), np.abs(self.f).max(axis=1)
        if given:  # its values at the nodes may miss what f does between them
            leap = leap + np.where(self.unresolved > LEAP, self.unresolved * height, 0.0)
        unresolved = np.maximum(leap / np.where(height > 0, height, 1.0), exact if given else self.unresolved)
        d = Column(self.d, self.d_error + leap / half, unresolved)
        if letter == "d":
            return d
        unresolved = relative_tail(self.d) if given else self.unresolved
        s, s_error = differentiate(self.d, self.d @ rule().coefficients.T, half, unresolved, exact, precision)
        error = s_error + d.error * N**1.5 / half + leaps(self.d, broken, precision) / half
        return Column(s, error, np.maximum(unresolved, d.unresolved))

    def refine(self, needed: Bools, unresolved: Floats) -> bool:
        """Halve the panels in the mask `needed`; False if no panel could be halved.

        `unresolved` is the tail of each panel relative to its largest |f|. If it is below 1e-4 and three halvings have
        not reduced its product with the largest |f| by 30 % each, it is rounding noise of f, and the panel is not
        halved again. Beside a kink at which f is 0 the relative tail stays as it is, but the product decreases. What
        one half shows and the other does not is no noise either.
        """
        height = np.abs(self.f).max(axis=1)
        with np.errstate(over="ignore", invalid="ignore"):
            absolute = unresolved * height
        stale = self.stale + ((unresolved < NOISE) & (absolute > 0.7 * self.parent))
        ends = np.maximum(np.abs(self.a), np.abs(self.b))
        short = self.b - self.a < np.maximum(8 * np.spacing(ends), SHORTEST * min(self.scale, 1.0))
        resolved = self.unresolved * height <= self._floor(height)
        index = np.flatnonzero(needed & (stale < 3) & ~short & ~(resolved & (self.pieces.precision > EPS)))
        room = (BUDGET - self.x.size) // N
        if index.size > room:
            index = np.sort(index[np.argsort(-unresolved[index])[:room]])
        if index.size == 0:
            return False
        a, b = self.a[index], self.b[index]
        middle = 0.5 * (a + b)
        keep = np.ones(self.a.size, dtype=bool)
        keep[index] = False
        twice = np.r_[index, index]
        halves = self._panels(np.r_[a, middle], np.r_[middle, b])
        left, right = np.split(halves[UNRESOLVED], 2)
        one_sided = np.minimum(left, right) < ONE_SIDED * np.maximum(left, right)
        stale = np.where(np.r_[one_sided, one_sided], 0, stale[twice])
        self._merge(keep, halves, absolute[twice], stale)
        return True

    def _floor(self, height: Floats) -> Floats:
        """Unresolved parts that are noise on panels with these largest |f|, shape (panels,); 0 for exact functions."""
        precision = self.pieces.precision
        if precision <= EPS:
            return np.zeros(height.size)
        return np.asarray(STEPS * precision * np.maximum(height, self.centre))

    def resolve(self) -> None:
        """Halve panels until f is resolved to rounding on each, or until no panel can be halved any more."""
        while True:
            if not self.refine(self.unresolved > RESOLVED, self.unresolved):
                return

    def interpolate_derivative(self, x: Floats) -> Floats:
        """f′ at points within the grid, from the Legendre series of `d` on each panel; the shape of `x`."""
        flat = x.ravel()
        panel = np.clip(np.searchsorted(self.a, flat, side="right") - 1, 0, self.a.size - 1)
        s = (2 * flat - self.a[panel] - self.b[panel]) / (self.b - self.a)[panel]
        return series(self.d @ rule().coefficients.T, panel, s).reshape(x.shape)

    def extend(self) -> None:
        """Grow outwards by one panel on each side."""
        ends = np.array([self.reach, self.reach + EXTENSION]) * self.scale
        sides = [self._cut(side) for side in (-ends[::-1], ends)]
        a = np.concatenate([side[:-1] for side in sides])
        b = np.concatenate([side[1:] for side in sides])
        self.reach += EXTENSION
        self.known_x, self.known_f = self.pieces.known(self.scale, self.reach * self.scale)
        everything = np.ones(self.a.size, dtype=bool)
        self._merge(everything, self._panels(a, b), np.full(a.size, np.inf), np.zeros(a.size, dtype=int))

    def _merge(
        self,
        keep: Bools,
        new: tuple[Floats, ...],
        parent: Floats,
        stale: NDArray[np.int_],
    ) -> None:
        old = (self.a, self.b, self.x, self.f, self.d, self.d_error, self.blind, self.unresolved, self.misplaced)
        merged = [np.concatenate([was[keep], now]) for was, now in zip(old, new, strict=True)]
        order = np.argsort(merged[0])
        self._set(*(array[order] for array in merged))
        self.parent = np.concatenate([self.parent[keep], parent])[order]
        self.stale = np.concatenate([self.stale[keep], stale])[order]


def _graded(scale: float) -> Floats:
    """Edges of the initial panels of this scale, from 0 outwards; on large scales they are graded around 0."""
    edges = np.array(EDGES) * scale
    if scale < WIDE:
        return edges
    return np.concatenate([[0.0], RATIO ** np.arange(np.log(edges[1] / 2) / np.log(RATIO)), edges[1:]])


@cache
def _at_sentinels() -> Floats:
    """Legendre polynomials at the sentinels, shape (N, 2)."""
    return np.ascontiguousarray(legvander(SENTINELS, N - 1).T)


def half_octave(q: ArrayLike) -> NDArray[np.int_]:
    """The integer k with 2^(k/2) ≤ √q < 2^((k+1)/2) for each q > 0, without rounding errors."""
    return np.asarray(np.frexp(q)[1] - 1)
