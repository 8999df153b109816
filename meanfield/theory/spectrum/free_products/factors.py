"""Factors of the Jacobian as curves: each gives m and log ζ(m) as functions of its own variable w = e^ω.

A factor is the ψ-transform of one block without the rational parts that its matrices add. Nothing is inverted: w is the
unknown (the subordination variable), and m follows.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from meanfield._types import Floats
from meanfield.theory.spectrum.slopes.slope_law import SlopeLaw
from meanfield.theory.spectrum.slopes.transforms import Numbers, argument, transform, transform_error


class OnCurve(NamedTuple):
    """A factor at ω, arrays of one shape."""

    m: Numbers
    m1: Numbers  # 1 + m, without cancellation
    slope: Numbers  # dm/dω
    log: Numbers  # what the factor adds to log z
    log_slope: Numbers  # its derivative in ω


@dataclass(frozen=True, eq=False)
class Slopes:
    """The diagonal matrix of φ′(h)² of one layer: log ζ = log w with M_D(w) = m.

    Parameters
    ----------
    law : SlopeLaw
        The law of φ′².
    """

    law: SlopeLaw

    ceiling: float = math.pi  # of the argument of w

    def first(self) -> float:
        """What w·m tends to at large w."""
        return self.law.mean

    def at(self, omega: Numbers) -> OnCurve:
        """The factor at ω."""
        w = np.exp(omega)
        found = transform(self.law, w)
        return OnCurve(found.m, found.m1, found.slope * w, omega, np.ones_like(omega))

    def potential(self, omega: Numbers, on: OnCurve) -> Floats:
        """Im ∫ log ζ dm along the curve from m = 0."""
        return np.asarray(np.imag(on.m * omega) - argument(self.law, np.exp(omega)))

    def error(self, omega: Numbers) -> Floats:
        """Bound on the error of m."""
        return transform_error(self.law, np.exp(omega))


@dataclass(frozen=True, eq=False)
class Skip:
    """A residual block s·1 + a·X with X = W₂ D W₁ or W D: the symmetrised laws of singular values add freely.

    With y = M_D(w), u = (1 + y)^p/(a²σ² w) and v(1 + v) = s²u the block has m = v + y and log ζ = −log u.

    Parameters
    ----------
    law : SlopeLaw
        The law of φ′².
    skip : float
        s², > 0.
    gain : float
        a² times the product of the matrices' σ², > 0.
    power : int
        p = 2 less the number of Gaussian matrices in the branch.
    """

    law: SlopeLaw
    skip: float
    gain: float
    power: int
    ceiling: float = 2 * math.pi  # of the argument of w, which crosses the negative axis in the middle of the bulk

    def first(self) -> float:
        """What w·m tends to at large w."""
        return self.skip / self.gain + self.law.mean

    def at(self, omega: Numbers, lower: bool = False) -> OnCurve:
        """The factor at ω; `lower` takes the other real branch, of the lower edge."""
        w = np.exp(omega)
        y = transform(self.law, w)
        ratio = y.slope * w / y.m1
        log_u = self.power * np.log(y.m1) - np.log(self.gain) - omega
        u_slope = self.power * ratio - 1.0  # d log u/dω
        u = np.exp(log_u)
        root = np.sqrt(1 + 4 * self.skip * u)
        if np.iscomplexobj(omega):
            root = np.where(np.imag(root) > 0, -root, root)
        elif lower:
            root = -root
        v1 = 0.5 * (1 + root)
        v = np.where(np.abs(1 + root) > 1, 2 * self.skip * u / (1 + root), v1 - 1)
        v1 = np.where(np.abs(1 + root) > 1, v1, 2 * self.skip * u / (root - 1))
        slope = self.skip * u * u_slope / root + y.slope * w
        return OnCurve(v + y.m, v1 + y.m, slope, -log_u, -u_slope)

    def potential(self, omega: Numbers, on: OnCurve) -> Floats:
        """Im ∫ log ζ dm along the curve from m = 0, as −∫ log u dv − ∫ log u dy."""
        w = np.exp(omega)
        y = transform(self.law, w)
        v, v1 = on.m - y.m, on.m1 - y.m
        along_v = v * np.log(v) + v1 * np.log(v1) - v * (2 + np.log(self.skip))
        along_y = self.power * (y.m1 * np.log(y.m1) - y.m) - y.m * np.log(self.gain)
        of_w = np.imag(y.m * omega) - argument(self.law, w)
        return np.asarray(-np.imag(along_v + along_y) + of_w)

    def error(self, omega: Numbers) -> Floats:
        """Bound on the error of m, of first order."""
        w = np.exp(omega)
        return transform_error(self.law, w)


Factor = Slopes | Skip
