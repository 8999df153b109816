"""Activations: q → E φ², with χ = E φ′² back through them; d → ½E(φ(u) − φ(v))² (Poole et al. 2016, eqs. 3, 5, 9)."""

from dataclasses import replace
from functools import cache

import numpy as np

from meanfield._types import Floats
from meanfield.activations.activation import Activation
from meanfield.bounded import Bounded, Operand
from meanfield.errors import InfiniteDerivative, InvalidInput
from meanfield.networks.layers.elementwise import Elementwise
from meanfield.theory.layer_maps.batchnorm import sphere_pair, sphere_point
from meanfield.theory.layer_maps.covariance import Points, Pullback, all_points
from meanfield.theory.layer_maps.dispatch import one_point, pair_slope, two_points
from meanfield.theory.layer_maps.groupnorm import group_point
from meanfield.theory.states import LazySpread, Pair, Point, Spread, times


@one_point.register
def _(layer: Elementwise, x: Point) -> Point:
    if x.batch and x.batch.sphere:
        return sphere_point(layer.activation, x, x.batch)
    if x.group:
        return group_point(layer.activation, x)
    moments, q = layer.activation.moments, x.q.value
    second, slope = Bounded(*moments.second_moment(q)), Bounded(*moments.second_moment_slope(q))
    return x.through(
        x.q.through(second, np.abs(slope.value)),
        slope=slope,
        chi=gradient_factor(layer.activation, q),
        spread=_spread(layer.activation, q, x.slope),
    )


@two_points.register
def _(layer: Elementwise, x: Pair) -> Pair:
    if x.sphere:
        return sphere_pair(layer.activation, x)
    moments = layer.activation.moments
    after = x.through(lambda q, _: (moments.second_moment(q)[0], _spread(layer.activation, q)), d=x.d)
    d, error = moments.distance(x.q1, x.q2, x.d.value)
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = np.where(np.asarray(x.d.value) > 0, x.d.error / np.where(x.d.value == 0, 1.0, x.d.value), 0.0)
    return replace(after, d=Bounded(d, error + relative * d))


@pair_slope.register
def _(layer: Elementwise, x: Pair) -> Bounded:
    if x.sphere:
        return Bounded(1.0)
    return Bounded(*layer.activation.moments.distance_slope(x.q1, x.q2, x.d.value))


@all_points.register
def _(layer: Elementwise, state: Points) -> tuple[Points, Pullback]:
    if 0.0 in layer.activation.jumps and np.any(state.q == 0):
        raise InvalidInput(
            f"{layer.activation.name} jumps at 0, and some pixels have the signal 0: give the layer before it a bias"
        )
    surrogate = layer.activation.surrogate
    if surrogate is None:
        return state.by_itself(layer)

    def factor(x: Pair) -> Bounded:  # E g(u)g(v)
        return Bounded(*surrogate.moments.product(x.q1, x.q2, x.one_minus_c))

    return state.by_itself(layer, factor)


def gradient_factor(activation: Activation, q: Floats | float) -> Bounded:
    """E φ′(√q Z)², or E g(√q Z)² of a surrogate g; infinite where φ jumps and has no surrogate."""
    try:
        return Bounded(*activation.backward_moment(q))
    except InfiniteDerivative:
        return Bounded(np.full(np.shape(q), np.inf), 0.0)


def _spread(activation: Activation, q: Floats | float, slope: Operand = 0.0) -> LazySpread:
    """Mean E φ and variance Var φ of the output over units, where q has the given slope."""

    @cache
    def spread() -> Spread:
        mean, variance = Bounded(*activation.moments.mean(q)), Bounded(*activation.moments.variance(q))
        constant = activation.is_constant
        varies = bool(activation.varies(1.0)) if constant is None else not constant
        return Spread(
            mean=mean,
            variance=variance,
            varies=varies,
            slope=lambda: times(slope, Bounded(*activation.moments.mean_slope(q))),
        )

    return spread
