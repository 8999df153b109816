"""The weights of a Keras model as matrices with fans."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from meanfield._types import AnyArray
from meanfield.activations.resolve import activation as resolved
from meanfield.audits.kernels import Kernel, Output, units_first
from meanfield.audits.weight import Use
from meanfield.errors import InvalidInput

#: Names of Keras's activations that are the functions of these names here, whatever their defaults are.
PLAIN = ("relu", "gelu", "silu", "tanh", "sigmoid", "elu", "selu", "softplus", "softsign", "mish")


def kernels_of(
    layers: Mapping[str, Any], arrays: Mapping[int, AnyArray], outputs: Mapping[str, Output], ends: frozenset[str]
) -> Iterator[Kernel]:
    """Every trainable variable of two or more axes, under the innermost layer that holds it.

    Parameters
    ----------
    layers : mapping of str to keras.Layer
        All layers by path, outer ones first.
    arrays : mapping of int to ndarray
        The values of the variables by id.
    outputs : mapping of str to Output
        What layers gave, in the order in which they ran.
    ends : frozenset of str
        Paths whose output is the model's output.
    """
    ran = list(outputs)
    owners = {id(variable): path for path, layer in layers.items() for variable in layer.trainable_variables}
    for path, layer in layers.items():
        own = {one.name: arrays[id(one)] for one in layer.trainable_variables if owners[id(one)] == path}
        for name, array in own.items():
            if array.ndim < 2 or not array.size:
                continue
            if not np.isfinite(array).all():
                raise InvalidInput(f"{path}.{name} has entries that are infinite or NaN")
            matrix, role, axes = _matrix(layer, name, array)
            role = "head" if role == "hidden" and path in ends else role
            order = ran.index(path) if path in ran else len(ran)
            behind = outputs[path].behind if path in ran else ""
            phi = resolved(behind) if behind in PLAIN else None
            use = Use(role, order, axes, int(getattr(layer, "groups", 1) or 1), phi, behind=behind)
            bias = own.get("bias")
            sigma_b = 0.0 if bias is None else math.sqrt(float(np.mean(bias.astype(float) ** 2)))
            yield Kernel(f"{path}.{name}" if path else name, matrix, use, tuple(array.shape), sigma_b)


def _matrix(layer: Any, name: str, array: AnyArray) -> tuple[AnyArray, str, str]:
    """The matrix ``(fan_out, fan_in, *kernel)``, its role, and its axes, as `Weight` names them."""
    kind = type(layer).__name__
    if name == "embeddings":
        return array, "embedding", "rows"
    if kind == "EinsumDense" and name == "kernel":
        return _contracted(layer.equation, array), "hidden", "keras"
    if name == "recurrent_kernel" or (name == "kernel" and kind.endswith("Cell")):
        return array.T if array.ndim == 2 else units_first(array), "recurrent", "keras"
    if name == "depthwise_kernel" or (name == "kernel" and kind.startswith("Depthwise")):
        sides, channels = array.shape[:-2], math.prod(array.shape[-2:])
        return np.moveaxis(array.reshape(*sides, 1, channels), (-1, -2), (0, 1)), "hidden", "keras"
    if name in ("kernel", "pointwise_kernel"):
        return units_first(array.swapaxes(-1, -2) if kind.endswith("Transpose") else array), "hidden", "keras"
    return array.reshape(-1, array.shape[-1]), "other", "keras"


def _contracted(equation: str, array: AnyArray) -> AnyArray:
    """The matrix of an einsum ``inputs,kernel->outputs``: axes of the kernel that the outputs lack are inputs."""
    terms, _, result = equation.replace(" ", "").partition("->")
    letters = terms.split(",")[1]
    outputs = [i for i, letter in enumerate(letters) if letter in result]
    inputs = [i for i, letter in enumerate(letters) if letter not in result]
    units = math.prod(array.shape[i] for i in outputs)
    return array.transpose(outputs + inputs).reshape(units, -1)
