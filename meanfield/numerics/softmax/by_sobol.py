"""Means over softmax rows of many tokens, by randomised quasi-Monte Carlo.

The scores are S = s·L·Z·Lᵀ with Σ = LLᵀ and independent normal Z. Scrambled Sobol points (Owen 1998, J. Complexity 14,
466) give Z, the directions of largest variance first; each S comes with −S, which cancels odd orders. Independent
scrambles give a standard error.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from meanfield._types import Floats
from meanfield.numerics.softmax.token_scores import TokenScores, root_of
from meanfield.special_functions import special

SCRAMBLES = 8
WORK = 2.0**27  # points³ × samples, by default: seconds
FEWEST, MOST = 2**8, 2**14  # samples a scramble
CHUNK = 2**20  # scores at a time
INSIDE = 2.0**-33  # a Sobol point may be 0, which no normal variable is


@dataclass(frozen=True, eq=False)
class SobolMeans:
    """Means over all rows at once; each is a sum over the same samples.

    Attributes
    ----------
    scores : TokenScores
        The tokens.
    seed : int
        Seed of the scrambles.
    samples : int
        Sobol points a scramble, a power of 2.
    """

    scores: TokenScores
    seed: int
    samples: int

    @classmethod
    def of(cls, scores: TokenScores, seed: int, samples: int | None) -> "SobolMeans":
        """With a number of samples that takes seconds, unless it is given."""
        usual = WORK / (2 * SCRAMBLES * scores.points**3)
        wanted = np.clip(usual, FEWEST, MOST) if samples is None else samples
        return cls(scores, seed, 2 ** int(np.log2(wanted)))

    def covariance(self) -> tuple[Floats, Floats]:
        """E A_i·Σ·A_kᵀ of all points, and its standard error."""
        sigma = self.scores.sigma

        def sums(a: Floats) -> Floats:
            return _rows(a @ sigma, a)

        return self._mean(sums)

    def gradients(self, pi: Floats) -> tuple[Floats, Floats]:
        """Covariances of gradients before the rows for those behind, and their standard error.

        They are Σ_ik Π_ik A_iᵀA_k through the values, s²Π_ik tr(J_iΣJ_kᵀΣ) through the queries and
        s²Σ_ik Σ_ikΠ_ik J_iΣJ_kᵀ through the keys.
        """
        sigma, s2 = self.scores.sigma, self.scores.s2
        weighed = pi * sigma

        def sums(a: Floats) -> Floats:
            m = a @ sigma
            k = m @ np.swapaxes(a, 1, 2)
            mixed = _rows(a, m * m)
            query: Floats = _rows(a @ (sigma * sigma), a) - mixed - mixed.T + (k * k).sum(axis=0)
            half = _columns((np.swapaxes(weighed @ a, 1, 2) * np.swapaxes(m, 1, 2)).swapaxes(1, 2), a)
            key = sigma * _columns(weighed @ a, a) - half - half.T + _columns((weighed * k) @ a, a)
            return _columns(pi @ a, a) + s2 * (pi * query + key)

        return self._mean(sums)

    def _mean(self, sums: Callable[[Floats], Floats]) -> tuple[Floats, Floats]:
        """The mean over scrambles of the sums of a chunk of rows, and its standard error."""
        means = np.array(
            [sum(sums(rows) for rows in self._rows(number)) / (2 * self.samples) for number in range(SCRAMBLES)]
        )
        return means.mean(axis=0), means.std(axis=0, ddof=1) / np.sqrt(SCRAMBLES)

    def _rows(self, number: int) -> Iterator[Floats]:
        """Chunks of softmax rows, shape (samples, points, points), of one scramble."""
        from scipy.stats import qmc  # takes a second to import

        query, key = self._factors()
        shape = query.shape[1], key.shape[1]
        order = np.argsort(-np.outer((query**2).sum(axis=0), (key**2).sum(axis=0)).ravel(), kind="stable")
        seed = np.random.SeedSequence(self.seed, spawn_key=(number,))
        points = qmc.Sobol(order.size, seed=np.random.default_rng(seed)) if order.size else None
        many = max(2 ** int(np.log2(CHUNK / self.scores.points**2)), 1)
        for start in range(0, self.samples, many):
            z = np.zeros((min(many, self.samples - start), order.size))
            if points is not None:
                z[:, order] = special.ndtri(np.clip(points.random(len(z)), INSIDE, 1.0 - INSIDE))
            s = query @ (z.reshape(-1, *shape) @ key.T)
            yield self._softmax(s)
            yield self._softmax(-s)

    def _factors(self) -> tuple[Floats, Floats]:
        """Factors of the scores S = query·Z·keyᵀ; the mean over the keys of each sequence is taken out."""
        scores = self.scores
        columns, variances = root_of(scores.sigma)
        query = columns * np.sqrt(scores.s2 * variances)
        centred = (columns * np.sqrt(variances)).reshape(-1, scores.tokens, variances.size)
        centred = (centred - centred.mean(axis=1, keepdims=True)).reshape(-1, variances.size)
        columns, variances = root_of(centred @ centred.T)
        return query, columns * np.sqrt(variances)

    def _softmax(self, s: Floats) -> Floats:
        s = np.where(self.scores.reads, s, -np.inf)
        rows = np.exp(s - s.max(axis=-1, keepdims=True))
        return np.asarray(rows / rows.sum(axis=-1, keepdims=True))


def _rows(a: Floats, b: Floats) -> Floats:
    """Σ_n a_n·b_nᵀ."""
    return np.tensordot(a, b, axes=((0, 2), (0, 2)))


def _columns(a: Floats, b: Floats) -> Floats:
    """Σ_n a_nᵀ·b_n."""
    return np.tensordot(a, b, axes=((0, 1), (0, 1)))
