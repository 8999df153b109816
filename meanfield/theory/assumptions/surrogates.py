"""Surrogate derivatives: gradients pass through g, while signals and their correlations pass through φ."""

from dataclasses import replace

from meanfield.errors import InvalidInput
from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.elementwise import Elementwise


def with_surrogates(*layers: Layer) -> str:
    """The names of the activations that have a surrogate derivative; "" if none has."""
    return " and ".join(dict.fromkeys(phi.name for layer in layers for phi in layer.activations if phi.surrogate))


def without_surrogates(layer: Layer) -> Layer:
    """The same layer with φ′ in the place of every surrogate; itself if it has none."""
    if not with_surrogates(layer):
        return layer
    if isinstance(layer, Elementwise):
        return Elementwise(replace(layer.activation, surrogate=None))
    return layer.rebuilt(tuple(without_surrogates(inner) for inner in layer.inner))


def refuse_surrogates(*layers: Layer, what: str) -> None:
    """Raise InvalidInput if an activation has a surrogate derivative, of which `what` is not defined or not known."""
    if names := with_surrogates(*layers):
        raise InvalidInput(f"{what}, and {names} has a surrogate derivative: give the activation without it")
