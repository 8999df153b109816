"""How much of its input a sequence of layers carries through: the a of E[output | input] = a·input.

The mean is over the layers' own weights and noise. It is what correlates a branch with the skip connection around it.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.dropout import Dropout
from meanfield.networks.layers.network import in_sequence
from meanfield.networks.layers.noise import AdditiveNoise, MultiplicativeNoise
from meanfield.networks.layers.residual import Residual

__all__ = ["carried"]


def carried(layers: Iterable[Layer]) -> Any:
    """The factor a, 0 behind fresh weights; None where the output's mean is no multiple of the input."""
    a: Any = 1.0
    for layer in layers:
        if layer.fresh:
            a = 0.0
        elif a is None or not np.any(a) or isinstance(layer, Dropout | MultiplicativeNoise | AdditiveNoise):
            pass  # what follows fresh weights has a mean of its own at most, which is looked at elsewhere
        elif isinstance(layer, Residual):
            a = _times(a, layer)
        else:
            a = None
    return a


def _times(a: Any, layer: Residual) -> Any:
    s, b = np.asarray(layer.skip_scale), np.asarray(layer.branch_scale)
    inside = carried(in_sequence(layer.branch)) if np.any(b) else 0.0
    return None if inside is None else a * (s + b * inside)
