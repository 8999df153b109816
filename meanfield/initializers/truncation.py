"""The truncated normal law, in the four conventions that circulate, with its exact variance after the cut."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

__all__ = ["CONVENTIONS", "TruncatedNormal", "clamped_variance", "truncated_variance"]


def truncated_variance(cut: float) -> float:
    """Variance of a standard normal Z given |Z| ≤ cut: 1 − 2·cut·φ(cut)/(2Φ(cut) − 1).

    Written as a ratio of incomplete gamma functions, P(3/2, cut²/2)/P(1/2, cut²/2), which keeps its digits where the
    difference cancels.

    Parameters
    ----------
    cut : float
        In standard deviations, > 0.

    Examples
    --------
    >>> truncated_variance(2.0) ** 0.5  # the constant by which TensorFlow, Keras and JAX divide
    0.87962566103423...
    """
    half = cut * cut / 2
    return cut * cut / 3 if half < 1e-20 else float(special.gammainc(1.5, half) / special.gammainc(0.5, half))


def clamped_variance(cut: float) -> float:
    """Variance of a standard normal whose values beyond ±cut are set to ±cut.

    Examples
    --------
    >>> clamped_variance(2.0) ** 0.5
    0.95944615567332...
    """
    return float(special.gammainc(1.5, cut * cut / 2)) + cut**2 * math.erfc(cut / math.sqrt(2))


#: By convention: from the nominal std and the bound to the scale of the normal before the cut, and the cut in its
#: standard deviations.
CONVENTIONS: dict[str, Callable[[float, float], tuple[float, float]]] = {
    "corrected": lambda std, bound: (std / math.sqrt(truncated_variance(bound)), bound),
    "uncorrected": lambda std, bound: (std, bound),
    "absolute": lambda std, bound: (std, bound / std),
    "clamped": lambda std, bound: (std, bound),
}


@dataclass(frozen=True)
class TruncatedNormal:
    """A law: a normal without its tails.

    Attributes
    ----------
    convention : {"corrected", "uncorrected", "absolute", "clamped"}
        What the nominal standard deviation and `bound` mean: see `CONVENTIONS`. Only "corrected" keeps the nominal
        standard deviation.
    bound : float
        > 0; in standard deviations before the cut, in "absolute" in the units of the weights.
    """

    convention: str = "corrected"
    bound: float = 2.0

    def std(self, nominal: float) -> float:
        """Standard deviation after the cut of a law whose nominal one is `nominal`."""
        scale, cut = CONVENTIONS[self.convention](nominal, self.bound)
        variance = clamped_variance(cut) if self.convention == "clamped" else truncated_variance(cut)
        return scale * math.sqrt(variance)

    def draw(self, rng: np.random.Generator, shape: tuple[int, int], nominal: float) -> NDArray[np.float64]:
        """Independent entries."""
        scale, cut = CONVENTIONS[self.convention](nominal, self.bound)
        if self.convention == "clamped":
            return scale * np.clip(rng.standard_normal(shape), -cut, cut)
        inside = math.erf(cut / math.sqrt(2))  # the inverse of the distribution function: no draw is rejected
        return scale * np.clip(math.sqrt(2) * special.erfinv(inside * rng.uniform(-1, 1, shape)), -cut, cut)
