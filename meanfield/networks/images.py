"""The points of an input: the input itself, the pixels of an image or the tokens of a sequence."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Floats
from meanfield.arguments import each_axis, real, whole
from meanfield.errors import InvalidInput, shown
from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.batchnorm import batch_size
from meanfield.networks.layers.network import in_sequence

LEAST = {1: 16, 2: 8}  # default number of pixels along each axis, by the number of axes
LARGEST = 100_000  # pixels along an axis
MOST = 1_000_000  # tokens of a sequence
TOKEN_C = 0.5  # the correlation of tokens where it is not given


def reads_pixels(*blocks: Layer) -> bool:
    """Whether a layer in these blocks reads several points of an input."""
    return any(layer.reads_points for block in blocks for layer in block.walk())


def pixel_axes(blocks: Sequence[Layer], given: int = 1) -> tuple[int, ...]:
    """The largest window along each axis of the images that these blocks read; ``()`` if they read single points.

    Tokens, and pixels that are only averaged over the whole image, have as many axes as `given` says.

    Raises
    ------
    InvalidInput
        If some windows have one axis and others two, or if there are both pixels and batch normalisation.
    """
    windows = [layer.window for block in blocks for layer in block.walk() if layer.window]
    if len({len(window) for window in windows}) > 1:
        raise InvalidInput("all convolutions of a network must be over the same number of axes, not some over one")
    if not reads_pixels(*blocks):
        return ()
    if batch_size(*blocks) is not None:
        raise InvalidInput("pixels cannot be followed through a BatchNorm: it would be over them as well")
    for block in blocks:
        behind = itertools.dropwhile(lambda layer: not layer.joins_points, in_sequence(block))
        if next(behind, None) is not None and not any(layer.fresh for layer in behind):
            raise InvalidInput("a Flatten needs a Dense layer behind it in the same block, to weigh all of its units")
    return tuple(max(sizes) for sizes in zip(*windows, strict=True)) or (1,) * max(given, 1)


def pixels_of(blocks: Sequence[Layer], inputs: ArrayLike | None, pixels: int | Sequence[int] | None) -> tuple[int, ...]:
    """The shape of the input images: from `inputs` of shape (N, channels, *pixels), else from `pixels`, else a default.

    Raises
    ------
    InvalidInput
        If `inputs` and `pixels` contradict each other or the blocks.
    """
    shape = () if inputs is None else np.shape(inputs)
    own = shape[2:] if len(shape) > 2 else None
    given = each_axis(pixels)
    axes = pixel_axes(blocks, len(given) if own is None else len(own))
    if not axes:
        if own is None and pixels is None:
            return ()
        raise InvalidInput("these blocks read no pixels, so that inputs are (N, d) and pixels= is of no use")
    if own is not None and len(own) != len(axes):
        over = "1 axis" if len(axes) == 1 else f"{len(axes)} axes"
        raise InvalidInput(
            f"these blocks read images over {over}, so that inputs are (N, channels, *pixels) with as many behind the "
            f"channels, not of shape {shape}"
        )
    if pixels is None:
        return own or tuple(max(size, LEAST[len(axes)]) for size in axes)
    if len(given) != len(axes):
        raise InvalidInput(
            f"pixels must be one integer for each of the images' axes, {len(axes)} here, not {shown(pixels)}"
        )
    images = tuple(whole(size, "pixels", LARGEST) for size in given)
    if own is not None and images != own:
        raise InvalidInput(f"pixels must be as many as the inputs have, {own}, not {shown(pixels)}")
    return images


def tells_apart(*blocks: Layer) -> Layer | None:
    """The first layer that makes statistically alike pixels unlike, or changes their number; None if there is none.

    Attention counts as such a layer, since it keeps tokens alike only if they are equal.
    """
    layers = (layer for block in blocks for layer in block.walk())
    return next((one for one in layers if one.tells_apart or one.needs_same_points), None)


def keeps_alike(*blocks: Layer) -> bool:
    """Whether one point of an image represents all points in these blocks."""
    return not _why_not(*blocks)


def check_alike(*blocks: Layer) -> None:
    """Refuse blocks in which one point of an image does not represent all points.

    Raises
    ------
    InvalidInput
        Naming the layer.
    """
    if why := _why_not(*blocks):
        raise InvalidInput(why)


def _why_not(*blocks: Layer) -> str:
    """Why one point does not represent all points, as a sentence; "" if it does."""
    layers = [layer for block in blocks for layer in block.walk()]
    reader = next((layer for layer in layers if layer.needs_same_points), None)
    noise = next((layer for layer in layers if layer.draws_noise), None)
    if reader and noise:
        return f"{reader.label} reads tokens, which {noise.label} makes different: follow them with propagate_pixels"
    return next((layer.tells_apart for layer in layers if layer.tells_apart), "")


def tokens_of(tokens: Any, token_c: Any) -> tuple[int, Floats]:
    """The number of tokens of a sequence and their correlation, checked; 0.5 if it is not given.

    Examples
    --------
    >>> tokens, token_c = tokens_of(8, 0.25)
    >>> tokens, float(token_c)
    (8, 0.25)
    """
    count = whole(tokens, "tokens", MOST, least=2)
    t = real(TOKEN_C if token_c is None else token_c, "token_c")
    least = -1.0 / (count - 1.0)
    if not np.all((t >= least - 1e-12) & (t <= 1)):
        raise InvalidInput(
            f"token_c is the correlation of any two of {count} tokens and must lie in [-1/{count - 1}, 1], not "
            f"{shown(token_c)}"
        )
    return count, np.maximum(t, least)


def without_tokens(token_c: Any) -> None:
    """Refuse `token_c` where there are no tokens."""
    if token_c is not None:
        raise InvalidInput("token_c is the correlation of the tokens of a sequence: give their number tokens= as well")
