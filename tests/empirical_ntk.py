"""The tangent kernel of finite random networks, from what the simulation's forward and backward passes hand over.

A Dense layer h = σ_w/√n W x + σ_b b adds (σ_w²/n)(x·x′)(g·g′) + σ_b² g·g′, with g the gradient of the output in h.
"""

import numpy as np

from meanfield.activations.resolve import activation
from meanfield.montecarlo.exact_law import ExactLaw
from meanfield.montecarlo.input_states import draw_state
from meanfield.montecarlo.layer_passes import forward
from meanfield.networks.layers.network import Network
from meanfield.networks.layers.residual import Residual
from meanfield.networks.stack import as_blocks


class Recording:
    """A Draw that keeps what each Dense layer read, and the gradient that came back to it."""

    def __init__(self, *arguments, **more):
        super().__init__(*arguments, **more)
        self.layers = []

    def product(self, x, sigma_w):
        h, pullback = super().product(x, sigma_w)
        layer = {"x": x, "sigma_w": sigma_w, "sigma_b": 0.0}
        self.layers.append(layer)

        def recorded(gradient):
            layer["g"] = gradient
            return pullback(gradient)

        return h, recorded

    def biases(self, fan_in, sigma_b):
        self.layers[-1]["sigma_b"] = sigma_b
        return super().biases(fan_in, sigma_b)

    def kernel(self):
        total = 0.0
        for layer in self.layers:
            x, g = layer["x"], layer["g"]
            total += (layer["sigma_w"] ** 2 * x @ x.T / x.shape[1] + layer["sigma_b"] ** 2) * (g @ g.T)
        return total


class Wide(Recording, ExactLaw):
    pass


def unscaled(layer):
    """The same with every branch_scale as a layer at the branch's end, so that gradients in the branch have it."""
    inner = tuple(map(unscaled, layer.inner))
    if not isinstance(layer, Residual):
        return layer.rebuilt(inner)
    scale = layer.branch_scale
    last = activation(lambda x: scale * x, derivative=lambda x: np.full_like(x, scale), breakpoints=())
    return Residual(*inner, last, skip_scale=layer.skip_scale)


def empirical_ntk(block, inputs, depth, width, seed):
    """vᵀΘv of one network for a random unit vector v of its outputs."""
    x = np.asarray(inputs, dtype=float)
    draw = Wide(np.random.default_rng(seed), width, np.dtype(float))
    root = np.linalg.qr(x.T)[1].T / np.sqrt(x.shape[1])
    blocks = [unscaled(one) for one in as_blocks(block, depth)]
    network = Network(*blocks * (depth // len(blocks)))
    signal, pullback = forward(network, draw_state(root, width, draw.rng, draw.dtype), draw)
    v = draw.rng.standard_normal(signal.shape[1])
    pullback(np.tile(v / np.linalg.norm(v), (len(x), 1)))
    return draw.kernel()


def sampled_ntk(block, inputs, depth, width, networks):
    """Mean over networks and its standard errors."""
    runs = np.array([empirical_ntk(block, inputs, depth, width, seed) for seed in range(networks)])
    return runs.mean(axis=0), runs.std(axis=0, ddof=1) / np.sqrt(networks)
