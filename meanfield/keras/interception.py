"""The outputs of the layers of a Keras model, by interception of calls."""

from typing import Any

import numpy as np

from meanfield.audits.kernels import Output
from meanfield.errors import InvalidInput
from meanfield.keras.framework import framework

#: Beginnings of the names of layers that pass on the entries of a signal.
SHAPES = (
    "Flatten",
    "Reshape",
    "Permute",
    "Dropout",
    "SpatialDropout",
    "AveragePooling",
    "MaxPooling",
    "Global",
    "Zero",
)


def layers_of(model: Any) -> dict[str, Any]:
    """The layers inside a model by their paths of names with dots, outer ones first; the path of the model is empty."""
    found: dict[str, Any] = {}
    seen: set[int] = set()

    def walk(layer: Any, path: str) -> None:
        if id(layer) in seen:
            return
        seen.add(id(layer))
        found[path if path not in found else f"{path}:{len(found)}"] = layer
        for inner in layer._flatten_layers(include_self=False, recursive=False):
            walk(inner, f"{path}.{inner.name}" if path else inner.name)

    walk(model, "")
    return found


def outputs_of(model: Any, inputs: Any) -> tuple[dict[str, Output], frozenset[str]]:
    """The outputs of all layers in the order in which they ended, and the paths whose output is the model's."""
    keras = framework()
    paths = {id(layer): path for path, layer in layers_of(model).items()}
    signals: dict[str, Any] = {}
    behind: dict[str, str] = {}
    made: list[tuple[Any, str]] = []  # signals, and the activations that made them
    original = keras.layers.Layer.__call__

    def call(self: Any, *arguments: Any, **options: Any) -> Any:
        output = original(self, *arguments, **options)
        path = paths.get(id(self))
        if path is not None and keras.ops.is_tensor(output) and "float" in str(output.dtype):
            argument = arguments[0] if arguments else None
            before = "input" if not made or argument is None else _lookup(made, argument)
            behind.setdefault(path, before)
            signals.setdefault(path, output)
            made.append((output, before if type(self).__name__.startswith(SHAPES) else _activation(self)))
        return output

    keras.layers.Layer.__call__ = call
    try:
        output = model(inputs, training=False)
    except Exception as error:
        told = " ".join(str(error).split())[:160]
        raise InvalidInput(f"the model does not run on these inputs: {type(error).__name__}: {told}") from error
    finally:
        keras.layers.Layer.__call__ = original
    ends = frozenset(path for path, signal in signals.items() if signal is output)
    kinds = {path: type(layer).__name__ for path, layer in layers_of(model).items()}
    return {path: Output(kinds[path], as_array(signal), behind=behind[path]) for path, signal in signals.items()}, ends


def _lookup(made: list[tuple[Any, str]], signal: Any) -> str:
    return next((name for one, name in reversed(made) if one is signal), "")


def _activation(layer: Any) -> str:
    """The name of the activation that ends a layer; empty for none."""
    function = getattr(layer, "activation", None)
    name = str(getattr(function, "__name__", "") or (type(layer).__name__ if function is not None else ""))
    if type(layer).__module__.startswith("keras.src.layers.activations") and function is None:
        name = type(layer).__name__.lower()
    return "" if name == "linear" else name


def as_array(value: Any) -> Any:
    """A tensor of any backend as an array of float32 or float64."""
    keras = framework()
    wide = value if "64" in str(value.dtype) else keras.ops.cast(value, "float32")
    return np.asarray(keras.ops.convert_to_numpy(wide))
