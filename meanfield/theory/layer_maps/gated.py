"""Gated linear units: value and gate are independent, so second moments and covariances multiply: q → A·B, k → k_A k_B.

A = σ_w² q + σ_b² is the second moment of the value, G = γ_w² q + γ_b² of the argument of φ, and B = V(G) = E φ(√G Z)²
of the gate. The gradients through value and gate add without a cross term, since the two matrices are independent and
have zero mean: χ = σ_w² B + A γ_w² E φ′².

With s = ½E(u + v)² = q₁ + q₂ − d, a pair has d = ½(d_A s_B + s_A d_B) + ¼(A₁ − A₂)(B₁ − B₂), a formula without
cancellation at c = 1 and at c = −1.
"""

import numpy as np

from meanfield._types import Floats
from meanfield.activations.moments import Moments
from meanfield.bounded import Bounded, maximum
from meanfield.networks.layers.gated import Gated
from meanfield.theory.layer_maps.dispatch import finite, hiding, one_point, pair_slope, two_points
from meanfield.theory.layer_maps.tangent_kernel import State, behind, covariance_of, tangent
from meanfield.theory.states import Pair, Point, times

NODES, WEIGHTS = np.polynomial.legendre.leggauss(5)
NEAR = 0.05  # (A₁ − A₂)/(A₁ + A₂) up to which V(A₁) − V(A₂) is integrated from V′


@one_point.register
def _(layer: Gated, x: Point) -> Point:
    _, gate, phi = layer.inner
    a = one_point(layer.value, x)
    b = one_point(phi, one_point(gate, x))
    return Point(
        q=finite(a.q * b.q, "a gated layer", x.q.value),
        slope=a.slope * b.q + a.q * b.slope,
        chi=times(a.chi, b.q) + times(a.q, b.chi),
    )


@two_points.register
def _(layer: Gated, x: Pair) -> Pair:
    _, weights, phi = layer.inner
    a, argument = two_points(layer.value, x), two_points(weights, x)
    gate = two_points(phi, argument)
    moments = layer.activation.moments
    b1 = b2 = Bounded(*moments.second_moment(argument.q1))
    if not x.equal:
        b2 = Bounded(*moments.second_moment(argument.q2))
    q1 = finite(a.q1 * b1, "a gated layer", x.q1)
    q2 = q1 if x.equal else finite(a.q2 * b2, "a gated layer", x.q2)
    d = a.d * _opposite(b1, b2, gate.d) + _opposite(Bounded(a.q1), Bounded(a.q2), a.d) * gate.d
    if not x.equal:
        apart = np.asarray(layer.value.sigma_w) ** 2 * (x.q1 - x.q2)
        d = d + 0.5 * (apart * _difference(moments, argument.q1, argument.q2, b1, b2))
    d = Bounded(0.5 * d.value, np.minimum(0.5 * d.error, q1.value + q2.value))  # no distance is larger
    return Pair(q1=np.asarray(q1.value), q2=np.asarray(q2.value), d=d, equal=x.equal)


@pair_slope.register
def _(layer: Gated, x: Pair) -> Bounded:
    a, b = two_points(layer.value, x), two_points(layer.gate, x)
    return pair_slope(layer.value, x) * b.covariance + a.covariance * pair_slope(layer.gate, x)


@tangent.register
def _(layer: Gated, theta: Floats, x: State) -> tuple[Floats, State]:
    """Θ of the product of a value a and an independent gate b: Θ_A E b b′ + E a a′ Θ_B."""
    (of_value, value), (of_gate, gate) = (tangent(part, theta, x) for part in (layer.value, layer.gate))
    return hiding(of_value, covariance_of(gate)) + hiding(covariance_of(value), of_gate), behind(layer, x)


def _difference(moments: Moments, a1: Floats, a2: Floats, b1: Bounded, b2: Bounded) -> Bounded:
    """B₁ − B₂; where A₁ and A₂ are close, as ∫V′, which does not cancel."""
    a1, a2 = np.broadcast_arrays(np.asarray(a1, dtype=np.float64), a2)
    value, error = np.array(b1.value - b2.value), np.array(b1.error + b2.error)
    half, middle = 0.5 * (a1 - a2), 0.5 * (a1 + a2)
    near = np.abs(half) < NEAR * middle
    if np.any(near):
        slopes, errors = moments.second_moment_slope(middle[near] + half[near] * NODES[:, None])
        value[near], error[near] = half[near] * (WEIGHTS @ slopes), np.abs(half[near]) * (WEIGHTS @ errors)
    return Bounded(value, error)


def _opposite(q1: Bounded, q2: Bounded, d: Bounded) -> Bounded:
    """½E(u + v)²."""
    return maximum(q1 + q2 - d, 0.0)
