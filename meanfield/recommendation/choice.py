"""The weights that are recommended for a block, and questions that help to choose them."""

from typing import NamedTuple

import numpy as np

from meanfield._types import Floats
from meanfield.errors import DivergentExpectation
from meanfield.theory.assumptions.block import Block
from meanfield.theory.depth.propagate import propagate
from meanfield.theory.fixed_points.depth_scales import CRITICAL
from meanfield.theory.fixed_points.maps import signal_map

NEUTRAL = np.array([0.1, 1.0, 10.0])  # q that a scale-invariant block keeps


class Choice(NamedTuple):
    """Weights and biases, and what they do."""

    sigma_w: float
    sigma_b: float
    q: float  # second moment to begin with: the one that is kept, if any is; 0 where it decays to 0
    universality: str
    reason: str  # a sentence without its full stop
    xi_c: float = np.inf
    xi_gradient: float = np.inf
    branch_scale: float | None = None  # that the reason recommends


def gradient_growth(network: Block, depth: int, start: float) -> float:
    """The factor by which squared gradients grow on the way back through `depth` layers, from q = `start`.

    If `start` is a fixed point, q stays there, even if rounding would take it away.
    """
    at = signal_map(network, start)
    if abs(at.q - start) <= CRITICAL * start:
        with np.errstate(over="ignore", under="ignore"):
            return float(at.chi**depth)
    try:
        return float(propagate(network, depth, q=start).gradient[0])
    except DivergentExpectation:  # q exceeds the range of floats
        return np.inf


def keeps_every_q(block: Block, sigma_w: float) -> bool:
    """Whether the block reproduces q at every q, without biases."""
    after = signal_map(block.at(sigma_w=sigma_w, sigma_b=0.0), NEUTRAL)
    return bool(np.allclose(after.q, NEUTRAL, rtol=CRITICAL, atol=0.0))


def nearest_one(q: Floats) -> int:
    """Number of the q nearest to 1."""
    return int(np.argmin(np.abs(np.log(np.maximum(q, 1e-300)))))
