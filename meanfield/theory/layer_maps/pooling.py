"""Means over pixels, Σ → P Σ Pᵀ with the rows of P summing to 1; and pixels as units, Σ → their mean pixel by pixel.

Novak et al. 2019 (arXiv:1810.05148), section 3.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from meanfield.networks.images import check_alike
from meanfield.networks.layers.pooling import AveragePool, Flatten, GlobalAveragePool
from meanfield.theory.layer_maps.covariance import Points, Pullback, all_points
from meanfield.theory.layer_maps.dispatch import one_point, pair_slope, two_points
from meanfield.theory.states import Spread, Spreads, TwoPoints

__all__ = ["averaged"]

Floats = NDArray[np.float64]

EPS = float(np.finfo(float).eps)


def _refuse(layer: Any, signal: Any) -> Any:
    check_alike(layer)  # raises


for kind in (AveragePool, GlobalAveragePool, Flatten):
    for rule in (one_point, two_points, pair_slope):
        rule.register(kind, _refuse)


@all_points.register
def _(layer: AveragePool, state: Points) -> tuple[Points, Pullback]:
    images = layer.pooled(state.images)
    mean: Any = np.ones((1, 1))
    for size, window in zip(images, layer.window, strict=True):
        mean = np.kron(mean, np.kron(np.eye(size), np.full((1, window), 1.0 / window)))
    pair, back = averaged(mean, state)
    return Points(pair, images), back


@all_points.register
def _(layer: GlobalAveragePool, state: Points) -> tuple[Points, Pullback]:
    pair, back = averaged(np.full((1, state.pixels), 1.0 / state.pixels), state)
    return Points(pair), back


@all_points.register
def _(layer: Flatten, state: Points) -> tuple[Points, Pullback]:
    """Each pixel has its share of the gradient, independent of others' as behind a Dense layer its units' are."""
    inputs, pixels = state.inputs, state.pixels
    q = np.ravel(state.pair.q1).reshape(inputs, pixels).mean(axis=1)

    def over_pixels(values: Any) -> Floats:
        whole = np.broadcast_to(values, (inputs * pixels,) * 2).reshape(inputs, pixels, inputs, pixels)
        return np.asarray(np.einsum("iaja->ij", whole) / pixels)

    d, error = over_pixels(state.pair.d), over_pixels(state.pair.error)
    spreads = state.pair.spreads1
    pooled = None if spreads is None else _of_units(spreads, inputs)

    def back(g: Floats) -> Floats:
        each, own = np.zeros((inputs, pixels, inputs, pixels)), np.arange(pixels)
        each[:, own, :, own] = g / pixels
        return each.reshape(inputs * pixels, -1)

    return Points(TwoPoints(q[:, None], q[None, :], d, error, *_both(pooled))), back


def averaged(mean: Floats, state: Points) -> tuple[TwoPoints, Pullback]:
    """The signals of the points of each input multiplied by `mean`, shape (new pixels, pixels)."""
    matrix: Any = np.kron(np.eye(state.inputs), mean)
    pair = state.pair
    apart, error = (
        matrix @ np.broadcast_to(values, (matrix.shape[1],) * 2) @ matrix.T for values in (pair.d, pair.error)
    )
    within = np.diagonal(apart)
    q = matrix @ np.ravel(pair.q1) - within
    d = np.maximum(apart - 0.5 * (within[:, None] + within), 0.0)
    error = error + 4 * EPS * (apart + within[:, None] + within)
    spreads = None if pair.spreads1 is None else _pooled(pair.spreads1, matrix, q)

    def back(g: Floats) -> Floats:
        endless = np.isinf(g)
        known = matrix.T @ np.where(endless, 0.0, g) @ matrix
        return np.where(matrix.T @ endless @ matrix > 0, np.inf, known) if endless.any() else known

    return TwoPoints(q[:, None], q[None, :], d, error, *_both(spreads)), back


def _both(spreads: Spreads) -> tuple[Spreads, Spreads]:
    """Of the first point of a pair, in a column, and of the second, in a row."""
    if spreads is None:
        return None, None

    def row() -> Spread:
        one = spreads()
        mean, variance, mean_error, error = map(np.transpose, (one.mean, one.variance, one.mean_error, one.error))
        return Spread(mean, variance, mean_error, error)

    return spreads, row


def _pooled(before: Any, matrix: Floats, q: Floats) -> Spreads:
    """Means over units average too; what is left of the second moment is the variance."""

    def spread() -> Spread:
        old = before()
        mean, mean_error = (matrix @ np.broadcast_to(np.ravel(a), matrix.shape[1]) for a in (old.mean, old.mean_error))
        variance = np.maximum(q - mean**2, 0.0)
        error = matrix @ np.broadcast_to(np.ravel(old.error), matrix.shape[1]) + 2 * np.abs(mean) * mean_error + EPS * q
        return Spread(*(a[:, None] for a in (mean, variance, mean_error, error)))

    return spread


def _of_units(before: Any, inputs: int) -> Spreads:
    """Pixels become units: their means average, and what these are apart adds to the variance."""

    def spread() -> Spread:
        old = before()
        mean, variance, mean_error, error = (
            np.broadcast_to(np.ravel(a), (np.size(old.mean),)).reshape(inputs, -1)
            for a in (old.mean, old.variance, old.mean_error, old.error)
        )
        whole = variance.mean(axis=1) + mean.var(axis=1)
        bound = error.mean(axis=1) + 2 * (np.abs(mean - mean.mean(axis=1, keepdims=True)) * mean_error).mean(axis=1)
        return Spread(*(a[:, None] for a in (mean.mean(axis=1), whole, mean_error.mean(axis=1), bound)))

    return spread
