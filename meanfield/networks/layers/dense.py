"""Fully connected layers."""

from dataclasses import dataclass
from typing import Any, ClassVar

from meanfield.arguments import standard_deviation
from meanfield.networks.layers.base import Layer

__all__ = ["Dense"]


@dataclass(frozen=True, eq=False)
class Dense(Layer):
    """A fully connected layer h = W x + b with W_ij of variance sigma_w²/fan_in and b_i of variance sigma_b².

    Parameters
    ----------
    sigma_w, sigma_b : float or array_like
        Standard deviations, finite and ≥ 0. Arrays broadcast against each other and give results of their broadcast
        shape.

    Raises
    ------
    InvalidInput
        If a value is negative or not finite.

    References
    ----------
    Poole et al. 2016 (arXiv:1606.05340), section 2.

    Examples
    --------
    >>> import meanfield as mf
    >>> mf.Dense(1.5, 0.1)
    Dense(sigma_w=1.5, sigma_b=0.1)
    """

    sigma_w: Any = 1.0
    sigma_b: Any = 0.0

    parameters: ClassVar[tuple[str, ...]] = ("sigma_w", "sigma_b")
    fresh: ClassVar[bool] = True
    linear: ClassVar[bool] = True

    @property
    def matrices(self) -> int:
        """One weight matrix."""
        return 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "sigma_w", standard_deviation(self.sigma_w, "sigma_w"))
        object.__setattr__(self, "sigma_b", standard_deviation(self.sigma_b, "sigma_b"))
