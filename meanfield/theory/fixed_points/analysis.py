"""Where the signal settles with depth, and how fast it forgets: q*, c*, χ and ξ (Poole 2016, Schoenholz 2017)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from meanfield.arguments import positive
from meanfield.errors import InvalidInput
from meanfield.networks.block import as_block
from meanfield.networks.layers.network import Network
from meanfield.theory.fixed_points.correlation import settled
from meanfield.theory.fixed_points.mlp_response import response
from meanfield.theory.fixed_points.mlps import settled_many
from meanfield.theory.fixed_points.variance import CRITICAL

__all__ = ["Analysis", "analyze", "depth_scale", "described", "start_from"]

Floats = NDArray[np.float64]

MANY = 48  # networks of one activation from which on what they have in common is computed first


@dataclass(frozen=True)
class Analysis:
    """Fixed points, stability and depth scales of a repeated block; arrays of the broadcast shape of its sigmas.

    Attributes
    ----------
    q_star : ndarray
        The fixed point of the variance map that is reached from q = 1, or the `q` given; 0 if the signal dies out, inf
        if it is unbounded.
    chi_parallel : ndarray
        dq′/dq at q_star.
    chi_1 : ndarray
        Growth factor a layer of the mean squared gradient of one input; for an MLP also the slope of the correlation
        map at c = 1. Infinite where the activation jumps.
    c_star : ndarray
        The stable fixed point of the correlation map, in [−1, 1]; nan where an unbounded q takes the moments beyond
        floats.
    chi_c : ndarray
        Slope of the correlation map at c_star.
    xi_q, xi_c : ndarray
        Depth scales of second moment and correlation, −1/ln|chi_parallel| and −1/ln chi_c, in layers; inf at
        criticality.
    xi_gradient : ndarray
        −1/ln chi_1, in layers; negative where gradients grow.
    phase : ndarray of str
        "ordered" (chi_1 < 1), "critical", "chaotic" (chi_1 > 1) or "unbounded" (q grows without limit).
    """

    q_star: Floats
    chi_parallel: Floats
    chi_1: Floats
    c_star: Floats
    chi_c: Floats
    xi_q: Floats
    xi_c: Floats
    xi_gradient: Floats
    phase: NDArray[np.str_]


def analyze(block: Any, *, q: ArrayLike = 1.0) -> Analysis:
    """Fixed points, stability and depth scales of a block repeated in depth.

    Parameters
    ----------
    block : Network or activation
        A bare activation means ``mlp(activation)``, with sigma_w = 1 and sigma_b = 0.
    q : float
        Second moment that signals start from, in [1e-100, 1e30]: of several fixed points the one reached from there is
        described.

    Returns
    -------
    Analysis
        Arrays of the broadcast shape of the block's sigmas (0-d for scalars).

    Raises
    ------
    InvalidInput
        If `q` is out of range, or the block's second moments do not determine what it does.

    References
    ----------
    Poole et al. 2016 (arXiv:1606.05340), eqs. 3–9; Schoenholz et al. 2017 (arXiv:1611.01232), eqs. 7–9 and 18.

    Examples
    --------
    >>> import meanfield as mf
    >>> a = mf.analyze(mf.mlp("tanh", 1.3, 0.3))
    >>> print(f"{a.q_star:.12f} {a.chi_1:.12f} {a.xi_c:.6f} {a.phase}")
    0.607046791909 0.939807428682 16.108173 ordered
    """
    return described(as_block(block), start_from(q))[0]


def described(block: Network, q0: float) -> tuple[Analysis, NDArray[np.bool_] | None]:
    """The analysis, and where there are other fixed points of q if that came with it."""
    common = response(block)
    if common is not None and common.w.size >= MANY:
        found, multiple = settled_many(block, common, q0)
    else:
        found, multiple = settled(block, q0), None
    phase = np.where(found.chi_1 < 1, "ordered", "chaotic")
    phase = np.where(np.abs(found.chi_1 - 1) <= CRITICAL, "critical", phase)
    phase = np.where(np.isinf(found.q), "unbounded", phase)
    scales = (depth_scale(np.abs(found.chi_parallel)), depth_scale(found.chi_c), depth_scale(found.chi_1))
    shaped = (np.asarray(field).reshape(block.shape) for field in (*found, *scales, phase))
    return Analysis(*shaped), None if multiple is None else multiple.reshape(block.shape)


def start_from(q: ArrayLike) -> float:
    """The one second moment that orbits start from, checked."""
    q0 = positive(q, "q")
    if q0.ndim or not 1e-100 <= q0 <= 1e30:
        raise InvalidInput("q must be one number from 1e-100 to 1e30, the second moment that orbits start from")
    return float(q0)


def depth_scale(factor: Floats) -> Floats:
    """−1/ln(factor), in layers; inf where the factor is 1."""
    with np.errstate(divide="ignore"):
        return np.where(np.abs(factor - 1) <= CRITICAL, np.inf, -1.0 / np.log(factor))
