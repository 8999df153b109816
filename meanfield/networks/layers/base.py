"""What every layer description answers: frozen values without any arithmetic."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, ClassVar, cast

import numpy as np

from meanfield.errors import InvalidInput

__all__ = ["Layer"]


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
