"""The pair map of one function: ½E(f(U) − f(V))² for arrays of pairs, by the cheapest route that keeps all digits.

Three routes to the same number, each checked against the others in the tests: the Hermite series while |c| ≤ 0.85; the
rotated quadrature nearer to ±1; and, where the same q comes again and again, a surrogate in the angle arccos c.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from meanfield.numerics.gaussian import ROUNDING
from meanfield.numerics.hermite import Expansion, expand
from meanfield.numerics.interpolation import Surrogate
from meanfield.numerics.pairs import distance, slope
from meanfield.numerics.panels import PiecewiseSmooth

__all__ = ["PairMap", "correlation_gap"]

Floats = NDArray[np.float64]
T = TypeVar("T")

SERIES = 0.15  # the series serves 1 − c in [0.15, 1.85]: what 300 terms leave out is below 1e-21 of the variance
ANGLE = float(np.arccos(1 - SERIES))  # beyond it the series answers
OFTEN = 24  # calls nearer to c = 1 at one q before a surrogate is built for it
KEPT = 256  # expansions and surrogates kept


def correlation_gap(q1: Floats, q2: Floats, d: Floats) -> Floats:
    """1 − c of a pair with variances q1, q2 and half mean squared difference d, in [0, 2]; 0 where a variance is 0."""
    scale = np.sqrt(q1 * q2)
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
        self._calls: OrderedDict[float, int] = OrderedDict()

    def distance(self, q1: Floats, q2: Floats, d: Floats) -> tuple[Floats, Floats]:
        """½E(f(U) − f(V))² and bounds on its error; arguments of one shape, variances positive."""
        shape = np.shape(d)
        q1, q2, d = (np.ravel(a).astype(float) for a in (q1, q2, d))
        gap = correlation_gap(q1, q2, d)
        value, error = np.empty(d.size), np.empty(d.size)
        by_series = (gap >= SERIES) & (gap <= 2 - SERIES)
        if by_series.any():
            value[by_series], error[by_series] = self._series(q1[by_series], q2[by_series], gap[by_series])
        for i in np.flatnonzero(~by_series):
            value[i], error[i] = self._near(float(q1[i]), float(q2[i]), float(gap[i]))
        return value.reshape(shape), error.reshape(shape)

    def slope(self, q1: Floats, q2: Floats, d: Floats) -> tuple[Floats, Floats]:
        """E f′(U) f′(V), the derivative of `distance` in d, and bounds on its error."""
        gap = correlation_gap(*(np.asarray(a, dtype=float) for a in (q1, q2, d)))
        pairs = np.array(
            [
                slope(self.pieces, float(a), float(b), float(g))
                for a, b, g in zip(np.ravel(q1), np.ravel(q2), gap.ravel(), strict=True)
            ]
        ).reshape(-1, 2)
        return pairs[:, 0].reshape(gap.shape), pairs[:, 1].reshape(gap.shape)

    def _expansion(self, q: float) -> Expansion:
        return _remember(self._expansions, q, lambda: expand(self.pieces, q))

    def _series(self, q1: Floats, q2: Floats, gap: Floats) -> tuple[Floats, Floats]:
        """½Σ(aₙ − bₙ)² + Σ aₙbₙ(1 − cⁿ), and the rest by Parseval."""
        distinct, where = np.unique(np.r_[q1, q2], return_inverse=True)
        expansions = [self._expansion(float(q)) for q in distinct]
        first, second = where[: q1.size], where[q1.size :]  # which expansion belongs to U and to V
        a = np.array([e.coefficients for e in expansions])
        mean, rest, error, variance = (
            np.array([getattr(e, name) for e in expansions]) for name in ("mean", "rest", "error", "variance")
        )
        c, n = 1.0 - gap, np.arange(1, a.shape[1] + 1)
        value = np.empty(gap.size)
        for start in range(0, gap.size, 4096):
            s = slice(start, start + 4096)
            u, v = a[first[s]], a[second[s]]
            parts = 0.5 * (u - v) ** 2 + u * v * (1.0 - c[s, None] ** n)
            value[s] = parts.sum(axis=1) + 0.5 * (mean[first[s]] - mean[second[s]]) ** 2
        sizes = variance[first] + variance[second]
        coefficients = error[first] * np.sqrt(variance[second]) + error[second] * np.sqrt(variance[first])
        beyond = np.abs(c) ** a.shape[1] * (np.sqrt(rest[first] * rest[second]) + ROUNDING * sizes)
        bound = 2.0 / (1.0 - np.abs(c)) * coefficients + beyond + ROUNDING * sizes
        return value + 0.5 * (rest[first] + rest[second]), bound

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
    if key not in store:
        store[key] = make()
        if len(store) > KEPT:
            store.popitem(last=False)
    return store[key]
