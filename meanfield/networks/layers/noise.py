"""Gaussian noise on units, independent for every unit of every input."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from meanfield.arguments import standard_deviation
from meanfield.networks.layers.base import Layer


@dataclass(frozen=True, eq=False)
class MultiplicativeNoise(Layer):
    """Each unit times 1 + std·N(0, 1), each input by itself: what dropout is with rate/(1 − rate) for std².

    It belongs behind an activation. Behind a Dense layer it leaves units that are not Gaussian.

    Parameters
    ----------
    std : float or array_like
        Standard deviation of the factor, whose mean is 1; finite and ≥ 0. Arrays broadcast with sigma_w and sigma_b.

    Raises
    ------
    InvalidInput
        If `std` is negative, not finite or above 10¹⁵⁰.

    References
    ----------
    Pretorius et al. 2018 (arXiv:1811.00293), whose μ₂ is 1 + std²; Srivastava et al. 2014 (JMLR 15, 1929),
    "Multiplicative Gaussian noise".

    Examples
    --------
    >>> import meanfield as mf
    >>> from meanfield.networks.layers.noise import MultiplicativeNoise
    >>> block = mf.Network("relu", MultiplicativeNoise(0.5), mf.Dense(1.6**0.5))  # sigma_w² = 2/(1 + std²)
    >>> print(f"{mf.variance_map(block, 3.0).value:.12f}")
    3.000000000000
    """

    std: Any

    parameters: ClassVar[tuple[str, ...]] = ("std",)
    keeps_mean: ClassVar[bool] = True
    keeps_gaussian: ClassVar[bool] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "std", standard_deviation(self.std, "std"))

    @property
    def carries(self) -> float:
        """The noise has mean 1 as a factor."""
        return 1.0

    @property
    def draws_noise(self) -> bool:
        """Unless it has no size."""
        return bool(np.any(self.std))

    @property
    def inert(self) -> bool:
        """Whether the noise has no size."""
        return not self.draws_noise


@dataclass(frozen=True, eq=False)
class AdditiveNoise(Layer):
    """Each unit plus std·N(0, 1), each input by itself, before an activation or behind it.

    Parameters
    ----------
    std : float or array_like
        Standard deviation of what is added, finite and ≥ 0. Arrays broadcast with sigma_w and sigma_b.

    Raises
    ------
    InvalidInput
        If `std` is negative, not finite or above 10¹⁵⁰.

    References
    ----------
    Pretorius et al. 2018 (arXiv:1811.00293).

    Examples
    --------
    It keeps gradients as they are, and q from being kept where ReLU is critical without it:

    >>> import meanfield as mf
    >>> from meanfield.networks.layers.noise import AdditiveNoise
    >>> t = mf.propagate(mf.Network("relu", AdditiveNoise(0.5), mf.Dense(2**0.5)), 3)
    >>> print(*(f"{q:.6f}" for q in t.q), *(f"{chi:.6f}" for chi in t.chi[:2]))
    1.000000 1.500000 2.000000 2.500000 1.000000 1.000000
    """

    std: Any

    parameters: ClassVar[tuple[str, ...]] = ("std",)
    keeps_mean: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "std", standard_deviation(self.std, "std"))

    @property
    def carries(self) -> float:
        """The noise has mean 0."""
        return 1.0

    @property
    def draws_noise(self) -> bool:
        """Unless it has no size."""
        return bool(np.any(self.std))

    @property
    def inert(self) -> bool:
        """Whether the noise has no size."""
        return not self.draws_noise
