"""The states that layer maps act on: one input (`Point`), two inputs (`Pair`), the spread of a signal over units.

A map is asked for many states at once: numbers are scalars or arrays that broadcast against each other and against the
layer's parameters.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Floats
from meanfield.bounded import Bounded, Number, Operand, scaled, where
from meanfield.numerics.pairs.pair_map import correlation_gap

ONE = Bounded(1.0)


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How the signal of one input is spread over the units of a layer.

    Attributes
    ----------
    mean : Bounded
        Its mean over units.
    variance : Bounded
        Its mean squared difference from that mean.
    varies : bool
        Whether the signal is known to vary, so that a variance of 0 is only too small for a float.
    """

    mean: Bounded
    variance: Bounded
    varies: bool = False


#: Computed only where a layer asks for it; None says that the mean is 0.
LazySpread = Callable[[], Spread] | None


def spread_of(spread: LazySpread, q: Bounded) -> Spread:
    """The spread of a signal of second moment q."""
    return spread() if spread else Spread(mean=Bounded(0.0), variance=q)


def scaled_spread(spread: LazySpread, factor: Number) -> LazySpread:
    """The spread of a signal whose units are all multiplied by `factor`."""
    if spread is None:
        return None

    def after() -> Spread:
        one = spread()
        return Spread(mean=factor * one.mean, variance=factor**2 * one.variance, varies=one.varies)

    return after


@dataclass(frozen=True, kw_only=True)
class Batch:
    """The other inputs of a batch that is symmetric: all inputs have one q, all pairs one distance.

    Attributes
    ----------
    distance : ndarray
        Half the mean squared difference of the signals of two inputs, as `Pair.d`.
    shared : ndarray
        Of a gradient at this depth whose only non-zero covariances are those between different inputs, each 1/(B − 1):
        the squared gradient back at the start. (`Point.chi` is the one of a gradient that sums to zero over the batch.)
    sphere : int or inf
        The batch size B directly behind a BatchNorm, where units are not Gaussian; 0 elsewhere.
    """

    distance: Floats
    shared: Floats | float = 0.0
    sphere: float = 0


@dataclass(frozen=True, kw_only=True)
class Point:
    """One input at some depth, with derivatives relative to the start.

    Attributes
    ----------
    q : Bounded
        Second moment of a unit.
    slope : Bounded
        dq/dq₀, with q₀ at the start.
    chi : Bounded
        Growth factor of the mean squared gradient on the way back to the start; inf where an activation jumps.
    spread : callable or None
        Returns the `Spread` of the signal; None where its mean is 0.
    batch : Batch or None
        The batch that the input belongs to, where there is batch normalisation. A network that is given none assumes
        the batch that it reproduces.

    Examples
    --------
    >>> import meanfield as mf
    >>> from meanfield.theory.layer_maps.dispatch import one_point
    >>> after = one_point(mf.mlp("relu", 1.2, 0.5), Point.at(2.0))  # q′ = 1.44·2/2 + 0.25, χ₁ = 1.44/2
    >>> print(f"{after.q.value:.4f} {after.chi.value:.4f}")
    1.6900 0.7200
    """

    q: Bounded
    slope: Bounded = ONE
    chi: Bounded = ONE
    spread: LazySpread = None
    batch: Batch | None = None

    @classmethod
    def at(cls, q: ArrayLike, *, spread: LazySpread = None, batch: Batch | None = None) -> "Point":
        """A start at second moment q, of any shape."""
        return cls(q=Bounded(np.asarray(q, dtype=np.float64)), spread=spread, batch=batch)

    def through(
        self, q: Bounded, *, slope: Operand, chi: Operand, spread: LazySpread = None, batch: Batch | None = None
    ) -> "Point":
        """The input behind a layer that makes q of its second moment; `slope` and `chi` are the layer's own factors."""
        return Point(q=q, slope=times(slope, self.slope), chi=times(chi, self.chi), spread=spread, batch=batch)


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two inputs by their second moments and half their mean squared difference.

    Attributes
    ----------
    q1, q2 : ndarray
        Second moments, taken as exact.
    d : Bounded
        ½E(u − v)²: what keeps its digits where u and v are nearly the same. The covariance is (q1 + q2)/2 − d.
    equal : bool
        Whether both inputs have one second moment and one mean by construction, so that what is computed of the first
        holds of the second.
    spread1, spread2 : callable or None
        Return the `Spread` of each; None where its mean is 0.
    sphere : int or inf
        Size of the batch that both belong to directly behind a BatchNorm, where units are not Gaussian; 0 elsewhere.

    Examples
    --------
    Two inputs at q = 2 with correlation 0, one ReLU layer deeper: c = 1/π.

    >>> import meanfield as mf
    >>> from meanfield.theory.layer_maps.dispatch import two_points
    >>> after = two_points(mf.mlp("relu", 2**0.5), Pair.at(2.0, 2.0))
    >>> print(f"{1 - after.one_minus_c:.6f}")
    0.318310
    """

    q1: Floats
    q2: Floats
    d: Bounded
    equal: bool = False
    spread1: LazySpread = None
    spread2: LazySpread = None
    sphere: float = 0

    @classmethod
    def at(cls, q: ArrayLike, d: ArrayLike | Bounded) -> "Pair":
        """Two inputs of one second moment q, half a mean squared difference d apart; the shapes broadcast."""
        one = np.asarray(q, dtype=np.float64)
        return cls(
            q1=one, q2=one, d=d if isinstance(d, Bounded) else Bounded(np.asarray(d, dtype=np.float64)), equal=True
        )

    @classmethod
    def of(cls, q1: Floats | float, q2: Floats | float, d: Floats | float) -> "Pair":
        """Two inputs of second moments q1 and q2."""
        return cls(q1=np.asarray(q1, dtype=np.float64), q2=np.asarray(q2, dtype=np.float64), d=Bounded(d))

    def through(self, one: Callable[[Floats, LazySpread], tuple[Number, LazySpread]], d: Bounded) -> "Pair":
        """The pair behind a layer that maps second moment and spread of each input by `one`, and makes d of d."""
        q1, spread1 = one(self.q1, self.spread1)
        q2, spread2 = (q1, spread1) if self.equal else one(self.q2, self.spread2)
        return Pair(q1=np.asarray(q1), q2=np.asarray(q2), d=d, equal=self.equal, spread1=spread1, spread2=spread2)

    @property
    def covariance(self) -> Bounded:
        """E uv."""
        return 0.5 * (self.q1 + self.q2) - self.d

    @property
    def one_minus_c(self) -> Floats:
        """1 − c without cancellation, in [0, 2]."""
        q1, q2, d = (np.asarray(a, dtype=np.float64) for a in (self.q1, self.q2, self.d.value))
        return correlation_gap(q1, q2, d)

    def centred(self) -> "Pair":
        """The pair without its means over units; d loses half their squared difference."""
        if not (self.spread1 or self.spread2):
            return self
        first = spread_of(self.spread1, Bounded(self.q1))
        if self.equal:
            variance = np.asarray(first.variance.value)
            return Pair(q1=variance, q2=variance, d=self.d, equal=True)
        second = spread_of(self.spread2, Bounded(self.q2))
        d = self.d - 0.5 * abs(first.mean - second.mean) ** 2
        roots = [one.variance.sqrt() for one in (first, second)]
        misfit = np.abs(roots[0].value - roots[1].value) * (roots[0].error + roots[1].error)
        q1, q2 = (np.asarray(one.variance.value) for one in (first, second))
        return Pair(q1=q1, q2=q2, d=Bounded(d.value, d.error + misfit))


def times(factor: Operand, x: Bounded) -> Bounded:
    """Their product, where an exact 0 on either side hides even what is infinite: no weights, no gradient."""
    if not isinstance(factor, Bounded):
        return scaled(factor, x)
    product = factor * x
    none = ((np.asarray(factor.value) == 0) & (factor.error == 0)) | ((np.asarray(x.value) == 0) & (x.error == 0))
    return where(none, Bounded(0.0), product) if np.any(none) else product
