"""The conditions of DKS and of TAT as two equations in a and b; c and d follow from them in closed form.

With m = E f, v = Var f, D = E f′² of f(z) = φ(az + b), and μ = E(f + c), the conditions at q = 1 are

- DKS (Martens et al. 2021, arXiv:2110.01765, section 4): Q(1) = 1, Q′(1) = 1, C(0) = 0 and C′(1) = ζ. C(0) = 0 gives
  c = −m and Q(1) = 1 gives d = v^(−1/2). D/v = ζ and E z(f − m)f′ = v remain.
- TAT (Zhang, Botev & Martens 2022, arXiv:2203.08120, section 4.2): Q(1) = 1, Q′(1) = 1, C′(1) = 1 and C″(1) = τ.
  C′(1) = 1 gives d = D^(−1/2) and Q(1) = 1 gives μ² = D − v, with either sign. E f″² = τD and
  E z(f − m)f′ + μ E z f′ = D remain.

The equations are divided by the target, so that a residual is relative to what the target asks.
"""

from typing import Protocol

import numpy as np

from meanfield._types import Floats
from meanfield.shaping.moments import ShapeMoments


class Conditions(Protocol):
    """Two equations, and the output parameters at their roots."""

    @property
    def signs(self) -> tuple[float, ...]:
        """The signs that μ may have relative to E z f′."""

    def residuals(self, m: ShapeMoments, target: float, sign: Floats) -> tuple[Floats, Floats]:
        """The two left sides, which are 0 at a root."""

    def growth(self, m: ShapeMoments) -> Floats:
        """The quantity that must equal the target; it is proportional to a² for small a."""

    def output(self, m: ShapeMoments, sign: Floats) -> tuple[Floats, Floats]:
        """c and d."""


class DKS:
    """C′(1) − 1 is the target."""

    signs: tuple[float, ...] = (1.0,)

    def residuals(self, m: ShapeMoments, target: float, sign: Floats) -> tuple[Floats, Floats]:
        """D/v − 1 and E z(f − m)f′/v − 1."""
        return self.growth(m) / target - 1, (m.excess + m.coupling) / (m.variance * target)

    def growth(self, m: ShapeMoments) -> Floats:
        """D/v − 1."""
        return m.excess / m.variance

    def output(self, m: ShapeMoments, sign: Floats) -> tuple[Floats, Floats]:
        """c = −m and d = v^(−1/2)."""
        return -m.mean, m.variance**-0.5


class TAT:
    """C″(1) is the target. `sign` is the sign of μ relative to E z f′."""

    signs: tuple[float, ...] = (1.0, -1.0)

    def residuals(self, m: ShapeMoments, target: float, sign: Floats) -> tuple[Floats, Floats]:
        """E f″²/D and (E z(f − m)f′ − D + μ E z f′)/D."""
        shift = sign * np.sqrt(np.maximum(m.excess, 0.0)) * np.abs(m.second_hermite)
        return self.growth(m) / target - 1, (m.coupling + shift) / (m.slope_moment * target)

    def growth(self, m: ShapeMoments) -> Floats:
        """E f″²/D."""
        return m.curvature / m.slope_moment

    def output(self, m: ShapeMoments, sign: Floats) -> tuple[Floats, Floats]:
        """c = μ − m and d = D^(−1/2)."""
        side = np.where(m.second_hermite < 0, -1.0, 1.0)
        return sign * side * np.sqrt(np.maximum(m.excess, 0.0)) - m.mean, m.slope_moment**-0.5
