"""The Gaussian moments and the pair map of an activation φ, by closed forms if they are known, else by quadrature.

X = √q·Z with a standard normal Z. Each method takes arrays of any shape and returns values and bounds on their absolute
errors, two arrays of the broadcast shape of the arguments.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Bools, Floats
from meanfield.activations.closed_forms.form import ClosedForm, Moment
from meanfield.activations.formulas.straight_line import StraightLine
from meanfield.errors import DivergentExpectation
from meanfield.estimates import Estimate
from meanfield.numerics.discs.moments import ProvenMoments, moment
from meanfield.numerics.pairs.closed_pairs import CLOSED_FORM, ValueAndError
from meanfield.numerics.pairs.pair_map import PairMap
from meanfield.numerics.quadrature.one_gaussian import COVERED
from meanfield.numerics.quadrature.piecewise_smooth import PiecewiseSmooth
from meanfield.numerics.solve.surrogate import Surrogate

EPS = float(np.finfo(float).eps)
SMALLEST = 1e-300  # smaller q are replaced by this one
SHORT, SMALLEST_SHORT = 1e-10, 1e-60  # the same of functions with a larger rounding unit, whose arguments underflow
RESOLVED = 1e-12  # largest accepted relative error of E φ² − (E φ)²
UNKNOWN = (0.0, 0.0, False)  # value, error and whether the error is proven of a moment that is not in the cache
KEPT = 4096  # most single moments in the cache
MANY = 64  # from this many q on a surrogate in ln q is made; a cached surrogate also serves fewer
MANY_PROOFS = 16  # the same where each moment is proven by itself, which takes tens of milliseconds
DENSE = 4  # and where so many share one of its panels
OCTAVES = tuple(np.log(2.0) * np.arange(-340, 342, 2))  # panels of that surrogate: q from 2⁻³⁴⁰ to 2³⁴⁰


class Moments:
    """Gaussian moments of one activation φ as functions of the variance q ≥ 0 of X, and its pair map.

    Parameters
    ----------
    pieces : PiecewiseSmooth
        The function φ.
    form : ClosedForm, optional
        Its closed forms, if they are known.
    program : StraightLine, optional
        The formula of φ, from which error bounds are proven.
    """

    def __init__(
        self, pieces: PiecewiseSmooth, form: ClosedForm | None = None, program: StraightLine | None = None
    ) -> None:
        self.pieces, self._form = pieces, form
        self._smallest = SMALLEST if pieces.precision < SHORT else SMALLEST_SHORT
        self._proven = program and ProvenMoments(pieces, *program)
        self._surrogates: dict[str, Surrogate] = {}
        self._known: dict[tuple[str, float], tuple[float, float, bool]] = {}

    @cached_property
    def pair_map(self) -> PairMap:
        """½E(φ(U) − φ(V))² and E φ′(U)φ′(V) of two correlated Gaussians U and V."""
        return PairMap(self.pieces, self._form)

    def expectation(self, product: str, q: ArrayLike, *, rtol: float, atol: float = 0.0) -> Estimate:
        """The expectation of a product of factors by quadrature; its bound is proven where that is possible."""
        return moment(self.pieces, self._proven, product, np.asarray(q, dtype=np.float64), rtol=rtol, atol=atol)

    def certified(self, moment: str, q: ArrayLike) -> bool:
        """Whether the bounds that `second_moment`, `derivative_moment` or `variance` gives at each q are proven.

        A closed form has no truncation error, and its bound allows for rounding.
        """
        q = np.asarray(q, dtype=np.float64)
        form = self._closed(q)
        if moment == "variance" and np.any(self._difference(q)[2]):
            return bool(form and form.distance)
        products = {"second_moment": ("ff",), "derivative_moment": ("dd",), "variance": ("f", "ff")}[moment]
        if form:
            known = {"f": form.mean, "ff": form.second_moment, "dd": form.derivative_moment}
            products = tuple(product for product in products if not known[product])
        variances = np.maximum(q, self._smallest)
        return all(
            not self._by_surrogate(product, variances)
            and all(self._known.get((product, x), UNKNOWN)[2] for x in variances.ravel().tolist())
            for product in products
        )

    def _closed(self, q: ArrayLike) -> ClosedForm | None:
        """The closed form, if there is one that reaches to all q."""
        return self._form if self._form and np.max(q, initial=0.0) <= self._form.largest_q else None

    def _far(self, q: ArrayLike) -> Bools | None:
        """The q beyond the largest one of the closed form, if there are such and others."""
        if self._form is None or not (far := np.asarray(q) > self._form.largest_q).any() or far.all():
            return None
        return far

    def mean(self, q: ArrayLike) -> ValueAndError:
        """E φ(X)."""
        if (far := self._far(q)) is not None:
            return _in_parts(self.mean, q, far)
        form = self._closed(q)
        value, error = self._moment(form.mean if form else None, "f", q)
        return value, error + 8 * EPS * np.sqrt(self.second_moment(q)[0])

    def mean_slope(self, q: ArrayLike) -> ValueAndError:
        """dE φ(X)/dq = E Xφ′/(2q). If φ jumps, the equal E φ(X² − q)/(2q²) is used, which has no derivative of φ."""
        q = np.maximum(np.asarray(q, dtype=np.float64), self._smallest)
        if self.pieces.jumps_within(COVERED * float(np.sqrt(q.max(initial=0.0)))):
            (raised, error), (plain, plain_error) = self._moment(None, "xxf", q), self._moment(None, "f", q)
            return (raised / q - plain) / (2 * q), (error / q + plain_error) / (2 * q)
        value, error = self._moment(None, "xd", q)
        return value / (2 * q), error / (2 * q)

    def independent(self, q: ArrayLike) -> ValueAndError:
        """E φ(U)φ(V) = (E φ(X))² of independent U and V; 0 where E φ(X) is within the bound on its error."""
        mean, error = self.mean(q)
        return np.where(np.abs(mean) <= error, 0.0, mean) ** 2, error * (2 * np.abs(mean) + error)

    def variance(self, q: ArrayLike) -> ValueAndError:
        """Var φ(X) = E φ² − (E φ)²; where the difference cancels, ½E(φ(U) − φ(V))² of independent U and V."""
        value, error, cancels = self._difference(q)
        if np.any(cancels):
            second = self.second_moment(q)[0]
            some = np.where(cancels, q, 1.0)
            apart, apart_error = self.distance(some, some, some)
            if not (self._form and self._form.distance):  # rounding of φ(U) and φ(V) in the difference
                rounding = 2 * EPS * np.sqrt(second)
                apart_error = apart_error + 2 * rounding * np.sqrt(apart) + rounding**2
            value, error = np.where(cancels, apart, value), np.where(cancels, apart_error, error)
        return value, error

    def _difference(self, q: ArrayLike) -> tuple[Floats, Floats, Bools]:
        """E φ² − (E φ)² with a bound on its error, and where it cancels."""
        (mean, mean_error), (second, error) = self.mean(q), self.second_moment(q)
        value = second - mean**2
        error = error + 2 * np.abs(mean) * mean_error + EPS * second
        return value, error, np.asarray((error > RESOLVED * value) & (mean**2 > 0.5 * second))

    def second_moment(self, q: ArrayLike) -> ValueAndError:
        """V(q) = E φ(X)²."""
        q = np.asarray(q, dtype=np.float64)
        if (far := self._far(q)) is not None:
            return _in_parts(self.second_moment, q, far)
        form = self._closed(q)
        value, error = self._moment(form.second_moment if form else None, "ff", q)
        if form:  # rounding of the exponent, if V(q) is exponentially small
            slope = _quietly(form.second_moment_slope, np.maximum(q, self._smallest))
            with np.errstate(over="ignore"):
                error = error + 4 * EPS * np.abs(q * slope)
        return self._near_zero(q, value), error

    def _near_zero(self, q: Floats, value: Floats) -> Floats:
        """V(q) with its limit for q below the smallest s: φ(0)² if that is not 0, else V(s)·q/s."""
        least = self._smallest
        if np.all(q >= least):
            return value
        at_zero = float(np.mean(self.pieces(np.array([-SMALLEST, SMALLEST])) ** 2))
        return np.where(q >= least, value, value * (np.minimum(q, least) / least) if at_zero == 0 else at_zero)

    def second_moment_slope(self, q: ArrayLike) -> ValueAndError:
        """dV/dq = E Xφφ′/q. If φ jumps, the equal E φ²(X² − q)/(2q²) is used, which has no derivative of φ."""
        q = np.maximum(np.asarray(q, dtype=np.float64), self._smallest)
        if (far := self._far(q)) is not None:
            return _in_parts(self.second_moment_slope, q, far)
        if form := self._closed(q):
            value, error = self._moment(form.second_moment_slope, "", q)
            return value, error + 8 * EPS * _quietly(form.second_moment, q) / q
        if self.pieces.jumps_within(COVERED * float(np.sqrt(q.max(initial=0.0)))):
            raised, raised_error = self._moment(None, "xxff", q)
            plain, plain_error = self._moment(None, "ff", q)
            with np.errstate(over="ignore"):  # next to q = 0 the slope exceeds floats
                return (raised / q - plain) / (2 * q), (raised_error / q + plain_error) / (2 * q)
        value, error = self._moment(None, "xfd", q)
        return value / q, error / q

    def derivative_moment(self, q: ArrayLike) -> ValueAndError:
        """E φ′(X)²; raises InfiniteDerivative if φ jumps."""
        if (far := self._far(q)) is not None:
            return _in_parts(self.derivative_moment, q, far)
        form = self._closed(q)
        return self._moment(form.derivative_moment if form else None, "dd", q)

    def euler_defect(self, q: ArrayLike) -> ValueAndError:
        """E (Xφ′ − φ)² for φ without jumps. By Euler's theorem it is 0 if and only if φ(ax) = aφ(x) for all a > 0."""
        parts = [self._moment(None, product, q) for product in ("xxdd", "xfd", "ff")]
        (raised, raised_error), (mixed, mixed_error), (plain, plain_error) = parts
        error = raised_error + 2 * mixed_error + plain_error + 4 * EPS * (raised + plain)
        return raised - 2 * mixed + plain, error

    def mixed(self, product: str, q: Floats) -> Floats:
        """E of a product of factors, named as in `expectation`, at each q of a 1-d array; without proof."""
        return np.asarray(moment(self.pieces, None, product, q).value)

    def fourth_moment(self, q: ArrayLike) -> ValueAndError:
        """E φ(X)⁴."""
        return self._moment(None, "ffff", q)

    def distance(self, q1: ArrayLike, q2: ArrayLike, d: ArrayLike) -> ValueAndError:
        """½E(φ(U) − φ(V))² for Var U = q1, Var V = q2, ½E(U − V)² = d, with a small relative error."""
        self._search(q1, q2)
        return self.pair_map.distance(q1, q2, d)

    def distance_slope(self, q1: ArrayLike, q2: ArrayLike, d: ArrayLike) -> ValueAndError:
        """E φ′(U)φ′(V), the derivative of `distance` in d."""
        self._search(q1, q2)
        return self.pair_map.slope(q1, q2, d)

    def product(self, q1: ArrayLike, q2: ArrayLike, gap: ArrayLike) -> ValueAndError:
        """E φ(U)φ(V) at 1 − c = gap, with an error that is small relative to the second moments."""
        (first, first_error), (second, second_error) = self.second_moment(q1), self.second_moment(q2)
        distance, error = self.pair_map.decorrelation(q1, q2, gap)
        return 0.5 * (first + second) - distance, 0.5 * (first_error + second_error) + error

    def _search(self, *q: ArrayLike) -> None:
        """Find the breakpoints where any of these q has weight, before a representation of pairs is chosen by them."""
        self.pieces.breakpoints_within(COVERED * float(np.sqrt(max(np.max(one, initial=0.0) for one in q))))

    def _moment(self, form: Moment | None, product: str, q: ArrayLike) -> ValueAndError:
        q = np.maximum(np.asarray(q, dtype=np.float64), self._smallest)
        if q.ndim > 1 and len(q) > 1 and np.all(q[0] == q[-1]) and np.all(q == q[0]):  # as behind a norm
            value, error = self._moment(form, product, q[0])
            return np.broadcast_to(value, q.shape), np.broadcast_to(error, q.shape)
        if form is not None:
            value = _quietly(form, q)
            self._refuse_infinite(value, q)
            return value, CLOSED_FORM * np.abs(value)
        inside = (np.exp(OCTAVES[0]) < q) & (q < np.exp(OCTAVES[-1]))
        if inside.any() and not inside.all():  # for example if some q are 0
            return _in_parts(lambda some: self._moment(None, product, some), q, inside)
        if self._by_surrogate(product, q):
            with suppress(DivergentExpectation):  # a panel of the surrogate may reach beyond the largest finite q
                return self._surrogate(product)(np.log(q))
        distinct, own = np.unique(q, return_inverse=True)
        if distinct.size > MANY:
            estimate = moment(self.pieces, self._proven, product, distinct)
            return estimate.value[own].reshape(q.shape), estimate.error[own].reshape(q.shape)
        pairs = np.array(self._few(product, distinct.tolist())).reshape(-1, 2)[own]
        return pairs[..., 0].reshape(q.shape), pairs[..., 1].reshape(q.shape)

    def _by_surrogate(self, product: str, q: Floats) -> bool:
        """Whether a surrogate answers: for many q, and for several if it is at hand."""
        if q.size <= 1 or not np.all((np.exp(OCTAVES[0]) < q) & (q < np.exp(OCTAVES[-1]))):
            return False
        dense = q.size >= DENSE * np.unique(np.floor(0.5 * np.log2(q))).size
        many = dense and q.size >= (MANY_PROOFS if self._proven else MANY)
        return many or self._surrogate(product).at_hand(np.log(q))

    def _few(self, product: str, q: list[float]) -> list[tuple[float, float]]:
        """Moments at a few q, cached, since the layer maps request the same q repeatedly."""
        if len(self._known) + len(q) > KEPT:
            self._known = {}  # replaced, not cleared: other threads may be reading the old dict
        found = {x: self._known.get((product, x)) for x in q}
        new = [x for x, pair in found.items() if pair is None]
        if new:
            estimate = moment(self.pieces, self._proven, product, np.array(new))
            for x, value, error in zip(new, estimate.value.tolist(), estimate.error.tolist(), strict=True):
                found[x] = self._known[product, x] = (value, error, estimate.certified)
        return [known[:2] for x in q if (known := found[x]) is not None]

    def _surrogate(self, product: str) -> Surrogate:
        if product not in self._surrogates:

            def along_log_q(log_q: Floats) -> ValueAndError:
                estimate = moment(self.pieces, None, product, np.exp(log_q))  # its grids hold the known features
                return estimate.value, estimate.error

            self._surrogates[product] = Surrogate(along_log_q, OCTAVES)
        return self._surrogates[product]

    def _refuse_infinite(self, value: Floats, q: Floats) -> None:
        if not np.all(np.isfinite(value)):
            raise DivergentExpectation(
                f"the expectation over {self.pieces.name} at q = {q[~np.isfinite(value)].flat[0]:.6g} "
                "exceeds the range of a float"
            )


def _in_parts(moment: Callable[[ArrayLike], ValueAndError], q: ArrayLike, part: Bools) -> ValueAndError:
    """The moment at the q in the mask `part` and at the others, asked for separately."""
    q = np.asarray(q, dtype=np.float64)
    value, error = np.empty(q.shape), np.empty(q.shape)
    for chosen in (part, ~part):
        value[chosen], error[chosen] = moment(q[chosen])
    return value, error


def _quietly(form: Moment, q: Floats) -> Floats:
    """The closed form at q, without floating-point warnings: the callers check for infinite values."""
    with np.errstate(all="ignore"):
        return np.asarray(form(q), dtype=np.float64)
