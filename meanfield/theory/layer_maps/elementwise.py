"""Activations: q → E φ², with χ = E φ′² back through them; d → ½E(φ(u) − φ(v))² (Poole et al. 2016, eqs. 3, 5, 9)."""

from dataclasses import replace
from typing import Any

import numpy as np

from meanfield.activations.activation import Activation
from meanfield.errors import InfiniteDerivative
from meanfield.networks.layers.elementwise import Elementwise
from meanfield.theory.layer_maps.batchnorm import batch_gradient, sphere_pair, sphere_point
from meanfield.theory.layer_maps.dispatch import one_point, pair_slope, two_points
from meanfield.theory.states import OnePoint, Spread, Spreads, TwoPoints

__all__: list[str] = []

EPS = float(np.finfo(float).eps)
SPAN = np.linspace(-100.0, 100.0, 41)  # where a function that is no constant varies
RESOLVED = 1e-12  # relative error of a variance as a difference that is small enough


@one_point.register
def _(layer: Elementwise, signal: OnePoint) -> OnePoint:
    if signal.batch is None or not signal.batch.sphere:
        after = _gaussian(layer.activation, signal)
        if signal.batch is None:
            return after
        chi, chi_error, batch = batch_gradient(layer.activation, signal, signal.batch)
        return replace(after, chi=chi, chi_error=chi_error, batch=batch)
    return sphere_point(layer.activation, signal, signal.batch)


def _gaussian(activation: Activation, signal: OnePoint) -> OnePoint:
    moments = activation.moments
    q, error = moments.second_moment(signal.q)
    slope, slope_error = moments.second_moment_slope(signal.q)
    spreads = _spreads(activation, signal.q)
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
    if signal.sphere:
        return sphere_pair(layer.activation, signal)
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
    if signal.sphere:
        return 1.0
    return layer.activation.moments.distance_slope(signal.q1, signal.q2, signal.d)[0]


def _spreads(activation: Activation, q: Any) -> Spreads:
    """E φ and Var φ; where E φ² − (E φ)² cancels, ½E(φ(u) − φ(v))² of independent u and v."""

    def spread() -> Spread:
        moments = activation.moments
        (mean, mean_error), (second, error) = moments.mean(q), moments.second_moment(q)
        variance = second - mean**2
        error = error + 2 * np.abs(mean) * mean_error + EPS * second
        cancels = (error > RESOLVED * variance) & (mean**2 > 0.5 * second)
        if np.any(cancels):
            some = np.where(cancels, q, 1.0)
            apart, apart_error = moments.distance(some, some, some)
            variance, error = np.where(cancels, apart, variance), np.where(cancels, apart_error, error)
        varies = bool(np.any(variance <= 0) and np.ptp(activation(SPAN)) > 0)
        return Spread(mean, variance, mean_error, error, varies)

    return spread
