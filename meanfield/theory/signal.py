"""The state that the maps act on: second moments of one input, or of two, with what differentiation needs."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meanfield.numerics.kernel import correlation_gap

__all__ = ["OnePoint", "TwoPoints"]

Floats = NDArray[np.float64]


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
    """

    q: Any
    error: Any = 0.0
    slope: Any = 1.0
    chi: Any = 1.0
    slope_error: Any = 0.0
    chi_error: Any = 0.0


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
    """

    q1: Any
    q2: Any
    d: Any
    error: Any = 0.0

    @property
    def one_minus_c(self) -> Floats:
        """1 − c without cancellation, in [0, 2]."""
        q1, q2, d = (np.asarray(a, dtype=np.float64) for a in (self.q1, self.q2, self.d))
        return correlation_gap(q1, q2, d)
