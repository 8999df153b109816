"""The random draws of one network, as its layers ask for them."""

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np

from meanfield._types import Reals, RealType

Array = Reals
#: Maps the gradient with respect to a layer's output to the gradient with respect to its input.
Pullback = Callable[[Array], Array]


class Draw(ABC):
    """The random weights, biases and noise of one network.

    Signals are arrays ``(points, units)``. A point is an input, or a pixel of an input; the pixels of the first input
    come first.

    Parameters
    ----------
    rng : numpy.random.Generator
        The generator of this network.
    width : int
        Output units of a dense layer; set before each block, since widths may differ.
    dtype : numpy.dtype
        Type of signals, weights and gradients: float32 or float64.
    pixels : tuple of int
        Shape of an image; ``()`` if a point is an input.

    Attributes
    ----------
    layer : int
        Number of the current layer, from 1.
    """

    def __init__(self, rng: np.random.Generator, width: int, dtype: RealType, pixels: tuple[int, ...] = ()) -> None:
        self.rng, self.width, self.dtype, self.pixels, self.layer = rng, width, dtype, pixels, 1

    @abstractmethod
    def product(self, x: Array, sigma_w: float) -> tuple[Array, Pullback]:
        """Draw a new matrix W; return x Wᵀ of shape ``(points, width)`` and the pullback g ↦ g W."""

    def biases(self, fan_in: int, sigma_b: float) -> Array | None:
        """Draw the biases of a dense layer, shape ``(width,)``; None if sigma_b is 0."""
        return self.dtype.type(sigma_b) * self.normal(self.width) if sigma_b else None

    def normal(self, *shape: int) -> Array:
        """Draw independent N(0, 1) of type `dtype`."""
        return self.rng.standard_normal(shape, dtype=self.dtype.type)
