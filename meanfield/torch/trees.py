"""What models take and return: tensors in tuples, lists, mappings and records, and how inputs are described as text."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from meanfield.errors import InvalidInput, shown
from meanfield.torch.framework import framework

SHAPE = re.compile(r"(\d+(?:,\d+)*)(?::int<(\d+)>)?")
LARGEST = 2**30  # entries of an input that a text describes


def leaves(tree: Any) -> Iterator[Any]:
    """The tensors in nested tuples, lists, mappings and records, in their order."""
    torch = framework()
    if isinstance(tree, torch.Tensor):
        yield tree
    elif isinstance(tree, Mapping):
        for value in tree.values():
            yield from leaves(value)
    elif isinstance(tree, list | tuple):
        for value in tree:
            yield from leaves(value)
    elif hasattr(tree, "__dataclass_fields__"):
        yield from leaves([getattr(tree, name) for name in tree.__dataclass_fields__])


def floats(tree: Any) -> list[Any]:
    """The tensors of a floating dtype in `tree`."""
    return [tensor for tensor in leaves(tree) if tensor.is_floating_point()]


def batch_size(inputs: Any) -> int:
    """The first axis of the first tensor; 0 without axes."""
    first = next(leaves(inputs))
    return int(first.shape[0]) if first.ndim else 0


def mapped(tree: Any, function: Callable[[Any], Any]) -> Any:
    """Nested tuples, lists and dicts with `function` applied to every tensor; other values stay."""
    torch = framework()
    if isinstance(tree, torch.Tensor):
        return function(tree)
    if isinstance(tree, Mapping):
        return {key: mapped(value, function) for key, value in tree.items()}
    if isinstance(tree, list | tuple) and not hasattr(tree, "_fields"):
        return type(tree)(mapped(value, function) for value in tree)
    return tree


def called(model: Any, inputs: Any) -> Any:
    """The model's output: a tuple or list holds its arguments, a dict its keyword arguments."""
    if isinstance(inputs, Mapping):
        return model(**inputs)
    return model(*inputs) if isinstance(inputs, list | tuple) else model(inputs)


def checked_inputs(inputs: Any) -> Any:
    """`inputs` as they are; raises unless there is a tensor among them.

    Raises
    ------
    InvalidInput
        If they hold no tensor, or one without entries.
    """
    tensors = list(leaves(inputs))
    if not tensors or any(tensor.numel() == 0 for tensor in tensors):
        raise InvalidInput(
            f"inputs must be a tensor, a tuple of the model's arguments or a dict of its keyword arguments, with a "
            f"tensor in it and entries in every tensor, not {shown(inputs)}"
        )
    return inputs


def inputs_from_text(text: str, seed: int = 0) -> Any:
    """Random inputs: "8,3,64,64" is a tensor of that shape with entries N(0, 1), "8,128:int<50257" whole numbers below.

    Several inputs stand between semicolons.

    Raises
    ------
    InvalidInput
        If the text describes no tensors.

    Examples
    --------
    >>> inputs_from_text("8,3;a")
    Traceback (most recent call last):
    meanfield.errors.InvalidInput: input 'a' must be a shape such as 8,3,64,64, or 8,128:int<50257 for whole numbers
    """
    found = []
    for part in text.split(";"):
        match = SHAPE.fullmatch(part.replace(" ", "").rstrip(">") + (">" if ":int<" in part else ""))
        shape = tuple(map(int, match[1].split(","))) if match else ()
        if match is None or not 0 < math.prod(shape) <= LARGEST or match[2] == "0":
            raise InvalidInput(
                f"input {shown(part.strip())} must be a shape such as 8,3,64,64, or 8,128:int<50257 for whole numbers"
            )
        found.append((shape, None if match[2] is None else int(match[2])))
    torch = framework()
    generator = torch.Generator().manual_seed(seed)
    tensors = tuple(
        torch.randn(shape, generator=generator) if below is None else torch.randint(below, shape, generator=generator)
        for shape, below in found
    )
    return tensors[0] if len(tensors) == 1 else tensors
