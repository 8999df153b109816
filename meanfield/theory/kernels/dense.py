"""Fully connected layers: q → σ_w² q + σ_b²; differences lose the bias (Poole et al. 2016, eqs. 3 and 5)."""

from typing import Any

from meanfield.networks.layers import Dense
from meanfield.theory.kernels.dispatch import one_point, pair_slope, two_points
from meanfield.theory.signal import OnePoint, TwoPoints

__all__: list[str] = []


@one_point.register
def _(layer: Dense, signal: OnePoint) -> OnePoint:
    w, b = layer.sigma_w**2, layer.sigma_b**2
    factors = (signal.error, signal.slope, signal.chi, signal.slope_error, signal.chi_error)
    return OnePoint(w * signal.q + b, *(w * factor for factor in factors))


@two_points.register
def _(layer: Dense, signal: TwoPoints) -> TwoPoints:
    w, b = layer.sigma_w**2, layer.sigma_b**2
    q1 = w * signal.q1 + b
    q2 = q1 if signal.q2 is signal.q1 else w * signal.q2 + b
    return TwoPoints(q1, q2, w * signal.d, w * signal.error)


@pair_slope.register
def _(layer: Dense, signal: TwoPoints) -> Any:
    return layer.sigma_w**2
