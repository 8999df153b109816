"""Layers that reduce the points of an image: means over windows or over all pixels, and pixels as units."""

from dataclasses import dataclass
from typing import ClassVar

from meanfield.errors import InvalidInput
from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.convolution import check_axes, taps_along


@dataclass(frozen=True, eq=False)
class AveragePool(Layer):
    """The mean over adjacent windows of pixels, which do not overlap.

    Parameters
    ----------
    size : int or tuple of int
        Pixels of a window along each axis, from 1 to 255: an integer for one axis, a tuple for one or two axes. The
        numbers must divide the sides of the image.

    Raises
    ------
    InvalidInput
        If `size` is out of its range.

    References
    ----------
    Novak et al. 2019 (arXiv:1810.05148), section 3.

    Examples
    --------
    Means of independent pixels lose variance:

    >>> import numpy as np
    >>> import meanfield as mf
    >>> from meanfield.networks.layers.pooling import AveragePool
    >>> from meanfield.theory.depth.pixels import propagate_pixels
    >>> propagate_pixels(mf.Network(AveragePool(2), mf.Dense(1.0)), np.eye(4), 1).q[-1]
    array([0.5, 0.5])
    """

    size: int | tuple[int, ...]

    keeps_mean: ClassVar[bool] = True
    reads_points: ClassVar[bool] = True

    def __post_init__(self) -> None:
        sizes = taps_along(self.size, "size")
        object.__setattr__(self, "size", sizes if isinstance(self.size, list | tuple) else sizes[0])

    @property
    def window(self) -> tuple[int, ...]:
        """Pixels of a window along each axis."""
        return self.size if isinstance(self.size, tuple) else (self.size,)

    def images_after(self, images: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the images of means.

        Raises
        ------
        InvalidInput
            If the images have another number of axes than the window, or are not a whole number of windows.
        """
        check_axes(self, images)
        window = self.window
        if any(size % one for size, one in zip(images, window, strict=True)):
            raise InvalidInput(f"AveragePool({self.size}) cannot divide images of shape {images} into its windows")
        return tuple(size // one for size, one in zip(images, window, strict=True))


@dataclass(frozen=True, eq=False)
class GlobalAveragePool(Layer):
    """The mean over all pixels of an image, or over all tokens of a sequence: each input becomes one point.

    Examples
    --------
    >>> import numpy as np
    >>> import meanfield as mf
    >>> from meanfield.networks.layers.pooling import GlobalAveragePool
    >>> from meanfield.theory.depth.pixels import propagate_pixels
    >>> propagate_pixels(mf.Network(GlobalAveragePool(), mf.Dense(2.0)), np.eye(4), 1).q[-1]
    array([1.])
    """

    keeps_mean: ClassVar[bool] = True
    reads_points: ClassVar[bool] = True

    def images_after(self, images: tuple[int, ...]) -> tuple[int, ...]:
        """``()``: each input is one point."""
        return ()


@dataclass(frozen=True, eq=False)
class Flatten(Layer):
    """The channels of all pixels become the units of one point. A Dense layer must follow in the same block.

    Examples
    --------
    >>> import numpy as np
    >>> import meanfield as mf
    >>> from meanfield.networks.layers.pooling import Flatten
    >>> from meanfield.theory.depth.pixels import propagate_pixels
    >>> propagate_pixels(mf.Network(Flatten(), mf.Dense(2.0)), np.diag([1.0, 2.0, 3.0]), 1).q[-1]
    array([8.])
    """

    keeps_mean: ClassVar[bool] = True
    reads_points: ClassVar[bool] = True
    joins_points: ClassVar[bool] = True
    keeps_gaussian: ClassVar[bool] = False

    def images_after(self, images: tuple[int, ...]) -> tuple[int, ...]:
        """``()``: each input is one point."""
        return ()
