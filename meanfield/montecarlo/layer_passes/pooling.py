"""Means over windows of pixels or over all, and pixels as units."""

import math

import numpy as np

from meanfield.montecarlo.draws import Array, Draw, Pullback
from meanfield.montecarlo.layer_passes.dispatch import forward
from meanfield.networks.layers.pooling import AveragePool, Flatten, GlobalAveragePool


@forward.register
def average_pool(layer: AveragePool, x: Array, draw: Draw) -> tuple[Array, Pullback]:
    """Means over windows; backwards each pixel gets 1/pixels of the gradient of its window."""
    images = layer.images_after(draw.pixels)
    split = [part for pair in zip(images, layer.window, strict=True) for part in pair]  # pixels, window, pixels, …
    axes = tuple(range(2, 2 * len(images) + 1, 2))
    windows = x.reshape(-1, *split, x.shape[1])
    draw.pixels = images
    share = draw.dtype.type(1.0 / math.prod(layer.window))

    def pullback(gradient: Array) -> Array:
        each = np.expand_dims(gradient.reshape(-1, *images, gradient.shape[1]), axes)
        return np.broadcast_to(share * each, windows.shape).reshape(x.shape)

    return windows.mean(axis=axes).reshape(-1, x.shape[1]), pullback


@forward.register
def global_average_pool(layer: GlobalAveragePool, x: Array, draw: Draw) -> tuple[Array, Pullback]:
    """The mean over the pixels of each input; backwards each pixel gets 1/pixels of the gradient."""
    pixels = math.prod(draw.pixels)
    draw.pixels = ()
    share = draw.dtype.type(1.0 / pixels)
    mean: Array = x.reshape(-1, pixels, x.shape[1]).mean(axis=1)
    return mean, lambda gradient: np.repeat(share * gradient, pixels, axis=0)


@forward.register
def flatten(layer: Flatten, x: Array, draw: Draw) -> tuple[Array, Pullback]:
    """The channels of all pixels of an input in one row; backwards the reverse reshape."""
    pixels = math.prod(draw.pixels)
    draw.pixels = ()
    return x.reshape(-1, pixels * x.shape[1]), lambda gradient: gradient.reshape(x.shape)
