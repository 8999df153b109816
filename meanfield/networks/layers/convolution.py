"""Convolutions over pixels."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Bools, Floats, Ints
from meanfield.arguments import choice, each_axis, is_several, real, whole
from meanfield.errors import InvalidInput, shown
from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.dense import Dense

__all__ = ["Conv", "check_axes", "taps_along"]

LARGEST_KERNEL = 255
AXES = (1, 2)
ROUNDING = 1e-9  # tolerance for the sum of the weights, which is 1
MOST_READ = 2**27  # pixels times taps


@dataclass(frozen=True, eq=False)
class Conv(Dense):
    """A convolution h_a = Σ_β W_β x_{a+β} + b over pixels a, with the entries of W_β of variance sigma_w² v_β/channels.

    With circular padding the first pixel is the neighbour of the last, and all pixels stay statistically alike: where
    they have one second moment, and two inputs one correlation at every pixel, the layer has the maps of a Dense layer
    on the channels. `mode_depth_scales` and `propagate_pixels` show how differences between pixels decay. With zeros
    beyond the border, or with strides, pixels do not stay alike: only `propagate_pixels`, `simulate` and `crosscheck`
    follow them.

    Parameters
    ----------
    sigma_w, sigma_b : float or array_like
        Standard deviations, finite and ≥ 0, as of `Dense`.
    kernel_size : int or tuple of int
        Taps along each axis, from 1 to 255: an integer for one axis, a tuple for one or two axes. The centre of an even
        number of taps is the tap before the middle.
    weights : {"uniform", "delta"} or array_like, shape kernel_size
        Shares v_β of the variance, at least 0 and with a sum of 1. "uniform" gives all taps the same share, "delta"
        gives the whole variance to the centre.
    padding : {"circular", "zeros"}
        The signal beyond the border of the image.
    stride : int or tuple of int
        Pixels from one window to the next along each axis, from 1 to 255. The first window is centred on pixel 0, so
        the output has ⌈pixels/stride⌉ pixels.

    Raises
    ------
    InvalidInput
        If an argument is out of its range.

    References
    ----------
    Xiao et al. 2018 (arXiv:1806.05393), section 2.

    Examples
    --------
    >>> import meanfield as mf
    >>> from meanfield.networks.layers.convolution import Conv
    >>> block = mf.Network("tanh", Conv(1.05**0.5, 2.01e-5**0.5, kernel_size=(3, 3)))
    >>> print(f"{mf.analyze(block).chi_1:.6f}")
    1.000000
    """

    kernel_size: int | tuple[int, ...] = 3
    weights: str | ArrayLike = "uniform"
    padding: str = "circular"
    stride: int | tuple[int, ...] = 1

    reads_points: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        sizes = taps_along(self.kernel_size, "kernel_size")
        object.__setattr__(self, "kernel_size", sizes if is_several(self.kernel_size) else sizes[0])
        object.__setattr__(self, "padding", choice(self.padding, "padding", ("circular", "zeros")))
        strides = taps_along(self.stride, "stride")
        if len(strides) not in (1, len(sizes)):
            raise InvalidInput(
                f"stride must be an integer, or one for each axis of the kernel, not {shown(self.stride)}"
            )
        object.__setattr__(self, "stride", strides if is_several(self.stride) else strides[0])
        if isinstance(self.weights, str):
            if self.weights not in ("uniform", "delta"):
                raise InvalidInput(
                    f"weights must be 'uniform', 'delta' or an array of shares, not {shown(self.weights)}"
                )
            return
        shares = real(self.weights, "weights", "'uniform', 'delta' or an array of shares of the variance")
        if shares.shape != sizes:
            raise InvalidInput(f"weights must have the shape {sizes} that kernel_size says, not {shares.shape}")
        if not (np.all(shares >= 0) and abs(np.sum(shares) - 1) <= ROUNDING):
            raise InvalidInput(
                f"weights are shares of the variance: they must be at least 0 and have a sum of 1; the smallest is "
                f"{np.min(shares):g} and the sum {np.sum(shares):g}"
            )
        shares /= np.sum(shares)
        shares.setflags(write=False)
        object.__setattr__(self, "weights", shares)

    @property
    def window(self) -> tuple[int, ...]:
        """Taps along each axis."""
        return self.kernel_size if isinstance(self.kernel_size, tuple) else (self.kernel_size,)

    @property
    def strides(self) -> tuple[int, ...]:
        """Pixels from one window to the next, along each axis."""
        return self.stride if isinstance(self.stride, tuple) else (self.stride,) * len(self.window)

    @property
    def keeps_alike(self) -> bool:
        """Whether pixels that are statistically alike stay so, and gradients with them."""
        whole_kernel = self.padding == "circular" or not self.taps[0].any()
        return whole_kernel and max(self.strides) == 1

    @property
    def tells_apart(self) -> str:
        """Why pixels do not stay alike: zeros beyond the border, or strides."""
        if self.keeps_alike:
            return ""
        what = "zeros beyond the border" if self.padding == "zeros" else "strides"
        return (
            f"a Conv with {what} does not keep pixels alike: follow them with propagate_pixels, or take "
            "Conv(..., padding='circular', stride=1) for the inside of a large image"
        )

    def normalised_after(self, before: bool) -> bool:
        """Unchanged, where it keeps pixels alike: batch normalisation is then over all pixels of all images."""
        return super().normalised_after(before) if self.tells_apart else before

    def images_after(self, images: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the output images.

        Raises
        ------
        InvalidInput
            If the images have another number of axes than the kernel.
        """
        check_axes(self, images)
        return tuple(-(-size // stride) for size, stride in zip(images, self.strides, strict=True))

    def windows(self, images: tuple[int, ...]) -> tuple[tuple[int, ...], Ints, Bools]:
        """The pixel that each tap reads.

        Returns
        -------
        images : tuple of int
            The shape of the output images.
        pixel : ndarray, shape (pixels, taps)
            Index of the pixel a + β in the flattened input, with circular padding.
        inside : ndarray of bool, shape (pixels, taps)
            Whether this pixel is inside the image; False where the tap reads a zero beyond the border.

        Raises
        ------
        InvalidInput
            If the images have another number of axes than the kernel, or too many pixels for so many taps.
        """
        offsets, after = self.taps[0], self.images_after(images)
        if len(offsets) * math.prod(after) > MOST_READ:
            raise InvalidInput(
                f"a Conv of {len(offsets)} taps over {math.prod(after)} pixels reads more than {MOST_READ:,} of them: "
                "take a smaller kernel or image"
            )
        corners = np.indices(after).reshape(len(after), -1, 1) * np.array(self.strides)[:, None, None]
        places, sizes = corners + offsets.T[:, None], np.array(images)[:, None, None]
        inside = np.all((places >= 0) & (places < sizes), axis=0) | (self.padding == "circular")
        return after, np.ravel_multi_index(tuple(places % sizes), images), inside

    @property
    def taps(self) -> tuple[Ints, Floats]:
        """Offsets β from the centre, shape (taps, axes), and shares v_β, shape (taps,), of all taps with v_β > 0."""
        centre = tuple((size - 1) // 2 for size in self.window)
        if not isinstance(self.weights, str):
            shares = np.asarray(self.weights)
        elif self.weights == "uniform":
            shares = np.full(self.window, 1.0 / np.prod(self.window))
        else:
            shares = np.zeros(self.window)
            shares[centre] = 1.0
        return np.argwhere(shares > 0) - centre, shares[shares > 0]


def taps_along(size: object, name: str) -> tuple[int, ...]:
    """`size` as integers from 1 to 255, one for each of one or two axes."""
    sizes = each_axis(size)
    if len(sizes) not in AXES:
        raise InvalidInput(f"{name} must be an integer, or one or two of them in a tuple, not {shown(size)}")
    return tuple(whole(one, name, LARGEST_KERNEL) for one in sizes)


def check_axes(layer: Layer, images: tuple[int, ...]) -> None:
    """Refuse images with another number of axes than the `window` of the layer."""
    if len(images) != len(layer.window):
        over = f"{type(layer).__name__} over {len(layer.window)} {'axis' if len(layer.window) == 1 else 'axes'}"
        what = f"images of shape {images}" if images else "single points, as behind Flatten or GlobalAveragePool"
        raise InvalidInput(f"{over} cannot read {what}")
