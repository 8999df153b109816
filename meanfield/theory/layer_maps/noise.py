"""Independent noise for each input: q → (1 + std²)q or q + std² at equal covariances, so equal inputs become different.

Pretorius et al. 2018 (arXiv:1811.00293). The maps hold for every random factor of mean 1 and second moment
μ₂ = 1 + std², and for every random summand of mean 0 and variance std². A factor also multiplies gradients, so χ = μ₂.
A summand does not change them, so χ = 1.
"""

import numpy as np

from meanfield._types import Floats
from meanfield.bounded import Bounded
from meanfield.networks.layers.noise import AdditiveNoise, MultiplicativeNoise
from meanfield.theory.layer_maps.dispatch import finite, one_point, pair_slope, two_points
from meanfield.theory.states import LazySpread, Pair, Point, Spread


@one_point.register
def _(layer: MultiplicativeNoise, x: Point) -> Point:
    mu2 = 1.0 + np.asarray(layer.std) ** 2
    q = finite(mu2 * x.q, "multiplicative noise", x.q.value)
    return x.through(q, slope=mu2, chi=mu2, spread=_multiplied(layer.std, x.spread))


@two_points.register
def _(layer: MultiplicativeNoise, x: Pair) -> Pair:
    variance = np.asarray(layer.std) ** 2

    def one(q: Floats, spread: LazySpread) -> tuple[Floats, LazySpread]:
        after = finite((1.0 + variance) * Bounded(q), "multiplicative noise", q)
        return np.asarray(after.value), _multiplied(layer.std, spread)

    return x.through(one, d=x.d + 0.5 * variance * (Bounded(x.q1) + x.q2))


@one_point.register
def _(layer: AdditiveNoise, x: Point) -> Point:
    q = x.q + np.asarray(layer.std) ** 2
    return x.through(q, slope=1.0, chi=1.0, spread=_added(layer.std, x.spread))


@two_points.register
def _(layer: AdditiveNoise, x: Pair) -> Pair:
    variance = np.asarray(layer.std) ** 2
    return x.through(lambda q, spread: (q + variance, _added(layer.std, spread)), d=x.d + variance)


@pair_slope.register(MultiplicativeNoise)
@pair_slope.register(AdditiveNoise)
def _(layer: MultiplicativeNoise | AdditiveNoise, x: Pair) -> Bounded:
    return Bounded(1.0)


def _multiplied(std: Floats | float, before: LazySpread) -> LazySpread:
    """The mean stays; the variance becomes (1 + std²)·Var + std²·mean²."""
    if before is None:
        return None

    def spread() -> Spread:
        old, variance = before(), np.asarray(std) ** 2
        grown = (1.0 + variance) * old.variance + variance * old.mean**2
        return Spread(mean=old.mean, variance=grown, varies=old.varies, slope=old.slope)

    return spread


def _added(std: Floats | float, before: LazySpread) -> LazySpread:
    """The mean stays; the variance grows by std²."""
    if before is None:
        return None

    def spread() -> Spread:
        old = before()
        variance = old.variance + np.asarray(std) ** 2
        return Spread(mean=old.mean, variance=variance, varies=old.varies, slope=old.slope)

    return spread
