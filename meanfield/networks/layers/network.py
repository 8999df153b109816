"""A network is a sequence of layers, and itself a layer, so blocks nest."""

from collections.abc import Callable, Iterator, Mapping
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Bools, Ints, Parameter
from meanfield.arguments import standard_deviation
from meanfield.errors import InvalidInput
from meanfield.networks.layers.base import Layer, Mean
from meanfield.networks.layers.elementwise import Elementwise, LayerLike, as_layer


class Network(Layer):
    """A sequence of layers; as a *block* it is what is repeated in depth, and its state is the signal at its input.

    Parameters
    ----------
    *layers : Layer, str, Activation or callable
        What is not a layer is taken for an activation.

    Raises
    ------
    InvalidInput
        If there is no layer, or the layers' parameters do not broadcast.
    UnknownActivation, BadActivation
        If a layer's activation is not usable.

    Examples
    --------
    >>> import meanfield as mf
    >>> mf.Network("tanh", mf.Dense(1.5, 0.1))
    Network('tanh', Dense(sigma_w=1.5, sigma_b=0.1))
    """

    def __init__(self, *layers: LayerLike) -> None:
        if not layers:
            raise InvalidInput("a Network needs at least one layer, as in Network('tanh', Dense(1.5, 0.1))")
        self.layers: tuple[Layer, ...] = tuple(as_layer(layer) for layer in layers)
        _ = self.shape  # raises where the parameters do not broadcast

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)

    def __len__(self) -> int:
        return len(self.layers)

    def __repr__(self) -> str:
        inside = (repr(layer.activation.name) if isinstance(layer, Elementwise) else repr(layer) for layer in self)
        return f"Network({', '.join(inside)})"

    @property
    def inner(self) -> tuple[Layer, ...]:
        """Its layers."""
        return self.layers

    @property
    def carries(self) -> Parameter | None:
        """The product over its layers; what follows fresh weights has no part of the input."""
        a: Parameter | None = 1.0
        for layer in self:
            if layer.fresh:
                a = 0.0
            elif a is not None and np.any(a):
                own = layer.carries
                a = None if own is None else a * own
        return a

    def images_after(self, images: tuple[int, ...]) -> tuple[int, ...]:
        """The shape that images have behind its last layer."""
        for layer in self:
            images = layer.images_after(images)
        return images

    def units_after(self, left: Layer | None) -> Layer | None:
        """What its last layer leaves."""
        for layer in self:
            left = layer.units_after(left)
        return left

    def mean_after(self, left: Mean | None) -> Mean | None:
        """What its last layer leaves."""
        for layer in self:
            left = layer.mean_after(left)
        return left

    def normalised_after(self, before: bool) -> bool:
        """Whether its last layer's output has gone through a BatchNorm."""
        layers = list(in_sequence(self))
        for layer, following in zip(layers, [*layers[1:], None], strict=True):
            if layer.on_sphere and not (following and following.reads_sphere):
                raise InvalidInput(
                    f"{layer.label} leaves units that are not Gaussian: an activation or a Dense layer must follow it "
                    "in the same block or branch"
                )
            before = layer.normalised_after(before)
        return before

    def rebuilt(self, inner: tuple[Layer, ...], **parameters: Parameter) -> "Network":
        """A network of other layers."""
        return Network(*inner)

    def at(self, *, sigma_w: ArrayLike | None = None, sigma_b: ArrayLike | None = None) -> Self:
        """The same network with every weighted layer's sigma_w and sigma_b set so; None leaves them as they are."""
        change = {
            name: standard_deviation(value, name)
            for name, value in (("sigma_w", sigma_w), ("sigma_b", sigma_b))
            if value is not None
        }
        return self.with_parameters(
            lambda layer: {name: value for name, value in change.items() if name in layer.parameters}
        )

    def with_parameters(self, parameters: Callable[[Layer], Mapping[str, Parameter]]) -> Self:
        """The same network, every layer in it with the parameters that the function returns for it."""
        return type(self)(*(layer.mapped(parameters) for layer in self))

    def take(self, index: Ints | Bools) -> Self:
        """The networks at `index` of the flattened broadcast shape: every parameter becomes a 1-d array."""
        shape = self.shape
        return self.with_parameters(
            lambda layer: {
                name: np.broadcast_to(getattr(layer, name), shape).ravel()[index] for name in layer.parameters
            }
        )

    def flattened(self) -> Iterator[Layer]:
        """The layers in order, those of networks in their place; a layer that is no network before those within it."""
        return (layer for layer in self.walk() if not isinstance(layer, Network))


def in_sequence(layer: Layer) -> Iterator[Layer]:
    """The layers in order, those of networks in their place, containers of other kinds whole."""
    if not isinstance(layer, Network):
        yield layer
        return
    for inner in layer:
        yield from in_sequence(inner)
