"""Activations as layers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from meanfield.activations.activation import Activation
from meanfield.activations.resolve import activation
from meanfield.errors import MeanFieldError
from meanfield.networks.layers.base import Layer, Mean

#: What a user may give for an activation, and for a layer.
ActivationLike = str | Activation | Callable[..., Any]
LayerLike = Layer | ActivationLike

SCALES = np.geomspace(1e-4, 1e4, 17)  # second moments at which the mean of a callable is computed


@dataclass(frozen=True, eq=False)
class Elementwise(Layer):
    """An activation applied to every unit; a name, text or callable in a layer's place becomes one."""

    activation: Any

    keeps_gaussian: ClassVar[bool] = False
    needs_gaussian: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "activation", activation(self.activation))

    @property
    def label(self) -> str:
        """The activation's name."""
        return str(self.activation.name)

    @property
    def activations(self) -> tuple[Activation, ...]:
        """The activation itself."""
        return (self.activation,)

    @property
    def reads_sphere(self) -> bool:
        """Whether its map is known directly behind a BatchNorm: it is, for every activation."""
        return True

    def units_after(self, before: Layer | None) -> Layer:
        """This layer. It must read Gaussian units or the output of a BatchNorm."""
        if before and not before.on_sphere:
            both = ", or make one activation of both, as 'sin(tanh(x))'" if isinstance(before, Elementwise) else ""
            raise self._not_gaussian(before, both)
        return self

    def mean_after(self, before: Mean | None) -> Mean | None:
        """This layer, unless E φ = 0 at every q, which the formula of φ or its moments at many q show."""
        return None if all(_has_zero_mean(phi) for _, phi in self.activation.parts) else Mean(self)


def as_layer(spec: LayerLike) -> Layer:
    """`spec` if it is a layer; otherwise the layer that applies the activation `spec`."""
    return spec if isinstance(spec, Layer) else Elementwise(spec)


def _has_zero_mean(phi: Activation) -> bool:
    if phi.is_odd is not None:
        return phi.is_odd
    try:
        return bool(np.all(phi.has_zero_mean(SCALES)))
    except MeanFieldError:
        return False
