"""Normalisation over units: q → 1, with χ/V back through it; d → 1 − c (Doshi et al. 2021, arXiv:2111.12143).

V is the variance over units for LayerNorm and the second moment for RMSNorm. The gradient also loses its component
along the signal, and for LayerNorm its mean; both are a share 1/units of it, which vanishes at infinite width.
"""

from collections.abc import Callable

import numpy as np

from meanfield._types import Bools, Floats
from meanfield.bounded import Bounded, Operand, minimum, where
from meanfield.errors import InvalidInput
from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.normalisation import LayerNorm, RMSNorm
from meanfield.theory.layer_maps.dispatch import one_point, pair_slope, two_points
from meanfield.theory.states import LazySpread, Pair, Point, Spread, spread_of

EPS = float(np.finfo(float).eps)
SMALLEST = 1e-300  # smaller variances are replaced by this one in gradient factors


@one_point.register
def _(layer: LayerNorm, x: Point) -> Point:
    return _divided(layer, x, spread_of(x.spread, x.q), None)


@one_point.register
def _(layer: RMSNorm, x: Point) -> Point:
    varies = bool(np.any(x.q.value == 0)) and spread_of(x.spread, x.q).varies
    size = Spread(mean=Bounded(0.0), variance=x.q, varies=varies)
    return _divided(layer, x, size, _scaled(x.spread, x.q.value, x.slope))


def _divided(layer: Layer, x: Point, size: Spread, spread: LazySpread) -> Point:
    """The signal divided by √V; at q = 0 the limit q → 0."""
    if not size.varies:
        _refuse_constant(layer, size.variance, np.asarray(x.chi.value) == 0)
    with np.errstate(over="ignore"):
        factor = 1.0 / np.maximum(size.variance.value, SMALLEST)
        inverse = Bounded(factor, factor * (size.variance.error * factor + 2 * EPS))
    one = np.ones(np.broadcast_shapes(np.shape(inverse.value), x.q.shape))
    chi = where(np.isinf(x.chi.value), np.inf, minimum(x.chi * inverse, 1 / SMALLEST)) * one
    chi = Bounded(chi.value, np.minimum(chi.error, 1 / SMALLEST))
    return Point(q=Bounded(one, EPS * one), slope=Bounded(0.0 * one), chi=chi, spread=spread)


@two_points.register
def _(layer: LayerNorm, x: Pair) -> Pair:
    for known in filter(None, (x.spread1, x.spread2)):
        if not (spread := known()).varies:
            _refuse_constant(layer, spread.variance)
    return _normalised(layer, x.centred(), lambda q, spread: None)


@two_points.register
def _(layer: RMSNorm, x: Pair) -> Pair:
    return _normalised(layer, x, lambda q, spread: _scaled(spread, q))


def _normalised(layer: Layer, x: Pair, spread: Callable[[Floats, LazySpread], LazySpread]) -> Pair:
    """The pair of signals, each divided by the square root of its second moment."""
    _refuse_constant(layer, Bounded(np.minimum(x.q1, x.q2)))
    gap, inverse = x.one_minus_c, 1.0 / (np.sqrt(x.q1) * np.sqrt(x.q2))
    one = np.ones(gap.shape)
    d = Bounded(gap, (x.d.error + 4 * EPS * np.abs(x.d.value)) * inverse)
    return x.through(lambda q, before: (one, spread(q, before)), d=d)


@pair_slope.register
def _(layer: LayerNorm, x: Pair) -> Bounded:
    return _slope(x.centred())


@pair_slope.register
def _(layer: RMSNorm, x: Pair) -> Bounded:
    return _slope(x)


def _slope(x: Pair) -> Bounded:
    return Bounded(1.0 / (np.sqrt(x.q1) * np.sqrt(x.q2)))


def _scaled(before: LazySpread, q: Floats | float, slope: Operand = 0.0) -> LazySpread:
    """The spread of the signal divided by √q, where q has the given slope."""
    if before is None:
        return None

    def spread() -> Spread:
        old, root = before(), np.sqrt(np.maximum(q, SMALLEST))
        return Spread(
            mean=old.mean / root,
            variance=old.variance / root**2,
            slope=lambda: (old.slope() - 0.5 * old.mean * slope / root**2) / root,
        )

    return spread


def _refuse_constant(layer: Layer, variance: Bounded, here: Bools | bool = True) -> None:
    """Refuse a variance that is 0 within its error."""
    if np.any((np.asarray(variance.value) <= variance.error) & here):
        raise InvalidInput(
            f"{type(layer).__name__} would divide by zero: the layers before it give all units the same value, "
            "for every signal"
        )
