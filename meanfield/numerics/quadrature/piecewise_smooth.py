"""A function cut into smooth pieces: what is known of it, and the grids of panels that carry its values.

Panels live in *argument* space, graded around 0 on the scale of √q, cut at the breakpoints. So one evaluation of the
function serves every q of the same scale; only the Gaussian weight changes.
"""

import threading

import numpy as np
from numpy.polynomial.legendre import legval
from numpy.typing import ArrayLike

from meanfield._types import ArrayFunction, Floats
from meanfield.errors import BadActivation
from meanfield.numerics.breakpoints.search import find_breakpoints
from meanfield.numerics.quadrature.gauss_legendre import rule
from meanfield.numerics.quadrature.grid import REACH, Grid, half_octave

SEARCHED = 16.0  # breakpoints are looked for at least up to this distance from 0
KINK = 1e-7  # difference of one-sided derivatives, relative to the largest, that makes a breakpoint a kink
SUBNORMAL = 1e-290  # a difference below this may come from numbers too small to have all digits
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
        self.lock = threading.RLock()  # held by whoever refines the grids, or needs them to stay as they are
        self.evaluations = 0
        self._grids: dict[int, Grid] = {}
        self._declared = breakpoints is not None
        self._breakpoints: set[float] = set(breakpoints or ()) | set(jumps)
        self._jumps: set[float] = set(jumps) | {x for x in self._breakpoints if self._jumps_at(x)}
        self._searched = np.inf if self._declared else 0.0

    def __call__(self, x: ArrayLike) -> Floats:
        """Values at `x`; a NaN is refused with the x at which it stands."""
        x = np.asarray(x, dtype=np.float64)
        self.evaluations += x.size
        with np.errstate(all="ignore"):
            values = np.asarray(self.function(x), dtype=np.float64)
        if np.isnan(values).any():
            where = float(x[np.isnan(values)].flat[0])
            raise BadActivation(f"{self.name} is NaN at x = {where!r}; it must be a number for every real x", where)
        return values

    def derivative(self, x: ArrayLike) -> Floats:
        """Derivative at `x`: the given one, or that of the interpolant on the panel that holds `x`."""
        x = np.asarray(x, dtype=np.float64)
        if self.derivative_function is not None:
            with np.errstate(all="ignore"):
                return np.asarray(self.derivative_function(x), dtype=np.float64)
        reach = float(np.abs(x).max(initial=0.0))
        with self.lock:
            return self.resolved_grid(max(np.sqrt(2) * reach / REACH, 1.0)).interpolate_derivative(x)

    def breakpoints_within(self, reach: float) -> tuple[float, ...]:
        """The breakpoints with |x| ≤ reach, looked for where that has not been done."""
        reach = max(reach, SEARCHED)
        with self.lock:
            self._search(reach)
            return tuple(sorted(x for x in self._breakpoints if abs(x) <= reach))

    def _search(self, reach: float) -> None:
        while self._searched < reach:
            inner, outer = self._searched, max(2 * self._searched, SEARCHED)
            for a, b in ((-outer, outer),) if inner == 0 else ((-outer, -inner), (inner, outer)):
                with np.errstate(all="ignore"):
                    found = find_breakpoints(self, a, b)
                self._breakpoints |= {point.x for point in found.breakpoints}
                self._jumps |= {point.x for point in found.breakpoints if point.order == 0 and self._jumps_at(point.x)}
            self._searched = outer

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
        with self.lock:
            return self._kinks()

    def _kinks(self) -> tuple[float, ...]:
        grid = self.resolved_grid(1.0)
        edges = [x for x in self.breakpoints if x not in self._jumps and abs(x) < grid.reach * grid.scale]
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

    def resolved_grid(self, scale: float) -> Grid:
        """A grid out to 13·scale on which the function itself is resolved."""
        grid = self.grid(scale**2)
        grid.resolve()
        return grid

    def jump_heights(self) -> Floats:
        """f(x+) − f(x−) at every jump."""
        return np.array([self._step(x, 4) for x in self.jumps])

    def _step(self, x: float, ulps: float) -> float:
        """f(x + h) − f(x − h) for h of so many units in the last place (next to 0, where there are none, of 1e-150)."""
        h = ulps * (1e-150 if x == 0 else np.spacing(abs(x)))
        left, right = self(np.array([x - h, x + h]))
        return float(right - left)

    def _jumps_at(self, x: float) -> bool:
        """Whether the difference across x is the same from a thousand times as far: a continuous function's is not."""
        height = abs(self._step(x, 4))
        scale = np.abs(self(x + np.array([-1e-3, 1e-3]) * (1 + abs(x)))).max()
        return bool(height > max(JUMP * scale, SUBNORMAL) and height > 0.5 * abs(self._step(x, 4096)))
