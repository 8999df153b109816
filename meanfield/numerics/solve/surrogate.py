"""Surrogates: Legendre series on panels that approximate a smooth, costly function, with error bounds."""

import threading
from bisect import bisect_right
from collections.abc import Callable

import numpy as np
from numpy.polynomial.legendre import legval

from meanfield._types import Floats, Ints
from meanfield.numerics.quadrature.gauss_legendre import N, nodes_between, rule, tail

BLOCK = 8192  # points a block, to limit memory
LEBESGUE = 12.0  # bound on the Lebesgue constant of interpolation at 24 Gauss nodes
UP = [(2 * k + 1) / (k + 1) for k in range(64)]  # P_{k+1} = UP_k s P_k − DOWN_{k−1} P_{k−1}
DOWN = [(k + 1) / (k + 2) for k in range(64)]
ROUNDING = 8 * np.finfo(float).eps  # rounding error of the values and of the sum, relative to the largest value
NOTHING = 1e-300  # a tail below this is not resolved: products of numbers this small underflow


class Surrogate:
    """A function on an interval, approximated by Legendre series on panels.

    A panel is computed at the first call with a point in it. It is halved until its last coefficients are negligible.
    Panels are cached.

    Parameters
    ----------
    function : callable
        From a 1-d array of points to values and bounds on their absolute errors, of the same shape.
    edges : sequence of float
        Edges of the initial panels, ascending, in units of x.
    rtol : float
        A panel is halved while its last four coefficients exceed this fraction of its largest value, and exceed the
        noise of the values.
    depth : int
        Largest number of halvings of a panel. The error bound covers the truncation error that remains then.
    nodes : int
        Gauss nodes a panel.
    """

    def __init__(
        self,
        function: Callable[[Floats], tuple[Floats, Floats]],
        edges: tuple[float, ...],
        *,
        rtol: float = 1e-13,
        depth: int = 12,
        nodes: int = N,
    ) -> None:
        self.function, self.rtol, self.nodes = function, rtol, nodes
        self.edges = np.array(edges, dtype=np.float64)
        self.depth = np.full(self.edges.size - 1, depth)
        self.coefficients: list[Floats | None] = [None] * (self.edges.size - 1)
        self.errors = np.zeros(self.edges.size - 1)
        self._lock = threading.RLock()
        self._ends: list[float] = self.edges.tolist()
        self._single: dict[int, list[float]] = {}

    def __call__(self, x: Floats) -> tuple[Floats, Floats]:
        """Values and bounds on their absolute errors, of the shape of `x`, for x within the edges."""
        flat = np.asarray(x, dtype=np.float64).ravel()
        with self._lock:
            self._build(flat)
            edges, coefficients, errors = self.edges, list(self.coefficients), self.errors
        panel = _panel(edges, flat)
        value = np.empty(flat.size)
        for start in range(0, flat.size, BLOCK):
            part = slice(start, start + BLOCK)
            used, own = np.unique(panel[part], return_inverse=True)
            series = np.array([coefficients[index] for index in used]).T[:, own]
            a, b = edges[panel[part]], edges[panel[part] + 1]
            value[part] = legval((2 * flat[part] - a - b) / (b - a), series, tensor=False)
        return value.reshape(np.shape(x)), errors[panel].reshape(np.shape(x))

    def at(self, x: float) -> float:
        """The value at one point in scalar arithmetic by Clenshaw's recurrence, for loops over numbers."""
        index = min(max(bisect_right(self._ends, x) - 1, 0), len(self._ends) - 2)
        coefficients = self._single.get(index)
        if coefficients is None:
            self(np.array([x]))
            self._ends = self.edges.tolist()
            self._single = {i: c.tolist() for i, c in enumerate(self.coefficients) if c is not None}
            return self.at(x)
        a, b = self._ends[index], self._ends[index + 1]
        s = (2 * x - a - b) / (b - a)
        first = second = 0.0
        for k in range(len(coefficients) - 1, -1, -1):
            first, second = coefficients[k] + UP[k] * s * first - DOWN[k] * second, first
        return first

    def at_hand(self, x: Floats) -> bool:
        """Whether the panels of all `x` are cached."""
        with self._lock:
            return all(self.coefficients[i] is not None for i in set(_panel(self.edges, x.ravel()).tolist()))

    def _build(self, x: Floats) -> None:
        while True:
            missing = [i for i in np.unique(_panel(self.edges, x)) if self.coefficients[i] is None]
            if not missing:
                return
            for index in reversed(missing):
                self._build_panel(int(index))

    def _build_panel(self, index: int) -> None:
        a, b = self.edges[index : index + 2]
        values, errors = self.function(nodes_between(a, b, self.nodes))
        noise = 2 * LEBESGUE * float(errors.max())
        if tail(values) > max(self.rtol * np.abs(values).max(), noise, NOTHING) and self.depth[index] > 0:
            self.edges = np.insert(self.edges, index + 1, 0.5 * (a + b))
            self.depth = np.insert(self.depth, index, self.depth[index])
            self.depth[index : index + 2] = self.depth[index] - 1
            self.errors = np.insert(self.errors, index, 0.0)
            self.coefficients[index : index + 1] = [None, None]
        else:
            coefficients = rule(self.nodes).coefficients @ values
            self.coefficients[index] = coefficients
            self.errors[index] = noise + _remainder(coefficients) + ROUNDING * float(np.abs(values).max())


def _panel(edges: Floats, x: Floats) -> Ints:
    return np.clip(np.searchsorted(edges, x, side="right") - 1, 0, edges.size - 2)


def _remainder(coefficients: Floats) -> float:
    """Bound on the truncation error on the panel, by geometric extrapolation of the last coefficients.

    The factor 8 covers algebraic decay, for which aliasing reduces the last computed coefficients.
    """
    before, last = (float(np.abs(coefficients[s]).max()) for s in (slice(-8, -4), slice(-4, None)))
    rate = (last / before) ** 0.25 if last < before else 1.0
    return 8 * last / max(1.0 - rate, 1.0 / coefficients.size)
