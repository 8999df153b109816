"""Activations: q → E φ², with χ = E φ′² back through them; d → ½E(φ(u) − φ(v))² (Poole et al. 2016, eqs. 3, 5, 9)."""

from typing import Any

import numpy as np

from meanfield.activations.activation import Activation
from meanfield.errors import InfiniteDerivative
from meanfield.networks.layers import Elementwise
from meanfield.theory.kernels.dispatch import one_point, pair_slope, two_points
from meanfield.theory.signal import OnePoint, Spread, Spreads, TwoPoints

__all__: list[str] = []


@one_point.register
def _(layer: Elementwise, signal: OnePoint) -> OnePoint:
    moments = layer.activation.moments
    q, error = moments.second_moment(signal.q)
    slope, slope_error = moments.second_moment_slope(signal.q)
    spreads = _spreads(layer.activation, signal.q)
    try:
        chi, chi_error = moments.derivative_moment(signal.q)
    except InfiniteDerivative:
        infinite = np.full(np.shape(q), np.inf)
        return OnePoint(q, error + np.abs(slope) * signal.error, slope * signal.slope, infinite, spreads=spreads)
    return OnePoint(
        q,
        error + np.abs(slope) * signal.error,
        slope * signal.slope,
        chi * signal.chi,
        slope_error * np.abs(signal.slope) + np.abs(slope) * signal.slope_error,
        chi_error * signal.chi + chi * signal.chi_error,
        spreads,
    )


@two_points.register
def _(layer: Elementwise, signal: TwoPoints) -> TwoPoints:
    moments = layer.activation.moments
    q1, _ = moments.second_moment(signal.q1)
    q2, _ = (q1, None) if signal.q2 is signal.q1 else moments.second_moment(signal.q2)
    d, error = moments.distance(signal.q1, signal.q2, signal.d)
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = np.where(np.asarray(signal.d) > 0, signal.error / np.where(signal.d == 0, 1.0, signal.d), 0.0)
    first = _spreads(layer.activation, signal.q1)
    second = first if signal.q2 is signal.q1 else _spreads(layer.activation, signal.q2)
    return TwoPoints(q1, q2, d, error + relative * d, first, second)


@pair_slope.register
def _(layer: Elementwise, signal: TwoPoints) -> Any:
    return layer.activation.moments.distance_slope(signal.q1, signal.q2, signal.d)[0]


def _spreads(activation: Activation, q: Any) -> Spreads:
    """E φ and Var φ, this as ½E(φ(u) − φ(v))² of independent u and v, which does not cancel."""

    def spread() -> Spread:
        mean, mean_error = activation.moments.mean(q)
        variance, error = activation.moments.distance(q, q, q)
        return Spread(mean, variance, mean_error, error)

    return spread
