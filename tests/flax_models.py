"""Small Flax NNX modules for the tests of audits."""

import jax
from flax import nnx


class MLP(nnx.Module):
    """ReLU layers with He's weights, of which all but the head are in a list."""

    def __init__(self, depth=6, widths=(150,), scale=1.0, seed=0):
        rngs, he = nnx.Rngs(seed), nnx.initializers.variance_scaling(2 * scale**2, "fan_in", "normal")
        units = [40, *(widths[i % len(widths)] for i in range(depth))]
        self.layers = nnx.List([nnx.Linear(units[i], units[i + 1], kernel_init=he, rngs=rngs) for i in range(depth)])
        self.head = nnx.Linear(units[-1], 10, rngs=rngs)

    def __call__(self, x):
        for layer in self.layers:
            x = nnx.relu(layer(x))
        return self.head(x)


class Block(nnx.Module):
    """Embedding, attention, a grouped convolution and a dense layer."""

    def __init__(self, seed=0):
        rngs = nnx.Rngs(seed)
        self.embed = nnx.Embed(50, 64, rngs=rngs)
        self.attention = nnx.MultiHeadAttention(4, 64, decode=False, rngs=rngs)
        self.conv = nnx.Conv(64, 64, (3,), feature_group_count=2, rngs=rngs)
        self.dense = nnx.Linear(64, 64, rngs=rngs)
        self.norm = nnx.BatchNorm(64, rngs=rngs)
        self.dropout = nnx.Dropout(0.1, rngs=rngs)
        self.head = nnx.Linear(64, 50, rngs=rngs)

    def __call__(self, tokens):
        x = self.embed(tokens)
        x = x + self.attention(x)
        x = self.norm(x + self.dropout(self.dense(jax.nn.gelu(self.conv(x)))))
        return self.head(x)


def transformer():
    """The block, and a batch of tokens."""
    return Block(), jax.random.randint(jax.random.key(0), (4, 12), 0, 50)
