"""Convolutions where pixels differ: a mean over the window, then a Dense layer (Xiao et al. 2018, arXiv:1806.05393).

Where pixels are statistically alike a convolution has the maps of the Dense layer that it is one of.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from meanfield.networks.convolution import Conv
from meanfield.networks.layers import Dense, Layer
from meanfield.theory.kernels.dispatch import one_point, pair_slope, two_points
from meanfield.theory.signal import OnePoint, TwoPoints

__all__ = ["OfMode", "OverPixels", "specialised", "with_convolutions"]

AnyConv = TypeVar("AnyConv", bound=Conv)


@dataclass(frozen=True, eq=False)
class OfMode(Conv):
    """A convolution as deviations of one Fourier mode see it: they are multiplied by `factor`, λ(ω), as well."""

    factor: Any = 1.0


@dataclass(frozen=True, eq=False)
class OverPixels(Conv):
    """A convolution of all pairs of points, inputs × pixels: q1 of shape (points, 1), q2 (1, points), d of both.

    Row β of `neighbours` has the points a + β, shape (taps, points).
    """

    neighbours: Any = None

    def mean(self, values: Any) -> NDArray[np.float64]:
        """Σ_β v_β values_{a+β, a′+β}."""
        values = np.asarray(values, dtype=np.float64)
        total = np.zeros(values.shape)
        for share, points in zip(self.taps[1], self.neighbours, strict=True):
            shifted = values
            for axis in range(values.ndim):
                shifted = shifted if values.shape[axis] == 1 else shifted.take(points, axis)
            total += share * shifted
        return total


@one_point.register
def _(layer: OfMode, signal: OnePoint) -> OnePoint:
    after = one_point(Dense(layer.sigma_w, layer.sigma_b), signal)
    return replace(after, slope=layer.factor * after.slope)


@pair_slope.register
def _(layer: OfMode, signal: TwoPoints) -> Any:
    return layer.factor * np.asarray(layer.sigma_w) ** 2


@two_points.register
def _(layer: OverPixels, signal: TwoPoints) -> TwoPoints:
    q1, q2, d, error = (layer.mean(value) for value in (signal.q1, signal.q2, signal.d, signal.error))
    return two_points(Dense(layer.sigma_w, layer.sigma_b), TwoPoints(q1, q2, d, error))


def specialised(kind: type[AnyConv], layer: Conv, **more: Any) -> AnyConv:
    """A convolution as one of another kind, with what that has beyond it."""
    return kind(**{field.name: getattr(layer, field.name) for field in fields(Conv)}, **more)


def with_convolutions(layer: Layer, change: Callable[[Conv], Layer]) -> Layer:
    """The same layer with every convolution in it replaced."""
    if isinstance(layer, Conv):
        return change(layer)
    return layer.rebuilt(tuple(with_convolutions(inner, change) for inner in layer.inner))
