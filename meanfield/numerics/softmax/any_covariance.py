"""Softmax attention over tokens with any covariance: E A_i·Σ·A_kᵀ, and covariances of gradients through it.

Rows of up to three keys are integrated by Hermite coefficients, longer ones by scrambled Sobol points.

The gradients at the tokens behind the rows have the covariances Π. Their products with the values are Gaussian with
covariances Π_ik Σ_jl, so the gradients at the scores S_ij and S_kl have the covariance Π_ik E(J_iΣJ_kᵀ)_jl,
J = diag(A) − AAᵀ. Three paths with independent weights lead on: through the values Σ_ik Π_ik E A_iᵀA_k, through the
queries s²Π_ik E tr(J_iΣJ_kᵀΣ), and through the keys s²Σ_ik Σ_ikΠ_ik E J_iΣJ_kᵀ.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from meanfield._types import Floats
from meanfield.errors import InvalidInput
from meanfield.numerics.softmax.by_hermite import HermiteMeans
from meanfield.numerics.softmax.by_sobol import SobolMeans
from meanfield.numerics.softmax.token_scores import TokenScores

EXACT = 3  # keys of the longest rows that are integrated
LONGEST = 64  # points whose rows are sampled
NOT_NEGATIVE = 1e-10  # an eigenvalue may be so far below 0, relative to the largest one


@dataclass(frozen=True, eq=False, repr=False)
class SoftmaxTokens:
    """Tokens behind softmax rows, for values and outputs of unit variance.

    Attributes
    ----------
    covariance : ndarray, shape (points, points)
        E A_i·Σ·A_kᵀ.
    error : ndarray, shape (points, points)
        Bound on the error, or the standard error of a sampled number.
    sampled : bool
        Whether the numbers are sampled.
    """

    covariance: Floats
    error: Floats
    sampled: bool
    _gradients: Callable[[Floats], tuple[Floats, Floats]]

    def gradients(self, pi: Floats) -> tuple[Floats, Floats]:
        """Covariances E g_i·g_k of gradients before the rows, for the covariances `pi` behind, and their errors.

        Shapes are (points, points). The errors are bounds or standard errors, as for `covariance`.
        """
        return self._gradients(np.asarray(pi, dtype=np.float64))


def softmax_tokens(
    sigma: Floats, s2: float, *, tokens: int, causal: bool = False, seed: int = 0, samples: int | None = None
) -> SoftmaxTokens:
    """Tokens behind softmax rows whose scores have the covariances s²Σ_ik Σ_jl.

    Parameters
    ----------
    sigma : ndarray, shape (points, points)
        Covariances Σ of the tokens of all sequences, sequence by sequence, positive semi-definite.
    s2 : float
        Variance s² ≥ 0 of the score of two different tokens with second moment 1.
    tokens : int
        Length of each sequence. Up to 3 the result has an error of about 1e-13; longer rows are sampled.
    causal : bool
        Whether token i reads only the tokens j ≤ i.
    seed : int
        Seed of the samples.
    samples : int or None
        Sobol points in each of 8 scrambles, rounded down to a power of 2; None for a number that takes seconds.

    Raises
    ------
    InvalidInput
        If Σ is not a covariance matrix of whole sequences, or has more than 64 points that are sampled.

    Examples
    --------
    Two tokens are exact:

    >>> import numpy as np
    >>> behind = softmax_tokens(np.array([[1.0, 0.2], [0.2, 1.0]]), 1.0, tokens=2)
    >>> behind.covariance
    array([[0.69544908, 0.61856993],
           [0.61856993, 0.69544908]])
    >>> bool(behind.error.max() < 1e-12)
    True
    """
    sigma = np.asarray(sigma, dtype=np.float64)
    _check(sigma, s2, tokens)
    scores = TokenScores(sigma, float(s2), tokens, causal)
    if tokens <= EXACT:
        return _exact(scores)
    if scores.points > LONGEST:
        raise InvalidInput(
            f"softmax attention over {scores.points} tokens of any covariance is not computed beyond {LONGEST}; "
            "tokens that are all alike, with one correlation, may be any number"
        )
    means = SobolMeans.of(scores, seed, samples)
    covariance, error = means.covariance()
    return SoftmaxTokens(covariance, error, True, means.gradients)


def _exact(scores: TokenScores) -> SoftmaxTokens:
    """Rows of up to three keys: the means of all pairs of rows, in arrays over (i, k, j, l)."""
    points, sigma = scores.points, scores.sigma
    means = HermiteMeans(scores)
    weights, slopes = np.zeros((2, *(points,) * 4))
    bound, span = np.zeros((2, points, points))  # of an entry of the means; Σ|Σ_jl| over the keys of i and of k
    for i in range(points):
        for k in range(i, points):
            at = np.ix_(scores.keys(i), scores.keys(k))
            weights[i, k][at], jacobians, bound[i, k] = means(i, k)
            slopes[i, k][at] = np.einsum("jlab,lb->ja", jacobians, sigma[at])
            weights[k, i], slopes[k, i] = weights[i, k].T, slopes[i, k].T
            span[i, k] = span[k, i] = np.abs(sigma[at]).sum()
            bound[k, i] = bound[i, k]

    def gradients(pi: Floats) -> tuple[Floats, Floats]:
        values = np.einsum("ik,ikjl->jl", pi, weights)
        queries = pi * np.einsum("ikjl,jl->ik", slopes, sigma)
        keys = np.einsum("ik,ikjl->jl", pi * sigma, slopes)
        apart = np.abs(pi) * bound  # an entry of J is a sum of up to two entries of the means
        error = apart.sum() + 4 * scores.s2 * (apart * span**2 + (apart * np.abs(sigma) * span).sum())
        return values + scores.s2 * (queries + keys), error

    return SoftmaxTokens(np.einsum("ikjl,jl->ik", weights, sigma), span * bound, False, gradients)


def _check(sigma: Floats, s2: float, tokens: int) -> None:
    if sigma.ndim != 2 or sigma.shape[0] != sigma.shape[1] or not sigma.size or not np.isfinite(sigma).all():
        raise InvalidInput(f"the covariance of tokens must be a square matrix of finite numbers, not {sigma.shape}")
    if tokens < 1 or len(sigma) % tokens:
        raise InvalidInput(f"{len(sigma)} tokens are not whole sequences of {tokens}")
    if not 0.0 <= s2 < np.inf:
        raise InvalidInput(f"the variance s2 of scores must be finite and not negative, not {s2:g}")
    scale = float(np.abs(sigma).max())
    if np.abs(sigma - sigma.T).max() > NOT_NEGATIVE * scale or np.linalg.eigvalsh(sigma)[0] < -NOT_NEGATIVE * scale:
        raise InvalidInput("the covariance of tokens must be symmetric and positive semi-definite")
