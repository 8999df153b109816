"""Scale, mean and correlation of the entries of a weight matrix, for a test against independent centred entries."""

import math
from typing import NamedTuple

import numpy as np

from meanfield._types import Floats, Reals

PROBES = 8  # random vectors for each matrix


class Matrix(NamedTuple):
    """A weight matrix of a network: the layer of its output, its shape, and the sigma_w of its description."""

    layer: int
    fan_out: int
    fan_in: int
    sigma_w: float


def weight_statistics(weights: Reals, rng: np.random.Generator) -> Floats:
    """Measure sigma_w, mean and correlation of the entries of one matrix.

    Parameters
    ----------
    weights : ndarray, shape (fan_out, fan_in)
        The matrix W, as in h = W x.
    rng : numpy.random.Generator
        Source of the random probe vectors.

    Returns
    -------
    sigma_w : float
        √(fan_in · mean W²).
    mean : float
        Sum of the entries, divided by its standard deviation for independent centred entries.
    correlation : float
        Mean squared correlation of two rows, or of two columns, minus its value for independent entries; negative if
        rows or columns are closer to orthogonal.

    Notes
    -----
    For independent entries of variance s/fan_in and kurtosis κ, E tr (WWᵀ)² = fan_out s² (1 + y + (κ − 2)/fan_in) with
    y = fan_out/fan_in, exactly. The trace is the mean of |WWᵀv|² over random vectors v of length √fan_out. |Wᵀv|², of
    known mean s fan_out, is the control variate, with coefficient 2 + y: the ratio of the covariance to the variance of
    |Wᵀv|² if the squared singular values follow the Marchenko–Pastur law.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> weight_statistics(rng.standard_normal((500, 500)) / 500**0.5, rng).round(2) + 0.0
    array([1.  , 0.17, 0.  ])
    """
    W = weights.astype(np.float64, copy=False)
    fan_out, fan_in = W.shape
    square = W * W
    squares = float(square.sum())
    if squares == 0.0:
        return np.zeros(3)
    s = squares / fan_out
    kurtosis = W.size * float(np.vdot(square, square)) / squares**2
    v = rng.standard_normal((PROBES, fan_out))
    v *= math.sqrt(fan_out) / np.linalg.norm(v, axis=1, keepdims=True)
    once = v @ W
    twice = once @ W.T
    y = fan_out / fan_in
    first = float(np.vdot(once, once)) / (PROBES * fan_out * s) - 1.0
    second = float(np.vdot(twice, twice)) / (PROBES * fan_out * s**2) - (1.0 + y + (kurtosis - 2.0) / fan_in)
    excess = second - (2.0 + y) * first
    return np.array([math.sqrt(s), float(W.sum()) / math.sqrt(squares), excess / fan_out])
