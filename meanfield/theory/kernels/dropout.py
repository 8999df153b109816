"""Dropout: q → q/(1 − rate), covariances stay, so equal inputs part (Schoenholz et al. 2017, arXiv:1611.01232)."""

from typing import Any

import numpy as np

from meanfield.networks.dropout import Dropout
from meanfield.theory.kernels.dispatch import one_point, pair_slope, two_points
from meanfield.theory.signal import OnePoint, Spread, Spreads, TwoPoints

__all__: list[str] = []


@one_point.register
def _(layer: Dropout, signal: OnePoint) -> OnePoint:
    keep = 1.0 - np.asarray(layer.rate)
    values = (signal.q, signal.error, signal.slope, signal.chi, signal.slope_error, signal.chi_error)
    q, error, slope, chi, slope_error, chi_error = (value / keep for value in values)
    return OnePoint(q, error, slope, chi, slope_error, chi_error, _spreads(keep, signal.spreads))


@two_points.register
def _(layer: Dropout, signal: TwoPoints) -> TwoPoints:
    keep = 1.0 - np.asarray(layer.rate)
    q1 = signal.q1 / keep
    q2 = q1 if signal.q2 is signal.q1 else signal.q2 / keep
    noise = 0.5 * np.asarray(layer.rate) * (q1 + q2)  # (1/keep − 1)(q₁ + q₂)/2 of the moments before
    first = _spreads(keep, signal.spreads1)
    second = first if signal.q2 is signal.q1 else _spreads(keep, signal.spreads2)
    return TwoPoints(q1, q2, signal.d + noise, signal.error + np.zeros_like(noise), first, second)


@pair_slope.register
def _(layer: Dropout, signal: TwoPoints) -> Any:
    return 1.0


def _spreads(keep: Any, before: Spreads) -> Spreads:
    """The mean stays; its square adds (1/keep − 1) times itself to the variance, which grows by 1/keep."""
    if before is None:
        return None

    def spread() -> Spread:
        old = before()
        noise = (1.0 - keep) * old.mean**2
        error = old.error + 2 * (1.0 - keep) * np.abs(old.mean) * old.mean_error
        return Spread(old.mean, (old.variance + noise) / keep, old.mean_error, error / keep, old.varies)

    return spread
