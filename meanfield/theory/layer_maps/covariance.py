"""All points of all inputs at once: ``all_points(layer, state)``, the state after a layer and the gradients' way back.

What covariances of signals become, those of gradients take in reverse: the pullback is the transpose of the linearised
map of covariances. A layer that reads each point by itself needs no more than its maps of one point and of two; a layer
that reads several points registers here.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import singledispatch

import numpy as np

from meanfield._types import Floats, Ints
from meanfield.bounded import Bounded
from meanfield.errors import InvalidInput
from meanfield.networks.layers.base import Layer
from meanfield.theory.layer_maps.dispatch import hiding, one_point, pair_slope, two_points
from meanfield.theory.states import LazySpread, Pair, Point, Spread

#: Takes E g_a g_b of all points after a layer, g being summed over units, to that before it.
Pullback = Callable[[Floats], Floats]


@dataclass(frozen=True, kw_only=True)
class Covariance:
    """Second moments between all points, which are inputs × pixels or tokens.

    Attributes
    ----------
    q : ndarray, shape (points,)
        Second moment of each point.
    d : Bounded, shape (points, points)
        Half the mean squared difference of each two; 0 of a point and itself.
    spread : callable or None
        Returns the `Spread` of the points, of shape (points,); None where their means are 0.
    images : tuple of int
        Pixels along each axis; ``()`` where a point is an input.

    Examples
    --------
    Two pixels of one input with E u_a u_b = 0, averaged: the mean has half of their second moment.

    >>> import meanfield as mf
    >>> state = Covariance.of(np.array([1.0, 1.0]), np.eye(2), images=(2,))
    >>> after, back = all_points(mf.GlobalAveragePool(), state)
    >>> after.q, back(np.eye(1))
    (array([0.5]), array([[0.25, 0.25],
           [0.25, 0.25]]))
    """

    q: Floats
    d: Bounded
    spread: LazySpread = None
    images: tuple[int, ...] = ()

    @classmethod
    def of(cls, q: Floats, covariance: Floats, images: tuple[int, ...] = ()) -> "Covariance":
        """All pairs, by their second moments (points,) and E u_a u_b, within what their correlation allows."""
        root = np.sqrt(q)
        least, most = (0.5 * (root[:, None] + sign * root) ** 2 for sign in (-1, 1))
        d = np.clip(0.5 * (q[:, None] + q) - covariance, least, most)
        return cls(q=q, d=_of_pairs(Bounded(d)), images=images)

    @classmethod
    def of_pair(cls, pair: Pair, images: tuple[int, ...]) -> "Covariance":
        """From all pairs of points, of shape (points, points)."""
        q = np.ravel(pair.q1)
        d = pair.d.broadcast(q.size, q.size)
        return cls(q=q, d=_of_pairs(d), spread=_taken(pair.spread1, np.arange(q.size)), images=images)

    @property
    def pixels(self) -> int:
        """Points of an input."""
        return math.prod(self.images)

    @property
    def inputs(self) -> int:
        """How many there are."""
        return self.q.size // self.pixels

    @property
    def covariance(self) -> Floats:
        """E u_a u_b, shape (points, points)."""
        return np.asarray(0.5 * (self.q[:, None] + self.q) - self.d.value)

    @property
    def pair(self) -> Pair:
        """All pairs of points, of shape (points, points)."""
        number = np.arange(self.q.size)
        return self.pairs(number[:, None], number[None, :])

    def pairs(self, first: Ints, second: Ints) -> Pair:
        """The pairs of these points, by their numbers, which broadcast."""
        spreads = _taken(self.spread, first), _taken(self.spread, second)
        d = self.d[first, second]
        return Pair(q1=self.q[first], q2=self.q[second], d=d, spread1=spreads[0], spread2=spreads[1])


@singledispatch
def all_points(layer: Layer, state: Covariance) -> tuple[Covariance, Pullback]:
    """The state behind `layer`, and the way back of gradients' covariances."""
    return each_by_itself(layer, state)


def each_by_itself(layer: Layer, state: Covariance) -> tuple[Covariance, Pullback]:
    """A layer that reads each point by itself; back, a pair's slope is asked for only where its gradients correlate."""
    if layer.reads_points:
        raise InvalidInput(f"no map of several points is known for a layer of type {type(layer).__name__}")
    points = state.q.size
    one = one_point(layer, Point.at(state.q, spread=state.spread))
    pairs = np.triu_indices(points, 1)
    d, error = np.zeros((2, points, points))
    if points > 1:
        pair = two_points(layer, state.pairs(*pairs))
        d[pairs], error[pairs] = pair.d.value, pair.d.error
        d, error = d + d.T, error + error.T

    def back(g: Floats) -> Floats:
        slope, pairs = np.zeros(g.shape), np.nonzero(np.triu(g, 1))
        if len(pairs[0]):
            slope[pairs] = pair_slope(layer, state.pairs(*pairs)).value
            slope += slope.T
        np.fill_diagonal(slope, one.chi.value)
        return hiding(slope, g)

    q, spread = np.broadcast_to(one.q.value, points), _taken(one.spread, np.arange(points))
    return Covariance(q=q, d=Bounded(d, error), spread=spread, images=state.images), back


def in_turn(layers: Iterable[tuple[Layer, Callable[[Floats], None]]], state: Covariance) -> tuple[Covariance, Pullback]:
    """One layer after the other, each checked at the second moments before it; backwards in reverse order."""
    pullbacks = []
    for layer, check in layers:
        check(state.q)
        state, pullback = all_points(layer, state)
        pullbacks.append(pullback)

    def back(g: Floats) -> Floats:
        for pullback in reversed(pullbacks):
            g = pullback(g)
        return g

    return state, back


def _of_pairs(d: Bounded) -> Bounded:
    """`d` made symmetric, and 0 of a point and itself."""
    value = np.array(0.5 * (d.value + np.transpose(d.value)))
    np.fill_diagonal(value, 0.0)
    return Bounded(value, d.error)


def _taken(spread: LazySpread, at: Ints) -> LazySpread:
    """The spreads of the points `at`."""
    if spread is None:
        return None

    def taken() -> Spread:
        one = spread()
        shape = np.broadcast_shapes(one.mean.shape, one.variance.shape)
        mean, variance = (
            number.broadcast(*shape).rearranged(lambda values: np.ravel(values)[at])
            for number in (one.mean, one.variance)
        )
        return Spread(mean=mean, variance=variance, varies=one.varies)

    return taken
