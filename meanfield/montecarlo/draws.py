"""What a layer asks of the randomness of one network."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
#: Takes the gradient with respect to a layer's output to the gradient with respect to its input.
Pullback = Callable[[Array], Array]


class Draw(ABC):
    """The randomness of one network: where its layers get their weights from.

    Signals are arrays ``(points, units)``, one row an input, or one a pixel where inputs are images: those of the first
    input, then those of the next one.

    Parameters
    ----------
    rng : numpy.random.Generator
        This network's own generator.
    width : int
        Units of a dense layer's output; set anew for each block where widths differ.
    dtype : numpy.dtype
        Type of signals, weights and gradients.
    pixels : tuple of int
        Shape of the images that the points are made of; ``()`` if a point is an input.

    Attributes
    ----------
    layer : int
        The layer that is being computed, from 1.
    """

    def __init__(
        self, rng: np.random.Generator, width: int, dtype: np.dtype[Any], pixels: tuple[int, ...] = ()
    ) -> None:
        self.rng, self.width, self.dtype, self.pixels, self.layer = rng, width, dtype, pixels, 1

    @abstractmethod
    def product(self, x: Array, sigma_w: float) -> tuple[Array, Pullback]:
        """Multiply `x` by a new matrix: x Wᵀ of shape ``(points, width)``, and the map g ↦ g W."""

    def biases(self, fan_in: int, sigma_b: float) -> Array | None:
        """The biases of a dense layer, shape ``(width,)``; None if there are none."""
        return self.dtype.type(sigma_b) * self.normal(self.width) if sigma_b else None

    def normal(self, *shape: int) -> Array:
        """Independent N(0, 1) in this network's dtype."""
        return self.rng.standard_normal(shape, dtype=self.dtype.type)
