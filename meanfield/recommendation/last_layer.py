"""The scale of the layer behind the last block, which gives the outputs of the network."""

import numpy as np

from meanfield.activations.activation import Activation
from meanfield.errors import DivergentExpectation
from meanfield.theory.assumptions.block import Block
from meanfield.theory.depth.propagate import propagate


def last_sigma(network: Block, phi: Activation | None, depth: int, start: float) -> float:
    """Standard deviation of the last layer's weights times √fan_in, at which its outputs have the second moment 1.

    It reads the signal behind `depth` blocks, which began at q = `start`, or φ of it. Where the second moment of that
    leaves the range of floats, the answer is 1.
    """
    try:
        q = float(propagate(network, depth, q=start).q[-1])
        second = q if phi is None else float(phi.moments.second_moment(q)[0])
    except DivergentExpectation:
        return 1.0
    tiny = float(np.finfo(float).tiny)
    return second**-0.5 if tiny < second < 1 / tiny else 1.0
