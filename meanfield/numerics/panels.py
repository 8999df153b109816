"""A function cut into smooth pieces: values on panels that are refined as integrals need it, and kept for the next one.

Panels live in *argument* space, graded around 0 on the scale of √q, cut at the breakpoints. So one evaluation of the function
serves every q of the same scale; only the Gaussian weight changes.
"""

from collections.abc import Callable

import numpy as np
from numpy.polynomial.legendre import legval
from numpy.typing import ArrayLike, NDArray

from meanfield.errors import BadActivation
from meanfield.numerics.breakpoints import find_breakpoints
from meanfield.numerics.legendre import N, interpolation, nodes_between, rule, tail

__all__ = ["Grid", "PiecewiseSmooth"]

ArrayFunction = Callable[[NDArray[np.float64]], NDArray[np.float64]]

# Panel edges of a grid in units of its scale s, for √q in [s, √2·s): 13 s is 9.2 standard deviations or more.
EDGES = (0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.5, 8.0, 10.0, 13.0)
EXTENSION = 3.0  # an extended grid grows outwards by panels of so many s
SEARCHED = 16.0  # breakpoints are looked for at least up to this distance from 0
BUDGET = 200_000  # nodes a grid at the most
SHORTEST = 1e-40  # panel length, relative to the grid's scale, at which closing in on a singular point at 0 ends
NOISE = 1e-4  # an unresolved part below this, relative to the panel's height, may be noise
BLIND = 1e-13  # what rounding leaves of that difference
RESOLVED = 1e-14  # an unresolved part below this is rounding
KINK = 1e-7  # difference of one-sided derivatives, relative to the largest, that makes a breakpoint a kink
SENTINELS = np.array([-1 + 2e-6, 1 - 2e-6])  # where a panel is looked at between its outermost nodes and its ends
JUMP = 1e-11  # difference of the two one-sided values, relative to those nearby, that can be a jump


class PiecewiseSmooth:
    """A real function with what is known about its smoothness.

    Parameters
    ----------
    function : callable
        On float64 arrays of any shape.
    derivative : callable or None
        Its derivative; None makes it the derivative of the piecewise interpolant.
    breakpoints, jumps : tuple of float or None
        Where the function or a derivative is not continuous, and where it jumps; None has them looked for.
    """

    def __init__(
        self,
        function: ArrayFunction,
        derivative: ArrayFunction | None = None,
        breakpoints: tuple[float, ...] | None = None,
        jumps: tuple[float, ...] = (),
        *,
        name: str = "f",
    ) -> None:
        self.function, self.derivative_function, self.name = function, derivative, name
        self.evaluations = 0
        self._grids: dict[int, Grid] = {}
        self._declared = breakpoints is not None
        self._breakpoints: set[float] = set(breakpoints or ()) | set(jumps)
        self._jumps: set[float] = set(jumps) | {x for x in self._breakpoints if self._jumps_at(x)}
        self._searched = np.inf if self._declared else 0.0

    def __call__(self, x: ArrayLike) -> NDArray[np.float64]:
        """Values at `x`; a NaN is refused with the x at which it stands."""
        x = np.asarray(x, dtype=np.float64)
        self.evaluations += x.size
        with np.errstate(all="ignore"):
            values = np.asarray(self.function(x), dtype=np.float64)
        if np.isnan(values).any():
            where = float(x[np.isnan(values)].flat[0])
            raise BadActivation(f"{self.name} is NaN at x = {where!r}; it must be a number for every real x", where)
        return values

    def derivative(self, x: ArrayLike) -> NDArray[np.float64]:
        """Derivative at `x`: the given one, or that of the interpolant on the panel that holds `x`."""
        x = np.asarray(x, dtype=np.float64)
        if self.derivative_function is not None:
            with np.errstate(all="ignore"):
                return np.asarray(self.derivative_function(x), dtype=np.float64)
        reach = float(np.abs(x).max(initial=0.0))
        return self.resolved_grid(max(np.sqrt(2) * reach / EDGES[-1], 1.0)).interpolate_derivative(x)

    def breakpoints_within(self, reach: float) -> tuple[float, ...]:
        """The breakpoints with |x| ≤ reach, looked for where that has not been done."""
        reach = max(reach, SEARCHED)
        while self._searched < reach:
            inner, outer = self._searched, max(2 * self._searched, SEARCHED)
            for a, b in ((-outer, outer),) if inner == 0 else ((-outer, -inner), (inner, outer)):
                with np.errstate(all="ignore"):
                    found = find_breakpoints(self, a, b)
                self._breakpoints |= {point.x for point in found.breakpoints}
                self._jumps |= {point.x for point in found.breakpoints if point.order == 0 and self._jumps_at(point.x)}
            self._searched = outer
        return tuple(sorted(x for x in self._breakpoints if abs(x) <= reach))

    @property
    def breakpoints(self) -> tuple[float, ...]:
        """Where the function or one of its derivatives is not continuous, ascending."""
        self.breakpoints_within(SEARCHED)
        return tuple(sorted(self._breakpoints))

    @property
    def jumps(self) -> tuple[float, ...]:
        """Where the function itself is not continuous, ascending."""
        self.breakpoints_within(SEARCHED)
        return tuple(sorted(self._jumps))

    @property
    def kinks(self) -> tuple[float, ...]:
        """Where the first derivative is not continuous, the jumps of the function aside, ascending."""
        grid = self.resolved_grid(1.0)
        edges = [x for x in self.breakpoints if x not in self._jumps and abs(x) < grid.reach * grid.scale]
        ends = legval(np.array([-1.0, 1.0]), (grid.d @ rule().coefficients.T).T)  # derivative at both ends of each panel
        kinked = []
        for x in edges:
            right = int(np.searchsorted(grid.a, x))
            one_sided = ends[right - 1, 1], ends[right, 0]
            if abs(one_sided[1] - one_sided[0]) > KINK * max(np.abs(grid.d).max(), 1e-300):
                kinked.append(x)
        return tuple(kinked)

    def grid(self, q: float) -> "Grid":
        """The grid whose scale s has s ≤ √q < √2·s."""
        k = int(half_octave(q))
        if k not in self._grids:
            self._grids[k] = Grid(self, 2.0 ** (k / 2))
        return self._grids[k]

    def resolved_grid(self, scale: float) -> "Grid":
        """A grid out to 13·scale on which the function itself is resolved."""
        grid = self.grid(scale**2)
        grid.resolve()
        return grid

    def jump_heights(self) -> NDArray[np.float64]:
        """f(x+) − f(x−) at every jump."""
        return np.array([self._step(x, 4) for x in self.jumps])

    def _step(self, x: float, ulps: float) -> float:
        """f(x + h) − f(x − h) for h of so many units in the last place (next to 0, where there are none, of 1e-150)."""
        h = ulps * (1e-150 if x == 0 else np.spacing(abs(x)))
        left, right = self(np.array([x - h, x + h]))
        return float(right - left)

    def _jumps_at(self, x: float) -> bool:
        """Whether the difference across x is the same for a thousandfold distance: any continuous function's shrinks."""
        height = abs(self._step(x, 4))
        scale = np.abs(self(x + np.array([-1e-3, 1e-3]) * (1 + abs(x)))).max()
        return bool(height > JUMP * scale and height > 0.5 * abs(self._step(x, 4096)))


def half_octave(q: ArrayLike) -> NDArray[np.int_]:
    """k with 2^(k/2) ≤ √q < 2^((k+1)/2), exactly."""
    return np.asarray(np.frexp(q)[1] - 1)


class Grid:
    """The panels of one scale, in ascending order: edges, nodes, values and derivatives, as arrays.

    Attributes
    ----------
    a, b : ndarray, shape (panels,)
        Ends of the panels.
    x, f, d : ndarray, shape (panels, N)
        Nodes, values and first derivatives.
    blind : ndarray, shape (panels,)
        How far the interpolant is from the function next to the ends, relative to the panel's height: a kink between the
        outermost node and the end shows in nothing else.
    """

    def __init__(self, pieces: PiecewiseSmooth, scale: float) -> None:
        self.pieces, self.scale, self.reach = pieces, scale, EDGES[-1]
        half = np.array(EDGES) * scale
        edges = self._cut(np.concatenate([-half[:0:-1], half]))
        self._set(*self._panels(edges[:-1], edges[1:]))
        self.parent = np.full(self.a.size, np.inf)  # the unresolved part of the panel that each one was halved from
        self.stale = np.zeros(self.a.size, dtype=int)  # how often halving did not help

    def _cut(self, edges: NDArray[np.float64]) -> NDArray[np.float64]:
        points = np.array(self.pieces.breakpoints_within(float(np.abs(edges).max())))
        return np.union1d(edges, points[(points > edges[0]) & (points < edges[-1])] if points.size else points)

    def _panels(self, a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
        x, inside = nodes_between(a, b), 0.5 * (a + b)[:, None] + 0.5 * (b - a)[:, None] * SENTINELS
        f, ends = np.split(self.pieces(np.concatenate([x, inside], axis=1)), [N], axis=1)
        with np.errstate(all="ignore"):
            height = np.abs(f).max(axis=1)
            blind = np.abs(f @ interpolation(SENTINELS).T - ends).max(axis=1) / np.where(height > 0, height, 1.0)
        if self.pieces.derivative_function is not None:
            d = self.pieces.derivative(x)
        else:
            with np.errstate(all="ignore"):
                d = f @ rule().derivative.T / (0.5 * (b - a))[:, None]
        return a, b, x, f, d, np.where(blind > BLIND, blind, 0.0)

    def _set(self, *arrays: NDArray[np.float64]) -> None:
        self.a, self.b, self.x, self.f, self.d, self.blind = arrays

    @property
    def edges(self) -> NDArray[np.float64]:
        """The ends of all panels, ascending."""
        return np.append(self.a, self.b[-1])

    def second_derivative(self) -> NDArray[np.float64]:
        """Second derivatives at the nodes, from the first ones."""
        return np.asarray(self.d @ rule().derivative.T / (0.5 * (self.b - self.a))[:, None])

    def refine(self, needed: NDArray[np.bool_], unresolved: NDArray[np.float64]) -> bool:
        """Halve the panels that need it; False if none could be.

        `unresolved` is each panel's tail relative to its height. Where it is small and no longer shrinks with the panel it is
        rounding noise of the function, which halving cannot cure.
        """
        noise = (unresolved < NOISE) & (unresolved > 0.7 * self.parent)
        stale = self.stale + noise
        ends = np.maximum(np.abs(self.a), np.abs(self.b))
        short = self.b - self.a < np.maximum(8 * np.spacing(ends), SHORTEST * self.scale)
        index = np.flatnonzero(needed & (stale < 3) & ~short)
        if index.size == 0 or self.x.size + N * index.size > BUDGET:
            return False
        a, b = self.a[index], self.b[index]
        middle = 0.5 * (a + b)
        keep = np.ones(self.a.size, dtype=bool)
        keep[index] = False
        twice = np.r_[index, index]
        self._merge(keep, self._panels(np.r_[a, middle], np.r_[middle, b]), unresolved[twice], stale[twice])
        return True

    def resolve(self) -> None:
        """Refine until the function itself is resolved on every panel, to rounding where that can be."""
        while True:
            height = np.abs(self.f).max(axis=1)
            unresolved = tail(self.f) / np.where(height > 0, height, 1.0) + self.blind
            if not self.refine(unresolved > RESOLVED, unresolved):
                return

    def interpolate_derivative(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """The derivative at any points within the grid, from the panels' polynomials."""
        flat = x.ravel()
        panel = np.clip(np.searchsorted(self.a, flat, side="right") - 1, 0, self.a.size - 1)
        s = (2 * flat - self.a[panel] - self.b[panel]) / (self.b - self.a)[panel]
        coefficients = np.ascontiguousarray((self.d @ rule().coefficients.T).T)
        return np.asarray(legval(s, coefficients.take(panel, axis=1), tensor=False)).reshape(x.shape)

    def extend(self) -> None:
        """Grow outwards by one panel on each side."""
        ends = np.array([self.reach, self.reach + EXTENSION]) * self.scale
        sides = [self._cut(side) for side in (-ends[::-1], ends)]
        a = np.concatenate([side[:-1] for side in sides])
        b = np.concatenate([side[1:] for side in sides])
        self.reach += EXTENSION
        everything = np.ones(self.a.size, dtype=bool)
        self._merge(everything, self._panels(a, b), np.full(a.size, np.inf), np.zeros(a.size, dtype=int))

    def _merge(
        self,
        keep: NDArray[np.bool_],
        new: tuple[NDArray[np.float64], ...],
        parent: NDArray[np.float64],
        stale: NDArray[np.int_],
    ) -> None:
        old = (self.a, self.b, self.x, self.f, self.d, self.blind)
        merged = [np.concatenate([was[keep], now]) for was, now in zip(old, new, strict=True)]
        order = np.argsort(merged[0])
        self._set(*(array[order] for array in merged))
        self.parent = np.concatenate([self.parent[keep], parent])[order]
        self.stale = np.concatenate([self.stale[keep], stale])[order]
