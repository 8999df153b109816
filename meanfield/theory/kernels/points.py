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
from meanfield.networks.concatenation import Concatenate
from meanfield.networks.layers import Elementwise
from meanfield.networks.network import Network
from meanfield.networks.residual import Residual
from meanfield.theory.kernels import concatenation, residual
from meanfield.theory.kernels.dispatch import one_point, pair_slope, two_points
from meanfield.theory.signal import OnePoint, TwoPoints

__all__ = ["Points", "Pullback", "all_points", "of_covariance"]

Floats = NDArray[np.float64]
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
    """A layer that reads each point by itself."""
    signal = state.pair
    slope = np.array(np.broadcast_to(pair_slope(layer, signal), np.shape(signal.d)))
    chi = one_point(layer, OnePoint(np.ravel(signal.q1), spreads=_flat(signal.spreads1))).chi
    np.fill_diagonal(slope, chi)
    return Points(_same(two_points(layer, signal)), state.images), lambda g: slope * g


@all_points.register
def _(layer: Network, state: Points) -> tuple[Points, Pullback]:
    return _through([(inner, False) for inner in layer], state)


@all_points.register
def _(layer: Residual, state: Points) -> tuple[Points, Pullback]:
    after, back = _through(residual.tail(layer), state)
    if after.images != state.images:
        raise InvalidInput(
            f"a residual branch must keep the image's shape, not turn {state.images} into {after.images}"
        )
    skip, branch = np.asarray(layer.skip_scale) ** 2, np.asarray(layer.branch_scale) ** 2
    pair = _same(residual.joined(layer, state.pair, after.pair))
    return Points(pair, state.images), lambda g: skip * g + branch * back(g)


@all_points.register
def _(layer: Concatenate, state: Points) -> tuple[Points, Pullback]:
    after, back = all_points(layer.branch, state)
    if after.images != state.images:
        raise InvalidInput(
            f"a Concatenate's branch must keep the image's shape, not turn {state.images} into {after.images}"
        )
    growth = np.asarray(layer.growth)
    pair = _same(concatenation.joined(layer, state.pair, after.pair))
    return Points(pair, state.images), lambda g: (g + growth * back(g)) / (1.0 + growth)


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


def of_covariance(q: Floats, covariance: Floats, error: Any = 0.0) -> TwoPoints:
    """All pairs, by their second moments (points,) and what they have in common (points, points)."""
    total = 0.5 * (q[:, None] + q)
    eps = 8 * float(np.finfo(float).eps)
    return _same(TwoPoints(q[:, None], q[None, :], np.maximum(total - covariance, 0.0), error + eps * total))


def _same(pair: TwoPoints) -> TwoPoints:
    """The pair with what is known of it: each point has one q, d is symmetric, and 0 of a point and itself."""
    q1, q2 = np.asarray(pair.q1)[:, :1], np.asarray(pair.q2)[:1]
    d = np.array(np.broadcast_to(pair.d, (q1.size, q1.size)))
    d = 0.5 * (d + d.T)
    np.fill_diagonal(d, 0.0)
    return TwoPoints(q1, q2, d, pair.error, pair.spreads1, pair.spreads2)


def _flat(spreads: Any) -> Any:
    """The spreads of (points, 1) as ones of (points,)."""
    if spreads is None:
        return None

    def spread() -> Any:
        one = spreads()
        return type(one)(*(np.ravel(a) for a in (one.mean, one.variance, one.mean_error, one.error)), one.varies)

    return spread
