"""The layers a network is described by: frozen values without any arithmetic."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from meanfield.activations.activation import Activation
from meanfield.activations.specs import activation
from meanfield.arguments import standard_deviation

__all__ = ["Dense", "Elementwise", "Layer", "as_layer"]


class Layer:
    """Base of every layer description."""


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
