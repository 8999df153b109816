"""Normalisation over units: q → 1, with χ/V back through it; d → 1 − c (Doshi et al. 2021, arXiv:2111.12143).

V is the variance over units for LayerNorm and the second moment for RMSNorm. A gradient also loses what it has along
the signal, and for LayerNorm its mean: one part in the number of units each, nothing at infinite width.
"""

from typing import Any

import numpy as np

from meanfield.errors import InvalidInput
from meanfield.networks.layers.normalisation import LayerNorm, RMSNorm
from meanfield.theory.layer_maps.dispatch import one_point, pair_slope, two_points
from meanfield.theory.states import OnePoint, Spread, Spreads, TwoPoints, spread_of

__all__: list[str] = []

EPS = float(np.finfo(float).eps)
SMALLEST = 1e-300  # gradient factors at a smaller variance are those at this one


@one_point.register
def _(layer: LayerNorm, signal: OnePoint) -> OnePoint:
    spread = spread_of(signal.spreads, signal.q, signal.error)
    return _divided(layer, signal, spread, None)


@one_point.register
def _(layer: RMSNorm, signal: OnePoint) -> OnePoint:
    varies = bool(np.any(signal.q == 0)) and spread_of(signal.spreads, signal.q).varies
    size = Spread(0.0, signal.q, 0.0, signal.error, varies)
    return _divided(layer, signal, size, _scaled(signal.spreads, signal.q))


def _divided(layer: Any, signal: OnePoint, size: Spread, spreads: Spreads) -> OnePoint:
    """The signal divided by the root of a variance; at q = 0 the limit q → 0."""
    if not size.varies:
        _refuse_constant(layer, size.variance, np.asarray(signal.chi) == 0)
    inverse = 1.0 / np.maximum(size.variance, SMALLEST)
    one = np.ones(np.broadcast_shapes(np.shape(inverse), np.shape(signal.q)))
    with np.errstate(over="ignore"):
        chi = np.where(np.isinf(signal.chi), np.inf, np.minimum(signal.chi * inverse, 1 / SMALLEST))
        chi_error = signal.chi_error * inverse + chi * (size.error * inverse + 2 * EPS)
        chi_error = np.minimum(chi_error, 1 / SMALLEST)
    return OnePoint(one, EPS * one, 0.0 * one, chi * one, 0.0 * one, chi_error * one, spreads)


@two_points.register
def _(layer: LayerNorm, signal: TwoPoints) -> TwoPoints:
    after = _pair(layer, signal.centred())
    return TwoPoints(after.q1, after.q1, after.d, after.error)


@two_points.register
def _(layer: RMSNorm, signal: TwoPoints) -> TwoPoints:
    after = _pair(layer, signal)
    first = _scaled(signal.spreads1, signal.q1)
    second = first if signal.q2 is signal.q1 else _scaled(signal.spreads2, signal.q2)
    return TwoPoints(after.q1, after.q2, after.d, after.error, first, second)


def _pair(layer: Any, signal: TwoPoints) -> TwoPoints:
    """The pair with each second moment divided out."""
    _refuse_constant(layer, np.minimum(signal.q1, signal.q2))
    gap, inverse = signal.one_minus_c, 1.0 / (np.sqrt(signal.q1) * np.sqrt(signal.q2))
    one = np.ones(gap.shape)
    second = one if signal.q2 is signal.q1 else one.copy()
    return TwoPoints(one, second, gap, (signal.error + 4 * EPS * np.abs(signal.d)) * inverse)


@pair_slope.register
def _(layer: LayerNorm, signal: TwoPoints) -> Any:
    return _slope(signal.centred())


@pair_slope.register
def _(layer: RMSNorm, signal: TwoPoints) -> Any:
    return _slope(signal)


def _slope(signal: TwoPoints) -> Any:
    return 1.0 / (np.sqrt(signal.q1) * np.sqrt(signal.q2))


def _scaled(before: Spreads, q: Any) -> Spreads:
    if before is None:
        return None

    def spread() -> Spread:
        old, root = before(), np.sqrt(np.maximum(q, SMALLEST))
        return Spread(old.mean / root, old.variance / root**2, old.mean_error / root, old.error / root**2)

    return spread


def _refuse_constant(layer: Any, variance: Any, where: Any = True) -> None:
    if np.any((np.asarray(variance) <= 0) & where):
        raise InvalidInput(
            f"{type(layer).__name__} would divide by zero: what comes before it gives every unit the same value, "
            "where it needs one that varies with the signal"
        )
