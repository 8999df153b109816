"""torch modules that act at random, as layers: activations with the noise that follows them."""

from typing import Any

import numpy as np

from meanfield.activations.callables.random_parts import RandomPart, is_random, random_part
from meanfield.activations.callables.torch_modules import mode_of, name_of_module, parts
from meanfield.activations.resolve import activation
from meanfield.errors import InvalidInput
from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.dropout import Dropout
from meanfield.networks.layers.elementwise import Elementwise, LayerLike, as_layer
from meanfield.networks.layers.noise import MultiplicativeNoise


def as_layers(spec: LayerLike) -> tuple[Layer, ...]:
    """`spec` as layers: one, but for a torch module that acts at random, which is taken part by part.

    Raises
    ------
    InvalidInput
        If no layer has the second moments of a part.
    """
    if not is_random(spec):
        return (as_layer(spec),)
    return tuple(layer for part in parts(spec) for layer in _of_part(part, spec))


def _of_part(part: Any, module: Any) -> tuple[Layer, ...]:
    law = random_part(part)
    if law is None or not is_random(part):
        return (as_layer(part),)
    if law.rate is not None and law.rate < 1:
        return (Dropout(law.rate),)
    if law.slopes is not None:
        return _random_slopes(law, mode_of(part))
    raise InvalidInput(
        f"no layer has the second moments of {law.name} in {name_of_module(module)}: mf.gain takes it; in a block, "
        "give the activation alone and the noise as mf.Dropout(rate)"
    )


def _random_slopes(law: RandomPart, mode: str) -> tuple[Layer, ...]:
    """The mean slope, and noise of relative variance Var a/(1 + (E a)²), which gives E φ² = q(1 + E a²)/2."""
    slopes, weights = np.array(law.slopes), np.array(law.weights)
    mean = float(weights @ slopes)
    spread = float(weights @ (slopes - mean) ** 2)
    phi = activation("leaky_relu", negative_slope=mean, name=f"{law.name} in {mode} mode")
    return Elementwise(phi), MultiplicativeNoise((spread / (1 + mean**2)) ** 0.5)
