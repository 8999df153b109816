"""The slope, curvature or negative slope of one activation that gives a network the wanted one."""

import math

import numpy as np

from meanfield._types import Floats, Ints
from meanfield.errors import InvalidInput
from meanfield.numerics.solve.bracketed import root
from meanfield.shaping.leaky import correlation_map
from meanfield.shaping.network_function import NetworkFunction, Step

SAFETY = 1e-9  # relative room for rounding of a bound


def local_slope_excess(network: NetworkFunction, zeta: float) -> float:
    """C′(1) − 1 of an activation for which the largest slope over subnetworks is ζ.

    The logarithm of the network's slope is convex in y = ln C′(1). Its derivative at y = 0 is the curvature of the
    network at C″(1) = 1, so that ln ζ over this derivative is an upper bound of the root.
    """

    def too_steep(which: Ints, x: Floats) -> Floats:
        return np.array([math.log(network.largest(_times(y), 1.0) / zeta) for y in x.tolist()])

    most = math.log(zeta) / network.largest(_plus, 0.0)
    log_slope = root(too_steep, np.zeros(1), np.array([most * (1 + SAFETY)]), atol=0.0)
    return float(np.expm1(log_slope[0]))


def local_curvature(network: NetworkFunction, tau: float) -> float:
    """C″(1) of an activation for which the largest curvature over subnetworks is τ; curvatures add."""
    return tau / network.largest(_plus, 0.0)


def negative_slope(network: NetworkFunction, eta: float) -> float:
    """The negative slope of a leaky ReLU for which the largest C_f(0) over subnetworks is η.

    Raises
    ------
    InvalidInput
        If even ReLU does not reach η.
    """

    def too_large(which: Ints, slope: Floats) -> Floats:
        return np.array([network.largest(correlation_map(alpha).iterated, 0.0) - eta for alpha in slope.tolist()])

    ends = np.zeros(1), np.ones(1)
    values = too_large(np.zeros(1, dtype=int), ends[0]), np.array([-eta])
    if values[0] < 0:
        raise InvalidInput(f"eta = {eta:g} needs a deeper network: with ReLU, C_f(0) is {values[0][0] + eta:.6g} here")
    return float(root(too_large, *ends, values=values)[0])


def _times(log_slope: float) -> Step:
    return lambda value, count: value * math.exp(log_slope * count)


def _plus(value: float, count: int) -> float:
    return value + count
