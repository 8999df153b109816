"""Means over pixels, Σ → P Σ Pᵀ where the rows of P sum to 1; and pixels as units, Σ → the mean of Σ_aa over pixels a.

Novak et al. 2019 (arXiv:1810.05148), section 3.
"""

from collections.abc import Callable

import numpy as np

from meanfield._types import Floats
from meanfield.bounded import Bounded, maximum
from meanfield.networks.layers.pooling import AveragePool, Flatten, GlobalAveragePool
from meanfield.theory.layer_maps.covariance import Covariance, Pullback, all_points
from meanfield.theory.states import LazySpread, Spread

EPS = float(np.finfo(float).eps)


@all_points.register
def _(layer: AveragePool, state: Covariance) -> tuple[Covariance, Pullback]:
    images = layer.images_after(state.images)
    mean: Floats = np.ones((1, 1))
    for size, window in zip(images, layer.window, strict=True):
        mean = _kron(mean, _kron(np.eye(size), np.full((1, window), 1.0 / window)))
    return averaged(mean, state, images)


@all_points.register
def _(layer: GlobalAveragePool, state: Covariance) -> tuple[Covariance, Pullback]:
    return averaged(np.full((1, state.pixels), 1.0 / state.pixels), state, ())


@all_points.register
def _(layer: Flatten, state: Covariance) -> tuple[Covariance, Pullback]:
    """Each pixel gets 1/pixels of the squared gradient; gradients of different pixels are uncorrelated."""
    inputs, pixels = state.inputs, state.pixels
    q = state.q.reshape(inputs, pixels).mean(axis=1)

    def over_pixels(values: Floats) -> Floats:
        return np.asarray(np.einsum("iaja->ij", values.reshape(inputs, pixels, inputs, pixels)) / pixels)

    d = state.d.rearranged(over_pixels)
    spread = None if state.spread is None else _of_units(state.spread, inputs)

    def back(g: Floats) -> Floats:
        each, own = np.zeros((inputs, pixels, inputs, pixels)), np.arange(pixels)
        each[:, own, :, own] = g / pixels
        return each.reshape(inputs * pixels, -1)

    return Covariance(q=q, d=d, spread=spread), back


def averaged(mean: Floats, state: Covariance, images: tuple[int, ...]) -> tuple[Covariance, Pullback]:
    """`all_points` of a layer that multiplies the points of each input by a matrix `mean`, shape (new pixels, pixels).

    The rows of `mean` must sum to 1; `images` is the shape of the new pixels.
    """
    matrix = _kron(np.eye(state.inputs), mean)
    apart, error = (matrix @ values @ matrix.T for values in _both(state.d))
    within = np.diagonal(apart)
    q = matrix @ state.q - within
    d = np.maximum(apart - 0.5 * (within[:, None] + within), 0.0)
    error = error + 4 * EPS * (apart + within[:, None] + within)
    spread = None if state.spread is None else _pooled(state.spread, matrix, q)

    def back(g: Floats) -> Floats:
        endless = np.isinf(g)
        known = matrix.T @ np.where(endless, 0.0, g) @ matrix
        return np.where(matrix.T @ endless @ matrix > 0, np.inf, known) if endless.any() else known

    return Covariance(q=q, d=Bounded(d, error), spread=spread, images=images), back


def _kron(a: Floats, b: Floats) -> Floats:
    return np.asarray(np.kron(a, b), dtype=np.float64)


def _both(number: Bounded) -> tuple[Floats, Floats]:
    """Value and error as arrays of the same shape."""
    return np.asarray(number.value), np.broadcast_to(number.error, number.shape)


def _pooled(before: Callable[[], Spread], matrix: Floats, q: Floats) -> LazySpread:
    """The mean over units is averaged over pixels; the variance is q minus its square."""

    def spread() -> Spread:
        old = before()
        mean = old.mean.broadcast(matrix.shape[1]).rearranged(lambda values: matrix @ values)
        left = Bounded(q) - mean**2
        uncertain = old.variance.broadcast(matrix.shape[1]).rearranged(lambda values: matrix @ values).error
        variance = maximum(Bounded(left.value, left.error + uncertain), 0.0)
        return Spread(mean=mean, variance=variance)

    return spread


def _of_units(before: Callable[[], Spread], inputs: int) -> LazySpread:
    """Pixels become units: means and variances are averaged, and the variance between the means is added."""

    def spread() -> Spread:
        old = before()
        number = max(np.size(old.mean.value), np.size(old.variance.value))
        (mean, mean_error), (variance, error) = (
            tuple(values.reshape(inputs, -1) for values in _both(one.broadcast(number)))
            for one in (old.mean, old.variance)
        )
        apart = np.abs(mean - mean.mean(axis=1, keepdims=True))
        return Spread(
            mean=Bounded(mean.mean(axis=1), mean_error.mean(axis=1)),
            variance=Bounded(
                variance.mean(axis=1) + mean.var(axis=1), error.mean(axis=1) + 2 * (apart * mean_error).mean(axis=1)
            ),
        )

    return spread
