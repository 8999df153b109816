"""The layers a network is described by: frozen values without any arithmetic."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from meanfield.activations.activation import Activation
from meanfield.activations.specs import activation
from meanfield.errors import InvalidInput

__all__ = ["Dense", "Elementwise", "Layer", "as_layer"]


class Layer:
    """Base of every layer description."""


def standard_deviation(value: ArrayLike, name: str) -> NDArray[np.float64] | float:
    """`value` as a float or float array; refused unless finite and not negative."""
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidInput(f"{name} must be a number or an array of numbers, not {value!r}") from None
    if not np.all(np.isfinite(array) & (array >= 0)):
        raise InvalidInput(f"{name} is a standard deviation and must be finite and at least 0, not {value!r}")
    return float(array) if array.ndim == 0 else array


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

    def __post_init__(self) -> None:
        object.__setattr__(self, "sigma_w", standard_deviation(self.sigma_w, "sigma_w"))
        object.__setattr__(self, "sigma_b", standard_deviation(self.sigma_b, "sigma_b"))


@dataclass(frozen=True, eq=False)
class Elementwise(Layer):
    """An activation applied to every unit; a name, text or callable in a layer's place becomes one."""

    activation: Activation


def as_layer(spec: "Layer | str | Activation | Callable[..., Any]") -> Layer:
    """`spec` if it is a layer, else the activation that it names, as a layer."""
    return spec if isinstance(spec, Layer) else Elementwise(activation(spec))
