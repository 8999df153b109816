"""The covariances of all points at once, and of their gradients: ``all_points(layer, state)``.

The state holds the second moments of all pairs of points; points are the inputs, or all pixels or tokens of all inputs.
`all_points` returns the state behind a layer and a pullback. The pullback maps the covariances of gradients behind the
layer to the covariances before it: it is the transpose of the derivative of the map of covariances. For a layer that
reads each point by itself both follow from `one_point`, `two_points` and `pair_slope`; a layer that reads several
points registers here.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import singledispatch
from typing import Any, Protocol

import numpy as np

from meanfield._types import Floats, Ints
from meanfield.bounded import Bounded
from meanfield.errors import InvalidInput
from meanfield.networks.layers.base import Layer
from meanfield.theory.layer_maps.dispatch import hiding, one_point, pair_slope, two_points
from meanfield.theory.states import LazySpread, Pair, Point, Spread

#: Maps E g_a·g_b of the gradients at all points behind a layer, in the form of the state, to the values before it.
Pullback = Callable[[Floats], Floats]


class Points(Protocol):
    """The second moments of all points: a `Covariance`, or `Tokens` where all pairs are alike."""

    @property
    def q(self) -> Floats:
        """E u² of the points."""

    def by_itself(
        self, layer: Layer, factor: Callable[[Pair], Bounded] | None = None
    ) -> "tuple[Points, Callable[[Floats], Floats]]":
        """`all_points` of a layer that reads each point by itself, from its maps of one point and of two points.

        `factor` is what multiplies the covariance of the gradients of a pair, if it is not the pair slope.
        """

    def joined(self, add: Callable[..., Pair], *after: Any) -> "Points":
        """These points and what branches make of them as `add` joins them, pair by pair."""


@dataclass(frozen=True, kw_only=True)
class Covariance:
    """Second moments of the signals of all points, where points = inputs × pixels.

    Points are numbered input by input: point i·pixels + a is pixel (or token) a of input i.

    Attributes
    ----------
    q : ndarray, shape (points,)
        Second moment E u_a² of each point.
    d : Bounded, shape (points, points)
        Half the mean squared difference ½E(u_a − u_b)² of all pairs, symmetric, with zeros on the diagonal.
    spread : callable or None
        Returns the `Spread` of the points, of shape (points,); None where their means are 0.
    images : tuple of int
        Pixels along each axis of an input; ``()`` where each input is one point.

    Examples
    --------
    The average of two pixels of one input, with second moment 1 and covariance 0, has second moment 1/2. The squared
    gradient of the average goes back to both pixels, divided by 4:

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
        """From q, shape (points,), and E u_a u_b, shape (points, points); correlations are clipped to [−1, 1]."""
        root = np.sqrt(q)
        least, most = (0.5 * (root[:, None] + sign * root) ** 2 for sign in (-1, 1))
        d = np.clip(0.5 * (q[:, None] + q) - covariance, least, most)
        return cls(q=q, d=_of_pairs(Bounded(d)), images=images)

    @classmethod
    def of_pair(cls, pair: Pair, images: tuple[int, ...]) -> "Covariance":
        """From a pair of shape (points, points), which holds all pairs of points."""
        q = np.ravel(pair.q1)
        d = pair.d.broadcast(q.size, q.size)
        return cls(q=q, d=_of_pairs(d), spread=_taken(pair.spread1, np.arange(q.size)), images=images)

    @property
    def pixels(self) -> int:
        """Number of points of each input."""
        return math.prod(self.images)

    @property
    def inputs(self) -> int:
        """Number of inputs."""
        return self.q.size // self.pixels

    @property
    def covariance(self) -> Floats:
        """The covariances E u_a u_b, shape (points, points)."""
        return np.asarray(0.5 * (self.q[:, None] + self.q) - self.d.value)

    @property
    def pair(self) -> Pair:
        """All pairs of points as one `Pair` of shape (points, points)."""
        number = np.arange(self.q.size)
        return self.pairs(number[:, None], number[None, :])

    def pairs(self, first: Ints, second: Ints) -> Pair:
        """The pairs of the points with the numbers `first` and `second`, which broadcast."""
        spreads = _taken(self.spread, first), _taken(self.spread, second)
        d = self.d[first, second]
        return Pair(q1=self.q[first], q2=self.q[second], d=d, spread1=spreads[0], spread2=spreads[1])

    def joined(self, add: Callable[..., Pair], *after: "Covariance") -> "Covariance":
        """As in `Points`."""
        return Covariance.of_pair(add(self.pair, *(one.pair for one in after)), after[0].images)

    def by_itself(self, layer: Layer, factor: Callable[[Pair], Bounded] | None = None) -> tuple["Covariance", Pullback]:
        """As in `Points`; the pullback computes the slope of a pair only where the covariance of gradients is not 0."""
        points = self.q.size
        one = one_point(layer, Point.at(self.q, spread=self.spread))
        pairs = np.triu_indices(points, 1)
        d, error = np.zeros((2, points, points))
        if points > 1:
            pair = two_points(layer, self.pairs(*pairs))
            d[pairs], error[pairs] = pair.d.value, pair.d.error
            d, error = d + d.T, error + error.T

        def back(g: Floats) -> Floats:
            slope, pairs = np.zeros(g.shape), np.nonzero(np.triu(g, 1))
            if len(pairs[0]):
                slope[pairs] = between(layer, self.pairs(*pairs), factor).value
                slope += slope.T
            np.fill_diagonal(slope, one.chi.value)
            return hiding(slope, g)

        q, spread = np.broadcast_to(one.q.value, points), _taken(one.spread, np.arange(points))
        return Covariance(q=q, d=Bounded(d, error), spread=spread, images=self.images), back


@singledispatch
def all_points(layer: Layer, state: Points) -> tuple[Any, Pullback]:
    """All points behind a layer, and the pullback for covariances of gradients.

    Parameters
    ----------
    layer : Layer
        The description of the layer.
    state : Points
        All points before the layer.

    Returns
    -------
    after : Points
        All points behind the layer, with ``layer.images_after(state.images)`` pixels for each input.
    pullback : callable
        Maps E g_a·g_b behind the layer to E g_a·g_b before it: of a `Covariance` arrays of shape (points, points), of
        `Tokens` the two values (of a token, of two tokens) as the first axis.

    Raises
    ------
    InvalidInput
        If the layer reads several points and registers no map here, or has no map of one point.

    References
    ----------
    Xiao et al. 2018 (arXiv:1806.05393), eq. 2.4; Novak et al. 2019 (arXiv:1810.05148), section 3.
    """
    if layer.reads_points or any(inner.reads_points for inner in layer.walk()):
        raise InvalidInput(f"no map of several points is known for a layer of type {type(layer).__name__}")
    return state.by_itself(layer)


def between(layer: Layer, pair: Pair, factor: Callable[[Pair], Bounded] | None) -> Bounded:
    """What multiplies the covariance of the gradients of a pair: `factor` of it, or the pair slope of the layer."""
    if factor is not None:
        return factor(pair)
    if any(phi.surrogate for phi in layer.activations):
        raise InvalidInput(f"covariances of gradients through surrogates are not known in a {layer.label}")
    return pair_slope(layer, pair)


def in_turn(layers: Iterable[Layer], state: Points) -> tuple[Any, Pullback]:
    """`all_points` of several layers in order."""
    pullbacks = []
    for layer in layers:
        state, pullback = all_points(layer, state)
        pullbacks.append(pullback)

    def back(g: Floats) -> Floats:
        for pullback in reversed(pullbacks):
            g = pullback(g)
        return g

    return state, back


def _of_pairs(d: Bounded) -> Bounded:
    """`d` made symmetric, with zeros on the diagonal."""
    value = np.array(0.5 * (d.value + np.transpose(d.value)))
    np.fill_diagonal(value, 0.0)
    return Bounded(value, d.error)


def _taken(spread: LazySpread, at: Ints) -> LazySpread:
    """The spreads of the points with the numbers `at`."""
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
