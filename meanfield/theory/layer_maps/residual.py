"""Skip connections: second moments add, q → s²q + b²q_branch, and so do differences and gradient factors.

There is no cross term where the branch's output has zero mean given its input x (Yang & Schoenholz 2017,
arXiv:1712.08969, section 3). A branch that is made of skip connections carries a·x, and 2sba is added to s².
"""

from typing import Any

import numpy as np

from meanfield.errors import DivergentExpectation, InvalidInput
from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.elementwise import Elementwise
from meanfield.networks.layers.network import in_sequence
from meanfield.networks.layers.normalisation import LayerNorm
from meanfield.networks.layers.residual import Residual
from meanfield.theory.layer_maps.carried import carried
from meanfield.theory.layer_maps.dispatch import one_point, pair_slope, two_points
from meanfield.theory.states import Batch, OnePoint, Spread, Spreads, TwoPoints, spread_of

__all__ = ["joined", "refuse_mean", "shares", "tail"]

EPS = float(np.finfo(float).eps)
ZERO = 4.0  # a mean within so many bounds on its error is 0
RESOLVED = 1e-8  # if that bound is this small relative to √E φ²


@one_point.register
def _(layer: Residual, signal: OnePoint) -> OnePoint:
    add, bound = _sum(layer), _sum(layer, np.abs)
    after = signal
    for inner, last in tail(layer):
        if last and isinstance(inner, Elementwise):
            refuse_mean(inner, after.q)
        after = one_point(inner, after)
    q = add(signal.q, after.q)
    if not np.all(np.isfinite(q)):
        raise DivergentExpectation(
            f"the second moment after a residual layer exceeds the range of a float (it was {np.max(signal.q):.3g})"
        )
    return OnePoint(
        q,
        bound(signal.error, after.error) + 2 * EPS * q,
        add(signal.slope, after.slope),
        add(signal.chi, after.chi),
        bound(signal.slope_error, after.slope_error),
        bound(signal.chi_error, after.chi_error),
        _spreads(layer, signal.spreads, signal.q, after.spreads, after.q),
        _batch(add, signal.batch, after.batch),
    )


@two_points.register
def _(layer: Residual, signal: TwoPoints) -> TwoPoints:
    _ = tail(layer)  # raises where moments do not add
    return joined(layer, signal, two_points(layer.branch, signal))


def joined(layer: Residual, signal: TwoPoints, after: TwoPoints) -> TwoPoints:
    """The sum of the skip connection's signal and the branch's, `after`."""
    add, bound = _sum(layer), _sum(layer, np.abs)
    q1 = add(signal.q1, after.q1)
    q2 = q1 if signal.q2 is signal.q1 else add(signal.q2, after.q2)
    first = _spreads(layer, signal.spreads1, signal.q1, after.spreads1, after.q1)
    second = first if q2 is q1 else _spreads(layer, signal.spreads2, signal.q2, after.spreads2, after.q2)
    return TwoPoints(q1, q2, add(signal.d, after.d), bound(signal.error, after.error), first, second)


@pair_slope.register
def _(layer: Residual, signal: TwoPoints) -> Any:
    return _sum(layer)(1.0, pair_slope(layer.branch, signal))


def shares(layer: Residual) -> tuple[Any, Any]:
    """What second moments of the skip connection and of the branch are multiplied by: s² + 2sba and b²."""
    s, b = np.asarray(layer.skip_scale), np.asarray(layer.branch_scale)
    a = carried(in_sequence(layer.branch)) if np.any(s * b) else 0.0
    return s**2 + 2 * s * b * (0.0 if a is None else a), b**2


def _sum(layer: Residual, sign: Any = np.positive) -> Any:
    """(skip, branch) ↦ their sum with these shares, where one of 0 hides even what is infinite."""
    squares = tuple(map(sign, shares(layer)))

    def add(*parts: Any) -> Any:
        with np.errstate(over="ignore", invalid="ignore"):
            skip, branch = (np.where(w == 0, 0.0, w * part) for w, part in zip(squares, parts, strict=True))
            return skip + branch

    return add


def _spreads(layer: Residual, skip: Spreads, q: Any, branch: Spreads, q_branch: Any) -> Spreads:
    """Means add with their signs; variances add like second moments."""
    if not (skip or branch):
        return None

    def spread() -> Spread:
        one, other = spread_of(skip, q), spread_of(branch, q_branch)
        add = _sum(layer)
        s, b = np.asarray(layer.skip_scale), np.asarray(layer.branch_scale)
        mean = s * one.mean + b * other.mean
        mean_error = np.abs(s) * one.mean_error + np.abs(b) * other.mean_error
        return Spread(mean, add(one.variance, other.variance), mean_error, _sum(layer, np.abs)(one.error, other.error))

    return spread


def _batch(add: Any, skip: Batch | None, branch: Batch | None) -> Batch | None:
    if skip is None or branch is None:
        return None
    return Batch(add(skip.distance, branch.distance), add(skip.shared, branch.shared))


def tail(layer: Residual) -> list[tuple[Layer, bool]]:
    """The branch's layers, and whether each comes after the last one that leaves no mean, so that its own one matters.

    Refused is a branch whose output correlates with its input in a way that is not known, or that has a mean.
    """
    layers = list(in_sequence(layer.branch))
    if not np.any(np.asarray(layer.skip_scale) * np.asarray(layer.branch_scale)):
        return [(inner, False) for inner in layers]
    fresh = [i for i, inner in enumerate(layers) if inner.fresh]
    if carried(layers) is None:
        raise InvalidInput(
            "a residual branch needs a Dense layer: without fresh weights its output correlates with the skip "
            "connection, and their second moments do not add"
        )
    centred = max(
        (
            i
            for i, inner in enumerate(layers)
            if fresh and i >= fresh[0] and (inner.fresh or isinstance(inner, LayerNorm))
        ),
        default=-1,
    )
    for inner in layers[centred + 1 :]:
        if not (inner.keeps_mean or isinstance(inner, Elementwise)):
            raise InvalidInput(
                f"a residual branch must end in a Dense layer, not in {type(inner).__name__}: it may have a mean, or "
                "other units than the skip connection"
            )
    return [(inner, i > centred) for i, inner in enumerate(layers)]


def refuse_mean(last: Elementwise, q: Any) -> None:
    """Refuse an activation at the end of a branch whose mean at q is not 0."""
    moments = last.activation.moments
    mean, error = moments.mean(q)
    size = np.sqrt(moments.second_moment(q)[0])
    if not np.all((np.abs(mean) <= ZERO * error) & (error <= RESOLVED * size + EPS)):
        raise InvalidInput(
            f"a residual branch must end in a Dense layer or an odd activation, not in {last.activation.name}, "
            "which has a mean: that of the skip connection would have to be tracked"
        )
