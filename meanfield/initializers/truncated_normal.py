"""The truncated normal law, in the four conventions that circulate, with its exact standard deviation after the cut."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from meanfield._types import Floats

TINY = 1e-18  # a cut below which the law is uniform to rounding


def truncated_std(cut: float) -> float:
    """Standard deviation of a standard normal Z given |Z| ≤ cut: the root of 1 − 2·cut·φ(cut)/(2Φ(cut) − 1).

    Parameters
    ----------
    cut : float
        In standard deviations, > 0.

    Examples
    --------
    >>> truncated_std(2.0)  # the constant by which TensorFlow, Keras and JAX divide
    0.879625661034239...
    """
    return cut / math.sqrt(3) if cut < TINY else math.sqrt(_inside(cut) / math.erf(cut / math.sqrt(2)))


def clamped_std(cut: float) -> float:
    """Standard deviation of a standard normal whose values beyond ±cut are set to ±cut.

    Examples
    --------
    >>> clamped_std(2.0)
    0.959446155673325...
    """
    outside = math.erfc(cut / math.sqrt(2))
    return cut if cut < TINY else 1.0 if outside == 0 else math.sqrt(_inside(cut) + cut**2 * outside)


def _inside(cut: float) -> float:
    """E Z² where |Z| ≤ cut: 2Φ(cut) − 1 − 2·cut·φ(cut), or where that cancels the incomplete gamma function it is."""
    if cut < 1:
        return float(special.gammainc(1.5, cut**2 / 2))
    return math.erf(cut / math.sqrt(2)) - cut * math.sqrt(2 / math.pi) * math.exp(-cut * cut / 2)


#: By convention: from the nominal std and the bound to the scale of the normal before the cut, and the cut in its
#: standard deviations.
CONVENTIONS: dict[str, Callable[[float, float], tuple[float, float]]] = {
    "corrected": lambda std, bound: (std / truncated_std(bound), bound),
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
        return scale * (clamped_std(cut) if self.convention == "clamped" else truncated_std(cut))

    def draw(self, rng: np.random.Generator, shape: tuple[int, int], nominal: float) -> Floats:
        """Independent entries."""
        scale, cut = CONVENTIONS[self.convention](nominal, self.bound)
        if self.convention == "clamped":
            return scale * np.clip(rng.standard_normal(shape), -cut, cut)
        inside = math.erf(cut / math.sqrt(2))  # the inverse of the distribution function: no draw is rejected
        return scale * np.clip(math.sqrt(2) * special.erfinv(inside * rng.uniform(-1, 1, shape)), -cut, cut)
