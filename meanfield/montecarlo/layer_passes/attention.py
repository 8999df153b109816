"""Attention over points that are inputs × tokens. With Gaussian scores each unit is one head."""

import math
from collections.abc import Callable

import numpy as np

from meanfield.montecarlo.draws import Array, Draw, Pullback
from meanfield.montecarlo.layer_passes.dispatch import forward
from meanfield.networks.layers.attention import Attention

#: Queries, keys and values to what the tokens read, and the gradient of that back to all three.
Read = tuple[Array, Callable[[Array], tuple[Array, Array, Array]]]


@forward.register
def attention(layer: Attention, x: Array, draw: Draw) -> tuple[Array, Pullback]:
    """W_O Σ_j a_ij W_V x_j + b; backwards through values, queries and keys."""
    tokens = math.prod(draw.pixels)
    value, through_value = draw.product(x, 1.0)
    if layer.scores == "uniform":
        weights = _uniform(tokens, layer.causal, draw)
        read = _mixed(weights, value)
    else:
        query, through_query = draw.product(x, math.sqrt(layer.sigma_qk))
        key, through_key = draw.product(x, math.sqrt(layer.sigma_qk))
        if layer.scores == "softmax":
            read, through_read = _softmax(query, key, value, tokens, layer.causal)
        else:
            read, through_read = _linear(query, key, value, _uniform(tokens, False, draw))
    y, through_output = draw.product(read, layer.sigma_w)
    bias = draw.biases(read.shape[1], layer.sigma_b)
    if bias is not None:
        y += bias

    def pullback(gradient: Array) -> Array:
        gradient = through_output(gradient)
        if layer.scores == "uniform":
            return through_value(_mixed(weights.T, gradient))
        of_query, of_key, of_value = through_read(gradient)
        return through_value(of_value) + through_key(of_key) + through_query(of_query)

    return y, pullback


def heads_of(width: int) -> int:
    """Number of heads with softmax: the largest divisor of the width up to half its root, such as 8 of 64 units each.

    Examples
    --------
    >>> heads_of(512), heads_of(384), heads_of(7)
    (8, 8, 1)
    """
    return next(heads for heads in range(max(math.isqrt(width) // 2, 1), 0, -1) if width % heads == 0)


def _uniform(tokens: int, causal: bool, draw: Draw) -> Array:
    """The mean over all tokens, or over those up to the token, as a matrix."""
    read = np.tril(np.ones((tokens, tokens))) if causal else np.ones((tokens, tokens))
    weights: Array = (read / read.sum(axis=1, keepdims=True)).astype(draw.dtype)
    return weights


def _mixed(weights: Array, values: Array) -> Array:
    """Weighted sums over the tokens of each input."""
    mixed: Array = weights @ values.reshape(-1, len(weights), values.shape[1])
    return mixed.reshape(values.shape)


def _linear(query: Array, key: Array, value: Array, weights: Array) -> Read:
    """The mean over j of q_i k_j v_j, unit by unit."""
    held = _mixed(weights, key * value)

    def back(gradient: Array) -> tuple[Array, Array, Array]:
        shared = _mixed(weights, gradient * query)
        return gradient * held, value * shared, key * shared

    return query * held, back


def _softmax(query: Array, key: Array, value: Array, tokens: int, causal: bool) -> Read:
    """The sum over j of softmax_j(q_i·k_j/√d_k) v_j, head by head."""
    heads = heads_of(query.shape[1])
    units = query.shape[1] // heads
    scale = query.dtype.type(1.0 / math.sqrt(units))

    def by_head(values: Array) -> Array:
        """Of shape (inputs, heads, tokens, units of a head)."""
        split: Array = values.reshape(-1, tokens, heads, units).swapaxes(1, 2)
        return split

    def joined(values: Array) -> Array:
        return values.swapaxes(1, 2).reshape(query.shape)

    q, k, v = by_head(query), by_head(key), by_head(value)
    scores: Array = scale * (q @ k.swapaxes(2, 3))
    if causal:
        scores[..., np.triu(np.ones((tokens, tokens), dtype=np.bool_), 1)] = -np.inf
    weights: Array = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)

    def back(gradient: Array) -> tuple[Array, Array, Array]:
        g = by_head(gradient)
        of_weights = g @ v.swapaxes(2, 3)
        mean = np.sum(weights * of_weights, axis=-1, keepdims=True)
        of_scores = scale * weights * (of_weights - mean)
        return joined(of_scores @ k), joined(of_scores.swapaxes(2, 3) @ q), joined(weights.swapaxes(2, 3) @ g)

    return joined(weights @ v), back
