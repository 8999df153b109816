"""Errors of 3 % in the theory: each turns a block into another, which the theory reads in place of the right one."""

import copy
from collections.abc import Callable
from dataclasses import fields, replace
from functools import cache
from typing import Any

from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.network import Network
from meanfield.theory.layer_maps import one_point, two_points
from meanfield.theory.layer_maps.covariance import all_points

Fault = Callable[[Any], Any]
SIGNAL, GRADIENT = ("q", "q1", "q2", "d"), ("chi",)
FACTOR = 1.03


@cache
def _louder(kind: type[Layer], what: tuple[str, ...]) -> type[Layer]:
    """The same kind of layer with maps of its own, which are 3 % too large in the fields `what` of the states."""
    wrong = type(f"Louder{kind.__name__}", (kind,), {})

    def scaled(state: Any) -> Any:
        return replace(state, **{f.name: FACTOR * getattr(state, f.name) for f in fields(state) if f.name in what})

    def scales(right: Any) -> Any:
        return lambda layer, state: scaled(right(layer, state))

    for law in (one_point, two_points):
        law.register(wrong, scales(law.dispatch(kind)))
    of_kind = all_points.dispatch(kind)
    if of_kind is not all_points.dispatch(object):  # which calls the two maps above

        def all_louder(layer: Any, state: Any) -> Any:
            after, back = of_kind(layer, state)
            return scaled(after), back

        all_points.register(wrong, all_louder)
    return wrong


def louder(*kinds: type[Layer], what: tuple[str, ...] = SIGNAL) -> Fault:
    """In theory, each layer of these kinds leaves second moments, or gradients, that are 3 % too large."""

    def planted(layer: Any) -> Any:
        if not isinstance(layer, kinds):
            return layer.rebuilt(tuple(planted(inner) for inner in layer.inner))
        wrong = copy.copy(layer)
        object.__setattr__(wrong, "__class__", _louder(type(layer), what))
        return wrong

    return planted


def parameters(kind: type[Layer] | tuple[type[Layer], ...], change: Callable[[Any], dict[str, float]]) -> Fault:
    """In theory, the layers of this kind have other parameters."""
    return lambda block: Network(block).with_parameters(lambda layer: change(layer) if isinstance(layer, kind) else {})


def noisier(kind: type[Layer], rest: float, factor: float) -> Fault:
    """The second moment behind the noise, std² + rest, is wrong by this factor."""
    return parameters(kind, lambda layer: {"std": (factor * (layer.std**2 + rest) - rest) ** 0.5})


def larger_weights(*kinds: type[Layer]) -> Fault:
    """In theory, the weights of these kinds of layers are 3 % larger."""
    return parameters(kinds, lambda layer: {"sigma_w": FACTOR * layer.sigma_w})
