"""Gated linear units: of independent factors second moments and covariances multiply, q → A·B and k → k_A k_B.

A = σ_w² q + σ_b² is the second moment of the value and of what φ reads, B = V(A) = E φ(√A Z)² that of the gate.
Gradients go back through both, and the two matrices are independent and of zero mean, so χ = σ_w² (B + A E φ′²).

With s = ½E(u + v)² = q₁ + q₂ − d, a pair has d = ½(d_A s_B + s_A d_B) + ¼(A₁ − A₂)(B₁ − B₂), which does not cancel,
neither at c = 1 nor at c = −1.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from meanfield.activations.moments import Moments
from meanfield.errors import DivergentExpectation
from meanfield.networks.layers.gated import Gated
from meanfield.theory.layer_maps.dispatch import one_point, pair_slope, two_points
from meanfield.theory.states import OnePoint, TwoPoints

__all__: list[str] = []

Floats = NDArray[np.float64]
Bounded = tuple[Any, Any]  # a value, and a bound on its error

EPS = float(np.finfo(float).eps)
NODES, WEIGHTS = np.polynomial.legendre.leggauss(5)
NEAR = 0.05  # half a difference of second moments, relative to their mean, up to which it is an integral of V′


@one_point.register
def _(layer: Gated, signal: OnePoint) -> OnePoint:
    value = one_point(layer.value, signal)
    gate = one_point(layer.inner[-1], value)
    a, b = ((one.q, one.error) for one in (value, gate))
    slope_a, slope_b = ((one.slope, one.slope_error) for one in (value, gate))
    chi_a, chi_b = ((one.chi, one.chi_error) for one in (value, gate))
    with np.errstate(over="ignore", invalid="ignore"):
        q, error = _times(a, b)
        _refuse_infinite(q, signal.q)
        slope, slope_error = _plus(_times(slope_a, b), _times(a, slope_b))
        chi, chi_error = _plus(_times(chi_a, b), _times(a, chi_b))
    stops, jumps = np.asarray(value.chi) == 0, np.isinf(value.chi) | np.isinf(gate.chi)
    chi = np.where(stops, 0.0, np.where(jumps, np.inf, chi))
    return OnePoint(q, error, slope, chi, slope_error, np.where(stops | jumps, 0.0, chi_error))


@two_points.register
def _(layer: Gated, signal: TwoPoints) -> TwoPoints:
    value = two_points(layer.value, signal)
    gate = two_points(layer.inner[-1], value)
    moments = layer.activation.moments
    b1 = b2 = moments.second_moment(value.q1)
    if signal.q2 is not signal.q1:
        b2 = moments.second_moment(value.q2)
    d_a, d_b = (value.d, value.error), (gate.d, gate.error)
    with np.errstate(over="ignore", invalid="ignore"):
        q1 = value.q1 * b1[0]
        q2 = q1 if signal.q2 is signal.q1 else value.q2 * b2[0]
        _refuse_infinite(np.maximum(q1, q2), signal.q1)
        s_a, s_b = _opposite((value.q1, 0.0), (value.q2, 0.0), d_a), _opposite(b1, b2, d_b)
        d, error = _plus(_times(d_a, s_b), _times(s_a, d_b))
        if signal.q2 is not signal.q1:
            apart = layer.value.sigma_w**2 * (signal.q1 - signal.q2)
            more, more_error = _times((apart, 0.0), _difference(moments, value.q1, value.q2, b1, b2))
            d, error = d + 0.5 * more, error + 0.5 * more_error
    return TwoPoints(q1, q2, 0.5 * d, np.minimum(0.5 * error, q1 + q2))  # no distance is larger


@pair_slope.register
def _(layer: Gated, signal: TwoPoints) -> Any:
    value = two_points(layer.value, signal)
    gate = two_points(layer.inner[-1], value)
    k_a, k_b = (0.5 * (pair.q1 + pair.q2) - pair.d for pair in (value, gate))
    return pair_slope(layer.value, signal) * (k_b + k_a * pair_slope(layer.inner[-1], value))


def _difference(moments: Moments, a1: Any, a2: Any, b1: Bounded, b2: Bounded) -> Bounded:
    """B₁ − B₂, which keeps its digits as ∫V′ where A₁ and A₂ are close."""
    a1, a2 = np.broadcast_arrays(np.asarray(a1, dtype=np.float64), a2)
    value, error = np.array(b1[0] - b2[0]), np.array(b1[1] + b2[1])
    half, middle = 0.5 * (a1 - a2), 0.5 * (a1 + a2)
    near = np.abs(half) < NEAR * middle
    if np.any(near):
        slopes, errors = moments.second_moment_slope(middle[near] + half[near] * NODES[:, None])
        value[near], error[near] = half[near] * (WEIGHTS @ slopes), np.abs(half[near]) * (WEIGHTS @ errors)
    return value, error


def _opposite(q1: Bounded, q2: Bounded, d: Bounded) -> Bounded:
    """s = ½E(u + v)²."""
    total = q1[0] + q2[0]
    return np.maximum(total - d[0], 0.0), q1[1] + q2[1] + d[1] + EPS * total


def _times(a: Bounded, b: Bounded) -> Bounded:
    product = a[0] * b[0]
    return product, a[1] * np.abs(b[0]) + (np.abs(a[0]) + a[1]) * b[1] + 2 * EPS * np.abs(product)


def _plus(a: Bounded, b: Bounded) -> Bounded:
    return a[0] + b[0], a[1] + b[1]


def _refuse_infinite(q: Any, before: Any) -> None:
    if not np.all(np.isfinite(q)):
        raise DivergentExpectation(
            f"the second moment after a gated layer exceeds the range of a float (it was {np.max(before):.3g} before)"
        )
