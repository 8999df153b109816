"""Estimators of second moment and correlation in one network, and their means over networks."""

import math

import numpy as np

from meanfield._types import Floats
from meanfield.montecarlo.draws import Array
from meanfield.samples import Sample


def second_moment(x: Array) -> float:
    """Mean of x² over units and points."""
    return float(np.mean(np.square(x, dtype=np.float64)))


def one_minus_c(x: Array) -> float:
    """Mean of 1 − c over pairs of points, computed as ½ |u − v|² of unit vectors, which does not cancel near c = 1.

    A zero vector counts as uncorrelated with every other point. NaN for fewer than two points.

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


def one_minus_token_c(x: Array, tokens: int) -> float:
    """Mean of 1 − c over all pairs of tokens of one sequence, from T Σ|u_i − ū|² of unit vectors, without cancellation.

    Examples
    --------
    >>> import numpy as np
    >>> one_minus_token_c(np.array([[3.0, 0.0], [0.0, 2.0], [1.0, 0.0], [1.0, 1e-9]]), 2)
    0.5
    """
    points = x.astype(np.float64).reshape(-1, tokens, x.shape[1])
    norms = np.linalg.norm(points, axis=2, keepdims=True)
    units = points / np.where(norms > 0, norms, 1.0)
    apart = units - units.mean(axis=1, keepdims=True)
    return float(np.mean(np.sum(apart**2, axis=(1, 2)))) / (tokens - 1)


def sample(values: Floats) -> Sample:
    """Mean and standard error over networks, the first axis."""
    return Sample(values.mean(axis=0), values.std(axis=0, ddof=1) / math.sqrt(len(values)), len(values))
