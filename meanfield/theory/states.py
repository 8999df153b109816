"""The state that the maps act on: second moments of one input, or of two, with what differentiation needs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meanfield.numerics.pairs.pair_map import correlation_gap

__all__ = ["Batch", "OnePoint", "Spread", "Spreads", "TwoPoints", "spread_of"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Spread:
    """How one input's signal is spread over the units of a layer.

    Attributes
    ----------
    mean, variance : ndarray
        Its mean over units, and its mean squared difference from that.
    mean_error, error : ndarray
        Bounds on the errors of `mean` and `variance`.
    varies : bool
        Whether a variance of 0 is only too small for a float.
    """

    mean: Any
    variance: Any
    mean_error: Any = 0.0
    error: Any = 0.0
    varies: bool = False


Spreads = Callable[[], Spread] | None  # computed only where a layer asks for it; None where the mean is 0


def spread_of(spreads: Spreads, q: Any, error: Any = 0.0) -> Spread:
    """What `spreads` gives, or the spread of a signal of second moment q without a mean."""
    return spreads() if spreads else Spread(0.0, q, 0.0, error)


@dataclass(frozen=True)
class Batch:
    """What batch normalisation asks of the other inputs of a batch in which all are alike.

    Attributes
    ----------
    distance : ndarray
        Half the mean squared difference of two inputs' signals, as `TwoPoints.d`.
    shared : ndarray
        The gradient back at the start that a gradient at this depth leaves whose only non-zero covariances are those
        between different inputs, divided by B − 1. (`OnePoint.chi` is that of one which sums to zero over the batch.)
    sphere : int or inf
        The batch size directly behind a BatchNorm, where units are not Gaussian; 0 elsewhere.
    """

    distance: Any
    shared: Any = 0.0
    sphere: Any = 0


@dataclass(frozen=True)
class OnePoint:
    """One input at some depth, relative to where it started.

    Attributes
    ----------
    q : ndarray
        Second moment of a unit.
    error : ndarray
        Bound on the error of `q`.
    slope : ndarray
        dq/dq₀, with q₀ at the start.
    chi : ndarray
        Growth factor of the mean squared gradient on the way back to the start; inf where an activation jumps.
    slope_error, chi_error : ndarray
        Bounds on the errors of `slope` and `chi`.
    spreads : callable or None
        Returns the `Spread` of the signal; None where its mean is 0.
    batch : Batch or None
        The batch it belongs to, where there is batch normalisation. A network that is given none assumes the one that
        it reproduces.
    """

    q: Any
    error: Any = 0.0
    slope: Any = 1.0
    chi: Any = 1.0
    slope_error: Any = 0.0
    chi_error: Any = 0.0
    spreads: Spreads = None
    batch: Batch | None = None


@dataclass(frozen=True)
class TwoPoints:
    """Two inputs by their second moments and half their mean squared difference.

    Attributes
    ----------
    q1, q2 : ndarray
        Second moments.
    d : ndarray
        ½E(u − v)²: what keeps its digits where u and v are nearly the same. The covariance is (q1 + q2)/2 − d.
    error : ndarray
        Bound on the error of `d`.
    spreads1, spreads2 : callable or None
        Return the `Spread` of each; None where its mean is 0.
    sphere : int or inf
        The size of the batch that both belong to directly behind a BatchNorm, where units are not Gaussian; else 0.
    """

    q1: Any
    q2: Any
    d: Any
    error: Any = 0.0
    spreads1: Spreads = None
    spreads2: Spreads = None
    sphere: Any = 0

    def centred(self) -> "TwoPoints":
        """The pair without its means over units; d loses half their squared difference."""
        if not (self.spreads1 or self.spreads2):
            return self
        first = spread_of(self.spreads1, self.q1)
        if self.q2 is self.q1:  # the means are equal too
            return TwoPoints(first.variance, first.variance, self.d, self.error)
        second = spread_of(self.spreads2, self.q2)
        apart = np.abs(first.mean - second.mean)
        roots = [np.sqrt(one.variance) for one in (first, second)]
        uncertain = [np.sqrt(one.variance + one.error) - root for one, root in zip((first, second), roots, strict=True)]
        error = self.error + apart * (first.mean_error + second.mean_error)
        error = error + np.abs(roots[0] - roots[1]) * sum(uncertain)
        return TwoPoints(first.variance, second.variance, self.d - 0.5 * apart**2, error)

    @property
    def one_minus_c(self) -> Floats:
        """1 − c without cancellation, in [0, 2]."""
        q1, q2, d = (np.asarray(a, dtype=np.float64) for a in (self.q1, self.q2, self.d))
        return correlation_gap(q1, q2, d)
