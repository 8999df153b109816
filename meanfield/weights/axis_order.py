"""Order of the axes of a weight, as its name or its bias tells it."""

import itertools
import re
from collections.abc import Mapping
from typing import Literal

from meanfield._types import AnyArray
from meanfield.errors import InvalidInput, shown

Layout = Literal["torch", "keras"]

#: Names whose matrices are (fan_in, fan_out): Flax, Keras, Haiku, and Conv1D layers of GPT-2 in Hugging Face's library.
FAN_IN_FIRST = re.compile(r"(.*[./])?kernel(:\d+)?|.*/w|(.*\.)?c_(attn|fc|proj)\.weight", re.DOTALL)
#: Names without a convention: entries of a list or of an .npz file of positional arrays.
POSITION = re.compile(r"(.*/)?(arr_)?\d+", re.DOTALL)
#: Projections to and from heads: (fan_in, heads, units) and (heads, units, fan_out).
TO_HEADS = re.compile(r"(.*[./])?(query|key|value)[./](kernel|bias)(:\d+)?", re.DOTALL)
FROM_HEADS = re.compile(r"(.*[./])?(out|attention_output)[./]kernel(:\d+)?", re.DOTALL)


def checked_layout(layout: str | None) -> None:
    """Raise `InvalidInput` unless `layout` is known."""
    if not (layout is None or (isinstance(layout, str) and layout in ("torch", "keras"))):
        raise InvalidInput(
            f"layout must be 'torch' (fan_out first), 'keras' (fan_out last) or None (by names), not {shown(layout)}"
        )


def layouts(kept: Mapping[str, AnyArray], biases: Mapping[str, AnyArray], layout: Layout | None) -> dict[str, Layout]:
    """The order of the axes of each weight.

    Parameters
    ----------
    kept, biases : mapping of str to ndarray
        The weights, and the one-dimensional arrays that may be the bias of the weight of the same name.
    layout : {"torch", "keras"} or None
        The order of all axes, if it is known.

    Returns
    -------
    dict of str to str
        `layout` if given. Otherwise "keras" for names of Flax, Keras and Haiku; for other names the order in which the
        length of the bias is fan_out; for entries of a list the order of the entries whose bias decides; else "torch".

    Raises
    ------
    InvalidInput
        If the matrices of a list are consecutive layers only when read as (fan_in, fan_out), and nothing else decides.

    Examples
    --------
    >>> import numpy as np
    >>> layouts({"Dense_0/kernel": np.ones((3, 2)), "0.weight": np.ones((3, 2))}, {}, None)
    {'Dense_0/kernel': 'keras', '0.weight': 'torch'}
    """
    if layout is not None:
        return dict.fromkeys(kept, layout)
    told: dict[str, Layout | None] = {
        name: "keras" if FAN_IN_FIRST.fullmatch(name) else _by_bias(array, biases.get(name))
        for name, array in kept.items()
    }
    lists = [name for name in kept if POSITION.fullmatch(name)]
    among = {told[name] for name in lists} - {None}
    if lists and not among:
        _refuse_transposed(lists, kept)
    rest: Layout = "keras" if among == {"keras"} else "torch"
    return {name: found or (rest if name in lists else "torch") for name, found in told.items()}


def merged_heads(name: str, array: AnyArray) -> AnyArray:
    """The matrix (fan_in, fan_out), or the bias, of a projection to or from the heads of an attention layer.

    The names are the names of Flax and Keras. Other arrays are returned as they are.
    """
    if TO_HEADS.fullmatch(name):
        kernel, bias = array.ndim == 3 and "kernel" in name, array.ndim == 2 and "bias" in name
        return array.reshape(len(array), -1) if kernel else array.ravel() if bias else array
    return array.reshape(-1, array.shape[2]) if array.ndim == 3 and FROM_HEADS.fullmatch(name) else array


def bias_axes(name: str, layout: Layout | None) -> tuple[int, ...]:
    """Axes of a weight that may have the length of its bias."""
    if layout is not None:
        return (0,) if layout == "torch" else (-1,)
    return (-1,) if FAN_IN_FIRST.fullmatch(name) else (0, -1)


def _by_bias(array: AnyArray, bias: AnyArray | None) -> Layout | None:
    if bias is None or array.shape[0] == array.shape[-1]:
        return None
    return "torch" if bias.size == array.shape[0] else "keras"


def _refuse_transposed(names: list[str], kept: Mapping[str, AnyArray]) -> None:
    """Raise where matrices without names follow each other as (fan_in, fan_out) and not as (fan_out, fan_in)."""
    matrices = [kept[name] for name in names]
    if len(matrices) < 2 or any(matrix.ndim != 2 for matrix in matrices):
        return
    pairs = list(itertools.pairwise(matrices))
    if all(a.shape[1] == b.shape[0] for a, b in pairs) and not any(b.shape[1] == a.shape[0] for a, b in pairs):
        raise InvalidInput(
            f"matrices of shapes {matrices[0].shape} and {matrices[1].shape} are consecutive as (fan_in, fan_out) "
            "only: say layout='keras', or layout='torch' if they are (fan_out, fan_in)"
        )
