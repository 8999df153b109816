"""The states that layer maps act on: one input (`Point`), two inputs (`Pair`), the spread of a signal over units.

The *signal* u of an input is the vector of its units at some depth. At infinite width it is described by moments over
units: the second moment q = E u², and for two inputs half the mean squared difference d = ½E(u − v)². All moments are
in units of the squared signal, which has no dimension.

One state can hold many networks or inputs at once: its numbers are scalars, or arrays that broadcast against each other
and against the parameters of the layers.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Floats
from meanfield.bounded import Bounded, Number, Operand, scaled, where
from meanfield.numerics.pairs.pair_map import correlation_gap

ONE = Bounded(1.0)


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Mean and variance of the signal of one input over the units of a layer.

    Attributes
    ----------
    mean : Bounded
        E u.
    variance : Bounded
        E u² − (E u)².
    varies : bool
        Whether the signal is known to vary over units. A variance of 0 is then an underflow, not a constant signal.
    slope : callable
        Returns the derivative of the mean with respect to the second moment at the start, as `Point.slope` is of q.
    """

    mean: Bounded
    variance: Bounded
    varies: bool = False
    slope: Callable[[], Bounded] = lambda: Bounded(0.0)


#: Returns the spread of a signal when a layer asks for it; None means that the mean is 0 and the variance q.
LazySpread = Callable[[], Spread] | None


#: (skip, branch) ↦ second moments, distances or gradient factors of both together.
Sum = Callable[[Operand, Operand], Bounded]
#: The same of spreads, each with its second moment.
JoinedSpread = Callable[[LazySpread, Bounded, LazySpread, Bounded], LazySpread]


def spread_of(spread: LazySpread, q: Bounded) -> Spread:
    """The spread of a signal with second moment q."""
    return spread() if spread else Spread(mean=Bounded(0.0), variance=q)


def scaled_spread(spread: LazySpread, factor: Number) -> LazySpread:
    """The spread of the signal times `factor`."""
    if spread is None:
        return None

    def after() -> Spread:
        one = spread()
        return Spread(
            mean=factor * one.mean,
            variance=factor**2 * one.variance,
            varies=one.varies,
            slope=lambda: factor * one.slope(),
        )

    return after


def known(spread: LazySpread) -> LazySpread:
    """The spread as numbers, of a signal that begins a new block: without what they were computed from."""
    if spread is None:
        return None
    now = replace(spread(), slope=lambda: Bounded(0.0))
    return lambda: now


@dataclass(frozen=True, kw_only=True)
class Batch:
    """A symmetric batch of B inputs: all inputs have the second moment q, all pairs the same distance.

    Gradients at this depth have a covariance matrix over the batch, which maps linearly to the mean squared gradient at
    the start. For a gradient that sums to zero over the batch the factor is `Point.chi`.

    Attributes
    ----------
    distance : ndarray
        Half the mean squared difference of the signals of two inputs, as `Pair.d`.
    shared : ndarray
        The mean squared gradient at the start for gradients with the covariance 0 on the diagonal and 1/(B − 1) off it.
    sphere : int or inf
        The batch size B directly behind a BatchNorm, where units are not Gaussian; 0 elsewhere.
    """

    distance: Floats
    shared: Floats | float = 0.0
    sphere: float = 0


@dataclass(frozen=True, kw_only=True)
class Point:
    """One input at some depth, with derivatives with respect to the start.

    The start is the depth at which `Point.at` made the state: slope and chi are 1 there, and every layer multiplies
    them by its own factors.

    Attributes
    ----------
    q : Bounded, any shape
        Second moment E u² of the signal u, ≥ 0.
    slope : Bounded, shape of q
        dq/dq₀, where q₀ is the second moment at the start.
    chi : Bounded, shape of q
        Mean squared gradient at the start divided by the mean squared gradient at this depth, ≥ 0; inf where an
        activation jumps. Over one block it is χ₁.
    spread : callable or None
        Returns the `Spread` of the signal; None where its mean is 0.
    batch : Batch or None
        The batch that the input belongs to; None without batch normalisation. A network with batch normalisation that
        gets None starts from the batch that it maps to itself.
    group : int
        Units of a group directly behind a GroupNorm of few units a group, where they are not Gaussian; 0 elsewhere.

    Examples
    --------
    A ReLU layer with σ_w² = 1.44 and σ_b² = 0.25 at q = 2:

    >>> import meanfield as mf
    >>> from meanfield.theory.layer_maps.dispatch import one_point
    >>> after = one_point(mf.mlp("relu", 1.2, 0.5), Point.at(2.0))  # q′ = 1.44·2/2 + 0.25, χ₁ = 1.44/2
    >>> print(f"{after.q.value:.4f} {after.slope.value:.4f} {after.chi.value:.4f}")
    1.6900 0.7200 0.7200
    """

    q: Bounded
    slope: Bounded = ONE
    chi: Bounded = ONE
    spread: LazySpread = None
    batch: Batch | None = None
    group: float = 0

    @classmethod
    def at(cls, q: ArrayLike, *, spread: LazySpread = None, batch: Batch | None = None) -> "Point":
        """A start at second moment q, an array of any shape."""
        return cls(q=Bounded(np.asarray(q, dtype=np.float64)), spread=spread, batch=batch)

    def through(
        self, q: Bounded, *, slope: Operand, chi: Operand, spread: LazySpread = None, batch: Batch | None = None
    ) -> "Point":
        """The input behind a layer.

        Parameters
        ----------
        q : Bounded
            Second moment behind the layer.
        slope, chi : Bounded, float or ndarray
            Factors of the layer alone: its derivative dq_out/dq_in, and its factor for squared gradients.
        spread, batch
            As in `Point`, behind the layer.
        """
        return Point(q=q, slope=times(slope, self.slope), chi=times(chi, self.chi), spread=spread, batch=batch)


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two inputs at the same depth: their second moments and half their mean squared difference.

    Attributes
    ----------
    q1, q2 : ndarray
        Second moments E u² and E v², taken as exact.
    d : Bounded
        ½E(u − v)², between ½(√q1 − √q2)² and ½(√q1 + √q2)². The covariance E uv is (q1 + q2)/2 − d. Unlike a
        correlation near 1, a small d keeps all its digits.
    equal : bool
        Whether both inputs have the same second moment and the same mean by construction. Maps then compute them once.
    spread1, spread2 : callable or None
        Return the `Spread` of each signal; None where its mean is 0.
    sphere : int or inf
        The batch size directly behind a BatchNorm, where units are not Gaussian; 0 elsewhere.

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
        """Two inputs with the same second moment q and half mean squared difference d; the shapes broadcast."""
        one = np.asarray(q, dtype=np.float64)
        return cls(
            q1=one, q2=one, d=d if isinstance(d, Bounded) else Bounded(np.asarray(d, dtype=np.float64)), equal=True
        )

    @classmethod
    def of(cls, q1: Floats | float, q2: Floats | float, d: Floats | float) -> "Pair":
        """Two inputs with second moments q1 and q2."""
        return cls(q1=np.asarray(q1, dtype=np.float64), q2=np.asarray(q2, dtype=np.float64), d=Bounded(d))

    def through(self, one: Callable[[Floats, LazySpread], tuple[Number, LazySpread]], d: Bounded) -> "Pair":
        """The pair behind a layer.

        Parameters
        ----------
        one : callable
            (second moment, spread) of an input before the layer to (second moment, spread) behind it.
        d : Bounded
            Half the mean squared difference behind the layer.
        """
        q1, spread1 = one(self.q1, self.spread1)
        q2, spread2 = (q1, spread1) if self.equal else one(self.q2, self.spread2)
        return Pair(q1=np.asarray(q1), q2=np.asarray(q2), d=d, equal=self.equal, spread1=spread1, spread2=spread2)

    def joined(self, branch: "Pair", add: Sum, spread: JoinedSpread) -> "Pair":
        """This pair and what a branch makes of it, as one signal."""
        one, first = add(self.q1, branch.q1), spread(self.spread1, Bounded(self.q1), branch.spread1, Bounded(branch.q1))
        two, second = one, first
        if not self.equal:
            two = add(self.q2, branch.q2)
            second = spread(self.spread2, Bounded(self.q2), branch.spread2, Bounded(branch.q2))
        q1, q2, d = np.asarray(one.value), np.asarray(two.value), add(self.d, branch.d)
        return Pair(q1=q1, q2=q2, d=d, equal=self.equal, spread1=first, spread2=second)

    @property
    def covariance(self) -> Bounded:
        """The covariance E uv."""
        return 0.5 * (self.q1 + self.q2) - self.d

    @property
    def one_minus_c(self) -> Floats:
        """1 − c without cancellation, in [0, 2]."""
        q1, q2, d = (np.asarray(a, dtype=np.float64) for a in (self.q1, self.q2, self.d.value))
        return correlation_gap(q1, q2, d)

    def centred(self) -> "Pair":
        """The pair of signals minus their means over units; d loses half the squared difference of the means."""
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
    """The product factor·x, where an exact 0 times infinity is 0: without weights there is no gradient."""
    if not isinstance(factor, Bounded):
        return scaled(factor, x)
    product = factor * x
    none = ((np.asarray(factor.value) == 0) & (factor.error == 0)) | ((np.asarray(x.value) == 0) & (x.error == 0))
    return where(none, Bounded(0.0), product) if np.any(none) else product
