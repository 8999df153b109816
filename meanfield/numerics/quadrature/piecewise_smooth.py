"""A piecewise smooth function: its breakpoints, its derivative, and the grids of panels that hold its values.

The panels divide the argument of the function, not the standard normal variable. They are graded around 0 on the scale
of √q and end at the breakpoints. The values on a grid therefore serve every q of the same scale; only the Gaussian
weight depends on q.
"""

import threading
from collections.abc import Callable
from functools import cached_property

import numpy as np
from numpy.polynomial.legendre import legval
from numpy.typing import ArrayLike

from meanfield._types import ArrayFunction, Floats
from meanfield.errors import BadActivation
from meanfield.numerics.breakpoints.samples import PHASE, SEEN
from meanfield.numerics.breakpoints.search import Search, find_breakpoints
from meanfield.numerics.quadrature.gauss_legendre import rule
from meanfield.numerics.quadrature.grid import REACH, Grid, half_octave

SEARCHED = 16.13  # the search covers at least this |x|; it sees no breakpoint at its ends, so they are not round
FARTHEST = 9.0  # standard deviations beyond which a narrow feature has no weight
THINNED = 3  # every third node of a resolved panel shows whatever the panel resolves
NEAR = 2048  # samples on the scale of a grid that is finer than the search for breakpoints
EPS = float(np.finfo(float).eps)
CENTRE = np.linspace(-2.0, 2.0, 33)  # the size of f here is the unit of the noise of less exact functions elsewhere
BESIDE = 1e-9  # distance from 0 up to which f has a slope of its own on each side
KINK = 1e-7  # least difference of one-sided derivatives at a kink, relative to the largest |f′|
SUBNORMAL = 1e-290  # smaller differences may be rounding of subnormal numbers
STEPS = 16.0  # least height of a jump, in units of the noise
JUMP = 1e-11  # least height of a jump, relative to the values nearby


class PiecewiseSmooth:
    """A real function f that is smooth between its breakpoints.

    Parameters
    ----------
    function : callable
        f, from a float64 array of any shape to values of the same shape.
    derivative : callable or None
        f′, in the same form. If None, the derivative of the piecewise polynomial interpolant is used.
    breakpoints : tuple of float or None
        All x at which f or one of its derivatives is discontinuous. If None, a numerical search locates them.
    jumps : tuple of float
        All x at which f is discontinuous. Jumps among the `breakpoints` are also detected numerically.
    unknown : bool
        Whether f may have narrow features that nothing tells about, so that it is searched for them though its
        breakpoints are given. A function without `breakpoints` always is.
    features : callable or None
        From a reach and breakpoints to points, ascending, that show every narrow feature within the reach; None if
        none are known.
    name : str
        Name of f in messages.
    precision, derivative_precision : float
        Relative rounding units of f and of `derivative`. Steps of f below a few units of its size near 0 are rounding.
    """

    def __init__(
        self,
        function: ArrayFunction,
        derivative: ArrayFunction | None = None,
        breakpoints: tuple[float, ...] | None = None,
        jumps: tuple[float, ...] = (),
        *,
        unknown: bool = False,
        features: Callable[[float, tuple[float, ...]], Floats] | None = None,
        name: str = "f",
        precision: float = EPS,
        derivative_precision: float = EPS,
    ) -> None:
        self.function, self.derivative_function, self.name = function, derivative, name
        self.precision, self.derivative_precision = precision, derivative_precision
        self.lock = threading.RLock()  # held while grids are refined, or must not change
        self.evaluations = 0
        self._grids: dict[int, Grid] = {}
        self._declared = breakpoints is not None
        #: The known breakpoints, each with a bound on the error of its place.
        self._breakpoints = {x: _rounding(x) for x in {*(breakpoints or ()), *jumps}}
        self._jumps: set[float] = set(jumps) | {x for x in self._breakpoints if self._jumps_at(x)}
        self.unknown, self.features = unknown or not self._declared, features
        self._searched = 0.0 if self.unknown else np.inf
        self._found: list[tuple[float, Search]] = []  # the searches, each with the |x| at which it begins

    def __call__(self, x: ArrayLike) -> Floats:
        """Values at `x`, of the shape of `x`; a NaN raises BadActivation with its x."""
        x = np.asarray(x, dtype=np.float64)
        self.evaluations += x.size
        with np.errstate(all="ignore"):
            values = np.asarray(self.function(x), dtype=np.float64)
        if np.isnan(values).any():
            where = float(x[np.isnan(values)].flat[0])
            raise BadActivation(f"{self.name} is NaN at x = {where!r}; it must be a number for every real x", where)
        return values

    def derivative(self, x: ArrayLike) -> Floats:
        """f′ at `x`, of the shape of `x`: the given derivative, or the derivative of the piecewise interpolant."""
        x = np.asarray(x, dtype=np.float64)
        if self.derivative_function is not None:
            with np.errstate(all="ignore"):
                return np.asarray(self.derivative_function(x), dtype=np.float64)
        reach = float(np.abs(x).max(initial=0.0))
        with self.lock:
            return self.resolved_grid(max(np.sqrt(2) * reach / REACH, 1.0)).interpolate_derivative(x)

    def breakpoints_within(self, reach: float) -> tuple[float, ...]:
        """The breakpoints with |x| ≤ max(reach, 16), ascending; the search is extended to `reach` if necessary."""
        reach = max(reach, SEARCHED)
        with self.lock:
            self._search(reach)
            return tuple(sorted(x for x in self._breakpoints if abs(x) <= reach))

    @cached_property
    def _noise(self) -> float:
        """Absolute noise of f where it is small; 0 if f is exact to the rounding of float64."""
        return self.precision * float(np.abs(self(CENTRE)).max()) if self.precision > EPS else 0.0

    def _search(self, reach: float) -> None:
        while self._searched < reach:
            inner, outer = self._searched, max(2 * self._searched, SEARCHED)
            for a, b in ((-outer, outer),) if inner == 0 else ((-outer, -inner), (inner, outer)):
                with np.errstate(all="ignore"):
                    found = find_breakpoints(self, a, b, noise=0.5 * self._noise, precision=self.precision)
                self._found.append((inner, found))
                if self._declared:
                    continue
                jumps = {
                    point.x: self._jump_near(point.x, point.error) for point in found.breakpoints if point.order == 0
                }
                jumps = {x: jump for x, jump in jumps.items() if self._jumps_at(jump)}
                self._breakpoints |= {
                    point.x: point.error + _rounding(point.x) for point in found.breakpoints if point.x not in jumps
                }
                self._breakpoints |= {x: self._ulps(x, 4) for x in jumps.values()}
                if 0.0 in self._breakpoints and self._bends_at_zero():
                    self._breakpoints[0.0] = self._ulps(0.0, 1)
                self._jumps |= set(jumps.values())
            self._searched = outer

    def known(self, scale: float, reach: float) -> tuple[Floats, Floats]:
        """Points with |x| ≤ reach, ascending, and the values there that interpolants on this scale must reproduce."""
        points = [(x := self.features(reach, self.breakpoints_within(reach)), self(x))] if self.features else []
        if not self.unknown:
            return points[0] if points else (np.empty(0), np.empty(0))
        with self.lock:
            self._search(reach)
            points += [(found.x[1::THINNED], found.values[1::THINNED]) for begin, found in self._found if begin < reach]
        near = REACH * scale * ((2 * np.arange(NEAR) + 2 * PHASE) / NEAR - 1)
        if SEEN * (near[1] - near[0]) < self._found[0][1].resolution:
            points.append((near, self(near)))
        x, values = np.concatenate(points, axis=1)
        order = np.argsort(x)
        order = order[np.abs(x[order]) <= reach]
        return x[order], values[order]

    def resolution(self, q: ArrayLike) -> float | None:
        """Width of the features that were seen where √q·Z has weight, narrower ones by chance; None if none is unknown.

        It is the largest over all q.
        """
        if not self.unknown:
            return None
        largest = float(np.sqrt(np.max(q, initial=0.0)))
        with self.lock:
            self._search(FARTHEST * largest)
            coarsest = max(found.resolution for begin, found in self._found if begin < FARTHEST * largest or begin == 0)
        return min(coarsest, 2 * SEEN * REACH * largest / NEAR)

    def _bends_at_zero(self) -> bool:
        """Whether values near 0 are those of two lines that meet at 0, so that the kink is there and not beside it."""
        tiny = self._ulps(0.0, 1)
        x = np.array([tiny, BESIDE])
        right, left = self(x) / x, self(-x) / -x
        bend = abs(right[0] - left[0])
        return bool(self(0.0) == 0 and bend > 0 and max(np.ptp(right), np.ptp(left)) <= 1e-3 * bend)

    def misplacements(self, x: Floats) -> Floats:
        """Bounds on the errors of the places of the breakpoints among `x`, shape (n,); NaN at other points."""
        return np.array([self._breakpoints.get(place, np.nan) for place in x.tolist()])

    @property
    def breakpoints(self) -> tuple[float, ...]:
        """The known x at which f or one of its derivatives is discontinuous, ascending."""
        self.breakpoints_within(SEARCHED)
        return tuple(sorted(self._breakpoints))

    @property
    def jumps(self) -> tuple[float, ...]:
        """The known x at which f is discontinuous, ascending."""
        self.breakpoints_within(SEARCHED)
        return tuple(sorted(self._jumps))

    def jumps_within(self, reach: float) -> tuple[float, ...]:
        """The jumps with |x| ≤ max(reach, 16), after a search to `reach`, and those that were given; ascending."""
        points = self.breakpoints_within(reach)
        with self.lock:
            return tuple(sorted(self._jumps if self._declared else self._jumps.intersection(points)))

    @property
    def kinks(self) -> tuple[float, ...]:
        """The x at which f is continuous and f′ is discontinuous, ascending, at least to |x| = 9."""
        return self.kinks_within(0.0)

    def kinks_within(self, reach: float) -> tuple[float, ...]:
        """The kinks at least to |x| = max(reach, 9), ascending."""
        with self.lock:
            return self._kinks(self.resolved_grid(max(1.0, reach * np.sqrt(2.0) / REACH)))

    def _kinks(self, grid: Grid) -> tuple[float, ...]:
        end = grid.reach * grid.scale
        edges = [x for x in self.breakpoints_within(end) if x not in self._jumps and abs(x) < end]
        ends = legval(np.array([-1.0, 1.0]), (grid.d @ rule().coefficients.T).T)  # f′ at the ends of each panel
        kinked = []
        for x in edges:
            right = int(np.searchsorted(grid.a, x))
            one_sided = ends[right - 1, 1], ends[right, 0]
            if abs(one_sided[1] - one_sided[0]) > KINK * max(np.abs(grid.d).max(), 1e-300):
                kinked.append(x)
        return tuple(kinked)

    def grid(self, q: float) -> Grid:
        """The grid whose scale s has s ≤ √q < √2·s."""
        k = int(half_octave(q))
        if k not in self._grids:
            self._grids[k] = Grid(self, 2.0 ** (k / 2))
        return self._grids[k]

    def held(self) -> tuple[Floats, Floats]:
        """The nodes of all grids and points on both sides of the breakpoints, and f there."""
        with self.lock:
            grids = list(self._grids.values())
        beside = np.array([x + side * self._ulps(x, 8) for x in self.breakpoints for side in (-1, 1)])
        points = np.concatenate([beside, *(grid.x.ravel() for grid in grids)])
        return points, np.concatenate([self(beside), *(grid.f.ravel() for grid in grids)])

    def resolved_grid(self, scale: float) -> Grid:
        """The grid for √q = scale, refined until f itself is resolved; it covers |x| ≤ 13·scale/√2 or more."""
        grid = self.grid(scale**2)
        grid.resolve()
        return grid

    def jump_heights(self) -> Floats:
        """f(x+) − f(x−) at each of the `jumps`, shape (jumps,)."""
        return np.array([self._step(x, 4) for x in self.jumps])

    def _step(self, x: float, ulps: float) -> float:
        """f(x + h) − f(x − h) with h of `ulps` units in the last place of x."""
        h = self._ulps(x, ulps)
        left, right = self(np.array([x - h, x + h]))
        return float(right - left)

    def _ulps(self, x: float, number: float) -> float:
        """Units in the last place of x, or of the function's own precision; at 0 one that does not underflow in it."""
        if x == 0:
            return number * (1e-160 if self.precision <= EPS else 1e-36)
        return number * float(max(np.spacing(abs(x)), self.precision * abs(x) / 2))

    def _jump_near(self, x: float, error: float) -> float:
        """The place of a jump within `error` of x, to rounding: x itself if f jumps there, else found by bisection."""
        reach = error + self._ulps(x, 4)
        if self._jumps_at(x):
            return x
        low, high = x - reach, x + reach
        left, right = self(np.array([low, high]))
        while low < (middle := 0.5 * (low + high)) < high:
            value = float(self(middle))
            low, high = (middle, high) if abs(value - left) < abs(value - right) else (low, middle)
        return low

    def _jumps_at(self, x: float) -> bool:
        """Whether f jumps at x.

        The difference across x must exceed the rounding level and the noise, and half of the difference across an
        interval 1024 times as long (in short arithmetic a tenth of |x|). For a continuous function the difference
        shrinks with the interval.
        """
        height = abs(self._step(x, 4))
        scale = np.abs(self(x + np.array([-1e-3, 1e-3]) * (1 + abs(x)))).max()
        least = max(JUMP * scale, SUBNORMAL, STEPS * max(self._noise, self.precision * scale))
        far = min(4096.0, max(0.1 / self.precision, 16.0))
        return bool(height > least and height > 0.5 * abs(self._step(x, far)))


def _rounding(x: float) -> float:
    """Bound on the rounding error of a breakpoint; 0, where formulas and searches place it exactly, has none."""
    return 0.0 if x == 0 else float(np.spacing(abs(x)))
