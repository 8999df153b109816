"""Where pixels differ: means over pixels of q, 1 − c and squared gradients, layer by layer."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from meanfield._types import Floats
from meanfield.networks.layers.network import Network
from meanfield.theory.depth.pixels import check_images, propagate_pixels


def pixel_means(
    blocks: Sequence[Network], depth: int, inputs: Floats, images: tuple[int, ...], of_points: bool = False
) -> dict[str, Floats]:
    """q, squared gradient and, of two inputs or more, 1 − c: means over inputs × pixels, or over pairs at each pixel.

    Parameters
    ----------
    blocks : sequence of Network
        One, or one a layer.
    depth : int
        Number of layers.
    inputs : ndarray
        Second moments between inputs at each pixel, where different pixels are orthogonal; with `of_points`, second
        moments between all points.
    images : tuple of int
        Pixels along each axis.

    Returns
    -------
    dict of ndarray, shape (depth + 1,)
        "q", "gradient" and "one_minus_c". The gradient is summed over units, and 1 at the last layer.

    Raises
    ------
    InvalidInput
        If images do not fit the layers or the memory, or second moments do not determine what the blocks do.
    """
    pixels = math.prod(images)
    count = len(inputs) // pixels if of_points else len(inputs)
    check_images(blocks, count, images, depth)
    block: Any = blocks[0] if len(blocks) == 1 else list(blocks)
    covariance = inputs if of_points else np.kron(inputs, np.eye(pixels))
    run = propagate_pixels(block, covariance, depth, pixels=images)
    found = {"q": [q.mean() for q in run.q], "gradient": [g.mean() for g in run.gradient]}
    if count > 1:
        a, b = np.tril_indices(count, -1)
        found["one_minus_c"] = [
            np.einsum("iaja->ija", gap.reshape(count, -1, count, len(gap) // count))[a, b].mean()
            for gap in run.one_minus_c
        ]
    return {name: np.array(values) for name, values in found.items()}
