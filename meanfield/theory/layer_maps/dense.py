"""Fully connected layers: q → σ_w² q + σ_b²; differences lose the bias (Poole et al. 2016, eqs. 3 and 5)."""

from typing import Any

import numpy as np

from meanfield.errors import DivergentExpectation
from meanfield.networks.layers.dense import Dense
from meanfield.theory.layer_maps.dispatch import one_point, pair_slope, two_points
from meanfield.theory.states import Batch, OnePoint, TwoPoints

__all__: list[str] = []


@one_point.register
def _(layer: Dense, signal: OnePoint) -> OnePoint:
    w, b = np.asarray(layer.sigma_w) ** 2, np.asarray(layer.sigma_b) ** 2
    factors = (signal.error, signal.slope, signal.chi, signal.slope_error, signal.chi_error)
    with np.errstate(over="ignore", invalid="ignore"):  # χ is infinite where φ jumps, and 0·∞ is no gradient
        q = w * signal.q + b
        error, slope, chi, slope_error, chi_error = (np.where(w == 0, 0.0, w * factor) for factor in factors)
        _refuse_infinite(q, signal.q)
        batch = signal.batch and Batch(w * signal.batch.distance, w * signal.batch.shared)
        return OnePoint(q, error, slope, chi, slope_error, chi_error, batch=batch)


@two_points.register
def _(layer: Dense, signal: TwoPoints) -> TwoPoints:
    w, b = np.asarray(layer.sigma_w) ** 2, np.asarray(layer.sigma_b) ** 2
    with np.errstate(over="ignore"):
        q1 = w * signal.q1 + b
        q2 = q1 if signal.q2 is signal.q1 else w * signal.q2 + b
        _refuse_infinite(np.maximum(q1, q2), signal.q1)
    return TwoPoints(q1, q2, w * signal.d, w * signal.error)


@pair_slope.register
def _(layer: Dense, signal: TwoPoints) -> Any:
    return layer.sigma_w**2


def _refuse_infinite(q: Any, before: Any) -> None:
    if not np.all(np.isfinite(q)):
        raise DivergentExpectation(
            f"the second moment after a dense layer exceeds the range of a float (it was {np.max(before):.3g} before)"
        )
