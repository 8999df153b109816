"""All pixels of all inputs at once: ``all_points(layer, state)``, the state after a layer and the gradients' way back.

What covariances of signals become, those of gradients take in reverse: the pullback is the transpose of the linearised
map of covariances. A layer that reads each point by itself needs no more than its maps of one point and of two; those
that read several register here as well.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meanfield.errors import InvalidInput
from meanfield.networks.layers.concatenation import Concatenate
from meanfield.networks.layers.elementwise import Elementwise
from meanfield.networks.layers.network import Network
from meanfield.networks.layers.residual import Residual
from meanfield.theory.layer_maps import concatenation, residual
from meanfield.theory.layer_maps.dispatch import one_point, pair_slope, two_points
from meanfield.theory.states import OnePoint, Spread, Spreads, TwoPoints

__all__ = ["Points", "Pullback", "all_points", "of_covariance", "times"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
#: Takes E g_a g_b of all points after a layer, g being summed over units, to that before it.
Pullback = Callable[[Floats], Floats]


@dataclass(frozen=True)
class Points:
    """Second moments between all points, inputs × pixels.

    Attributes
    ----------
    pair : TwoPoints
        With q1 of shape (points, 1), q2 (1, points) and d of both; d is 0 of a point and itself.
    images : tuple of int
        Pixels along each axis; ``()`` where a point is an input.
    """

    pair: TwoPoints
    images: tuple[int, ...] = ()

    @property
    def pixels(self) -> int:
        """Points of an input."""
        return math.prod(self.images)

    @property
    def inputs(self) -> int:
        """How many there are."""
        return int(np.size(self.pair.q1)) // self.pixels

    @property
    def covariance(self) -> Floats:
        """E u_a u_b, shape (points, points)."""
        return np.asarray(0.5 * (self.pair.q1 + self.pair.q2) - self.pair.d)


@singledispatch
def all_points(layer: Any, state: Points) -> tuple[Points, Pullback]:
    """A layer that reads each point by itself; back, a pair's slope is asked for only where its gradients correlate."""
    number = np.arange(np.size(state.pair.q1))
    if isinstance(layer, Elementwise) and 0.0 in layer.activation.jumps and np.any(state.pair.q1 == 0):
        raise InvalidInput(
            f"{layer.activation.name} jumps at 0, where a pixel without a signal is: give the layer before it a bias"
        )
    one = one_point(layer, OnePoint(np.ravel(state.pair.q1), spreads=_taken(state.pair.spreads1, number)))
    q, pairs = np.broadcast_to(one.q, number.shape), np.triu_indices(number.size, 1)
    d, error = np.zeros((2, number.size, number.size))
    if number.size > 1:
        pair = two_points(layer, _some(state.pair, *pairs))
        d[pairs], error[pairs] = pair.d, pair.error
        d, error = d + d.T, error + error.T
    first, second = (_taken(one.spreads, at) for at in (number[:, None], number[None, :]))

    def back(g: Floats) -> Floats:
        slope, pairs = np.zeros(g.shape), np.nonzero(np.triu(g, 1))
        if len(pairs[0]):
            slope[pairs] = pair_slope(layer, _some(state.pair, *pairs))
            slope += slope.T
        np.fill_diagonal(slope, one.chi)
        return times(slope, g)

    return Points(TwoPoints(q[:, None], q[None, :], d, error, first, second), state.images), back


@all_points.register
def _(layer: Network, state: Points) -> tuple[Points, Pullback]:
    return _through([(inner, False) for inner in layer], state)


@all_points.register
def _(layer: Residual, state: Points) -> tuple[Points, Pullback]:
    after, back = _through(residual.tail(layer), state)
    skip, branch = residual.shares(layer)
    pair = _same(residual.joined(layer, state.pair, after.pair))
    return Points(pair, state.images), lambda g: times(skip, g) + times(branch, back(g))


@all_points.register
def _(layer: Concatenate, state: Points) -> tuple[Points, Pullback]:
    after, back = all_points(layer.branch, state)
    growth = layer.growth
    pair = _same(concatenation.joined(layer, state.pair, after.pair))
    return Points(pair, state.images), lambda g: (g + times(growth, back(g))) / (1.0 + growth)


def _through(layers: Any, state: Points) -> tuple[Points, Pullback]:
    """One layer after the other; backwards in reverse order. Layers come with whether their mean matters."""
    pullbacks = []
    for layer, last in layers:
        if last and isinstance(layer, Elementwise):
            residual.refuse_mean(layer, state.pair.q1)
        state, pullback = all_points(layer, state)
        pullbacks.append(pullback)

    def back(g: Floats) -> Floats:
        for pullback in reversed(pullbacks):
            g = pullback(g)
        return g

    return state, back


def of_covariance(q: Floats, covariance: Floats) -> TwoPoints:
    """All pairs, by their second moments (points,) and E u_a u_b, within what their correlation allows."""
    root = np.sqrt(q)
    least, most = (0.5 * (root[:, None] + sign * root) ** 2 for sign in (-1, 1))
    return _same(TwoPoints(q[:, None], q[None, :], np.clip(0.5 * (q[:, None] + q) - covariance, least, most)))


def _same(pair: TwoPoints) -> TwoPoints:
    """The pair with what is known of it: each point has one q, d is symmetric, and 0 of a point and itself."""
    q1, q2 = np.asarray(pair.q1)[:, :1], np.asarray(pair.q2)[:1]
    d = np.array(np.broadcast_to(pair.d, (q1.size, q1.size)))
    d = 0.5 * (d + d.T)
    np.fill_diagonal(d, 0.0)
    return TwoPoints(q1, q2, d, pair.error, pair.spreads1, pair.spreads2)


def times(factor: Any, g: Floats) -> Floats:
    """Their product, where a factor or a gradient of 0 hides even what is infinite."""
    with np.errstate(invalid="ignore"):
        return np.where((np.asarray(factor) == 0) | (g == 0), 0.0, factor * g)


def _some(pair: TwoPoints, first: Ints, second: Ints) -> TwoPoints:
    """The pairs of these points only."""
    q = np.ravel(pair.q1)
    d, error = (np.broadcast_to(values, (q.size, q.size))[first, second] for values in (pair.d, pair.error))
    spreads = (_taken(pair.spreads1, first), _taken(pair.spreads1, second))
    return TwoPoints(q[first], q[second], d, error, *spreads)


def _taken(spreads: Spreads, at: Ints) -> Spreads:
    """The spreads of the points `at`."""
    if spreads is None:
        return None

    def spread() -> Spread:
        one = spreads()
        numbers = np.broadcast_arrays(one.mean, one.variance, one.mean_error, one.error)
        mean, variance, mean_error, error = (np.ravel(number)[at] for number in numbers)
        return Spread(mean, variance, mean_error, error, one.varies)

    return spread
