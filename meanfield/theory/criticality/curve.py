"""The critical line as a curve with parameter q: at each q the σ_w² and σ_b² at which χ₁ = 1 and q stays.

With A, B and S the factors of σ_w² in q′, χ₁ and χ_∥, β the factor of σ_b² in q′, and a, b and s what skip connections
add to q′, χ₁ and χ_∥, the conditions are σ_w² B + b = 1 and σ_w² A + a + σ_b² β = q. Nothing has to be solved:
σ_w² = (1 − b)/B and σ_b² = (q − a − σ_w² A)/β (for an MLP: Hayou et al. 2019, arXiv:1902.06853, proposition 1).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Floats
from meanfield.errors import InfiniteDerivative
from meanfield.networks.layers.network import Network
from meanfield.numerics.solve.fixed_points import logarithmic_grid
from meanfield.theory.assumptions.block import Block
from meanfield.theory.fixed_points.finite_variance import largest_q
from meanfield.theory.fixed_points.maps import Signal, signal_map

LOWEST, HIGHEST = 1e-10, 1e8  # q of a critical point
FLAT = 1e-50  # a squared slope at 0 below this is 0
EPS = float(np.finfo(float).eps)
ROUNDING = 4 * EPS
HUGE = 2.0**400  # a σ_w² or σ_b² beside which what skip connections add is nothing


class Skipped(NamedTuple):
    """What skip connections add without weights and biases."""

    q: Floats  # a
    slope: Floats  # s
    chi: Floats  # b


class CriticalCurve:
    """The critical curve of a block whose last layer is its only Dense one.

    Attributes
    ----------
    bias : float
        β.
    grid : ndarray
        Values of q on which the curve is looked at, from 1e-10 to 1e8 or the largest q at which moments are finite.
    """

    def __init__(self, block: Block) -> None:
        self._skips = any(layer.inner and not isinstance(layer, Network) for layer in block.walk())
        self._weight = HUGE if self._skips else 1.0
        self._unbiased = block.at(sigma_w=self._weight**0.5, sigma_b=0.0)
        self._weightless = block.at(sigma_w=0.0, sigma_b=0.0)
        self.bias = float(signal_map(block.at(sigma_w=0.0, sigma_b=HUGE**0.5), 1.0).q) / HUGE or 1.0
        self.grid = logarithmic_grid(LOWEST, largest_q(self._unbiased, LOWEST, HIGHEST))

    def factors(self, q: ArrayLike) -> Signal:
        """A, S and B/(1 − b) at q, as `q`, `slope` and `chi`.

        The σ_w² of the critical point at q is 1/chi; chi is 0 where there is no critical point.

        Raises
        ------
        InfiniteDerivative
            If the activation jumps.
        """
        q = np.asarray(q, dtype=np.float64)
        signal = signal_map(self._unbiased, q)
        if np.any(np.isinf(signal.chi) & (q > 0)):  # at q = 0 a norm divides by 0
            raise InfiniteDerivative("the activation jumps, so its gradients are infinite and no weights are critical")
        if not self._skips:
            return signal
        room, error = 1.0 - self.skipped(q).chi, EPS
        scale = np.where(room > error, np.maximum(room, error), np.inf) * self._weight
        chi, weight = signal.chi / scale, self._weight
        chi_error = signal.chi_error / scale + chi * error / np.maximum(room, error)
        one = Signal(*(column / weight for column in signal))
        return one._replace(chi=chi, chi_error=chi_error)

    def skipped(self, q: ArrayLike) -> Skipped:
        """a, s and b at q."""
        if not self._skips:
            return Skipped(*np.zeros((3, *np.shape(q))))
        signal = signal_map(self._weightless, q)
        return Skipped(signal.q, signal.slope, signal.chi)

    def weight_variance(self, q: ArrayLike) -> Floats:
        """σ_w² of the critical point at q; infinite where there is none."""
        with np.errstate(divide="ignore"):
            return np.asarray(1.0 / self.factors(q).chi)

    def bias_variance(self, q: ArrayLike) -> tuple[Floats, Floats]:
        """σ_b² of the critical point at q, and a bound on its error; negative where there is none."""
        q = np.asarray(q, dtype=np.float64)
        at, skipped = self.factors(q), self.skipped(q)
        ratio, error = _quotient(at.q, at.error, at.chi, at.chi_error)
        return (q - skipped.q - ratio) / self.bias, (error + ROUNDING * skipped.q) / self.bias

    def excess_slope(self, q: ArrayLike) -> tuple[Floats, Floats]:
        """χ_∥ − 1 at the critical point at q, and a bound on its error."""
        at, skipped = self.factors(q), self.skipped(q)
        ratio, error = _quotient(at.slope, at.slope_error, at.chi, at.chi_error)
        return skipped.slope + ratio - 1.0, error + ROUNDING * np.abs(skipped.slope)


def critical_curve(block: Block) -> CriticalCurve | None:
    """The critical curve of a block whose last layer is its only one with weights; None of any other block."""
    weighted = [layer for layer in block.walk() if "sigma_w" in layer.parameters]
    return CriticalCurve(block) if len(weighted) == 1 and [*block.walk()][-1] is weighted[0] else None


def _quotient(a: Floats, a_error: Floats, b: Floats, b_error: Floats) -> tuple[Floats, Floats]:
    """a/b and a bound on its error: infinite where b is 0 but for rounding, as E φ′² is at small q where φ is flat."""
    vanishes = b < FLAT
    divisor = np.where(vanishes, 1.0, b)
    ratio = np.where(vanishes, 0.0, a / divisor)
    return ratio, np.where(vanishes, np.inf, (a_error + np.abs(ratio) * b_error) / divisor + ROUNDING * np.abs(ratio))
