"""What a recommended network does to the tokens of a sequence."""

from typing import Any

from meanfield.errors import InvalidInput
from meanfield.networks.layers.network import Network
from meanfield.theory.assumptions.tokens import check_tokens, one_start
from meanfield.theory.depth.exchangeable_tokens import over_tokens
from meanfield.theory.layer_maps.tokens import Tokens

DEEPEST = 10_000  # blocks of which every one is followed


def of_tokens(network: Network, depth: int, q: float, tokens: Any, token_c: Any) -> tuple[float, str]:
    """The growth of squared gradients of each token over `depth` blocks, and a clause on it and on their correlation.

    Causal attention is taken as if each token read all of them.
    """
    count, t = one_start(tokens, token_c)
    check_tokens(network)
    if depth > DEEPEST:
        raise InvalidInput(f"tokens are followed over at most {DEEPEST} blocks, not {depth}")
    run = over_tokens((network,), depth, Tokens.at(count, q, t), None)
    assert run.token_c is not None
    growth, end = float(run.gradient[0]), float(run.token_c[-1])
    return growth, (
        f"over {depth} blocks the squared gradients of {count} tokens grow by {growth:.4g}, and their correlation goes "
        f"from {t:.4g} to {end:.4g}"
    )
