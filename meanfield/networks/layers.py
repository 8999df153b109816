"""The layers a network is described by: frozen values without any arithmetic."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar, cast

import numpy as np

from meanfield.activations.activation import Activation
from meanfield.activations.specs import activation
from meanfield.arguments import standard_deviation
from meanfield.errors import InvalidInput

__all__ = ["Dense", "Elementwise", "Layer", "as_layer"]


class Layer:
    """Base of every layer description.

    A kind of layer names its `parameters`. One that contains layers also defines `inner` and `rebuilt`; whatever looks
    into networks goes by these.

    Attributes
    ----------
    parameters : tuple of str
        The attributes that are numbers and may be arrays.
    fresh : bool
        Whether it has zero-mean weights of its own, whatever its input: then the output has zero mean and is
        uncorrelated with all that came before.
    keeps_mean : bool
        Whether the output has zero mean if the input has.
    keeps_gaussian : bool
        Whether the output is Gaussian if the input is; of a layer that is `fresh`, if the input is anything.
    """

    parameters: ClassVar[tuple[str, ...]] = ()
    fresh: ClassVar[bool] = False
    keeps_mean: ClassVar[bool] = False
    keeps_gaussian: ClassVar[bool] = True

    @property
    def inner(self) -> "tuple[Layer, ...]":
        """The layers that it contains."""
        return ()

    @property
    def matrices(self) -> int:
        """Weight matrices of its own."""
        return 0

    def rebuilt(self, inner: "tuple[Layer, ...]", **parameters: Any) -> "Layer":
        """The same layer around others and with other parameters, where these are given."""
        changed: Layer = replace(cast(Any, self), **parameters) if parameters else self  # a dataclass, if it has any
        return changed

    def walk(self) -> "Iterator[Layer]":
        """This layer and all within it, in order, each before what it contains."""
        yield self
        for layer in self.inner:
            yield from layer.walk()

    def mapped(self, parameters: "Callable[[Layer], dict[str, Any]]") -> "Layer":
        """The same with every layer of `walk` given the parameters that the function returns for it."""
        return self.rebuilt(tuple(layer.mapped(parameters) for layer in self.inner), **parameters(self))

    @property
    def shape(self) -> tuple[int, ...]:
        """Broadcast shape of the parameters of all layers within it; ``()`` if all are scalars."""
        named = [(name, np.shape(getattr(layer, name))) for layer in self.walk() for name in layer.parameters]
        try:
            return np.broadcast_shapes(*(shape for _, shape in named))
        except ValueError:
            shapes = ", ".join(f"{name} {shape}" for name, shape in named if shape)
            raise InvalidInput(f"the shapes of a network's parameters do not broadcast: {shapes}") from None


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

    @property
    def matrices(self) -> int:
        """One."""
        return 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "sigma_w", standard_deviation(self.sigma_w, "sigma_w"))
        object.__setattr__(self, "sigma_b", standard_deviation(self.sigma_b, "sigma_b"))


@dataclass(frozen=True, eq=False)
class Elementwise(Layer):
    """An activation applied to every unit; a name, text or callable in a layer's place becomes one."""

    activation: Activation

    keeps_gaussian: ClassVar[bool] = False


def as_layer(spec: "Layer | str | Activation | Callable[..., Any]") -> Layer:
    """`spec` if it is a layer, else the activation that it names, as a layer."""
    return spec if isinstance(spec, Layer) else Elementwise(activation(spec))
