"""Convolutions: points are inputs × pixels, and each output pixel reads the window around it."""

import math

import numpy as np

from meanfield.errors import InvalidInput
from meanfield.montecarlo.draws import Array, Draw, Pullback
from meanfield.montecarlo.layer_passes.dispatch import forward
from meanfield.networks.layers.convolution import Conv

MEMORY = 4 * 2**30  # bytes that the windows of all pixels may take


@forward.register
def convolution(layer: Conv, x: Array, draw: Draw) -> tuple[Array, Pullback]:
    """h_a = Σ_β W_β x_{a+β} + b with one matrix of fan-in taps × channels; backwards Σ_β W_βᵀ g_{a−β}."""
    shares, pixels = layer.taps[1], math.prod(draw.pixels)
    if len(x) % pixels:
        raise InvalidInput(f"{len(x)} points are not a whole number of images of shape {draw.pixels}")
    if len(shares) * math.prod(layer.images_after(draw.pixels)) * (x.nbytes // pixels) > MEMORY:
        raise InvalidInput(
            f"a Conv of {len(shares)} taps over {pixels} pixels of {x.shape[1]} channels would take more than "
            f"{MEMORY / 2**30:g} GiB: take a smaller kernel or width"
        )
    images, window, inside = layer.windows(draw.pixels)
    scale = (inside * np.sqrt(shares * len(shares))).astype(draw.dtype)[
        ..., None
    ]  # from equal shares of a fan-in of taps × channels to v_β
    draw.pixels = images
    patches = scale * x.reshape(-1, pixels, x.shape[1])[:, window]
    h, through_matrix = draw.product(patches.reshape(len(patches) * len(window), -1), layer.sigma_w)
    bias = draw.biases(patches.shape[2] * patches.shape[3], layer.sigma_b)
    if bias is not None:
        h += bias

    def pullback(gradient: Array) -> Array:
        read = scale * through_matrix(gradient).reshape(patches.shape)
        total = np.zeros((len(read), pixels, x.shape[1]), dtype=draw.dtype)
        for tap, seen in enumerate(window.T):
            total[:, seen] += read[:, :, tap]
        return total.reshape(x.shape)

    return h, pullback
