"""The correlation map at a settled q, for orbits of many layers: one smooth function of the angle arccos c."""

from math import asin, sqrt

import numpy as np
from numpy.typing import NDArray

from meanfield.networks.network import Network
from meanfield.numerics.interpolation import Surrogate
from meanfield.theory.kernels import two_points
from meanfield.theory.signal import TwoPoints

__all__ = ["CorrelationOrbit"]

Floats = NDArray[np.float64]

EDGES = (0.0, 0.6, np.pi / 2, np.pi)  # of the angle


class CorrelationOrbit:
    """1 − c from layer to layer of a block with scalar sigmas, for two signals of the variance that it reproduces.

    The factor by which a block changes 1 − c is χ₁ + θ·h(θ) with a smooth h of the angle θ. Interpolating h, not the
    factor, leaves no error at θ = 0, where an orbit at criticality spends its layers and would add it up.
    """

    def __init__(self, block: Network, q: float, chi_1: float) -> None:
        self._limit, self._power = (chi_1, 1.0) if np.isfinite(chi_1) else (0.0, 0.0)  # a jump has no finite limit

        def reduced(angle: Floats) -> tuple[Floats, Floats]:
            gap = 2 * np.sin(0.5 * angle) ** 2
            variance = np.full(gap.shape, q)
            after = two_points(block, TwoPoints(variance, variance, q * gap))
            scale = angle**self._power
            return (after.one_minus_c / gap - self._limit) / scale, after.error / (q * gap) / scale

        self._reduced = Surrogate(reduced, EDGES, rtol=1e-13)

    def follow(self, gap: Floats, layers: int) -> Floats:
        """1 − c after 0 … `layers` − 1 blocks, first axis = layer."""
        gaps = np.empty((layers, *gap.shape))
        if gap.size == 1:
            number = float(gap.flat[0])
            for layer in range(layers):
                gaps[layer] = number
                angle = 2 * asin(sqrt(0.5 * number))
                number = min(number * (self._limit + angle**self._power * self._reduced.at(angle)), 2.0)
            return gaps
        for layer in range(layers):
            gaps[layer] = gap
            angles = 2 * np.arcsin(np.sqrt(0.5 * gap))
            gap = np.minimum(gap * (self._limit + angles**self._power * self._reduced(angles)[0]), 2.0)
        return gaps
