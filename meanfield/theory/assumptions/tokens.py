"""Which blocks keep tokens exchangeable."""

from typing import Any

from meanfield.errors import InvalidInput
from meanfield.networks.block import as_block
from meanfield.networks.images import tokens_of, without_tokens
from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.batchnorm import batch_size
from meanfield.theory.assumptions.block import Block, check_gaussian, checked


def check_tokens(*blocks: Layer, repeated: bool = True) -> None:
    """Refuse blocks that do not keep tokens exchangeable, or whose second moments do not determine what they do.

    Raises
    ------
    InvalidInput
        Naming the layer.
    """
    if batch_size(*blocks) is not None:
        raise InvalidInput("exchangeable tokens cannot be followed through a BatchNorm, which reads all of them")
    for layer in (layer for block in blocks for layer in block.walk()):
        if layer.reads_points and not layer.needs_same_points:
            raise InvalidInput(
                f"{layer.label} does not keep tokens exchangeable: follow them with propagate_pixels, without tokens="
            )
    check_gaussian(*blocks, repeated=repeated, alike=False)


def start_of(spec: Any, tokens: Any, token_c: Any) -> tuple[Block, tuple[int, float] | None]:
    """What a user gives as a block, checked, and the number and correlation of tokens; None without tokens."""
    if tokens is None:
        without_tokens(token_c)
        return checked(spec), None
    return of_tokens(spec), one_start(tokens, token_c)


def of_tokens(spec: Any) -> Block:
    """What a user gives as a block that is repeated over sequences of exchangeable tokens."""
    network = as_block(spec)
    check_tokens(network)
    return Block(*network)


def one_start(tokens: Any, token_c: Any) -> tuple[int, float]:
    """The number of tokens and one correlation of theirs, checked."""
    count, t = tokens_of(tokens, token_c)
    if t.ndim:
        raise InvalidInput("token_c must be one number, the correlation of tokens that orbits start from")
    return count, float(t)
