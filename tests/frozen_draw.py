"""The same weights, biases and noise however often layers are run, with the matrices to look at."""

from collections.abc import Callable
from typing import Any

import numpy as np

from meanfield.montecarlo.draws import Array, Draw, Pullback


class Frozen(Draw):
    """Gaussian matrices of a fixed seed, kept in `matrices` in the order in which they are used."""

    def __init__(self, width: int = 6, pixels: tuple[int, ...] = (), dtype: Any = "float64") -> None:
        super().__init__(np.random.default_rng(0), width, np.dtype(dtype), pixels)
        self.matrices: list[Array] = []

    def product(self, x: Array, sigma_w: float) -> tuple[Array, Pullback]:
        W = self.dtype.type(sigma_w / x.shape[1] ** 0.5) * self.normal(self.width, x.shape[1])
        self.matrices.append(W)
        return x @ W.T, lambda g: g @ W


def assert_transposed(run: Callable[[Array], tuple[Array, Pullback]], x: Array, step: float = 1e-6) -> None:
    """The pullback at x is the transpose of the linearised map: g·(J v) = (Jᵀ g)·v, J v by a difference."""
    y, pullback = run(x)
    rng = np.random.default_rng(4)
    g, v = rng.standard_normal(y.shape), rng.standard_normal(x.shape)
    back, forth = pullback(g) * v, g * (run(x + step * v)[0] - run(x - step * v)[0]) / (2 * step)
    assert abs(back.sum() - forth.sum()) <= 1e-7 * (np.abs(back).sum() + np.abs(forth).sum())
