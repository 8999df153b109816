"""The truncated normal law in four conventions, with its exact standard deviation after truncation."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from meanfield._types import Floats

TINY = 1e-18  # below this cut the truncated law is uniform up to rounding


def truncated_std(cut: float) -> float:
    """Standard deviation of a standard normal Z given |Z| ≤ cut: √(1 − 2·cut·φ(cut)/(2Φ(cut) − 1)).

    Parameters
    ----------
    cut : float
        Truncation point in standard deviations, > 0.

    Examples
    --------
    >>> truncated_std(2.0)  # the constant by which TensorFlow, Keras and JAX divide
    0.879625661034239...
    """
    return cut / math.sqrt(3) if cut < TINY else math.sqrt(_inside(cut) / math.erf(cut / math.sqrt(2)))


def clamped_std(cut: float) -> float:
    """Standard deviation of a standard normal clipped to ±cut.

    Examples
    --------
    >>> clamped_std(2.0)
    0.959446155673325...
    """
    outside = math.erfc(cut / math.sqrt(2))
    return cut if cut < TINY else 1.0 if outside == 0 else math.sqrt(_inside(cut) + cut**2 * outside)


def _inside(cut: float) -> float:
    """E Z² 1{|Z| ≤ cut} = 2Φ(cut) − 1 − 2·cut·φ(cut), as an incomplete gamma function if that cancels."""
    if cut < 1:
        return float(special.gammainc(1.5, cut**2 / 2))
    return math.erf(cut / math.sqrt(2)) - cut * math.sqrt(2 / math.pi) * math.exp(-cut * cut / 2)


#: By convention, a function from (nominal std, bound) to the scale of the normal law before truncation and the cut in
#: units of that scale.
CONVENTIONS: dict[str, Callable[[float, float], tuple[float, float]]] = {
    "corrected": lambda std, bound: (std / truncated_std(bound), bound),
    "uncorrected": lambda std, bound: (std, bound),
    "absolute": lambda std, bound: (std, bound / std),
    "clamped": lambda std, bound: (std, bound),
}


@dataclass(frozen=True)
class TruncatedNormal:
    """A normal law without its tails.

    Attributes
    ----------
    convention : {"corrected", "uncorrected", "absolute", "clamped"}
        Meaning of the nominal standard deviation and of `bound`: see `CONVENTIONS`. The standard deviation after
        truncation equals the nominal one for "corrected" only.
    bound : float
        Truncation point, > 0: in standard deviations before truncation, or in units of the weights for "absolute".
    """

    convention: str = "corrected"
    bound: float = 2.0

    def std(self, nominal: float) -> float:
        """Standard deviation after truncation, for the nominal standard deviation `nominal`."""
        scale, cut = CONVENTIONS[self.convention](nominal, self.bound)
        return scale * (clamped_std(cut) if self.convention == "clamped" else truncated_std(cut))

    def draw(self, rng: np.random.Generator, shape: tuple[int, int], nominal: float) -> Floats:
        """Independent entries."""
        scale, cut = CONVENTIONS[self.convention](nominal, self.bound)
        if self.convention == "clamped":
            return scale * np.clip(rng.standard_normal(shape), -cut, cut)
        inside = math.erf(cut / math.sqrt(2))  # inverse distribution function: nothing is rejected
        return scale * np.clip(math.sqrt(2) * special.erfinv(inside * rng.uniform(-1, 1, shape)), -cut, cut)
