"""Entries of a state dict that show layers which the described network does not have."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from meanfield._types import AnyArray
from meanfield.cross_check.given_network import text_of
from meanfield.errors import InvalidInput
from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.concatenation import Concatenate
from meanfield.networks.layers.network import Network
from meanfield.networks.layers.normalisation import LayerNorm, RMSNorm
from meanfield.networks.layers.residual import Residual
from meanfield.weights.loading import Collection


class Sign(NamedTuple):
    """Words in names that are signs of a kind of layer, and the layers of this package that are of that kind."""

    kind: str
    words: str
    layers: tuple[type[Layer], ...] = ()


SIGNS = (
    Sign("a batch normalisation", r"batch_?norm\w*|bn\d*|(running|moving)_(mean|var\w*)|num_batches_tracked"),
    Sign("a normalisation", r"\w*norm(_?\d+)?|ln_?\w{0,2}|rms\w*|gamma|beta", (LayerNorm, RMSNorm)),
    Sign("an attention layer", r"\w*attn\w*|\w*attention\w*|in_proj\w*|qkv\w*|[qkv]_?proj|query|key"),
    Sign("a recurrent layer", r"weight_[ih]h\w*|lstm\w*|gru\w*|rnn\w*|recurrent\w*"),
    Sign("an embedding", r"\w*embed\w*|wte|wpe"),
    Sign("a gated unit", r"gate_(up_)?proj|w?glu|w_gate|gate"),
    Sign("an adapter", r"lora_\w*|adapters?"),
    Sign("a mixture of experts", r"experts?|routers?"),
    Sign("a skip connection", r"skip\w*|shortcut\w*|downsample\w*|res(idual)?\d*|resblocks?", (Residual, Concatenate)),
)
INSTEAD = "give the block that the network repeats, as in 'residual(layernorm, gelu, dense)', or the matrices as a list"
OPTIMIZER = "state of the optimizer"


def refuse_other_networks(collection: Collection, blocks: Sequence[Network]) -> dict[str, str]:
    """Raise if entries show a layer that the blocks do not have; return harmless entries that are not run, with why.

    Raises
    ------
    InvalidInput
        If a name is the name of a layer that is in none of the blocks, a vector is neither a bias nor the identity of a
        normalisation of the blocks, or weights are quantised.
    """
    layers = {type(layer) for block in blocks for layer in block.walk()}
    shown = " and ".join(dict.fromkeys(f"({text_of(block)})" for block in blocks))
    others = collection.others
    for name in [*(tensor.name for tensor in collection.tensors), *others]:
        sign = _sign(name)
        scalar = name in others and others[name].ndim == 0 and "num_batches_tracked" not in name
        if sign is not None and not scalar and not layers.intersection(sign.layers):
            raise InvalidInput(f"{name!r} is the name of {sign.kind}, which {shown} does not have: {INSTEAD}")
    rest = dict(collection.skipped)
    for name, array in others.items():
        if array.dtype.kind != "f":
            if array.ndim > 1:
                raise InvalidInput(f"{name} has entries of type {array.dtype}: quantised weights cannot be run")
        elif array.size > 1:
            _refuse_vector(name, array, bool(layers & {LayerNorm, RMSNorm}), shown)
            del rest[name]
    return {name: why for name, why in rest.items() if why != OPTIMIZER}


def starts_with_vector(collection: Collection) -> bool | None:
    """Whether a vector such as the gain of a normalisation comes before the first matrix; None if there are none."""
    matrices = {tensor.name for tensor in collection.tensors}
    vectors = {name for name, array in collection.others.items() if array.dtype.kind == "f" and array.size > 1}
    first = next((name for name in collection.names if name in matrices or name in vectors), None)
    return first in vectors if vectors else None


def _refuse_vector(name: str, vector: AnyArray, normalised: bool, shown: str) -> None:
    if not normalised:
        raise InvalidInput(
            f"{name} has {vector.size} entries and is the bias of no weight, as the gain of a normalisation, which "
            f"{shown} does not have: {INSTEAD}"
        )
    identity = 0.0 if re.search(r"(bias|beta|offset)[^./]*$", name) else 1.0
    if not np.all(vector == identity):
        raise InvalidInput(
            f"{name} has entries other than {identity:g}: the gain and offset of a normalisation cannot be run"
        )


def _sign(name: str) -> Sign | None:
    """The kind of layer whose name is a part of the name of an entry."""
    parts = [re.sub(r"(?<=[a-z])(?=[A-Z])", "_", part).lower() for part in re.split(r"[./:]", name)]
    return next((sign for sign in SIGNS for part in parts if re.fullmatch(sign.words, part)), None)
