"""The pair map of one function: ½E(f(U) − f(V))² for arrays of pairs, by the cheapest route that keeps all digits.

Three routes to the same number, each checked against the others in the tests: the Hermite series while |c| ≤ 0.85; the
rotated quadrature nearer to ±1; and, where the same q comes again and again, a surrogate in the angle arccos c.
"""

from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import numpy as np

from meanfield._types import Floats, Ints
from meanfield.errors import DivergentExpectation
from meanfield.numerics.pairs.by_quadrature import distance, slope
from meanfield.numerics.pairs.hermite import Expansion, expand
from meanfield.numerics.pairs.hermite_unequal import Expansions
from meanfield.numerics.pairs.mehler import Table
from meanfield.numerics.quadrature.piecewise_smooth import PiecewiseSmooth
from meanfield.numerics.solve.surrogate import Surrogate

T = TypeVar("T")

SERIES = 0.15  # the series serves 1 − c in [0.15, 1.85]: what 300 terms leave out is below 1e-21 of the variance
ANGLE = float(np.arccos(1 - SERIES))  # beyond it the series answers
MANY = 512  # pairs from which on expansions at a few q are made for all of them
ORDERS = ((300, -1.0, 0.86), (1200, 0.86, 0.98))  # of those, for |c| between
INEXACT = 1e-10  # relative error beyond which a pair is left to the other routes
OFTEN = 24  # calls nearer to c = 1 at one q before a surrogate is built for it
KEPT = 256  # expansions and surrogates kept


def correlation_gap(q1: Floats, q2: Floats, d: Floats) -> Floats:
    """1 − c of a pair with variances q1, q2 and half mean squared difference d, in [0, 2]; 0 where a variance is 0."""
    scale = np.sqrt(q1) * np.sqrt(q2)
    with np.errstate(invalid="ignore", divide="ignore"):
        misfit = 0.5 * ((q1 - q2) / (np.sqrt(q1) + np.sqrt(q2))) ** 2
        gap = np.where(q1 == q2, d / q1, (d - misfit) / scale)
    return np.clip(np.where(scale > 0, gap, 0.0), 0.0, 2.0)


class PairMap:
    """½E(f(U) − f(V))² and E f′(U) f′(V) of one function, as functions of (q₁, q₂, d) with d = ½E(U − V)²."""

    def __init__(self, pieces: PiecewiseSmooth) -> None:
        self.pieces = pieces
        self._expansions: OrderedDict[float, Expansion] = OrderedDict()
        self._angles: OrderedDict[float, Surrogate] = OrderedDict()
        self._many_orders: dict[int, Expansions] = {}
        self._calls: OrderedDict[float, int] = OrderedDict()

    def distance(self, q1: Floats, q2: Floats, d: Floats) -> tuple[Floats, Floats]:
        """½E(f(U) − f(V))² and bounds on its error; arguments of one shape, variances positive."""
        if np.size(d) < MANY:
            return self._by_route(q1, q2, d, Table.distance, self._near)
        value, error = self._many(*(np.ravel(a) for a in (q1, q2, correlation_gap(q1, q2, d))))
        value, error = value.reshape(np.shape(d)), error.reshape(np.shape(d))
        left = ~(error <= INEXACT * value)
        if left.any():
            value[left], error[left] = self._by_route(q1[left], q2[left], d[left], Table.distance, self._near)
        return value, error

    def _many(self, q1: Floats, q2: Floats, gap: Floats) -> tuple[Floats, Floats]:
        """Pairs of many variances by Hermite series, of more terms nearer to c = ±1; error inf where none serves."""
        value, error = np.zeros(gap.size), np.full(gap.size, np.inf)
        size = np.abs(1 - gap)
        for order, low, high in ORDERS:
            part = np.flatnonzero((low < size) & (size <= high))
            if part.size >= MANY or (part.size and order in self._many_orders):
                expansions = self._many_orders.setdefault(order, Expansions(self.pieces, order))
                try:
                    value[part], error[part] = expansions.distance(q1[part], q2[part], gap[part])
                except DivergentExpectation:
                    continue
        return value, error

    def slope(self, q1: Floats, q2: Floats, d: Floats) -> tuple[Floats, Floats]:
        """E f′(U) f′(V), the derivative of `distance` in d, and bounds on its error."""
        return self._by_route(q1, q2, d, Table.slope, lambda a, b, gap: slope(self.pieces, a, b, gap))

    def _by_route(
        self,
        q1: Floats,
        q2: Floats,
        d: Floats,
        series: Callable[[Table, Ints, Ints, Floats], tuple[Floats, Floats]],
        near: Callable[[float, float, float], tuple[float, float]],
    ) -> tuple[Floats, Floats]:
        shape = np.shape(d)
        q1, q2, d = (np.ravel(a).astype(float) for a in (q1, q2, d))
        gap = correlation_gap(q1, q2, d)
        value, error = np.empty(d.size), np.empty(d.size)
        far = (gap >= SERIES) & (gap <= 2 - SERIES)
        if far.any():
            distinct, where = np.unique(np.r_[q1[far], q2[far]], return_inverse=True)
            table = Table([self._expansion(float(q)) for q in distinct])
            first, second = np.split(where, 2)  # which expansion belongs to U and to V
            value[far], error[far] = series(table, first, second, gap[far])
        for i in np.flatnonzero(~far):
            value[i], error[i] = near(float(q1[i]), float(q2[i]), float(gap[i]))
        return value.reshape(shape), error.reshape(shape)

    def _expansion(self, q: float) -> Expansion:
        return _remember(self._expansions, q, lambda: expand(self.pieces, q))

    def _near(self, q1: float, q2: float, gap: float) -> tuple[float, float]:
        if gap == 0 and q1 == q2:
            return 0.0, 0.0
        self._calls[q1] = self._calls.get(q1, 0) + 1
        if q1 == q2 and self._calls[q1] > OFTEN:
            ratio, error = _remember(self._angles, q1, lambda: self._surrogate(q1))(2 * np.arcsin(np.sqrt(gap / 2)))
            return gap * float(ratio), gap * float(error)
        return distance(self.pieces, q1, q2, gap)

    def _surrogate(self, q: float) -> Surrogate:
        """The distance over 1 − c, which is smooth in the angle arccos c and has a limit at 0."""

        def ratio(angle: Floats) -> tuple[Floats, Floats]:
            gap = 2 * np.sin(0.5 * angle) ** 2
            values = np.array([distance(self.pieces, q, q, float(g)) for g in gap])
            return values[:, 0] / gap, values[:, 1] / gap

        return Surrogate(ratio, (0.0, ANGLE, np.pi - ANGLE, np.pi), rtol=1e-12)


def _remember(store: OrderedDict[float, T], key: float, make: Callable[[], T]) -> T:
    if key in store:
        with suppress(KeyError):  # another thread may be making room
            return store[key]
    value = store[key] = make()
    if len(store) > KEPT:
        with suppress(KeyError):
            store.popitem(last=False)
    return value
