"""The variance map and the correlation map of a block: one layer of depth."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from meanfield.arguments import correlation, positive
from meanfield.error_state import own_error_state
from meanfield.errors import InvalidInput, NoFixedPoint
from meanfield.estimates import Estimate
from meanfield.networks.block import as_block
from meanfield.networks.layers.network import Network
from meanfield.theory.assumptions.block import check_gaussian
from meanfield.theory.fixed_points.stable_variance import stable_and_multiple_q
from meanfield.theory.layer_maps import one_point, two_points
from meanfield.theory.states import Pair, Point

__all__ = ["broadcast", "correlation_map", "evaluations", "variance_map"]


def broadcast(block: Network, *arguments: Any) -> tuple[Any, ...]:
    """The arguments as float arrays of their common shape with the block's sigmas."""
    try:
        shape = np.broadcast_shapes(block.shape, *(np.shape(a) for a in arguments))
    except ValueError:
        shapes = ", ".join(str(np.shape(a)) for a in arguments)
        raise InvalidInput(f"shapes {shapes} do not broadcast with sigmas of shape {block.shape}") from None
    return tuple(np.broadcast_to(np.asarray(a, dtype=np.float64), shape) for a in arguments)


def evaluations(block: Network) -> int:
    """How often the block's activations have been evaluated so far."""
    return sum(activation.evaluations for activation in block.activations)


def _estimate(value: Any, error: Any, count: int, rtol: float = 1e-12) -> Estimate:
    value, error = np.asarray(value), np.asarray(error)
    converged = bool(np.all(error <= rtol * np.maximum(np.abs(value), np.finfo(float).tiny)))
    if value.ndim == 0:
        return Estimate(float(value), float(error), converged, count)
    return Estimate(value, error, converged, count)


@own_error_state
def variance_map(block: Any, q: ArrayLike) -> Estimate:
    """The second moment of the signal one block deeper, q′ = σ_w² E φ(√q Z)² + σ_b² for an MLP.

    Parameters
    ----------
    block : Network or activation
        What is repeated in depth; a bare activation means ``mlp(activation)``.
    q : float or array_like
        Second moment at the block's input, ≥ 0. Broadcasts with sigma_w and sigma_b.

    Returns
    -------
    Estimate

    Raises
    ------
    InvalidInput
        If `q` is negative or not finite, shapes do not broadcast, or second moments do not determine what the block
        does.
    DivergentExpectation
        If the second moment is infinite.

    References
    ----------
    Poole et al. 2016 (arXiv:1606.05340), eq. 3.

    Examples
    --------
    >>> import meanfield as mf
    >>> float(mf.variance_map(mf.mlp("relu", 1.2, 0.5), 2.0))  # 1.44·2/2 + 0.25
    1.69
    """
    block = as_block(block)
    check_gaussian(block, repeated=False)
    (q,) = broadcast(block, positive(q, "q", zero=True))
    before = evaluations(block)
    q_after = one_point(block, Point.at(q)).q
    return _estimate(q_after.value, q_after.error, evaluations(block) - before)


@own_error_state
def correlation_map(block: Any, c: ArrayLike, q: ArrayLike | None = None) -> Estimate:
    """The correlation of two equally large signals one block deeper.

    Parameters
    ----------
    block : Network or activation
        What is repeated in depth; a bare activation means ``mlp(activation)``.
    c : float or array_like
        Correlation at the block's input, in [−1, 1]. Broadcasts with sigma_w and sigma_b.
    q : float or array_like, optional
        Second moment of both signals there, > 0; by default the stable fixed point of the variance map.

    Returns
    -------
    Estimate

    Raises
    ------
    InvalidInput
        If `c` or `q` is out of range, or second moments do not determine what the block does.
    NoFixedPoint
        If `q` is not given and the variance map has no positive fixed point to stay at.

    References
    ----------
    Poole et al. 2016 (arXiv:1606.05340), eq. 5.

    Examples
    --------
    >>> import meanfield as mf
    >>> mf.correlation_map(mf.mlp("relu", 2**0.5), 0.0, q=1.0).value  # 1/π
    0.31830988618379...
    """
    block = as_block(block)
    check_gaussian(block, repeated=q is None)
    gaps = 1.0 - correlation(c)
    if q is None:
        settled, _ = stable_and_multiple_q(block, 1.0)
        if not np.all((settled > 0) & np.isfinite(settled)):
            raise NoFixedPoint(
                "the variance map has no positive fixed point here, so the correlation map needs q= to be given"
            )
        q = settled.reshape(block.shape)
    variances, gaps = broadcast(block, positive(q, "q"), gaps)
    before = evaluations(block)
    after = two_points(block, Pair.at(variances, variances * gaps))
    variance = one_point(block, Point.at(variances)).q
    gap = after.one_minus_c
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.where(variance.value > 0, (after.d.error + gap * variance.error) / variance.value, 0.0)
    return _estimate(1.0 - gap, error + 8 * np.finfo(float).eps, evaluations(block) - before, rtol=1e-10)
