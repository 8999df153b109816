"""Three numbers that a matrix of independent, centred entries has right: its scale, its mean, its second moment."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from meanfield._types import Floats

PROBES = 8  # random vectors a matrix


class Matrix(NamedTuple):
    """Which weight matrix of a network: the layer it leads to, its shape, and the sigma_w it is described by."""

    layer: int
    fan_out: int
    fan_in: int
    sigma_w: float


def weight_statistics(weights: NDArray[Any], rng: np.random.Generator) -> Floats:
    """Measure sigma_w, mean and correlation of the entries of one matrix.

    Parameters
    ----------
    weights : ndarray, shape (fan_out, fan_in)
        The matrix W, as in h = W x.
    rng : numpy.random.Generator
        For a few random vectors.

    Returns
    -------
    sigma_w : float
        √(fan_in · mean W²).
    mean : float
        Sum of the entries in units of its standard deviation if they are independent and centred.
    correlation : float
        Mean squared correlation of two rows, or of two columns, beyond that of independent entries; negative if they
        are closer to orthogonal than those.

    Notes
    -----
    For independent entries of variance s/fan_in and kurtosis κ, E tr (WWᵀ)² = fan_out s² (1 + y + (κ − 2)/fan_in) with
    y = fan_out/fan_in, exactly. The trace is estimated by random vectors v of length √fan_out: it is |WWᵀv|² on
    average. |Wᵀv|², whose average s fan_out is known, takes most of the noise away: given the singular values, the
    covariance of the two is 2 + y times the variance of the latter if those follow Marchenko and Pastur's law.

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
