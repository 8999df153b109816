"""Keras layers in the place of an activation: a Sequential part by part; no layer with noise, which has no mode."""

import sys
from collections.abc import Callable
from typing import Any

from meanfield.errors import BadActivation

COUPLING = (
    ("BatchNormalization", "normalises over the batch: in a block it is mf.BatchNorm(batch_size)"),
    ("LayerNormalization", "normalises over units: in a block it is mf.LayerNorm()"),
    ("RMSNormalization", "normalises over units: in a block it is mf.RMSNorm()"),
    ("GroupNormalization UnitNormalization", "normalises over units"),
    ("Softmax", "normalises over the entries of an axis"),
    ("PReLU", "has a slope for each unit: give it as leaky_relu with one slope"),
)
NOISE = ("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "AlphaDropout", "GaussianDropout",
         "GaussianNoise")  # fmt: skip


def is_keras_layer(thing: object) -> bool:
    """Whether `thing` is an instance of keras.Layer."""
    keras: Any = sys.modules.get("keras")
    return hasattr(keras, "Layer") and isinstance(thing, keras.Layer)


def elementwise(layer: Any) -> Callable[[Any], Any]:
    """The layer, or the layers of a Sequential one after the other, as a function of arrays of any shape.

    Raises
    ------
    BadActivation
        If one of them is random in training, since `training` is an argument of the call and not known here, or is
        known not to be elementwise.
    """
    layers = _flattened(layer)
    for part in layers:
        _refuse(part, "" if part is layer else f" in {layer.name}")

    def called(x: Any) -> Any:
        for part in layers:
            x = part(x)
        return x

    return called


def _flattened(layer: Any) -> list[Any]:
    if isinstance(layer, sys.modules["keras"].Sequential):
        return [part for inner in layer.layers for part in _flattened(inner)]
    return [layer]


def _refuse(part: Any, whole: str) -> None:
    name, library = type(part).__name__, sys.modules["keras"].layers
    if name in NOISE and any(getattr(part, size, None) for size in ("rate", "stddev")):
        raise BadActivation(
            f"{name}{whole} is random in training and nothing in inference, and a Keras layer does not say which is "
            "meant: give the activation alone, and noise as a layer of the block, as in "
            "mf.Network('gelu', mf.Dropout(0.1), mf.Dense())"
        )
    for classes, what in COUPLING:
        if isinstance(part, tuple(getattr(library, word) for word in classes.split() if hasattr(library, word))):
            raise BadActivation(f"{name}{whole} is not elementwise, it {what}")
    if any(len(weight.shape) >= 2 for weight in part.weights) or hasattr(part, "kernel_initializer"):
        raise BadActivation(
            f"{name}{whole} is not elementwise, it multiplies by a matrix: give the activation alone; in a block, "
            "weights are mf.Dense(sigma_w, sigma_b)"
        )
