"""Forward and backward pass of one network, with the statistics of every layer."""

import math
from collections.abc import Sequence

import numpy as np

from meanfield._types import Floats
from meanfield.errors import InvalidInput
from meanfield.montecarlo.draws import Array, Draw
from meanfield.montecarlo.estimators import one_minus_c, one_minus_token_c, second_moment
from meanfield.montecarlo.layer_passes import forward
from meanfield.networks.layers.batchnorm import batch_size
from meanfield.networks.layers.network import Network


def run_network(
    blocks: Sequence[Network], widths: Sequence[int], x: Array, draw: Draw, *, of_tokens: bool = False
) -> Floats:
    """Second moment q, squared gradient and 1 − c of one network by layer.

    Parameters
    ----------
    blocks : sequence of Network
        Blocks of layers 1 … depth.
    widths : sequence of int
        Units of layers 0 … depth.
    x : ndarray, shape (points, widths[0])
        Signal at layer 0. A point is an input, or a pixel of an input; 1 − c compares two inputs at the same pixel.
    draw : Draw
        Random draws of this network.
    of_tokens : bool
        Whether to compare the tokens of a sequence as well.

    Returns
    -------
    ndarray, shape (6 or 8, depth + 1)
        Rows 0 to 2: q, squared gradient and 1 − c, averaged over points. Rows 3 to 5: the same for the first point, or
        for the first two inputs at their first pixel. Rows 6 and 7, if asked for: 1 − c of the tokens of a sequence,
        averaged over sequences, and of the first two tokens. Gradients start from a Gaussian covector of fixed length
        at the last layer and are relative to its mean square. With batch normalisation these covectors sum to zero over
        the batch, as the gradients below a normalisation do.

    Raises
    ------
    InvalidInput
        If a signal or a gradient overflows.
    """
    depth = len(blocks)
    values = np.empty((6 + 2 * of_tokens, depth + 1))

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
        first = gaps[0] if len(x) == 2 * pixels else one_minus_c(x[: pixels + 1 : pixels])
        values[2, layer], values[5, layer] = np.mean(gaps), first
        if of_tokens:
            values[6:, layer] = one_minus_token_c(x, pixels), one_minus_token_c(x[:2], 2)

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
