"""Statistics of a signal in one network, and their means and standard errors over networks."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meanfield.estimates import Sample
from meanfield.montecarlo.draws import Array


def second_moment(x: Array) -> float:
    """Mean of x² over units and points."""
    return float(np.mean(np.square(x, dtype=np.float64)))


def one_minus_c(x: Array) -> float:
    """1 − c, the mean over pairs of points, as ½ |u − v|² of unit vectors, which does not cancel at c = 1.

    A point at 0 counts as uncorrelated with every other one. NaN with fewer than two points.

    Examples
    --------
    >>> import numpy as np
    >>> one_minus_c(np.array([[3.0, 0.0], [0.0, 2.0]]))
    1.0
    >>> one_minus_c(np.array([[1.0, 0.0], [1.0, 1e-9]]))
    5e-19
    """
    points = x.astype(np.float64)
    norms = np.linalg.norm(points, axis=1)
    units = points / np.where(norms > 0, norms, 1.0)[:, None]
    pairs = [
        0.5 * float(np.sum((units[a] - units[b]) ** 2)) if norms[a] > 0 < norms[b] else 1.0
        for a in range(len(x))
        for b in range(a)
    ]
    return math.fsum(pairs) / len(pairs) if pairs else math.nan


def sample(values: NDArray[Any]) -> Sample:
    """Mean and standard error over the first axis, the networks."""
    return Sample(values.mean(axis=0), values.std(axis=0, ddof=1) / math.sqrt(len(values)), len(values))
