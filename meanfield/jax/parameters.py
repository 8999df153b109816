"""The parameters of a Flax NNX module as matrices with fans."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from meanfield._types import AnyArray
from meanfield.audits.kernels import Kernel, Output, units_first
from meanfield.audits.weight import Use
from meanfield.errors import InvalidInput
from meanfield.jax.framework import flax_nnx, framework


def kernels_of(
    module: Any, modules: Mapping[str, Any], outputs: Mapping[str, Output], ends: frozenset[str]
) -> Iterator[Kernel]:
    """Every parameter of two or more axes.

    Parameters
    ----------
    module : flax.nnx.Module
        The model.
    modules : mapping of str to flax.nnx.Module
        All modules by path.
    outputs : mapping of str to Output
        What modules gave, in the order in which they ran.
    ends : frozenset of str
        Paths whose output is the model's output.
    """
    nnx, jnp, ran = flax_nnx(), framework().numpy, list(outputs)
    found = {".".join(map(str, path)): one for path, one in nnx.to_flat_state(nnx.state(module, nnx.Param))}
    arrays = {name: one[...] for name, one in found.items()}
    for name, array in arrays.items():
        path, _, kind = name.rpartition(".")
        if array.ndim < 2 or not array.size or not jnp.issubdtype(array.dtype, jnp.floating):
            continue
        values = np.asarray(array, dtype=np.float64 if array.dtype == jnp.float64 else np.float32)
        if not np.isfinite(values).all():
            raise InvalidInput(f"{name} has entries that are infinite or NaN")
        owner = modules.get(path)
        matrix, role, axes = _matrix(owner, kind, values)
        role = "head" if role == "hidden" and path in ends else role
        order = ran.index(path) if path in ran else len(ran)
        behind = outputs[path].behind if path in ran else ""
        groups = int(getattr(owner, "feature_group_count", 1) or 1)
        bias = arrays.get(f"{path}.bias" if path else "bias")
        sigma_b = 0.0 if bias is None else math.sqrt(float(np.mean(np.asarray(bias, dtype=float) ** 2)))
        yield Kernel(name, matrix, Use(role, order, axes, groups, behind=behind), tuple(array.shape), sigma_b)


def _matrix(owner: Any, kind: str, array: AnyArray) -> tuple[AnyArray, str, str]:
    """The matrix ``(fan_out, fan_in, *kernel)``, its role, and its axes, as `Weight` names them."""
    owned = type(owner).__name__
    if kind == "embedding":
        return array, "embedding", "rows"
    if kind == "kernel" and owned == "LinearGeneral":
        inputs = np.atleast_1d(owner.in_features).size
        if array.ndim == inputs + np.atleast_1d(owner.out_features).size:
            return array.reshape(math.prod(array.shape[:inputs]), -1).T, "hidden", "keras"
    elif kind == "kernel" and owned == "ConvTranspose" and getattr(owner, "transpose_kernel", False):
        return units_first(array.swapaxes(-1, -2)), "hidden", "keras"
    elif kind == "kernel" and owned != "Einsum":
        return units_first(array), "hidden", "keras"
    return array.reshape(-1, array.shape[-1]), "other", "keras"
