"""Code that draws the recommended weights, for torch, JAX, Keras and NumPy.

The code of each library draws three kinds of layers. The first one brings the inputs at hand to the second moment with
which the recommendation begins. The layers of the blocks have the recommended weights and biases. The last one has
outputs of second moment 1 and no biases. In a residual network the code also adds each branch with its scale.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from meanfield.read_only import ReadOnly


@dataclass(frozen=True)
class Numbers:
    """The numbers that the code uses.

    Attributes
    ----------
    sigma_w, sigma_b : float
        Standard deviations of the weights times √fan_in, and of the biases, in the blocks.
    start : float
        Second moment of the signal that enters the first block, > 0.
    last : float
        Standard deviation of the last layer's weights times √fan_in.
    depth : int
        Number of blocks for which `last` holds.
    branch_scale : float or None
        Factor of each branch; None where the block has no branch, or branches of different scales.
    skip_scale : float
        Factor of the skip connections.
    """

    sigma_w: float
    sigma_b: float
    start: float
    last: float
    depth: int
    branch_scale: float | None = None
    skip_scale: float = 1.0


def snippets(numbers: Numbers, name: str, *, convolutions: bool = False) -> Mapping[str, str]:
    """Code for "torch", "jax", "keras" and "numpy" that runs as it is; `name` is a comment in it."""
    of_torch = TORCH
    if convolutions:
        of_torch = of_torch.replace("torch.nn.Linear", "torch.nn.Linear | torch.nn.Conv1d | torch.nn.Conv2d")
    head, residual = _constants(numbers, name), "" if numbers.branch_scale is None else RESIDUAL
    if numbers.skip_scale != 1:
        residual = residual.replace("return x", f"return {numbers.skip_scale:.15g} * x")
    bodies = {
        "torch": ("import torch\n", of_torch),
        "jax": ("import jax\nimport jax.numpy as jnp\n", JAX),
        "keras": ("import keras\n", KERAS),
        "numpy": ("import numpy as np\n", NUMPY),
    }
    return ReadOnly({library: f"{imports}\n{head}\n\n{body}{residual}" for library, (imports, body) in bodies.items()})


def _constants(numbers: Numbers, name: str) -> str:
    lines = [
        f"# for {name}",
        f"SIGMA_W = {numbers.sigma_w:.15g}  # standard deviation of the weights of a block, times √fan_in",
        f"SIGMA_B = {numbers.sigma_b:.15g}  # standard deviation of the biases of a block",
        f"Q = {numbers.start:.15g}  # second moment of the signal that enters the first block",
        f"SIGMA_LAST = {numbers.last:.15g}  # for outputs of second moment 1 behind {numbers.depth} blocks",
    ]
    if numbers.branch_scale is not None:
        lines.append(f"BRANCH_SCALE = {numbers.branch_scale:.15g}  # factor of each branch beside its skip connection")
    return "\n".join(lines) + "\n"


RESIDUAL = '''

def residual(x, branch):
    """The output of a block: its input and the scaled branch."""
    return x + BRANCH_SCALE * branch(x)
'''

TORCH = '''\
@torch.no_grad()
def init_weights(model, inputs):
    """Draw all weights; of the layers as registered, the first reads the inputs and the last gives the outputs."""
    layers = [layer for layer in model.modules() if isinstance(layer, torch.nn.Linear)]
    for layer in layers:
        sigma_w, sigma_b = SIGMA_W, SIGMA_B
        if layer is layers[0]:
            sigma_w, sigma_b = float(Q / inputs.double().square().mean()) ** 0.5, 0.0
        elif layer is layers[-1]:
            sigma_w, sigma_b = SIGMA_LAST, 0.0
        torch.nn.init.normal_(layer.weight, std=sigma_w / layer.weight[0].numel() ** 0.5)
        if layer.bias is not None:
            torch.nn.init.normal_(layer.bias, std=sigma_b)
'''

JAX = '''\
def init(sigma_w=SIGMA_W, sigma_b=SIGMA_B):
    """The initializers of a layer of a block, as in flax.linen.Dense(1024, **init())."""
    return {
        "kernel_init": jax.nn.initializers.variance_scaling(sigma_w**2, "fan_in", "normal"),
        "bias_init": jax.nn.initializers.normal(sigma_b),
    }


def init_first(inputs):
    """The initializers of the layer that reads these inputs."""
    return init(float(Q / jnp.mean(jnp.square(inputs))) ** 0.5, 0.0)


def init_last():
    """The initializers of the layer that gives the outputs."""
    return init(SIGMA_LAST, 0.0)
'''

KERAS = '''\
seeds = keras.random.SeedGenerator(0)  # draws a new seed for each layer


def init(sigma_w=SIGMA_W, sigma_b=SIGMA_B):
    """The initializers of a layer of a block, as in keras.layers.Dense(1024, **init())."""
    return {
        "kernel_initializer": keras.initializers.VarianceScaling(
            scale=sigma_w**2, mode="fan_in", distribution="untruncated_normal", seed=seeds
        ),
        "bias_initializer": keras.initializers.RandomNormal(stddev=sigma_b, seed=seeds),
    }


def init_first(inputs):
    """The initializers of the layer that reads these inputs."""
    return init(float(Q / keras.ops.mean(keras.ops.square(inputs))) ** 0.5, 0.0)


def init_last():
    """The initializers of the layer that gives the outputs."""
    return init(SIGMA_LAST, 0.0)
'''

NUMPY = '''\
def init_layer(rng, fan_in, fan_out, sigma_w=SIGMA_W, sigma_b=SIGMA_B):
    """Weights and biases of a layer of a block: the layer is x @ weight.T + bias."""
    weight = rng.normal(0.0, sigma_w / fan_in**0.5, size=(fan_out, fan_in))
    bias = rng.normal(0.0, sigma_b, size=fan_out)
    return weight, bias


def init_network(rng, inputs, widths):
    """Weights and biases of all layers: the first reads the inputs, the last one has widths[-1] outputs."""
    first, last = ((Q / np.mean(np.square(inputs))) ** 0.5, 0.0), (SIGMA_LAST, 0.0)
    sigmas = [first, *[(SIGMA_W, SIGMA_B)] * (len(widths) - 2), last]
    fans_in = [np.shape(inputs)[-1], *widths[:-1]]
    return [init_layer(rng, *shape, *sigma) for *shape, sigma in zip(fans_in, widths, sigmas)]
'''
