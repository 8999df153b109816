"""Fully connected layers: q → σ_w² q + σ_b²; differences lose the bias (Poole et al. 2016, eqs. 3 and 5)."""

import numpy as np

from meanfield._types import Floats
from meanfield.bounded import Bounded
from meanfield.networks.layers.dense import Dense
from meanfield.theory.layer_maps.dispatch import finite, hiding, one_point, pair_slope, two_points
from meanfield.theory.layer_maps.tangent_kernel import State, behind, covariance_of, tangent
from meanfield.theory.states import Pair, Point


@one_point.register
def _(layer: Dense, x: Point) -> Point:
    w, b = _variances(layer)
    return x.through(finite(w * x.q + b, "a dense layer", x.q.value), slope=w, chi=w)


@two_points.register
def _(layer: Dense, x: Pair) -> Pair:
    w, b = _variances(layer)
    return x.through(lambda q, _: (finite(w * Bounded(q) + b, "a dense layer", q).value, None), d=w * x.d)


@pair_slope.register
def _(layer: Dense, x: Pair) -> Bounded:
    return Bounded(_variances(layer)[0])


@tangent.register
def _(layer: Dense, theta: Floats, x: State) -> tuple[Floats, State]:
    """h = σ_w/√n W x + σ_b b with W and b of variance 1: Θ → σ_w² Θ + (σ_w² E x x′ + σ_b²)."""
    after = behind(layer, x)
    return hiding(_variances(layer)[0], theta) + covariance_of(after), after


def _variances(layer: Dense) -> tuple[Floats, Floats]:
    """σ_w² and σ_b²."""
    return np.asarray(layer.sigma_w) ** 2, np.asarray(layer.sigma_b) ** 2
