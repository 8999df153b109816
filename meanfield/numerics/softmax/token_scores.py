"""Gaussian scores between the tokens of sequences: S_ij for a query i and the keys j of its own sequence.

With random queries and keys Cov(S_ij, S_i′j′) = s²Σ_ii′Σ_jj′, where Σ holds the covariances of all tokens of all
sequences. A softmax row does not change if all its scores move alike, so scores are taken relative to one of the keys.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from meanfield._types import Bools, Floats, Ints

FLAT = 1e-13  # an eigenvalue below this fraction of the largest is rounding


@dataclass(frozen=True, eq=False)
class TokenScores:
    """The tokens of sequences of equal length and the variance of scores between them.

    Attributes
    ----------
    sigma : ndarray, shape (points, points)
        Covariances Σ of the tokens; point a·tokens + i is token i of sequence a.
    s2 : float
        Variance s² of the score of two different tokens with second moment 1.
    tokens : int
        Length of each sequence.
    causal : bool
        Whether token i reads only the tokens j ≤ i of its sequence.
    """

    sigma: Floats
    s2: float
    tokens: int
    causal: bool

    @property
    def points(self) -> int:
        """Number of tokens of all sequences."""
        return len(self.sigma)

    def keys(self, i: int) -> Ints:
        """The points that point i reads."""
        start = i - i % self.tokens
        return np.arange(start, i + 1 if self.causal else start + self.tokens)

    @cached_property
    def reads(self) -> Bools:
        """Whether point i reads point j, shape (points, points)."""
        sequence = np.arange(self.points) // self.tokens
        same = sequence[:, None] == sequence
        return np.asarray(np.tril(same) if self.causal else same)


def root_of(covariance: Floats) -> tuple[Floats, Floats]:
    """Orthonormal columns E and their variances λ > 0 with EλEᵀ the covariance, the largest first."""
    variances, columns = np.linalg.eigh(0.5 * (covariance + covariance.T))
    kept = np.flatnonzero(variances > FLAT * max(float(np.trace(covariance)), 0.0))[::-1]
    return columns[:, kept], variances[kept]
