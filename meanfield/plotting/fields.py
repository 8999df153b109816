"""The fields of the results that figures are drawn from: any object with these fields can be drawn."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from meanfield._types import Bools, Floats


class ActivationFields(Protocol):
    """An activation: φ, φ′ and the points where φ or a derivative of φ is discontinuous."""

    @property
    def name(self) -> str:
        """How it is called."""

    def __call__(self, x: ArrayLike) -> Floats:
        """φ(x), elementwise."""

    def derivative(self, x: ArrayLike) -> Floats:
        """φ′(x), elementwise."""

    @property
    def breakpoints(self) -> tuple[float, ...]:
        """Points where φ or one of its derivatives is discontinuous, ascending."""


class FixedPointFields(Protocol):
    """A fixed point of the variance map."""

    @property
    def q(self) -> float:
        """Second moment."""

    @property
    def stable(self) -> bool:
        """Whether iterating the map returns to it."""


class DepthScaleFields(Protocol):
    """Depth scales in layers, one for each network."""

    @property
    def xi_q(self) -> Floats:
        """Depth scale of the second moment."""

    @property
    def xi_c(self) -> Floats:
        """Depth scale of the correlation."""


class CriticalLineFields(Protocol):
    """Solutions of χ₁ = 1, one row each."""

    @property
    def sigma_w(self) -> Floats:
        """Standard deviations of the weights times √fan_in."""

    @property
    def sigma_b(self) -> Floats:
        """Standard deviations of the biases."""

    @property
    def q(self) -> Floats:
        """Fixed points of the variance map."""

    @property
    def stable(self) -> Bools:
        """Whether these fixed points are stable."""

    def __len__(self) -> int:
        """Number of rows."""


class PhaseDiagramFields(Protocol):
    """Phases and depth scales on a grid, arrays of shape ``(len(sigma_w), len(sigma_b))``."""

    @property
    def sigma_w(self) -> Floats:
        """Axis of the weights' standard deviation times √fan_in."""

    @property
    def sigma_b(self) -> Floats:
        """Axis of the biases' standard deviation."""

    @property
    def label(self) -> str:
        """Name of the network."""

    @property
    def chi_1(self) -> Floats:
        """Growth factor of the squared gradient."""

    @property
    def xi_c(self) -> Floats:
        """Depth scale of the correlation, in layers."""

    @property
    def phase(self) -> NDArray[np.str_]:
        """Array of "ordered", "critical", "chaotic", "unbounded"; under noise "vanishing", "balanced", "exploding"."""


class TrajectoryFields(Protocol):
    """Theory by layer; the first axis of every array is the layer."""

    @property
    def q(self) -> Floats:
        """Second moment."""

    @property
    def c(self) -> Floats | None:
        """Correlation of two inputs; None for a single input."""

    @property
    def one_minus_c(self) -> Floats | None:
        """1 − c, accurate where c is close to 1; None for a single input."""

    @property
    def token_c(self) -> Floats | None:
        """Correlation of the tokens of a sequence."""

    @property
    def chi(self) -> Floats:
        """Growth factor of the squared gradient across one block."""

    @property
    def gradient(self) -> Floats:
        """Squared gradient relative to the last layer."""

    @property
    def q_band(self) -> Floats | None:
        """Lower and upper end of a band about q, or None."""

    @property
    def gradient_band(self) -> Floats | None:
        """Lower and upper end of a band about the gradient, or None."""


class FluctuationsFields(Protocol):
    """Fluctuations over networks by layer."""

    @property
    def var_log_q(self) -> Floats:
        """Variance of the logarithm of the second moment."""

    @property
    def var_log_gradient(self) -> Floats:
        """Variance of the logarithm of the squared gradient."""


class SampleFields(Protocol):
    """Means over simulated networks by layer."""

    @property
    def mean(self) -> Floats:
        """Sample means."""

    @property
    def standard_error(self) -> Floats:
        """Standard errors of the means."""


class SimulationFields(Protocol):
    """Simulated quantities by layer."""

    @property
    def q(self) -> SampleFields:
        """Second moment."""

    @property
    def c(self) -> SampleFields | None:
        """Correlation of two inputs; None for a single input."""

    @property
    def one_minus_c(self) -> SampleFields | None:
        """1 − c; None for a single input."""

    @property
    def token_c(self) -> SampleFields | None:
        """Correlation of the tokens of a sequence."""

    @property
    def gradient(self) -> SampleFields:
        """Squared gradient relative to the last layer."""


class RowFields(Protocol):
    """One quantity at one layer, in theory and in simulation."""

    @property
    def layer(self) -> int:
        """Layer, 0 for the input."""

    @property
    def quantity(self) -> str:
        """Name of the quantity."""

    @property
    def theory(self) -> float:
        """Value in theory."""

    @property
    def simulation(self) -> float:
        """Mean over simulated networks."""

    @property
    def standard_error(self) -> float:
        """Standard error of that mean."""

    @property
    def z(self) -> float:
        """Difference in standard errors."""


class CheckFields(Protocol):
    """A comparison of theory with simulation."""

    @property
    def rows(self) -> Sequence[RowFields]:
        """All comparisons."""

    @property
    def z(self) -> Mapping[str, Floats]:
        """z-scores by quantity."""

    @property
    def threshold(self) -> float:
        """Largest |z| that passes."""

    @property
    def p_value(self) -> float:
        """p-value of the largest |z|."""

    @property
    def passed(self) -> bool:
        """Whether theory and simulation agree."""

    @property
    def verdict(self) -> str:
        """The outcome in a word."""


class NumberFields(Protocol):
    """Numbers with errors."""

    @property
    def value(self) -> ArrayLike:
        """The numbers."""


class SpectrumFields(Protocol):
    """The law of squared singular values."""

    @property
    def atoms(self) -> Mapping[float, float]:
        """Values with a mass, and the mass."""

    @property
    def bands(self) -> tuple[tuple[float, float], ...]:
        """The intervals with a density."""

    @property
    def label(self) -> str:
        """The block, in a few words."""

    @property
    def depth(self) -> int:
        """Number of blocks."""

    def density(self, x: ArrayLike, *, log: bool = False) -> NumberFields:
        """Density of λ or of ln λ at each x."""

    def quantile(self, u: ArrayLike) -> NumberFields:
        """The λ below which a share u lies."""


class ExponentFields(Protocol):
    """The law of exponents."""

    @property
    def label(self) -> str:
        """The block, in a few words."""

    def quantile(self, u: ArrayLike) -> NumberFields:
        """The exponent below which a share u lies."""
