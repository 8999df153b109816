"""Batch normalisation: q → 1 and d → B/(B − 1), with units √B·n that are uniform on a sphere (Yang et al. 2019).

With P the projection on what is orthogonal to n and to (1, …, 1), the Jacobian is √B P/|h − mean h|, and the mean of
1/|h − mean h|² over units is 1/(d(B − 3)). So a gradient of covariance G = 1 − (1, …, 1)ᵀ(1, …, 1)/B over the batch
leaves the pair (BatchNorm, φ) as E[(B − 1 − z₁²)φ′(z₁)² + (1 + z₁z₂)φ′(z₁)φ′(z₂)]/(d(B − 3)) times that: theorem 7 of
arXiv:1902.08129.
"""

import math
from typing import Any

import numpy as np

from meanfield.activations.activation import Activation
from meanfield.errors import InfiniteDerivative, InvalidInput
from meanfield.networks.layers.batchnorm import BatchNorm
from meanfield.networks.layers.network import Network
from meanfield.numerics.quadrature.batch_sphere import SphereMoments, sphere_moments
from meanfield.theory.layer_maps.dispatch import one_point, pair_slope, two_points
from meanfield.theory.states import Batch, OnePoint, Spread, TwoPoints

__all__ = ["batch_gradient", "settled_batch", "sphere_pair", "sphere_point"]

EPS = float(np.finfo(float).eps)
SMALLEST = 1e-100  # q at which distances that grow without limit are taken as they are at this one
APART = 1e-9  # relative distance beyond the largest that is rounding
GROWS = 1e-12  # 1 − dd′/dd below which distances grow without limit


@one_point.register
def _(layer: BatchNorm, signal: OnePoint) -> OnePoint:
    if signal.batch is None:
        raise InvalidInput("BatchNorm needs a Network around it, which knows its batch")
    size, d = layer.batch_size, np.asarray(signal.batch.distance, dtype=np.float64)
    if not np.all(d > 0):
        raise InvalidInput("BatchNorm would divide by zero: the inputs of the batch have become the same")
    own, shared = _linear(size)
    one = np.ones(np.broadcast_shapes(np.shape(signal.q), d.shape))
    kept = signal.chi / d
    chi, error = kept * (own + shared), signal.chi_error / d * (own + shared)
    batch = Batch((1.0 + 1.0 / (size - 1.0)) * one, -kept * shared * one, size)
    return OnePoint(one, EPS * one, 0.0 * one, chi * one, 0.0 * one, (error + 8 * EPS * chi) * one, batch=batch)


@two_points.register
def _(layer: BatchNorm, signal: TwoPoints) -> TwoPoints:
    if signal.q2 is not signal.q1 and not np.allclose(signal.q1, signal.q2, rtol=1e-12, atol=0.0):
        raise InvalidInput("the inputs of a batch must have the same second moment: leave q2 alone")
    size = layer.batch_size
    if np.any(np.asarray(signal.d) > (1.0 + 1.0 / (size - 1.0) + APART) * np.asarray(signal.q1)):
        raise InvalidInput(
            f"{size} inputs cannot all be so far apart: the correlation of any two of them is at least -1/{size - 1}"
        )
    one = np.ones(np.broadcast_shapes(np.shape(signal.q1), np.shape(signal.d)))
    return TwoPoints(one, one, (1.0 + 1.0 / (layer.batch_size - 1.0)) * one, EPS * one, sphere=layer.batch_size)


@pair_slope.register
def _(layer: BatchNorm, signal: TwoPoints) -> Any:
    return 0.0


def sphere_point(activation: Activation, signal: OnePoint, batch: Batch) -> OnePoint:
    """A signal that BatchNorm has put on the sphere, behind an activation."""
    found, one = _sphere(activation, batch.sphere), np.ones(np.shape(signal.q))
    kept = (signal.chi + batch.shared) / _linear(batch.sphere)[0]
    with np.errstate(invalid="ignore"):
        chi, shared = (np.where(kept == 0, 0.0, kept * a) for a in (found.own + found.shared, -found.shared))
        error = kept * (found.errors[3] + found.errors[4]) + signal.chi_error * (found.own + found.shared)
        error = np.where(np.isfinite(chi), error, 0.0)
    spread = Spread(found.mean, found.second - found.mean**2, found.errors[0], found.errors[1])
    after = Batch(found.distance * one, shared)
    q, q_error = found.second * one, found.errors[1] * one
    return OnePoint(q, q_error, 0.0 * one, chi, 0.0 * one, error, lambda: spread, after)


def sphere_pair(activation: Activation, signal: TwoPoints) -> TwoPoints:
    """Two inputs of a batch behind BatchNorm and an activation."""
    found, one = _sphere(activation, signal.sphere), np.ones(np.shape(signal.d))
    q = found.second * one
    return TwoPoints(q, q, found.distance * one, found.errors[2] * one)


def batch_gradient(activation: Activation, before: OnePoint, batch: Batch) -> tuple[Any, Any, Batch]:
    """χ, a bound on its error, and the batch behind an activation of Gaussian units.

    Covariances of gradients get the factor E φ′² between an input and itself and E φ′(u)φ′(v) between different ones.
    """
    moments, q = activation.moments, before.q
    distance, _ = moments.distance(q, q, batch.distance)
    try:
        own, own_error = moments.derivative_moment(q)
    except InfiniteDerivative:
        return np.full(np.shape(q), np.inf), 0.0, Batch(distance)
    pair, pair_error = moments.distance_slope(q, q, batch.distance)
    chi = own * before.chi + (own - pair) * batch.shared
    error = own_error * before.chi + own * before.chi_error + (own_error + pair_error) * np.abs(batch.shared)
    return chi, error, Batch(distance, pair * batch.shared)


def settled_batch(network: Network, q: Any) -> Batch:
    """The batch that a network reproduces, or one of the correlation that it leads to where distances keep growing.

    Between BatchNorms there are skip connections and weights alone, so d′ = α d + β.
    """
    one = np.ones(np.broadcast_shapes(network.shape, np.shape(q)))
    probe = TwoPoints(one, one, one)
    slope, after = pair_slope(network, probe) * one, two_points(network, probe)
    kept, gained = 1.0 - slope, after.d - slope
    grows = kept <= GROWS
    with np.errstate(divide="ignore", invalid="ignore"):
        growing = np.maximum(q, SMALLEST) * (gained / (after.q1 - slope))
        distance = np.where(grows, growing, gained / np.where(grows, 1.0, kept))
    return Batch(np.where(np.isnan(distance), q, distance))


def _linear(size: Any) -> tuple[float, float]:
    """`own` and `shared` of φ(x) = x."""
    own = 1.0 + 1.0 / (size - 3.0)
    return own, own / (size - 1.0)


def _sphere(activation: Activation, size: Any) -> SphereMoments:
    if size != math.inf:
        return sphere_moments(activation.pieces, size)
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
