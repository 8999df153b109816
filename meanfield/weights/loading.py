"""Weights from arrays, lists, state dicts and files, as named matrices with their biases."""

import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from meanfield._types import AnyArray, Floats, Reals
from meanfield.archive import check_sizes
from meanfield.errors import InvalidInput
from meanfield.weights.axis_order import Layout, bias_axes, checked_layout, layouts, merged_heads
from meanfield.weights.checkpoint import why_no_weight
from meanfield.weights.file_kinds import not_read

LARGEST = 1e150  # largest entry; its square and the square of its inverse are in the range of a float


@dataclass(frozen=True)
class Tensor:
    """One weight: its name, original shape, matrix (units, fan_in), fan_out and bias."""

    name: str
    shape: tuple[int, ...]
    matrix: Reals
    fan_out: int
    bias: Floats | None = None


@dataclass(frozen=True)
class Collection:
    """All weights, why other entries were skipped, those of them that are arrays, and all names in order."""

    tensors: list[Tensor]
    skipped: dict[str, str] = field(default_factory=dict)
    others: dict[str, AnyArray] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    single: bool = False


def is_single(weights: object) -> bool:
    """Whether `weights` is a single array; a list or tuple with an array anywhere in it is a list of weights."""
    if isinstance(weights, list | tuple):
        return not any(
            hasattr(item, "shape")
            or isinstance(item, Mapping)
            or (isinstance(item, list | tuple) and not is_single(item))
            for item in weights
        )
    return not isinstance(weights, Mapping)


def plain_array(value: Any, name: str) -> AnyArray:
    """`value` as a NumPy array; a torch tensor is detached and moved to the CPU first."""
    try:
        for step in ("detach", "cpu"):
            value = getattr(value, step, lambda value=value: value)()
        if re.search("bfloat16|float8", str(getattr(value, "dtype", ""))):  # NumPy has no such types
            value = value.float() if hasattr(value, "float") else value.astype(np.float32)
        if np.ma.is_masked(value):
            raise ValueError("it is masked")
        array = np.asarray(value)
    except Exception as error:
        raise InvalidInput(f"{name} cannot be converted to an array: {_line(error)}") from None
    return array


def read(weights: Any, layout: Layout | None) -> Collection:
    """Read weights from an array, nested lists or mappings of arrays, or the path of an .npy or .npz file.

    Raises
    ------
    InvalidInput
        If there is no weight, a weight is not real and finite, the order of its axes is needed and not known, or a file
        cannot be read.
    """
    checked_layout(layout)
    weights = load(weights) if isinstance(weights, str | os.PathLike) else _contents(weights)
    try:
        single = is_single(weights)
    except RecursionError:
        raise InvalidInput("weights are nested too deeply: give arrays, or a list or mapping of them") from None
    if single:
        return Collection([tensor("weights", plain_array(weights, "weights"), layout or "torch")], single=True)
    named = dict(_flat(weights))
    skipped = {name: why for name, value in named.items() if (why := why_no_weight(name) or _no_array(value))}
    arrays = {
        name: merged_heads(name, plain_array(value, name)) for name, value in named.items() if name not in skipped
    }
    skipped |= {name: why for name, array in arrays.items() if (why := _reason(array))}
    kept = {name: array for name, array in arrays.items() if name not in skipped and array.ndim >= 2}
    biases: dict[str, AnyArray] = {}
    for name, array in arrays.items():
        if array.ndim == 1 and name not in skipped:
            owner = _owner(name, array, kept, layout)
            if owner is None or owner in biases:
                skipped[name] = "one-dimensional, and not the bias of a weight"
            else:
                biases[owner] = array
    if not kept:
        raise InvalidInput(f"there is no weight of two or more dimensions among {', '.join(named) or 'nothing'}"[:300])
    orders = layouts(kept, biases, layout)
    tensors = [tensor(name, array, orders[name], biases.get(name)) for name, array in kept.items()]
    others = {name: array for name, array in arrays.items() if name in skipped}
    return Collection(tensors, {name: skipped[name] for name in named if name in skipped}, others, tuple(named))


def tensor(name: str, array: AnyArray, layout: Layout = "torch", bias: AnyArray | None = None) -> Tensor:
    """An array as a weight matrix; raises unless it is real, finite and of two or more dimensions."""
    if array.dtype.kind not in "fiub" or array.ndim < 2 or not array.size:
        raise InvalidInput(
            f"{name} must be a real array (fan_out, fan_in) or (C_out, C_in, *kernel), "
            f"not {array.dtype} of shape {array.shape}"
        )
    for what, values in ((name, array), (f"the bias of {name}", bias)):
        if values is not None and not np.isfinite(values).all():
            raise InvalidInput(f"{what} has {np.count_nonzero(~np.isfinite(values))} entries that are NaN or infinite")
    largest = max(abs(float(array.max())), abs(float(array.min())))
    if largest > LARGEST or 0.0 < largest < 1.0 / LARGEST:
        raise InvalidInput(f"the largest entry of {name} must be from {1 / LARGEST:g} to {LARGEST:g}, not {largest:g}")
    ordered = array if layout == "torch" else np.moveaxis(array, (-1, -2), (0, 1))
    units, kernel, matrix = len(ordered), ordered.shape[2:], ordered.reshape(len(ordered), -1)
    floats = matrix if matrix.dtype.kind == "f" else matrix.astype(np.float64)
    offset = None if bias is None else bias.astype(np.float64)
    return Tensor(name, tuple(map(int, array.shape)), floats, int(units * math.prod(kernel)), offset)


def load(path: str | os.PathLike[str]) -> AnyArray | dict[str, AnyArray]:
    """Load an array from .npy or a mapping of arrays from .npz; raises on pickled contents."""
    shown = os.fspath(path)
    try:
        with open(path, "rb") as file:
            check_sizes(file, shown)
            loaded = np.load(file, allow_pickle=False)
            if not isinstance(loaded, np.ndarray) and (other := not_read(shown)):
                raise InvalidInput(other)
            return loaded if isinstance(loaded, np.ndarray) else {name: loaded[name] for name in loaded.files}
    except InvalidInput:
        raise
    except OSError as error:
        raise InvalidInput(f"{shown!r} cannot be read: {error.strerror or _line(error)}") from None
    except Exception as error:  # NumPy and zipfile raise a dozen kinds for damaged files
        if other := not_read(shown):
            raise InvalidInput(other) from None
        why = "it holds pickled objects" if "pickle" in str(error).lower() else "it is damaged or another kind of file"
        raise InvalidInput(f"{shown!r} is not an .npy or .npz file of plain arrays: {why}") from None


def _contents(weights: Any) -> Any:
    """The arrays of a model of torch or Keras, of an iterator, or of pairs of names and arrays; others as they are."""
    if callable(getattr(weights, "get_weights", None)):  # Keras; on top of torch its models have a state_dict too
        return {getattr(weight, "path", weight.name): weight for weight in weights.weights}
    if callable(getattr(weights, "state_dict", None)):
        return weights.state_dict()
    if isinstance(weights, Iterator):  # as parameters() and named_parameters() of torch
        weights = list(weights)
    if isinstance(weights, list | tuple) and weights and all(_is_named(item) for item in weights):
        return dict(weights)
    return weights


def _is_named(item: object) -> bool:
    return isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str)


def _flat(nested: object, prefix: str = "") -> Iterator[tuple[str, object]]:
    """Leaves of nested mappings, lists and tuples, as in the parameters of Flax, Haiku and Stax, with their paths."""
    if hasattr(nested, "_asdict"):  # a named tuple
        nested = nested._asdict()
    items = nested.items() if isinstance(nested, Mapping) else enumerate(cast(Sequence[object], nested))
    for key, value in items:
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) or (isinstance(value, list | tuple) and not is_single(value)):
            yield from _flat(value, f"{name}/")
        else:
            yield name, value


def _no_array(value: object) -> str | None:
    """The reason to skip a leaf that is no array and no sequence of numbers, or None."""
    is_array = hasattr(value, "shape") or hasattr(value, "__array__") or isinstance(value, list | tuple)
    return None if is_array or isinstance(value, int | float | complex) else f"{type(value).__name__}, not an array"


def _reason(array: AnyArray) -> str | None:
    """The reason to skip an entry of a collection, or None."""
    if array.dtype.kind not in "fiub":
        return f"{array.dtype}, which is not a real type"
    if array.dtype.kind != "f":
        return "a counter" if array.ndim == 0 else f"integers ({array.dtype})"
    return "a scalar" if array.ndim == 0 else "empty" if array.size == 0 else None


def _owner(name: str, bias: AnyArray, kept: Mapping[str, AnyArray], layout: Layout | None) -> str | None:
    """The weight to which the bias `name` belongs: the one of the same prefix, or the one before it in a list."""
    prefix, leaf = re.fullmatch(r"(.*[./])?([^./]*)", name, re.DOTALL).groups(default="")  # type: ignore[union-attr]
    candidates: list[str] = []
    if (position := re.fullmatch(r"(arr_)?(\d+)", leaf)) is not None:
        candidates = [f"{prefix}{position[1] or ''}{int(position[2]) - 1}"]
    elif "bias" in leaf:
        candidates = [prefix + leaf.replace("bias", other) for other in ("weight", "kernel", "w", "W")]
    elif leaf[:1] in ("b", "B") and leaf[1:].strip("_").isdigit() | (len(leaf) == 1):
        candidates = [prefix + other + leaf[1:] for other in ("W", "w", "weight", "kernel")]
    fits = (
        other
        for other in candidates
        if other in kept and bias.size in {kept[other].shape[axis] for axis in bias_axes(other, layout)}
    )
    return next(fits, None)


def _line(error: Exception) -> str:
    """The type and message of an error on one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:200]
