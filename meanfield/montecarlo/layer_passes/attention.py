"""Linear attention over points that are inputs × tokens. With Gaussian scores each unit is one head."""

import math

from meanfield.montecarlo.draws import Array, Draw, Pullback
from meanfield.montecarlo.layer_passes.dispatch import forward
from meanfield.networks.layers.attention import Attention


@forward.register
def attention(layer: Attention, x: Array, draw: Draw) -> tuple[Array, Pullback]:
    """W_O (1/n) Σ_j a_ij W_V x_j + b; backwards through values, queries and keys."""
    tokens = math.prod(draw.pixels)

    def mean(values: Array) -> Array:
        """The mean over the tokens of each input, repeated for each token."""
        whole = values.reshape(-1, tokens, values.shape[1])
        total: Array = whole.sum(axis=1, keepdims=True, dtype=draw.dtype).repeat(tokens, axis=1)
        total /= draw.dtype.type(tokens)
        return total.reshape(values.shape)

    value, through_value = draw.product(x, 1.0)
    if layer.scores == "uniform":
        read = mean(value)
    else:
        query, through_query = draw.product(x, math.sqrt(layer.sigma_qk))
        key, through_key = draw.product(x, math.sqrt(layer.sigma_qk))
        held = mean(key * value)
        read = query * held
    y, through_output = draw.product(read, layer.sigma_w)
    bias = draw.biases(read.shape[1], layer.sigma_b)
    if bias is not None:
        y += bias

    def pullback(gradient: Array) -> Array:
        gradient = through_output(gradient)
        if layer.scores == "uniform":
            return through_value(mean(gradient))
        shared = mean(gradient * query)
        return through_value(key * shared) + through_key(value * shared) + through_query(gradient * held)

    return y, pullback
