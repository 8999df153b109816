"""Activations as layers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from meanfield.activations.activation import Activation
from meanfield.activations.resolve import activation
from meanfield.networks.layers.base import Layer

__all__ = ["Elementwise", "as_layer"]


@dataclass(frozen=True, eq=False)
class Elementwise(Layer):
    """An activation applied to every unit; a name, text or callable in a layer's place becomes one."""

    activation: Activation

    keeps_gaussian: ClassVar[bool] = False


def as_layer(spec: "Layer | str | Activation | Callable[..., Any]") -> Layer:
    """`spec` if it is a layer, else the activation that it names, as a layer."""
    return spec if isinstance(spec, Layer) else Elementwise(activation(spec))
