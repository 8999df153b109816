"""E f(U) g(V) of two functions for many pairs, by the same rule as the pair map of one function.

If f and g are the same function, use `PairMap`: E f(U)f(V) = ½(E f(U)² + E f(V)²) − ½E(f(U) − f(V))².
"""

import numpy as np

from meanfield._types import Bools, Floats, Ints
from meanfield.numerics.pairs import by_quadrature, mehler
from meanfield.numerics.pairs.hermite import EachVariance
from meanfield.numerics.pairs.representations import (
    IN_ANGLE,
    LONG_ORDER,
    LONG_SERIES,
    SHORT_ORDER,
    SHORT_SERIES,
    TWO_FUNCTIONS,
    Pairs,
    Representation,
    cheapest,
)
from meanfield.numerics.quadrature.piecewise_smooth import PiecewiseSmooth
from meanfield.numerics.solve.surrogate import Surrogate

ORDERS = {SHORT_SERIES: SHORT_ORDER, LONG_SERIES: LONG_ORDER}
KEPT = 64  # most pairs of variances whose series in the angle are kept
NODES = 12  # nodes a panel of the series in the angle


class ProductMap:
    """E f(U) g(V) as a function of q₁ = E U², q₂ = E V² and 1 − c in [0, 2], arrays of one shape.

    Parameters
    ----------
    f, g : PiecewiseSmooth
        The functions.

    Examples
    --------
    >>> step = PiecewiseSmooth(lambda x: 1.0 * (x > 0), None, (0.0,), (0.0,))
    >>> linear = PiecewiseSmooth(lambda x: x, np.ones_like, ())
    >>> value, error = ProductMap(step, linear)(*np.broadcast_arrays(1.0, 1.0, np.array([0.0, 0.5])))
    >>> value  # c/√2π
    array([0.39894228, 0.19947114])
    """

    def __init__(self, f: PiecewiseSmooth, g: PiecewiseSmooth) -> None:
        self.f, self.g = f, g
        self._angles: dict[tuple[float, float], Surrogate] = {}
        self._series = {row: (EachVariance(f, order), EachVariance(g, order)) for row, order in ORDERS.items()}

    def __call__(self, q1: Floats, q2: Floats, gap: Floats) -> tuple[Floats, Floats]:
        """E f(U) g(V) and bounds on its absolute error, of the shape of the arguments."""
        pairs = Pairs(np.ravel(q1), np.ravel(q2), np.ravel(gap))
        value, error = cheapest(TWO_FUNCTIONS, "product", pairs, self)
        return value.reshape(np.shape(gap)), error.reshape(np.shape(gap))

    def pays(self, row: Representation, kind: str, pairs: Pairs) -> Bools:
        """Whether the row's series are cached, or cost at most twice the quadratures saved, shape (pairs,)."""
        if row in self._series:
            f, g = self._series[row]
            missing = f.missing(np.unique(pairs.q1)) + g.missing(np.unique(pairs.q2))
            return np.full(pairs.gap.size, row.pays * missing <= 2 * pairs.cost(kind).sum())
        if row == IN_ANGLE:
            members, group, sizes = _alike(pairs)
            made = [(pairs.q1[k], pairs.q2[k]) in self._angles for k in members.tolist()]
            return np.asarray((sizes >= row.pays) | made)[group]
        return np.full(pairs.gap.size, True)

    def evaluate(self, row: Representation, kind: str, pairs: Pairs) -> tuple[Floats, Floats, Floats]:
        """Values, bounds on their errors, and the scales that multiply the tolerance, each of shape (pairs,)."""
        q1, q2, gap = pairs
        if row in self._series:
            f, g = self._series[row]
            (first, of_first), (second, of_second) = (np.unique(q, return_inverse=True) for q in (q1, q2))
            a, b = f.at(first), g.at(second)
            value, error = mehler.product(a, b, of_first, of_second, 1.0 - gap)
            size = [np.sqrt(x.variance + x.mean**2)[own] for x, own in ((a, of_first), (b, of_second))]
            return value, error, size[0] * size[1]
        if row != IN_ANGLE:
            return self._by_quadrature(pairs)
        value, error = np.empty((2, gap.size))
        members, group, _ = _alike(pairs)
        for k, member in enumerate(members.tolist()):
            own = group == k
            value[own], error[own] = self._in_angle(float(q1[member]), float(q2[member]), gap[own], row.smallest)
        return value, error, np.full(gap.size, np.inf)

    def _in_angle(self, q1: float, q2: float, gap: Floats, smallest: float) -> tuple[Floats, Floats]:
        """E f(U) g(V) for pairs of the same two variances, by series in the angle arccos c for |c| > smallest."""

        def direct(angle: Floats) -> tuple[Floats, Floats]:
            one, gap = np.ones(angle.size), 2 * np.sin(0.5 * angle) ** 2
            value, error, _ = self._by_quadrature(Pairs(q1 * one, q2 * one, gap))
            return value, error

        if (q1, q2) not in self._angles:
            end = float(np.arccos(smallest))
            self._angles[q1, q2] = Surrogate(direct, (0.0, end, np.pi - end, np.pi), nodes=NODES)
            while len(self._angles) > KEPT:
                self._angles.pop(next(iter(self._angles)), None)
        return self._angles[q1, q2](2 * np.arcsin(np.sqrt(0.5 * gap)))

    def _by_quadrature(self, pairs: Pairs) -> tuple[Floats, Floats, Floats]:
        arguments = zip(*(a.tolist() for a in pairs), strict=True)
        value, error = np.array([by_quadrature.product(self.f, self.g, *pair) for pair in arguments]).T
        return value, error, value


def _alike(pairs: Pairs) -> tuple[Ints, Ints, Ints]:
    """Groups of pairs with the same two variances: one member a group, the group of each pair, the group sizes."""
    _, members, group, sizes = np.unique(
        pairs.q1 + 1j * pairs.q2, return_index=True, return_inverse=True, return_counts=True
    )
    return members, group, sizes
