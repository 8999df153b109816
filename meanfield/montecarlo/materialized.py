"""Weights as matrices, drawn and multiplied by."""

import copy
from typing import Any

import numpy as np

from meanfield.montecarlo.draws import Array, Draw, Pullback
from meanfield.montecarlo.weights import WeightLaw, draw_weights

__all__ = ["Materialized"]

MEMORY = 2 * 2**30


class Materialized(Draw):
    """Draws every weight matrix; beyond 2 GiB of them the backward pass draws them again instead of keeping them."""

    def __init__(self, rng: np.random.Generator, width: int, dtype: np.dtype[Any], weights: WeightLaw) -> None:
        super().__init__(rng, width, dtype)
        self.weights, self.kept = weights, 0

    def product(self, x: Array, sigma_w: float) -> tuple[Array, Pullback]:
        """Multiply `x` by a new matrix: x Wᵀ, and the map g ↦ g W."""
        before = copy.deepcopy(self.rng)

        def matrix(rng: np.random.Generator) -> Array:
            return draw_weights(self.weights, rng, self.width, x.shape[1], sigma_w, self.dtype)

        drawn = matrix(self.rng)
        product = x @ drawn.T
        if self.kept + drawn.nbytes > MEMORY:
            return product, lambda gradient: gradient @ matrix(copy.deepcopy(before))
        self.kept += drawn.nbytes
        return product, lambda gradient: gradient @ drawn
