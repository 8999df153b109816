"""How many blocks train where no depth scale limits them."""

import numpy as np

from meanfield.activations.activation import Activation
from meanfield.theory.assumptions.block import Block
from meanfield.theory.criticality.deepest import TRAINABLE
from meanfield.theory.depth.propagate import propagate

WIDEST = 10**9  # units or layers
FOLLOWED = 1024  # layers over which the growth of gradients is followed


def depth_by_fluctuations(phi: Activation, q: float, width: int) -> float:
    """Depth at which the relative variance of |h|² over networks is 1: it is (E φ⁴/(E φ²)² − 1)/width a layer."""
    at = q if q > 0 else 1.0
    fourth = phi.moments.fourth_moment(at)[0]
    second = phi.moments.second_moment(at)[0]
    return float(width / max(float(fourth / second**2) - 1.0, 1e-3))


def depth_by_growth(network: Block, start: float) -> float:
    """Depth at which gradients have changed by a factor e⁶, as they do over six depth scales.

    Beyond the layers that are followed, the reciprocal of the rate |ln χ₁| is continued linearly in depth, which is
    exact for powers of depth and for exponentials.
    """
    trajectory = propagate(network, FOLLOWED, q=start)
    with np.errstate(divide="ignore"):
        log_gradient, rate = np.log(trajectory.gradient), np.abs(np.log(trajectory.chi))
    change = np.abs(log_gradient[0] - log_gradient)  # over the first layers, from layer 0
    beyond = np.flatnonzero(change >= TRAINABLE)
    if beyond.size:
        return float(beyond[0])
    half, last, left = float(rate[FOLLOWED // 2]), float(rate[FOLLOWED]), TRAINABLE - float(change[FOLLOWED])
    if min(half, last) * WIDEST < left:
        return np.inf
    bend = (1 / last - 1 / half) / (FOLLOWED / 2)  # 1/ζ of a power l^ζ, 0 of an exponential
    steps = np.expm1(min(bend * left, 700.0)) / bend if abs(bend * left) > 1e-9 else left
    return float(FOLLOWED + steps / last) if steps / last <= WIDEST else np.inf
