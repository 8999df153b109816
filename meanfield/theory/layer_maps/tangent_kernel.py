"""The tangent kernel Θ: the sum over all weights w so far of ∂x/∂w ∂x′/∂w for two inputs' signals, a mean over units.

A layer without weights multiplies Θ by the mean of ∂y/∂x ∂y′/∂x′, as it does a product of two gradients on their way
back; one with weights adds what is due to them (Jacot et al. 2018, arXiv:1806.07572, theorem 1).
"""

from functools import singledispatch
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meanfield.errors import InvalidInput
from meanfield.networks.layers.concatenation import Concatenate
from meanfield.networks.layers.convolution import Conv
from meanfield.networks.layers.dense import Dense
from meanfield.networks.layers.gated import Gated
from meanfield.networks.layers.network import Network
from meanfield.networks.layers.residual import Residual
from meanfield.theory.layer_maps import concatenation, residual
from meanfield.theory.layer_maps.dispatch import one_point, pair_slope, two_points
from meanfield.theory.states import OnePoint, TwoPoints

__all__ = ["tangent"]

Floats = NDArray[np.float64]


@singledispatch
def tangent(layer: Any, theta: Floats, signal: Any) -> tuple[Floats, Any]:
    """Θ and the signal after `layer`: of inputs with themselves (`OnePoint`), or of pairs (`TwoPoints`).

    This is what any layer does that has neither weights nor layers within it. What it draws at random is drawn once for
    an input, so Dropout keeps Θ of two inputs, and makes that of one 1/(1 − rate) times as large.
    """
    if layer.fresh or layer.inner:
        raise InvalidInput(f"no tangent kernel is known for a layer of type {type(layer).__name__}")
    return _times(_factor(layer, signal), theta) if np.any(theta) else theta, _after(layer, signal)


@tangent.register
def _(layer: Dense, theta: Floats, signal: Any) -> tuple[Floats, Any]:
    """h = σ_w/√n W x + σ_b b with W and b of variance 1: Θ → σ_w² Θ + (σ_w² E x x′ + σ_b²)."""
    after = _after(layer, signal)
    return _times(np.asarray(layer.sigma_w) ** 2, theta) + _covariance(after), after


@tangent.register
def _(layer: Conv, theta: Floats, signal: Any) -> tuple[Floats, Any]:
    raise InvalidInput(
        "the tangent kernel follows inputs, not pixels, and a Conv reads these; where all pixels are alike take "
        "Dense(sigma_w, sigma_b) in its place"
    )


@tangent.register
def _(layer: Gated, theta: Floats, signal: Any) -> tuple[Floats, Any]:
    """Of a product of independent factors of zero mean: Θ_A E b b′ + E a a′ Θ_B."""
    (of_value, value), (of_gate, gate) = (tangent(part, theta, signal) for part in (layer.value, layer.gate))
    return _times(of_value, _covariance(gate)) + _times(_covariance(value), of_gate), _after(layer, signal)


@tangent.register
def _(layer: Network, theta: Floats, signal: Any) -> tuple[Floats, Any]:
    for inner in layer:
        theta, signal = tangent(inner, theta, signal)
    return theta, signal


@tangent.register
def _(layer: Residual, theta: Floats, signal: Any) -> tuple[Floats, Any]:
    of_branch, branch = tangent(layer.branch, theta, signal)
    skip, share = residual.shares(layer)
    after = residual.joined(layer, signal, branch) if isinstance(signal, TwoPoints) else _after(layer, signal)
    return _times(skip, theta) + _times(share, of_branch), after


@tangent.register
def _(layer: Concatenate, theta: Floats, signal: Any) -> tuple[Floats, Any]:
    of_branch, branch = tangent(layer.branch, theta, signal)
    copy = 1.0 / (1.0 + np.asarray(layer.growth))
    after = concatenation.joined(layer, signal, branch) if isinstance(signal, TwoPoints) else _after(layer, signal)
    return _times(copy, theta) + _times(layer.growth * copy, of_branch), after


def _after(layer: Any, signal: Any) -> Any:
    """`signal` after `layer`, whose slopes begin anew."""
    if isinstance(signal, TwoPoints):
        return two_points(layer, signal)
    after = one_point(layer, signal)
    return OnePoint(after.q, spreads=after.spreads)


def _factor(layer: Any, signal: Any) -> Any:
    if isinstance(signal, OnePoint):
        return one_point(layer, signal).chi
    return pair_slope(layer, signal)


def _covariance(signal: Any) -> Any:
    return signal.q if isinstance(signal, OnePoint) else 0.5 * (signal.q1 + signal.q2) - signal.d


def _times(factor: Any, theta: Any) -> Floats:
    """Their product, where 0 hides even what is infinite."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where((factor == 0) | (theta == 0), 0.0, factor * theta)
