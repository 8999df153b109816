"""E φ′(U)φ′(V) of many pairs: (E φ′(U)² + E φ′(V)²)/2 less ½E(φ′(U) − φ′(V))², which is made for many pairs."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from meanfield.activations.activation import Activation
from meanfield.activations.closed_forms import closed_form
from meanfield.activations.moments import Moments
from meanfield.numerics.quadrature.piecewise_smooth import PiecewiseSmooth
from meanfield.theory.states import TwoPoints

__all__ = ["slopes"]

MANY = 64  # pairs from which on it pays to look at φ′ as a function of its own


def slopes(activation: Activation, signal: TwoPoints) -> NDArray[np.float64]:
    """E φ′(U)φ′(V), the slope of φ's pair map in d, for an array of pairs."""
    moments = activation.moments
    form = closed_form(activation.entry, activation.parameters) if activation.entry else None
    if np.size(signal.d) < MANY or activation.jumps or (form and form.distance_slope):
        return moments.distance_slope(signal.q1, signal.q2, signal.d)[0]
    with np.errstate(over="ignore"):  # of variances next to 0
        apart = signal.one_minus_c > 0
    q1, q2, d = np.broadcast_arrays(signal.q1, signal.q2, signal.d)
    slope = np.empty(d.shape)
    slope[~apart] = moments.distance_slope(q1[~apart], q2[~apart], d[~apart])[0]
    squares = moments.derivative_moment(signal.q1)[0]
    other = squares if signal.q2 is signal.q1 else moments.derivative_moment(signal.q2)[0]
    gap, _ = _of_derivative(activation).distance(q1[apart], q2[apart], d[apart])
    slope[apart] = np.broadcast_to(0.5 * (squares + other), d.shape)[apart] - gap
    return slope


@lru_cache(maxsize=64)
def _of_derivative(activation: Activation) -> Moments:
    name = f"the derivative of {activation.name}"
    return Moments(PiecewiseSmooth(activation.derivative, None, activation.breakpoints, name=name), "", {})
