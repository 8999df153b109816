"""Batch normalisation: q → 1 and d → B/(B − 1); the B values of a unit are √B·n, with n uniform on a sphere.

Yang et al. 2019 (arXiv:1902.08129), theorem 7. Let h be the B values of a unit before the layer and P the projection
onto the vectors orthogonal to n and to (1, …, 1). The Jacobian is √B P/|h − mean h|, and the mean of 1/|h − mean h|²
over units is 1/(d(B − 3)). A gradient with the covariance G = 1 − (1, …, 1)ᵀ(1, …, 1)/B over the batch behind φ has the
covariance E[(B − 1 − z₁²)φ′(z₁)² + (1 + z₁z₂)φ′(z₁)φ′(z₂)]/(d(B − 3))·G before BatchNorm and φ.
"""

import math
from dataclasses import replace

import numpy as np

from meanfield._types import Floats
from meanfield.activations.activation import Activation
from meanfield.bounded import Bounded, where
from meanfield.errors import InfiniteDerivative, InvalidInput
from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.batchnorm import BatchNorm
from meanfield.networks.layers.network import Network
from meanfield.numerics.quadrature.batch_sphere import SphereMoments, sphere_moments
from meanfield.theory.layer_maps.dispatch import hiding, one_point, pair_slope, two_points
from meanfield.theory.states import Batch, LazySpread, Pair, Point, Spread

EPS = float(np.finfo(float).eps)
SMALLEST = 1e-100  # smaller q are replaced by this one where distances grow without limit
APART = 1e-9  # tolerance for rounding beyond the largest possible distance, relative
GROWS = 1e-12  # distances grow without limit where 1 − ∂d′/∂d is at most this


@one_point.register
def _(layer: BatchNorm, x: Point) -> Point:
    if x.batch is None:
        raise InvalidInput(
            "BatchNorm must be inside a Network, which computes the distances between the inputs of a batch"
        )
    size, d = layer.batch, np.asarray(x.batch.distance, dtype=np.float64)
    if not np.all(d > 0):
        raise InvalidInput("BatchNorm would divide by zero: all inputs of the batch have the same signal")
    own, shared = _linear(size)
    one = np.ones(np.broadcast_shapes(x.q.shape, d.shape))
    kept = x.chi / d
    batch = Batch(distance=(1.0 + 1.0 / (size - 1.0)) * one, shared=-(kept.value * shared * one), sphere=size)
    chi = kept * (own + shared) * one
    return Point(q=Bounded(one, EPS * one), slope=Bounded(0.0 * one), chi=chi, batch=batch)


@two_points.register
def _(layer: BatchNorm, x: Pair) -> Pair:
    if not x.equal and not np.allclose(x.q1, x.q2, rtol=1e-12, atol=0.0):
        raise InvalidInput("the inputs of a batch must have the same second moment: do not give q2")
    size = layer.batch
    if np.any(np.asarray(x.d.value) > (1.0 + 1.0 / (size - 1.0) + APART) * np.asarray(x.q1)):
        raise InvalidInput(
            f"{size} inputs cannot all have this correlation with each other: it is at least -1/{size - 1}"
        )
    one = np.ones(np.broadcast_shapes(np.shape(x.q1), x.d.shape))
    d = Bounded((1.0 + 1.0 / (layer.batch - 1.0)) * one, EPS * one)
    return replace(Pair.at(one, d), sphere=layer.batch)


@pair_slope.register
def _(layer: BatchNorm, x: Pair) -> Bounded:
    return Bounded(0.0)


def sphere_point(activation: Activation, x: Point, batch: Batch) -> Point:
    """One input behind an activation that directly follows a BatchNorm."""
    found, one = _sphere(activation, batch.sphere), np.ones(x.q.shape)
    own, shared = Bounded(found.own, found.errors[3]), Bounded(found.shared, found.errors[4])
    kept = (x.chi + batch.shared) / _linear(batch.sphere)[0]
    none = kept.value == 0  # 0 times infinity is 0 here
    chi = where(none, 0.0, kept * (own + shared))
    chi = Bounded(chi.value, np.where(np.isfinite(chi.value), chi.error, 0.0))
    after = Batch(distance=found.distance * one, shared=np.asarray(where(none, 0.0, kept * -shared).value))
    second = Bounded(found.second, found.errors[1])
    return Point(q=second * one, slope=Bounded(0.0 * one), chi=chi, spread=_spread(found), batch=after)


def sphere_pair(activation: Activation, x: Pair) -> Pair:
    """Two inputs of a batch behind an activation that directly follows a BatchNorm."""
    found, one = _sphere(activation, x.sphere), np.ones(x.d.shape)
    after = Pair.at(found.second * one, Bounded(found.distance, found.errors[2]) * one)
    return replace(after, spread1=_spread(found), spread2=_spread(found))


def _spread(found: SphereMoments) -> LazySpread:
    mean, second = Bounded(found.mean, found.errors[0]), Bounded(found.second, found.errors[1])
    return lambda: Spread(mean=mean, variance=second - mean**2)


def step(layer: Layer, x: Point) -> Point:
    """One input and its batch behind one layer of a network.

    A layer that reads each input by itself multiplies the covariance of the gradients of two inputs by its pair slope,
    and the squared gradient of one input by its gradient factor.
    """
    after = one_point(layer, x)
    if x.batch is None or after.batch:
        return after
    pair = replace(Pair.at(x.q.value, x.batch.distance), spread1=x.spread, spread2=x.spread)
    own = one_point(layer, Point.at(x.q.value, spread=x.spread)).chi
    between = pair_slope(layer, pair)
    cross = where(np.asarray(own.value) == between.value, 0.0, (own - between) * x.batch.shared)
    endless = np.isinf(after.chi.value) | np.isinf(own.value)
    return replace(
        after,
        chi=where(endless, after.chi, own * x.chi + cross),
        batch=Batch(distance=np.asarray(two_points(layer, pair).d.value), shared=hiding(between.value, x.batch.shared)),
    )


def settled_batch(network: Network, q: Floats | float) -> Batch:
    """The batch that a network maps to itself; where distances grow without limit, a batch of the limiting correlation.

    Only skip connections and weights act between BatchNorms, so d′ = α d + β.
    """
    one = np.ones(np.broadcast_shapes(network.shape, np.shape(q)))
    probe = Pair.at(one, one)
    slope, after = pair_slope(network, probe).value * one, two_points(network, probe)
    kept, gained = 1.0 - slope, after.d.value - slope
    grows = kept <= GROWS
    with np.errstate(divide="ignore", invalid="ignore"):
        growing = np.maximum(q, SMALLEST) * (gained / (after.q1 - slope))
        distance = np.where(grows, growing, gained / np.where(grows, 1.0, kept))
    return Batch(distance=np.where(np.isnan(distance), q, distance))


def _linear(size: float) -> tuple[float, float]:
    """`own` and `shared` of φ(x) = x."""
    own = 1.0 + 1.0 / (size - 3.0)
    return own, own / (size - 1.0)


def _sphere(activation: Activation, size: float) -> SphereMoments:
    """The moments over the sphere; where units differ, their means over the units."""
    each = [(share, _of_one(part, size)) for share, part in activation.parts]
    if len(each) == 1:
        return each[0][1]
    shares, found = np.array([share for share, _ in each]), [moments for _, moments in each]
    m, q, d, own, shared = (shares @ np.array([one[:5] for one in found], dtype=np.float64)).tolist()
    errors = shares @ np.array([one.errors for one in found]) + len(each) * EPS * np.abs([m, q, d, own, shared])
    e = errors.tolist()
    return SphereMoments(m, q, d, own, shared, (e[0], e[1], e[2], e[3], e[4]))


def _of_one(activation: Activation, size: float) -> SphereMoments:
    if size != math.inf:
        return sphere_moments(activation.pieces, int(size))
    moments, one = activation.moments, np.ones(1)
    try:
        own = moments.derivative_moment(one)
    except InfiniteDerivative:
        own = np.array([np.inf]), np.zeros(1)
    values = [moments.mean(one), moments.second_moment(one), moments.distance(one, one, one), own]
    (m, q, d, g), (m_error, q_error, d_error, g_error) = (
        [float(np.asarray(pair[i]).flat[0]) for pair in values] for i in (0, 1)
    )
    return SphereMoments(m, q, d, g, 0.0, (m_error, q_error, d_error, g_error, 0.0))
