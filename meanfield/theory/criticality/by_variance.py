"""A block by its q: which weights and biases are critical there, and how q moves."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from meanfield.errors import InfiniteDerivative
from meanfield.networks.layers.network import Network
from meanfield.numerics.solve.fixed_points import logarithmic_grid
from meanfield.theory.fixed_points.largest_variance import largest_q
from meanfield.theory.layer_maps import one_point
from meanfield.theory.states import OnePoint

__all__ = ["FLAT", "ROUNDING", "Profile", "profiled"]

Floats = NDArray[np.float64]

LOWEST, HIGHEST = 1e-10, 1e8  # q of a critical point
FLAT = 1e-50  # a squared slope at 0 below this is that of a function with none
EPS = float(np.finfo(float).eps)
ROUNDING = 4 * EPS
HUGE = 2.0**400
NOTHING = OnePoint(0.0, slope=0.0, chi=0.0)


class Profile:
    """A block whose last layer is its only Dense one, by q: what σ_w² and σ_b² multiply in it.

    With A, B and S the factors of σ_w² in q′, χ₁ and χ_∥, β that of σ_b² in q′, and a, b and s what a skip connection
    adds, critical means σ_w² = (1 − b)/B and σ_b² = (q − a − σ_w² A)/β. So the line is parametrised by q, without
    solving for anything. Here `chi` stands for B/(1 − b), so that σ_w² = 1/chi; it is 0 where no weights are critical.
    """

    def __init__(self, block: Network) -> None:
        self.skips = any(layer.inner and not isinstance(layer, Network) for layer in block.walk())
        self.weight = HUGE if self.skips else 1.0  # a σ_w² beside which what a skip connection adds is nothing
        self.bare = block.at(sigma_w=self.weight**0.5, sigma_b=0.0)
        self.still = block.at(sigma_w=0.0, sigma_b=0.0)
        biased = one_point(block.at(sigma_w=0.0, sigma_b=HUGE**0.5), OnePoint(np.asarray(1.0)))
        self.bias = float(biased.q) / HUGE or 1.0
        self.grid = logarithmic_grid(LOWEST, largest_q(self.bare, LOWEST, HIGHEST))

    def __call__(self, q: Any) -> OnePoint:
        """A, S and B/(1 − b) at q, as `q`, `slope` and `chi`; InfiniteDerivative where the activation jumps."""
        q = np.asarray(q, dtype=np.float64)
        signal = one_point(self.bare, OnePoint(q))
        if np.any(np.isinf(signal.chi) & (q > 0)):  # at 0 a norm divides by nothing
            raise InfiniteDerivative("the activation jumps, so its gradients are infinite and no weights are critical")
        if not self.skips:
            return signal
        room, error = 1.0 - self.added(q).chi, EPS
        scale = np.where(room > error, np.maximum(room, error), np.inf) * self.weight
        chi, weight = signal.chi / scale, self.weight
        return OnePoint(
            signal.q / weight,
            signal.error / weight,
            signal.slope / weight,
            chi,
            signal.slope_error / weight,
            signal.chi_error / scale + chi * error / np.maximum(room, error),
        )

    def added(self, q: Any) -> OnePoint:
        """What is there without weights and biases."""
        return one_point(self.still, OnePoint(np.asarray(q, dtype=np.float64))) if self.skips else NOTHING

    def bias_variance(self, q: Any) -> tuple[Floats, Floats]:
        """σ_b² of the critical point at q, and a bound on its error."""
        at, added = self(q), self.added(q)
        ratio, error = _quotient(at.q, at.error, at.chi, at.chi_error)
        return (q - added.q - ratio) / self.bias, (error + ROUNDING * added.q) / self.bias

    def excess_slope(self, q: Any) -> tuple[Floats, Floats]:
        """χ_∥ − 1 at the critical point at q, and a bound on its error."""
        at, added = self(q), self.added(q)
        ratio, error = _quotient(at.slope, at.slope_error, at.chi, at.chi_error)
        return added.slope + ratio - 1.0, error + ROUNDING * np.abs(added.slope)


def profiled(block: Network) -> Profile | None:
    """The profile of a block whose last layer is its only one with weights; None of any other."""
    weighted = [layer for layer in block.walk() if "sigma_w" in layer.parameters]
    return Profile(block) if len(weighted) == 1 and [*block.walk()][-1] is weighted[0] else None


def _quotient(a: Floats, a_error: Floats, b: Floats, b_error: Floats) -> tuple[Floats, Floats]:
    """a/b and a bound on its error: infinite where b has vanished, as E φ′² does at small q where φ is flat."""
    vanished = b < FLAT
    divisor = np.where(vanished, 1.0, b)
    ratio = np.where(vanished, 0.0, a / divisor)
    return ratio, np.where(vanished, np.inf, (a_error + np.abs(ratio) * b_error) / divisor + ROUNDING * np.abs(ratio))
