"""Convolutions over pixels, closed to a circle."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meanfield.arguments import real, whole
from meanfield.errors import InvalidInput
from meanfield.networks.batchnorm import batch_size
from meanfield.networks.layers import Dense, Layer

__all__ = ["Conv", "pixel_axes"]

LARGEST_KERNEL = 255
AXES = (1, 2)
ROUNDING = 1e-9  # by which the sum of the weights may miss 1


@dataclass(frozen=True, eq=False)
class Conv(Dense):
    """A convolution h_a = Σ_β W_β x_{a+β} + b over pixels a, with the entries of W_β of variance sigma_w² v_β/channels.

    Padding is circular: the last pixel's neighbour is the first one, and images keep their size. Where all pixels have
    the same second moment, and two inputs the same correlation at every pixel, theory treats it as a Dense layer on the
    channels. How differences between pixels fade is told by `mode_depth_scales` and `propagate_pixels`.

    Parameters
    ----------
    sigma_w, sigma_b : float or array_like
        Standard deviations, finite and ≥ 0, as of `Dense`.
    kernel_size : int or tuple of int
        Taps along each axis, from 1 to 255: an integer for one axis, a tuple for one or two. The centre of an even
        number of taps is the one before the middle.
    weights : {"uniform", "delta"} or array_like, shape kernel_size
        Shares v_β of the variance, at least 0 and with a sum of 1: "uniform" is the same one for every tap, "delta" all
        of it for the centre.

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
    >>> from meanfield.networks.convolution import Conv
    >>> block = mf.Network("tanh", Conv(1.05**0.5, 2.01e-5**0.5, kernel_size=(3, 3)))
    >>> print(f"{mf.analyze(block).chi_1:.6f}")
    1.000000
    """

    kernel_size: Any = 3
    weights: Any = "uniform"

    def __post_init__(self) -> None:
        super().__post_init__()
        size = self.kernel_size
        sizes = tuple(size) if isinstance(size, list | tuple) else (size,)
        if len(sizes) not in AXES:
            raise InvalidInput(f"kernel_size must be an integer, or one or two of them in a tuple, not {size!r}")
        sizes = tuple(whole(one, "kernel_size", LARGEST_KERNEL) for one in sizes)
        object.__setattr__(self, "kernel_size", sizes if isinstance(size, list | tuple) else sizes[0])
        if isinstance(self.weights, str):
            if self.weights not in ("uniform", "delta"):
                raise InvalidInput(f"weights must be 'uniform', 'delta' or an array of shares, not {self.weights!r}")
            return
        shares = real(self.weights, "weights", "'uniform', 'delta' or an array of shares of the variance")
        if shares.shape != sizes:
            raise InvalidInput(f"weights must have the shape {sizes} that kernel_size says, not {shares.shape}")
        if not (np.all(shares >= 0) and abs(np.sum(shares) - 1) <= ROUNDING):
            raise InvalidInput(
                f"weights are shares of the variance: at least 0 and with a sum of 1, not of {np.sum(shares):g} with a "
                f"least one of {np.min(shares):g}"
            )
        shares /= np.sum(shares)
        shares.setflags(write=False)
        object.__setattr__(self, "weights", shares)

    @property
    def window(self) -> tuple[int, ...]:
        """Taps along each axis."""
        return self.kernel_size if isinstance(self.kernel_size, tuple) else (self.kernel_size,)

    @property
    def taps(self) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """The offsets β from the centre, shape (taps, axes), and the shares v_β of those that have any."""
        centre = tuple((size - 1) // 2 for size in self.window)
        if not isinstance(self.weights, str):
            shares = self.weights
        elif self.weights == "uniform":
            shares = np.full(self.window, 1.0 / np.prod(self.window))
        else:
            shares = np.zeros(self.window)
            shares[centre] = 1.0
        return np.argwhere(shares > 0) - centre, shares[shares > 0]


def pixel_axes(blocks: Sequence[Layer]) -> tuple[int, ...]:
    """The largest window along each axis of the images that these blocks convolve; ``()`` if none does.

    Raises
    ------
    InvalidInput
        If there are convolutions over one axis and others over two, or convolutions and batch normalisation.
    """
    windows = [layer.window for block in blocks for layer in block.walk() if isinstance(layer, Conv)]
    if len({len(window) for window in windows}) > 1:
        raise InvalidInput("all convolutions of a network must be over the same number of axes, not some over one")
    if windows and batch_size(*blocks) is not None:
        raise InvalidInput("pixels cannot be followed through a BatchNorm beside a Conv: it would be over them as well")
    return tuple(max(sizes) for sizes in zip(*windows, strict=True))
