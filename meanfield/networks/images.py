"""What points are: inputs, or the pixels of images, or the tokens of sequences."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from meanfield.arguments import whole
from meanfield.errors import InvalidInput
from meanfield.networks.layers.attention import Attention
from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.batchnorm import batch_size
from meanfield.networks.layers.concatenation import Concatenate
from meanfield.networks.layers.convolution import Conv
from meanfield.networks.layers.dropout import Dropout
from meanfield.networks.layers.network import in_sequence
from meanfield.networks.layers.noise import AdditiveNoise, MultiplicativeNoise
from meanfield.networks.layers.pooling import AveragePool, Flatten, GlobalAveragePool
from meanfield.networks.layers.residual import Residual

__all__ = ["check_alike", "images_after", "keeps_alike", "pixel_axes", "pixels_of", "reads_pixels", "tells_apart"]

LEAST = {1: 16, 2: 8}  # pixels along each axis, by the number of axes, where nobody says how many
LARGEST = 100_000  # pixels along an axis
WINDOWED, ANY = Conv | AveragePool, Attention | GlobalAveragePool | Flatten


def reads_pixels(*blocks: Layer) -> bool:
    """Whether a layer in these blocks reads several points of an input."""
    return any(isinstance(layer, WINDOWED | ANY) for block in blocks for layer in block.walk())


def pixel_axes(blocks: Sequence[Layer], given: int = 1) -> tuple[int, ...]:
    """The largest window along each axis of the images that these blocks read; ``()`` if they read single points.

    Tokens, and pixels that are only pooled as a whole, are of as many axes as are `given`.

    Raises
    ------
    InvalidInput
        If there are windows over one axis and others over two, or pixels and batch normalisation.
    """
    windows = [layer.window for block in blocks for layer in block.walk() if isinstance(layer, WINDOWED)]
    if len({len(window) for window in windows}) > 1:
        raise InvalidInput("all convolutions of a network must be over the same number of axes, not some over one")
    if not reads_pixels(*blocks):
        return ()
    if batch_size(*blocks) is not None:
        raise InvalidInput("pixels cannot be followed through a BatchNorm: it would be over them as well")
    for block in blocks:
        behind = itertools.dropwhile(lambda layer: not isinstance(layer, Flatten), in_sequence(block))
        if next(behind, None) is not None and not any(layer.fresh for layer in behind):
            raise InvalidInput("a Flatten needs a Dense layer behind it in the same block, to weigh all of its units")
    return tuple(max(sizes) for sizes in zip(*windows, strict=True)) or (1,) * max(given, 1)


def pixels_of(blocks: Sequence[Layer], inputs: Any, pixels: Any) -> tuple[int, ...]:
    """The shape of the images that go in: that of `inputs` (N, channels, *pixels), or `pixels`, or a default.

    Raises
    ------
    InvalidInput
        If they do not fit each other or the blocks.
    """
    own = np.shape(inputs)[2:] if inputs is not None and np.ndim(inputs) > 2 else None
    given = tuple(pixels) if isinstance(pixels, list | tuple | np.ndarray) else (pixels,)
    axes = pixel_axes(blocks, len(given) if own is None else len(own))
    if not axes:
        if own is None and pixels is None:
            return ()
        raise InvalidInput("these blocks read no pixels, so that inputs are (N, d) and pixels= is of no use")
    if own is not None and len(own) != len(axes):
        over = "1 axis" if len(axes) == 1 else f"{len(axes)} axes"
        raise InvalidInput(
            f"these blocks read images over {over}, so that inputs are (N, channels, *pixels) with as many behind the "
            f"channels, not of shape {np.shape(inputs)}"
        )
    if pixels is None:
        return own or tuple(max(size, LEAST[len(axes)]) for size in axes)
    if len(given) != len(axes):
        raise InvalidInput(f"pixels must be one integer for each of the images' axes, {len(axes)} here, not {pixels!r}")
    given = tuple(whole(size, "pixels", LARGEST) for size in given)
    if own is not None and given != own:
        raise InvalidInput(f"pixels must be as many as the inputs have, {own}, not {pixels!r}")
    return given


def images_after(layer: Layer, images: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that images have after a layer; ``()`` once a point is an input.

    Raises
    ------
    InvalidInput
        If the layer, or one within it, cannot read them, or a branch changes them.

    Examples
    --------
    >>> images_after(Conv(1.5, kernel_size=(3, 3), stride=2), (28, 27))
    (14, 14)
    """
    if isinstance(layer, Conv):
        return layer.strided(images)
    if isinstance(layer, AveragePool):
        return layer.pooled(images)
    if isinstance(layer, GlobalAveragePool | Flatten):
        return ()
    after = images
    for inner in layer.inner:
        after = images_after(inner, after)
    if isinstance(layer, Residual | Concatenate) and after != images:
        raise InvalidInput(
            f"the branch of a {type(layer).__name__} must keep the image's shape, not turn {images} into {after}"
        )
    return after


def tells_apart(*blocks: Layer) -> Layer | None:
    """The first layer behind which pixels that are statistically alike are not, or are fewer; None if there is none.

    Tokens count as alike only once they are the same, so Attention is such a layer too.
    """
    layers = (layer for block in blocks for layer in block.walk())
    return next((one for one in layers if isinstance(one, ANY | AveragePool) or not _alike(one)), None)


def keeps_alike(*blocks: Layer) -> bool:
    """Whether one point of an image represents all of them in these blocks."""
    try:
        check_alike(*blocks)
    except InvalidInput:
        return False
    return True


def check_alike(*blocks: Layer) -> None:
    """Refuse blocks that one point of an image does not represent.

    Raises
    ------
    InvalidInput
        Naming the layer.
    """
    layers = [layer for block in blocks for layer in block.walk()]
    if any(isinstance(layer, Attention) for layer in layers) and (noise := next(filter(_noisy, layers), None)):
        raise InvalidInput(
            f"{type(noise).__name__} makes the tokens differ that Attention reads: follow them with propagate_pixels"
        )
    for layer in layers:
        if isinstance(layer, AveragePool | GlobalAveragePool | Flatten):
            raise InvalidInput(
                f"{type(layer).__name__} depends on the covariances between pixels: follow them with propagate_pixels"
            )
        if not _alike(layer):
            what = "zeros beyond the border" if isinstance(layer, Conv) and layer.padding == "zeros" else "strides"
            raise InvalidInput(
                f"a Conv with {what} does not keep pixels alike: follow them with propagate_pixels, or take "
                "Conv(..., padding='circular', stride=1) for the inside of a large image"
            )


def _alike(layer: Layer) -> bool:
    return not isinstance(layer, Conv) or layer.keeps_alike


def _noisy(layer: Layer) -> bool:
    if isinstance(layer, Dropout):
        return bool(np.any(layer.rate))
    return isinstance(layer, MultiplicativeNoise | AdditiveNoise) and bool(np.any(layer.std))
