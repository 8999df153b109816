"""Convolutions where pixels differ: a mean over the window, then a Dense layer (Xiao et al. 2018, arXiv:1806.05393).

Where pixels are statistically alike a convolution has the maps of the Dense layer that it is one of.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.convolution import Conv
from meanfield.networks.layers.dense import Dense
from meanfield.theory.layer_maps.covariance import Points, Pullback, all_points, times
from meanfield.theory.layer_maps.dispatch import one_point, pair_slope, two_points
from meanfield.theory.states import OnePoint, TwoPoints

__all__ = ["OfMode", "specialised", "with_convolutions"]

Floats = NDArray[np.float64]

AnyConv = TypeVar("AnyConv", bound=Conv)


@dataclass(frozen=True, eq=False)
class OfMode(Conv):
    """A convolution as deviations of one Fourier mode see it: they are multiplied by `factor`, λ(ω), as well."""

    factor: Any = 1.0


@one_point.register
def _(layer: OfMode, signal: OnePoint) -> OnePoint:
    after = one_point(Dense(layer.sigma_w, layer.sigma_b), signal)
    return replace(after, slope=layer.factor * after.slope)


@pair_slope.register
def _(layer: OfMode, signal: TwoPoints) -> Any:
    return layer.factor * np.asarray(layer.sigma_w) ** 2


@all_points.register
def _(layer: Conv, state: Points) -> tuple[Points, Pullback]:
    """Σ′_{a,a′} = σ_b² + σ_w² Σ_β v_β Σ_{a+β, a′+β}; back, each pixel gets what the windows that it is in have."""
    shares = layer.taps[1]
    images, pixel, inside = layer.windows(state.images)
    points = state.inputs * state.pixels
    first = state.pixels * np.arange(state.inputs)[:, None, None]  # pixel of each input
    # beyond a border of zeros it is the point after the last one
    read = np.where(inside, first + pixel, points).reshape(-1, len(shares)).T
    pairs = [np.ix_(one, one) for one in read]

    def mean(values: Floats, places: Any) -> Floats:
        return np.asarray(sum(share * values[at] for share, at in zip(shares, places, strict=True)))

    q, d, error = _with_nowhere(state.pair)
    q, d, error = mean(q, read), mean(d, pairs), mean(error, pairs)
    after = two_points(Dense(layer.sigma_w, layer.sigma_b), TwoPoints(q[:, None], q[None, :], d, error))

    def back(g: Floats) -> Floats:
        total = np.zeros((points + 1, points + 1))
        g = times(layer.sigma_w**2, g)
        for share, at in zip(shares, pairs, strict=True):
            total[at] += share * g  # a tap reads each point once, but for the one that is nowhere
        return total[:points, :points]

    return Points(after, images), back


def _with_nowhere(pair: TwoPoints) -> tuple[Floats, Floats, Floats]:
    """q, d and the error with one more point, which has no signal."""
    q = np.append(np.ravel(pair.q1), 0.0)
    d, error = (np.zeros((q.size, q.size)) for _ in range(2))
    d[:] = 0.5 * (q[:, None] + q)
    d[:-1, :-1], d[-1, -1], error[:-1, :-1] = pair.d, 0.0, pair.error
    return q, d, error


def specialised(kind: type[AnyConv], layer: Conv, **more: Any) -> AnyConv:
    """A convolution as one of another kind, with what that has beyond it."""
    return kind(**{field.name: getattr(layer, field.name) for field in fields(Conv)}, **more)


def with_convolutions(layer: Layer, change: Callable[[Conv], Layer]) -> Layer:
    """The same layer with every convolution in it replaced."""
    if isinstance(layer, Conv):
        return change(layer)
    return layer.rebuilt(tuple(with_convolutions(inner, change) for inner in layer.inner))
