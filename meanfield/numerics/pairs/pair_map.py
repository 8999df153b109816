"""The pair map of one function: ½E(f(U) − f(V))² of two correlated Gaussians, and its slope E f′(U)f′(V).

The table in `representations` lists five kinds of representation: closed forms; a surface in (ln q, angle) for equal
variances; series in the half difference for unequal variances near c = 1; Mehler's series of Hermite coefficients for
any variances; the rotated quadrature for all pairs. Each pair is computed by the cheapest representation whose error
bound meets the tolerance. Surfaces and series are cached and serve later calls. The decision to build a panel of a
surface counts the pairs of all calls so far. The tests compare the other representations with the rotated quadrature.
"""

from collections import Counter
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Bools, Floats
from meanfield.numerics.pairs import by_quadrature, closed_pairs, mehler
from meanfield.numerics.pairs.closed_pair_form import ClosedPairForm
from meanfield.numerics.pairs.closed_pairs import ValueAndError
from meanfield.numerics.pairs.hermite import AlongVariance, EachVariance
from meanfield.numerics.pairs.representations import (
    BY_SERIES,
    LONG_ALONG,
    LONG_ORDER,
    LONG_SERIES,
    OF_DERIVATIVE,
    ONE_FUNCTION,
    QUADRATURE,
    SHORT_ALONG,
    SHORT_ORDER,
    SHORT_SERIES,
    SURFACE,
    UNEQUAL,
    Pairs,
    Representation,
    cheapest,
)
from meanfield.numerics.pairs.surface import PairSurface
from meanfield.numerics.pairs.surface_panels import FAR
from meanfield.numerics.pairs.unequal_surface import HalfDifference, UnequalSurface
from meanfield.numerics.pairs.variance_panels import panel_number
from meanfield.numerics.quadrature.piecewise_smooth import PiecewiseSmooth

ACCEPTED = 0.99  # |c| from which on the long series of a kink are not accurate enough
LEAST = 8  # least cost of series in the half difference, in units of one quadrature
SMALLEST = 1e-306  # smaller variances are replaced by this one


def correlation_gap(q1: Floats, q2: Floats, d: Floats) -> Floats:
    """1 − c in [0, 2] for variances q1, q2 and d = ½E(U − V)², arrays of one shape; 0 where a variance is 0."""
    scale = np.sqrt(q1) * np.sqrt(q2)
    with np.errstate(invalid="ignore", divide="ignore"):
        gap = np.where(q1 == q2, d / q1, (d - _misfit(q1, q2)) / scale)
    return np.clip(np.where(scale > 0, gap, 0.0), 0.0, 2.0)


def _misfit(q1: Floats, q2: Floats) -> Floats:
    """½(√q₁ − √q₂)², the value of d = ½E(U − V)² at correlation one."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(q1 == q2, 0.0, 0.5 * ((q1 - q2) / (np.sqrt(q1) + np.sqrt(q2))) ** 2))


class PairMap:
    """½E(f(U) − f(V))² and E f′(U)f′(V) of centred Gaussians U and V, as functions of their second moments.

    The methods take the variances q1 = E U² and q2 = E V² (≥ 0) and either d = ½E(U − V)² or gap = 1 − c in [0, 2]. The
    arguments are dimensionless and broadcast against each other. A method returns values and bounds on their absolute
    errors, two arrays of the broadcast shape.

    Parameters
    ----------
    pieces : PiecewiseSmooth
        The function f.
    form : ClosedPairForm or None
        The closed forms of ½E(f(U) − f(V))², E f′(U)f′(V) and E f′(U)², if they are known.

    Examples
    --------
    >>> relu = PairMap(PiecewiseSmooth(lambda x: np.maximum(x, 0), None, (0.0,)))
    >>> value, error = relu.distance(1.0, 1.0, [0.1, 0.5, 1.0])
    >>> value  # ½ − (sin θ + (π − θ)cos θ)/2π with cos θ = 1 − d
    array([0.0452308 , 0.19550111, 0.34084506])
    >>> bool(np.all(error < 1e-12 * value))
    True
    """

    def __init__(self, pieces: PiecewiseSmooth, form: ClosedPairForm | None = None) -> None:
        self.pieces, self._form = pieces, form
        self.surface = PairSurface(pieces, form.distance if form else None)
        self._unequal = UnequalSurface(pieces)
        self._each = {SHORT_SERIES: EachVariance(pieces, SHORT_ORDER), LONG_SERIES: EachVariance(pieces, LONG_ORDER)}
        self._along = {SHORT_ALONG: AlongVariance(pieces, SHORT_ORDER), LONG_ALONG: AlongVariance(pieces, LONG_ORDER)}
        #: Cost that panels of surfaces not yet made would have saved, by row, panel, and sign of c or range of t.
        self._saved: Counter[tuple[str, int, int]] = Counter()

    @cached_property
    def _derivative_surface(self) -> PairSurface:
        pieces = self.pieces
        name = f"the derivative of {pieces.name}"
        slope = PiecewiseSmooth(pieces.derivative, None, pieces.breakpoints, features=pieces.features, name=name)
        return PairSurface(slope, None)

    def distance(self, q1: ArrayLike, q2: ArrayLike, d: ArrayLike) -> ValueAndError:
        """½E(f(U) − f(V))² and bounds on its error, broadcast shape; the error is small relative to the value."""
        first, second, half_square = _floats(q1, q2, d)
        if self._form and self._form.distance:
            return self._by_form(self._form, "distance", first, second, half_square)
        return self._numeric("distance", first, second, correlation_gap(first, second, half_square))

    def slope(self, q1: ArrayLike, q2: ArrayLike, d: ArrayLike) -> ValueAndError:
        """E f′(U)f′(V) and bounds on its error, broadcast shape.

        It is the derivative of `distance` in d; f′ includes a delta function at each jump of f.
        """
        first, second, half_square = _floats(q1, q2, d)
        if self._form and self._form.distance_slope:
            return self._by_form(self._form, "slope", first, second, half_square)
        return self._numeric("slope", first, second, correlation_gap(first, second, half_square))

    def decorrelation(self, q1: ArrayLike, q2: ArrayLike, gap: ArrayLike) -> ValueAndError:
        """½E(f(U) − f(V))² at 1 − c = gap and bounds on its error, broadcast shape.

        The error is small relative to the standard deviations √(Var f(U)·Var f(V)), which suffices for E f(U)f(V).
        """
        first, second, one_minus_c = _floats(q1, q2, gap)
        if self._form and self._form.distance:
            half_square = _misfit(first, second) + np.sqrt(first) * np.sqrt(second) * one_minus_c
            return self._by_form(self._form, "product", first, second, half_square, one_minus_c)
        return self._numeric("product", first, second, one_minus_c)

    def _by_form(
        self, form: ClosedPairForm, kind: str, q1: Floats, q2: Floats, d: Floats, gap: Floats | None = None
    ) -> ValueAndError:
        """The closed form up to its largest variance, quadrature beyond."""
        rule = closed_pairs.slope if kind == "slope" else closed_pairs.distance
        if max(q1.max(initial=0.0), q2.max(initial=0.0)) <= form.largest_q:
            return rule(form, q1, q2, d)
        q1, q2, d, gap = np.broadcast_arrays(q1, q2, d, correlation_gap(q1, q2, d) if gap is None else gap)
        beyond = np.maximum(q1, q2) > form.largest_q
        value, error = np.empty(beyond.shape), np.empty(beyond.shape)
        value[beyond], error[beyond] = self._numeric(kind, q1[beyond], q2[beyond], gap[beyond])
        if not beyond.all():
            value[~beyond], error[~beyond] = rule(form, q1[~beyond], q2[~beyond], d[~beyond])
        return value, error

    def _numeric(self, kind: str, q1: Floats, q2: Floats, gap: Floats) -> ValueAndError:
        q1, q2, gap = np.broadcast_arrays(q1, q2, gap)
        pairs = Pairs(q1.ravel(), q2.ravel(), gap.ravel())
        value, error = np.zeros((2, pairs.gap.size))
        apart = np.arange(pairs.gap.size)
        if kind != "slope":
            apart = np.flatnonzero((pairs.gap > 0) | (pairs.q1 != pairs.q2))  # D is 0 for U = V

        if apart.size:
            value[apart], error[apart] = cheapest(ONE_FUNCTION, kind, pairs.at(apart), self, self.pieces.precision)
        return value.reshape(gap.shape), error.reshape(gap.shape)

    def pays(self, row: Representation, kind: str, pairs: Pairs) -> Bools:
        """Whether the row's series or panels are cached, or cost no more to make than they save, shape (pairs,)."""
        if row in self._each or row in self._along:
            return np.full(pairs.gap.size, self._series_pays(row, kind, pairs))
        if row == SURFACE:
            return self._surface_pays(row, kind, self.surface, pairs)
        if row == UNEQUAL:
            return self._unequal_pays(row, kind, pairs)
        if row == OF_DERIVATIVE and not self.pieces.jumps:
            return self._surface_pays(row, kind, self._derivative_surface, pairs)
        return np.full(pairs.gap.size, row == QUADRATURE)

    def _series_pays(self, row: Representation, kind: str, pairs: Pairs) -> bool:
        q, saved = pairs.distinct()[0], int(pairs.cost(kind).sum())
        if row in self._each:
            return row.pays * self._each[row].missing(q) <= saved
        alone = SHORT_SERIES if row == SHORT_ALONG else LONG_SERIES
        return row.pays * self._along[row].missing(q) <= min(saved, alone.pays * self._each[alone].missing(q))

    def _surface_pays(self, row: Representation, kind: str, surface: PairSurface, pairs: Pairs) -> Bools:
        """Whether the surface pays, for each pair.

        Costs are counted for each panel of ln q, and separately for c near −1, where a panel needs a second series. The
        savings include the pairs of earlier calls.
        """
        number, opposite = panel_number(pairs.q1), pairs.gap > 1 + FAR
        pays = np.empty(number.size, dtype=bool)
        codes = 2 * number + opposite
        for code in sorted({int(codes.min()), int(codes.max())} if np.ptp(codes) < 2 else np.unique(codes).tolist()):
            index, beyond = code // 2, bool(code % 2)
            own, key = np.flatnonzero(codes == code), (row.name, index, beyond)
            if not surface.made(index, opposite=beyond):
                self._saved[key] += self._cost_by_others(kind, pairs.at(own))
            pays[own] = surface.made(index, opposite=beyond) or self._saved[key] >= row.pays
        return pays

    def _unequal_pays(self, row: Representation, kind: str, pairs: Pairs) -> Bools:
        """Whether a range of t that has the pair is cached, or pays and is made: the widest that does."""
        halves = HalfDifference(*pairs)
        number, level, pays = halves.number, halves.level, halves.served
        for index in np.unique(number[pays]).tolist():
            own = pays & (number == index)
            levels = np.unique(level[own])
            missing = own & np.isin(level, [one for one in levels if self._unequal.made(index, one) is None])
            for one in np.unique(level[missing]).tolist():
                some = missing & (level >= one)
                key = (row.name, index, one)
                self._saved[key] += self._cost_by_others(kind, pairs.where(some))
                if self._saved[key] >= max(row.pays >> one, LEAST):
                    self._unequal.make(index, one)
                    missing &= ~some
                    break
            pays &= ~missing
        return pays

    def _cost_by_others(self, kind: str, pairs: Pairs) -> int:
        """Cost of pairs without a surface: by Hermite series where they pay, else by quadrature."""
        size, total = np.abs(1.0 - pairs.gap), 0
        for row in (SHORT_SERIES, LONG_SERIES):
            served = (row.smallest < size) & (size <= min(row.largest, ACCEPTED))
            series = row.pays * self._each[row].missing(np.unique([pairs.q1[served], pairs.q2[served]]))
            total += min(series + int(BY_SERIES * served.sum()), int(pairs.cost(kind)[served].sum()))
        return total + int(pairs.cost(kind)[size > ACCEPTED].sum())

    def evaluate(self, row: Representation, kind: str, pairs: Pairs) -> tuple[Floats, Floats, Floats]:
        """Values, bounds on their errors, and the scales that multiply the tolerance, each of shape (pairs,).

        For `kind` "product" the values and bounds are ½E(f(U) − f(V))² and its bound; only the scale differs.
        """
        q1, q2, gap = pairs
        if row == SURFACE and kind != "slope":
            value, error = self.surface.distance(q1, gap)
            return value, error, value
        if row == SURFACE:
            value, error, distance = self.surface.slope(q1, gap)
            with np.errstate(invalid="ignore", divide="ignore"):  # D/d is the mean slope between c and 1
                return value, error, np.fmax(np.abs(value), distance / (q1 * gap))
        if row == UNEQUAL:
            if kind == "slope":
                value, error, mean_slope = self._unequal.slope(q1, q2, gap)
                return value, error, np.maximum(np.abs(value), mean_slope)
            value, error = self._unequal.distance(q1, q2, gap)
            return value, error, value
        if row == OF_DERIVATIVE:
            square, square_error, _ = self.surface.slope(q1, np.zeros(q1.size))
            value, error = self._derivative_surface.distance(q1, gap)
            return square - value, square_error + error, square
        if row in self._each or row in self._along:
            q, first, second = pairs.distinct()
            rows = self._each[row].at(q) if row in self._each else self._along[row].at(q)
            size = np.sqrt(rows.variance[first]) * np.sqrt(rows.variance[second])
            if kind == "slope":  # the size over √(q₁q₂) is at most E φ′² (Poincaré's inequality)
                value, error = mehler.slope(rows, first, second, gap)
                return value, error, np.maximum(np.abs(value), size / (np.sqrt(q1) * np.sqrt(q2)))
            value, error = mehler.distance(rows, first, second, gap)
            return value, error, value if kind == "distance" else size
        one = by_quadrature.slope if kind == "slope" else by_quadrature.distance
        found = np.array([one(self.pieces, *pair) for pair in zip(q1.tolist(), q2.tolist(), gap.tolist(), strict=True)])
        return found[:, 0], found[:, 1], np.abs(found[:, 0])


def _floats(*arguments: ArrayLike) -> tuple[Floats, Floats, Floats]:
    q1, q2, d = (np.asarray(a, dtype=np.float64) for a in arguments)
    return np.maximum(q1, SMALLEST), np.maximum(q2, SMALLEST), d
