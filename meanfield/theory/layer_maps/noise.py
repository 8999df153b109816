"""Noise of each input's own: q → (1 + std²)q or q + std², while covariances stay, so that equal inputs part.

Pretorius et al. 2018 (arXiv:1811.00293), for any factor of mean 1 and second moment μ₂ = 1 + std², and any summand of
mean 0. Gradients are multiplied by the factors once more, so χ → μ₂χ; a summand leaves them alone.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from meanfield.errors import DivergentExpectation
from meanfield.networks.layers.noise import AdditiveNoise, MultiplicativeNoise
from meanfield.theory.layer_maps.dispatch import one_point, pair_slope, two_points
from meanfield.theory.states import OnePoint, Spread, Spreads, TwoPoints

__all__: list[str] = []


@one_point.register
def _(layer: MultiplicativeNoise, signal: OnePoint) -> OnePoint:
    mu2 = 1.0 + np.asarray(layer.std) ** 2
    values = (signal.q, signal.error, signal.slope, signal.chi, signal.slope_error, signal.chi_error)
    with np.errstate(over="ignore"):
        q, error, slope, chi, slope_error, chi_error = (mu2 * value for value in values)
    _refuse_infinite(q)
    batch = signal.batch
    if batch is not None:  # covariances of gradients of different inputs of a batch stay
        variance = np.asarray(layer.std) ** 2
        chi, chi_error = chi + variance * batch.shared, chi_error + variance * signal.chi_error
        batch = replace(batch, distance=batch.distance + variance * signal.q)
    return OnePoint(q, error, slope, chi, slope_error, chi_error, _multiplied(layer.std, signal.spreads), batch)


@two_points.register
def _(layer: MultiplicativeNoise, signal: TwoPoints) -> TwoPoints:
    variance = np.asarray(layer.std) ** 2
    with np.errstate(over="ignore"):
        q1 = (1.0 + variance) * signal.q1
        q2 = q1 if signal.q2 is signal.q1 else (1.0 + variance) * signal.q2
        d = signal.d + 0.5 * variance * (signal.q1 + signal.q2)
    _refuse_infinite(q1, q2)
    first = _multiplied(layer.std, signal.spreads1)
    second = first if signal.q2 is signal.q1 else _multiplied(layer.std, signal.spreads2)
    return TwoPoints(q1, q2, d, signal.error + np.zeros_like(d), first, second)


@one_point.register
def _(layer: AdditiveNoise, signal: OnePoint) -> OnePoint:
    variance = np.asarray(layer.std) ** 2
    batch = signal.batch and replace(signal.batch, distance=signal.batch.distance + variance)
    return replace(signal, q=signal.q + variance, spreads=_added(layer.std, signal.spreads), batch=batch)


@two_points.register
def _(layer: AdditiveNoise, signal: TwoPoints) -> TwoPoints:
    variance = np.asarray(layer.std) ** 2
    q1 = signal.q1 + variance
    q2 = q1 if signal.q2 is signal.q1 else signal.q2 + variance
    first = _added(layer.std, signal.spreads1)
    second = first if signal.q2 is signal.q1 else _added(layer.std, signal.spreads2)
    d = signal.d + variance
    return TwoPoints(q1, q2, d, signal.error + np.zeros_like(d), first, second)


@pair_slope.register(MultiplicativeNoise)
@pair_slope.register(AdditiveNoise)
def _(layer: Any, signal: TwoPoints) -> Any:
    return 1.0


def _multiplied(std: Any, before: Spreads) -> Spreads:
    """The mean stays, so it has a share in what the factor adds to the variance."""
    if before is None:
        return None

    def spread() -> Spread:
        old, variance = before(), np.asarray(std) ** 2
        grown = (1.0 + variance) * old.variance + variance * old.mean**2
        error = (1.0 + variance) * old.error + 2 * variance * np.abs(old.mean) * old.mean_error
        return Spread(old.mean, grown, old.mean_error, error, old.varies)

    return spread


def _added(std: Any, before: Spreads) -> Spreads:
    """The mean stays."""
    if before is None:
        return None

    def spread() -> Spread:
        old = before()
        return replace(old, variance=old.variance + np.asarray(std) ** 2)

    return spread


def _refuse_infinite(*q: Any) -> None:
    if not all(np.all(np.isfinite(one)) for one in q):
        raise DivergentExpectation("the second moment after multiplicative noise exceeds the range of a float")
