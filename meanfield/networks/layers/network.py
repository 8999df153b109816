"""A network is a sequence of layers, and itself a layer, so blocks nest."""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from itertools import takewhile
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Bools, Ints, Parameter
from meanfield.arguments import standard_deviation
from meanfield.errors import InvalidInput
from meanfield.networks.layers.base import Layer, Mean
from meanfield.networks.layers.elementwise import Elementwise, LayerLike
from meanfield.networks.layers.modules import as_layers


class Network(Layer):
    """A sequence of layers. A network that is repeated in depth is a *block*; its state is the signal at its input.

    Parameters
    ----------
    *layers : Layer, str, Activation or callable
        Everything that is not a layer must be an activation, as `meanfield.activation` takes it. Of a torch module in
        training mode, each Dropout becomes a layer of its own.

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
        self.layers: tuple[Layer, ...] = tuple(layer for spec in layers for layer in as_layers(spec))
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
        """The product over its layers; 0 if one of them has fresh weights."""
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

    def units_after(self, before: Layer | None) -> Layer | None:
        """The layer that makes the units behind the last layer non-Gaussian; None where they are Gaussian."""
        for layer in self:
            before = layer.units_after(before)
        return before

    def mean_after(self, before: Mean | None) -> Mean | None:
        """The mean over units behind the last layer; None where it is 0."""
        for layer in self:
            before = layer.mean_after(before)
        return before

    @property
    def _behind_weights(self) -> list[Layer]:
        behind = list(takewhile(lambda layer: not layer.fresh, reversed(list(in_sequence(self)))))
        return behind[::-1]

    @cached_property
    def leaves_mean(self) -> bool:
        """Whether some units may have a mean where the input has none; only layers at the end are asked."""
        mean, layers = None, self._behind_weights
        for i, layer in enumerate(layers):
            after = layer.mean_after(mean)
            mean = mean if after is None and any(map(_has_unlike_units, layers[: i + 1])) else after
        return mean is not None

    @cached_property
    def units_differ(self) -> bool:
        """Whether units have different functions behind the last weights, so that their means differ."""
        return any(map(_has_unlike_units, self._behind_weights))

    def normalised_after(self, before: bool) -> bool:
        """Whether the whole signal behind the last layer has passed a BatchNorm."""
        layers = list(in_sequence(self))
        for layer, following in zip(layers, [*layers[1:], None], strict=True):
            if layer.on_sphere and not (following and following.reads_sphere):
                raise InvalidInput(
                    f"the output of {layer.label} is not Gaussian: an activation or a Dense layer must follow it in "
                    "the same block or branch"
                )
            before = layer.normalised_after(before)
        return before

    def rebuilt(self, inner: tuple[Layer, ...], **parameters: Parameter) -> "Network":
        """A network of other layers."""
        return Network(*inner)

    def at(self, *, sigma_w: ArrayLike | None = None, sigma_b: ArrayLike | None = None) -> Self:
        """A copy in which all weighted layers have this sigma_w and sigma_b; None keeps the present values."""
        change = {
            name: standard_deviation(value, name)
            for name, value in (("sigma_w", sigma_w), ("sigma_b", sigma_b))
            if value is not None
        }
        return self.with_parameters(
            lambda layer: {name: value for name, value in change.items() if name in layer.parameters}
        )

    def with_parameters(self, parameters: Callable[[Layer], Mapping[str, Parameter]]) -> Self:
        """A copy in which every layer has the parameters that the function returns for it."""
        return type(self)(*(layer.mapped(parameters) for layer in self))

    def take(self, index: Ints | Bools) -> Self:
        """The networks at the positions `index` of the flattened `shape`; every parameter becomes a 1-d array.

        Examples
        --------
        >>> import meanfield as mf
        >>> mf.Network("relu", mf.Dense([[1.0], [2.0]], [0.0, 0.1])).take(np.array([2]))
        Network('relu', Dense(sigma_w=array([2.]), sigma_b=array([0.])))
        """
        shape = self.shape
        return self.with_parameters(
            lambda layer: {
                name: np.broadcast_to(getattr(layer, name), shape).ravel()[index] for name in layer.parameters
            }
        )

    def flattened(self) -> Iterator[Layer]:
        """All layers except networks, in order; a container comes before the layers that it contains."""
        return (layer for layer in self.walk() if not isinstance(layer, Network))


def _has_unlike_units(layer: Layer) -> bool:
    return any(len(phi.parts) > 1 for phi in layer.activations) or any(
        np.any(np.not_equal(inner.width_ratio, 1.0)) for inner in layer.walk()
    )


def in_sequence(layer: Layer) -> Iterator[Layer]:
    """The layers in order, with the layers of nested networks in place of these; other containers stay whole."""
    if not isinstance(layer, Network):
        yield layer
        return
    for inner in layer:
        yield from in_sequence(inner)
