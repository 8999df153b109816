"""What a layer asks of the randomness of one network."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "Draw", "Pullback"]

Array = NDArray[np.floating[Any]]
#: Takes the gradient with respect to a layer's output to the gradient with respect to its input.
Pullback = Callable[[Array], Array]


class Draw(ABC):
    """The randomness of one network: where its layers get their weights from.

    Signals are arrays ``(points, units)``, one row an input.

    Parameters
    ----------
    rng : numpy.random.Generator
        This network's own generator.
    width : int
        Units of a dense layer's output.
    dtype : numpy.dtype
        Type of signals, weights and gradients.
    """

    def __init__(self, rng: np.random.Generator, width: int, dtype: np.dtype[Any]) -> None:
        self.rng, self.width, self.dtype = rng, width, dtype

    @abstractmethod
    def product(self, x: Array, sigma_w: float) -> tuple[Array, Pullback]:
        """Multiply `x` by a new matrix: x Wᵀ of shape ``(points, width)``, and the map g ↦ g W."""

    def normal(self, *shape: int) -> Array:
        """Independent N(0, 1) in this network's dtype."""
        return self.rng.standard_normal(shape, dtype=self.dtype.type)
