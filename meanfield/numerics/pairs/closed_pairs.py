"""The pair map of one function by closed forms, with bounds on their rounding errors.

½E(f(U) − f(V))² has two forms. The form of the distance keeps its digits near c = 1. The dual kernel E f(U)f(V) takes a
third of the time and serves many pairs at once, where ½(E f(U)² + E f(V)²) − E f(U)f(V) does not cancel.
"""

from collections.abc import Callable

import numpy as np

from meanfield._types import Floats
from meanfield.numerics.pairs.closed_pair_form import ClosedPairForm

EPS = float(np.finfo(float).eps)
CLOSED_FORM = 2e-14  # bound on the relative error of a closed form in float64, twice what its tests allow
MANY = 1024  # pairs from which on dual kernels are used
CANCELS = 1 / 8  # part of ½(E f(U)² + E f(V)²) below which a distance is not taken as a difference from it
#: Values, and bounds on their absolute errors: two arrays of one shape.
ValueAndError = tuple[Floats, Floats]


def distance(form: ClosedPairForm, q1: Floats, q2: Floats, d: Floats) -> ValueAndError:
    """½E(f(U) − f(V))² and bounds on its error, for arrays q₁, q₂ and d that broadcast."""
    if form.dual is None or d.size < MANY:
        return _by_distance(form, q1, q2, d)
    half = 0.5 * (quietly(form.second_moment, q1) + quietly(form.second_moment, q2))
    value = half - quietly(form.dual, q1, q2, 0.5 * (q1 + q2) - d)
    error = CLOSED_FORM * half
    if (most := _largest_slope(form, q1, q2)) is not None:
        error = error + 8 * EPS * most * (q1 + q2)
    cancels = ~(value > CANCELS * half)
    error = np.array(np.broadcast_to(error, value.shape))
    if cancels.any():
        some = (np.broadcast_to(one, value.shape)[cancels] for one in (q1, q2, d))
        value[cancels], error[cancels] = _by_distance(form, *some)
    return value, error


def _by_distance(form: ClosedPairForm, q1: Floats, q2: Floats, d: Floats) -> ValueAndError:
    assert form.distance is not None
    value = quietly(form.distance, q1, q2, d)
    error = CLOSED_FORM * np.abs(value)
    if form.distance_slope and not np.array_equal(q1, q2):
        # At unequal variances d includes ½(√q₁ − √q₂)². Its own rounding error moves the value by the slope.
        most = _largest_slope(form, q1, q2)
        steepness = np.abs(quietly(form.distance_slope, q1, q2, d)) if most is None else most
        with np.errstate(all="ignore"):
            error = error + np.fmin(8 * EPS * d * steepness, 4 * value)  # NaN if f jumps, c = 1 and q1 = q2
    return value, error


def slope(form: ClosedPairForm, q1: Floats, q2: Floats, d: Floats) -> ValueAndError:
    """E f′(U)f′(V) and bounds on its error, for arrays q₁, q₂ and d that broadcast."""
    assert form.distance_slope is not None
    value = quietly(form.distance_slope, q1, q2, d)
    error = CLOSED_FORM * np.abs(value)
    most = _largest_slope(form, q1, q2)
    return value, error if most is None else error + 8 * EPS * most


def _largest_slope(form: ClosedPairForm, q1: Floats, q2: Floats) -> Floats | None:
    """The bound √(E f′(U)² E f′(V)²) on |E f′(U)f′(V)|, if a closed form of it is known."""
    square = form.derivative_moment
    return np.sqrt(quietly(square, q1)) * np.sqrt(quietly(square, q2)) if square else None


def quietly(form: Callable[..., Floats], *arguments: Floats) -> Floats:
    """The closed form, without floating-point warnings: the callers check for inf and NaN."""
    with np.errstate(all="ignore"):
        return np.asarray(form(*arguments), dtype=np.float64)
