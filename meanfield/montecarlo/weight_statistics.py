"""Scale, mean, correlation and tail of the entries of a weight matrix, and the scale and mean of biases."""

import math
import zlib
from typing import NamedTuple

import numpy as np

from meanfield._types import Floats, Reals

PROBES = 8  # random vectors for each matrix
TAIL = 512  # one in so many nonzero entries is in the tail
FEWEST = 8  # entries of a tail; smaller matrices have none
TAKEN = 2**16  # about so many entries, in the first rows, tell the tail of a larger matrix
STATISTICS = ("sigma_w", "mean", "correlation", "tail", "fingerprint")
OF_BIASES = ("sigma_b", "mean of biases")


class Matrix(NamedTuple):
    """A weight matrix of a network: the layer of its output, its shape, and the sigma_w of its description."""

    layer: int
    fan_out: int
    fan_in: int
    sigma_w: float
    deterministic: bool = False  # whether its sampler is declared to return the same matrix at each call


class Biases(NamedTuple):
    """The biases of a layer: the layer, their number, and the sigma_b of its description."""

    layer: int
    number: int
    sigma_b: float


def bias_statistics(biases: Reals) -> Floats:
    """√(mean b²), and the sum of the biases b divided by √(Σ b²), its standard deviation for centred ones."""
    b = biases.astype(np.float64, copy=False)
    squares = float(b @ b)
    return np.array([math.sqrt(squares / b.size), float(b.sum()) / math.sqrt(squares) if squares else 0.0])


def weight_statistics(weights: Reals, rng: np.random.Generator) -> Floats:
    """Measure sigma_w, mean, correlation and tail of the entries of one matrix, and take its fingerprint.

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
    tail : float
        Hill's estimate (Hill 1975, Ann. Stat. 3, 1163) of 1/α for tails P(|W| > w) ~ w^−α, from the largest of every
        512 nonzero entries in the first rows; 0 for matrices too small for it.
    fingerprint : float
        Two checksums of the entries, in 53 bits: equal for equal matrices, and else by chance only.

    Notes
    -----
    For independent entries of variance s/fan_in and kurtosis κ, E tr (WWᵀ)² = fan_out s² (1 + y + (κ − 2)/fan_in) with
    y = fan_out/fan_in, exactly. The trace is the mean of |WWᵀv|² over random vectors v of length √fan_out. |Wᵀv|², of
    known mean s fan_out, is the control variate, with coefficient 2 + y: the ratio of the covariance to the variance of
    |Wᵀv|² if the squared singular values follow the Marchenko–Pastur law.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> weight_statistics(rng.standard_normal((500, 500)) / 500**0.5, rng)[:4].round(2) + 0.0
    array([1.  , 0.17, 0.  , 0.08])
    """
    W = weights.astype(np.float64, copy=False)
    fan_out, fan_in = W.shape
    square = W * W
    squares = float(square.sum())
    fingerprint = _fingerprint(W)
    if squares == 0.0:
        return np.array([0.0, 0.0, 0.0, 0.0, fingerprint])
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
    mean = float(W.sum()) / math.sqrt(squares)
    return np.array([math.sqrt(s), mean, excess / fan_out, _tail(square[: 1 + TAKEN // fan_in]), fingerprint])


def _fingerprint(W: Floats) -> float:
    entries = W.tobytes()
    return float(zlib.crc32(entries) + ((zlib.adler32(entries) & (2**21 - 1)) << 32))


def _tail(square: Floats) -> float:
    """Hill's estimate of 1/α from the squares of the entries."""
    nonzero = square[square > 0]
    k = nonzero.size // TAIL
    if k < FEWEST:
        return 0.0
    largest = np.sort(np.partition(nonzero, nonzero.size - k - 1)[-k - 1 :])
    return 0.5 * float(np.log(largest[1:] / largest[0]).mean())
