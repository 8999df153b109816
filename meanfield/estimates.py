"""Numbers that carry their error: `Estimate` for computed ones, `Sample` for simulated ones."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Estimate", "Sample"]


@dataclass(frozen=True)
class Estimate:
    """A computed number, or an array of them, with an upper bound on its error.

    Attributes
    ----------
    value : float or ndarray
        The number. A float where every argument was a scalar, else an array of their broadcast shape.
    error : float or ndarray
        Upper bound on ``|value − truth|``, of the shape of `value`.
    converged : bool
        Whether `error` is within the tolerance that was asked for, everywhere.
    evaluations : int
        How many points the activation was evaluated at to get the number; 0 if all values were at hand already.

    Examples
    --------
    >>> import meanfield as mf
    >>> float(mf.expectation("relu", q=2.0))  # √(q/2π)
    0.564189583547756...
    """

    value: Any
    error: Any
    converged: bool = True
    evaluations: int = 0

    def __float__(self) -> float:
        return float(self.value)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.value, dtype=dtype, copy=copy)


@dataclass(frozen=True)
class Sample:
    """Sample means over independent networks, with their standard errors.

    Attributes
    ----------
    mean, standard_error : ndarray
        Mean over the networks and its standard error, first axis = layer.
    n : int
        Number of independent networks.
    """

    mean: NDArray[np.float64]
    standard_error: NDArray[np.float64]
    n: int
