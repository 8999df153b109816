"""Simulated numbers with their standard error."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meanfield.json_types import json_types

__all__ = ["Sample"]


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

    def to_dict(self) -> dict[str, Any]:
        """Means, standard errors and n in JSON types: infinities and NaN become None."""
        converted: dict[str, Any] = json_types(self)
        return converted

    def __str__(self) -> str:
        mean, error = np.asarray(self.mean), np.asarray(self.standard_error)
        shown = ", ".join(f"{m:.6g} ± {e:.1g}" for m, e in zip(mean.flat, error.flat, strict=True))
        return f"{shown} ({self.n} networks)"
