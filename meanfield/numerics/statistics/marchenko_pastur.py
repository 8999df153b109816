"""The law of Marchenko and Pastur: eigenvalues of W Wᵀ/N for independent entries of variance σ² in M × N matrices.

With k = √(M/N) the nonzero eigenvalues are σ²(1 + k² − 2k cos θ), 0 < θ < π. The density in θ is
2 sin²θ/(π(1 + k² − 2k cos θ)), and its integral is elementary. As a function of θ the density has no singularity at the
edges of the spectrum, nor for M = N.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Floats
from meanfield.errors import InvalidInput
from meanfield.numerics.solve.bracketed import root

TRACY_WIDOM_1 = ((0.05, 0.9793), (0.01, 2.0234), (0.005, 2.4224), (0.001, 3.2724))  # (probability, upper quantile)


@dataclass(frozen=True)
class MarchenkoPastur:
    """Limit law of the eigenvalues of W Wᵀ/N, W an M × N matrix of independent entries.

    Parameters
    ----------
    ratio : float
        M/N, finite and > 0. Above 1 the share ``1 − 1/ratio`` of the eigenvalues is 0.
    variance : float
        Variance σ² of the entries, finite and > 0.

    Raises
    ------
    InvalidInput
        If a parameter is outside its range.

    References
    ----------
    Marchenko & Pastur 1967, Math. USSR Sbornik 1, 457.

    Examples
    --------
    >>> law = MarchenkoPastur(0.25)
    >>> law.edges
    (0.25, 2.25)
    >>> law.moment(2)
    1.25
    >>> float(law.cdf(law.quantile(0.3)).round(12))
    0.3
    """

    ratio: float
    variance: float = 1.0

    def __post_init__(self) -> None:
        for name, value in (("ratio", self.ratio), ("variance", self.variance)):
            if not (np.ndim(value) == 0 and math.isfinite(value) and value > 0):
                raise InvalidInput(f"{name} of the Marchenko-Pastur law must be a finite number > 0, not {value!r}")

    @property
    def edges(self) -> tuple[float, float]:
        """Smallest and largest nonzero eigenvalue, in the limit M, N → ∞."""
        k = math.sqrt(self.ratio)
        return self.variance * (1.0 - k) ** 2, self.variance * (1.0 + k) ** 2

    @property
    def atom(self) -> float:
        """Share of the eigenvalues that are 0."""
        return max(0.0, 1.0 - 1.0 / self.ratio)

    def density(self, x: ArrayLike) -> Floats:
        """Density at `x`, in the shape of `x`, without the atom at 0; infinite at x = 0 for ratio 1."""
        x = np.asarray(x, dtype=np.float64)
        lower, upper = self.edges
        inside = (x > lower) & (x < upper)
        y = np.where(inside, x, 0.5 * (lower + upper))
        root = np.sqrt((y - lower) * (upper - y))
        density: Floats = np.where(inside, root / (2.0 * np.pi * self.ratio * self.variance * y), 0.0)
        return np.where((x == 0.0) & (self.ratio == 1.0), np.inf, density)

    def cdf(self, x: ArrayLike) -> Floats:
        """Share of the eigenvalues that are at most `x`, in the shape of `x`."""
        x = np.asarray(x, dtype=np.float64)
        k = math.sqrt(self.ratio)
        theta = np.arccos(np.clip((1.0 + k**2 - x / self.variance) / (2.0 * k), -1.0, 1.0))
        return np.where(x < 0.0, 0.0, self.atom + self._beneath(theta))

    def quantile(self, p: ArrayLike) -> Floats:
        """The p-quantile of the eigenvalues, in the shape of `p`.

        Raises
        ------
        InvalidInput
            If a `p` is outside [0, 1].
        """
        p = np.asarray(p, dtype=np.float64)
        if not np.all((p >= 0.0) & (p <= 1.0)):
            raise InvalidInput("p must be a share between 0 and 1")
        share = p.ravel()
        ends = np.zeros(share.size), np.full(share.size, np.pi)
        theta = root(lambda which, theta: self.atom + self._beneath(theta) - share[which], *ends).reshape(p.shape)
        k = math.sqrt(self.ratio)
        x = self.variance * ((1.0 - k) ** 2 + 4.0 * k * np.sin(0.5 * theta) ** 2)
        return np.where(p <= self.atom, self.edges[0] if self.atom == 0.0 else 0.0, x)

    def moment(self, n: int) -> float:
        """The mean n-th power of the eigenvalues, n ≥ 0: σ²ⁿ times a Narayana polynomial in the ratio."""
        terms = (self.ratio**r / (r + 1) * math.comb(n, r) * math.comb(n - 1, r) for r in range(n))
        return self.variance**n * math.fsum(terms) if n else 1.0

    def _beneath(self, theta: Floats) -> Floats:
        """Share of all eigenvalues that are nonzero and have an angle of at most `theta`."""
        c, k = self.ratio, math.sqrt(self.ratio)
        if c > 1.0:  # W Wᵀ and Wᵀ W have the same nonzero eigenvalues
            return MarchenkoPastur(1.0 / c)._beneath(theta) / c
        turned = (1.0 - c) * np.arctan2(k * np.sin(theta), 1.0 - k * np.cos(theta)) if c < 1.0 else 0.0
        share: Floats = (theta + (k * np.sin(theta) - turned) / c) / np.pi
        return np.clip(share, 0.0, 1.0)


def largest_eigenvalue(rows: int, columns: int, alpha: float = 0.01) -> float:
    """The upper `alpha`-quantile of the largest eigenvalue of W Wᵀ, for independent entries of variance 1.

    The largest eigenvalue of Gaussian matrices follows the real Tracy-Widom law, with the centre and scale of Johnstone
    2001 (Annals of Statistics 29, 295) and rows − ½, columns − ½ as in Ma 2012 (Bernoulli 18, 322). Other entries with
    four finite moments have the same limit. The logarithm of the probability is interpolated linearly in the 3/2-th
    power of the tabulated quantiles. Below the smallest tabulated probability it is extrapolated, in agreement with the
    tail exp(−2s^{3/2}/3).

    Parameters
    ----------
    rows, columns : int
        Shape of W.
    alpha : float
        Probability, 0 < alpha ≤ 0.05.

    Examples
    --------
    >>> round(largest_eigenvalue(256, 256) / 256, 3)  # 4 without fluctuations
    4.119
    """
    levels, quantiles = zip(*TRACY_WIDOM_1, strict=True)
    log, power = np.log(levels), np.array(quantiles) ** 1.5
    at = math.log(alpha)
    if at < log[-1]:
        s = (power[-1] + (log[-1] - at) * (power[-1] - power[-2]) / (log[-2] - log[-1])) ** (2 / 3)
    else:
        s = float(np.interp(-at, -log, power)) ** (2 / 3)
    a, b = math.sqrt(max(rows - 0.5, 0.5)), math.sqrt(max(columns - 0.5, 0.5))
    return float((a + b) ** 2 + s * (a + b) * (1.0 / a + 1.0 / b) ** (1 / 3))
