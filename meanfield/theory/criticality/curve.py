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


class CurvePoint(NamedTuple):
    """The critical weights and biases that keep q, and their factors; arrays of the shape of q."""

    q: Floats  # A
    carried: Floats  # a
    chi: Floats  # B/(1 − b): 1/σ_w², 0 where no σ_w is critical
    chi_error: Floats
    bias: Floats  # σ_b², negative where no σ_b keeps q
    bias_error: Floats
    slope: Floats  # χ_∥
    slope_error: Floats


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

    def at(self, q: ArrayLike) -> CurvePoint:
        """The point of the curve at q.

        Raises
        ------
        InfiniteDerivative
            If the activation jumps.
        """
        q = np.asarray(q, dtype=np.float64)
        signal, zero = signal_map(self._unbiased, q), np.zeros(q.shape)
        if np.any(np.isinf(signal.chi) & (q > 0)):  # at q = 0 a norm divides by 0
            raise InfiniteDerivative("the activation jumps, so its gradients are infinite and no weights are critical")
        carried, carried_slope = zero, zero
        if self._skips:
            alone = signal_map(self._weightless, q)
            carried, carried_slope, room = alone.q, alone.slope, 1.0 - alone.chi
            scale = np.where(room > EPS, np.maximum(room, EPS), np.inf) * self._weight
            chi = signal.chi / scale
            chi_error = signal.chi_error / scale + chi * EPS / np.maximum(room, EPS)
            signal = Signal(*(column / self._weight for column in signal))._replace(chi=chi, chi_error=chi_error)
        image, image_error = _quotient(signal.q, signal.error, signal.chi, signal.chi_error)
        slope, slope_error = _quotient(signal.slope, signal.slope_error, signal.chi, signal.chi_error)
        return CurvePoint(
            q=signal.q,
            carried=carried,
            chi=signal.chi,
            chi_error=signal.chi_error,
            bias=(q - carried - image) / self.bias,
            bias_error=(image_error + ROUNDING * carried) / self.bias,
            slope=carried_slope + slope,
            slope_error=slope_error + ROUNDING * np.abs(carried_slope),
        )


def critical_curve(block: Block) -> CriticalCurve | None:
    """The critical curve of a block whose last layer is its only one with weights; None of any other block."""
    weighted = [layer for layer in block.walk() if "sigma_w" in layer.parameters]
    return CriticalCurve(block) if len(weighted) == 1 and [*block.walk()][-1] is weighted[0] else None


def _quotient(a: Floats, a_error: Floats, b: Floats, b_error: Floats) -> tuple[Floats, Floats]:
    """a/b and a bound on its error: infinite where b is 0 but for rounding, as E φ′² is at small q where φ is flat."""
    vanishes = b < FLAT
    divisor = np.where(vanishes, 1.0, b)
    with np.errstate(invalid="ignore"):  # b is infinite where a norm divides by q = 0
        ratio = np.where(vanishes, 0.0, a / divisor)
        error = (a_error + np.abs(ratio) * b_error) / divisor + ROUNDING * np.abs(ratio)
    return ratio, np.where(vanishes, np.inf, error)
