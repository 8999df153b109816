"""Gaussian noise on units, independent for every unit of every input."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from meanfield.arguments import standard_deviation
from meanfield.networks.layers.base import Layer


class Noise(Layer):
    """Base of layers that draw noise of each input's own; their one parameter is its size."""

    keeps_mean: ClassVar[bool] = True

    @property
    def carries(self) -> float:
        """1: a random factor has mean 1, and a random summand has mean 0."""
        return 1.0

    @property
    def draws_noise(self) -> bool:
        """Whether the size of the noise is not 0."""
        return bool(np.any(getattr(self, self.parameters[0])))

    @property
    def inert(self) -> bool:
        """Whether the size of the noise is 0."""
        return not self.draws_noise


@dataclass(frozen=True, eq=False)
class MultiplicativeNoise(Noise):
    """Each unit times 1 + std·N(0, 1), independently for each input; second moments change as by dropout with
    rate/(1 − rate) = std².

    It belongs behind an activation. Behind a Dense layer its output is not Gaussian, so no activation may follow.

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
    keeps_gaussian: ClassVar[bool] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "std", standard_deviation(self.std, "std"))


@dataclass(frozen=True, eq=False)
class AdditiveNoise(Noise):
    """Each unit plus std·N(0, 1), independently for each input. It may stand before or behind an activation.

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
    Gradients do not change, while q grows by σ_w² std² a layer at ReLU's critical point:

    >>> import meanfield as mf
    >>> from meanfield.networks.layers.noise import AdditiveNoise
    >>> t = mf.propagate(mf.Network("relu", AdditiveNoise(0.5), mf.Dense(2**0.5)), 3)
    >>> print(*(f"{q:.6f}" for q in t.q), *(f"{chi:.6f}" for chi in t.chi[:2]))
    1.000000 1.500000 2.000000 2.500000 1.000000 1.000000
    """

    std: Any

    parameters: ClassVar[tuple[str, ...]] = ("std",)

    def __post_init__(self) -> None:
        object.__setattr__(self, "std", standard_deviation(self.std, "std"))
