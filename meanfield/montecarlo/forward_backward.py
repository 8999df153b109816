"""One network, forwards and backwards."""

import math
from collections.abc import Sequence

import numpy as np

from meanfield._types import Floats
from meanfield.errors import InvalidInput
from meanfield.montecarlo.draws import Array, Draw
from meanfield.montecarlo.estimators import one_minus_c, second_moment
from meanfield.montecarlo.layer_passes import forward
from meanfield.networks.layers.batchnorm import batch_size
from meanfield.networks.layers.network import Network


def run_network(blocks: Sequence[Network], widths: Sequence[int], x: Array, draw: Draw) -> Floats:
    """q, squared gradient and 1 − c by layer.

    Parameters
    ----------
    blocks : sequence of Network
        One a layer.
    widths : sequence of int
        Units at layer 0 … depth.
    x : ndarray, shape (points, widths[0])
        The state at layer 0. Points are inputs, or inputs × pixels: then 1 − c is that of two inputs at one pixel.
    draw : Draw
        Where the layers get their weights from.

    Returns
    -------
    ndarray, shape (6, depth + 1)
        The means over points, and then the same of the first point, or of the first two inputs there. The gradient is
        that of a Gaussian covector of fixed length at the last layer, relative to it. Where there is batch
        normalisation, the batch's covectors sum to zero, as those of every layer below do.

    Raises
    ------
    InvalidInput
        If signal or gradient leave the range of floats.
    """
    depth = len(blocks)
    values = np.empty((6, depth + 1))

    def checked(value: float, what: str, layer: int) -> float:
        if not np.isfinite(value):
            raise InvalidInput(
                f"the {what} of layer {layer} overflows {draw.dtype}; take fewer layers or smaller weights"
            )
        return value

    def note(x: Array, layer: int) -> None:
        pixels = math.prod(draw.pixels)
        gaps = [one_minus_c(x[pixel::pixels]) for pixel in range(pixels)]
        values[0, layer], values[3, layer] = checked(second_moment(x), "signal", layer), second_moment(x[0])
        values[2, layer], values[5, layer] = np.mean(gaps), one_minus_c(x[: pixels + 1 : pixels])

    with np.errstate(all="ignore"):
        note(x, 0)
        pullbacks = []
        for l in range(1, depth + 1):
            draw.layer, draw.width = l, widths[l]
            x, pullback = forward(blocks[l - 1], x, draw)
            pullbacks.append(pullback)
            note(x, l)
        gradient = draw.normal(*x.shape)
        if batch_size(*blocks) is not None:
            gradient -= gradient.mean(axis=0)
        gradient /= np.sqrt(np.mean(gradient**2, axis=1, keepdims=True))
        values[[1, 4], depth] = 1.0
        for l in range(depth - 1, -1, -1):
            gradient = pullbacks.pop()(gradient)
            values[1, l] = checked(second_moment(gradient), "gradient", l)
            values[4, l] = second_moment(gradient[0])
    return values
