"""The correlation map at a settled q, for orbits of many layers: one smooth function of the angle arccos c."""

from math import asin, sqrt

import numpy as np
from numpy.typing import NDArray

from meanfield.networks.layers.network import Network
from meanfield.numerics.solve.surrogate import Surrogate
from meanfield.theory.layer_maps import two_points
from meanfield.theory.states import Pair

__all__ = ["CorrelationOrbit"]

Floats = NDArray[np.float64]

EDGES = (0.0, 0.6, np.pi / 2, np.pi)  # of the angle


class CorrelationOrbit:
    """1 − c from layer to layer of a block with scalar sigmas, for two signals of the variance that it reproduces.

    The factor by which a block changes 1 − c is χ₁ + θ·h(θ) with a smooth h of the angle θ. Interpolating h, not the
    factor, leaves no error at θ = 0, where an orbit at criticality spends its layers and would add it up. What parts
    equal inputs, as dropout does, adds a constant to 1 − c, and no orbit returns below it.
    """

    def __init__(self, block: Network, q: float, chi_1: float) -> None:
        def after(gap: Floats) -> Pair:
            variance = np.full(gap.shape, q)
            return two_points(block, Pair.at(variance, q * gap))

        self._after = after
        self._parting = float(after(np.zeros(1)).one_minus_c[0])
        bounded = np.isfinite(chi_1) and self._parting == 0  # a jump has no finite limit at θ = 0
        self._limit, self._power = (chi_1, 1.0) if bounded else (0.0, 0.0)

        def reduced(angle: Floats) -> tuple[Floats, Floats]:
            gap = 2 * np.sin(0.5 * angle) ** 2
            pair, scale = after(gap), angle**self._power
            return ((pair.one_minus_c - self._parting) / gap - self._limit) / scale, pair.d.error / (q * gap) / scale

        least = 2 * asin(sqrt(0.5 * min(self._parting, 2.0)))
        self._reduced = Surrogate(reduced, (least, *(edge for edge in EDGES if edge > least)), rtol=1e-13)

    def follow(self, gap: Floats, layers: int) -> Floats:
        """1 − c after 0 … `layers` − 1 blocks, first axis = layer."""
        gaps = np.empty((layers, *gap.shape))
        if self._parting > 0:
            return self._follow_parted(gap, gaps)
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

    def _follow_parted(self, gap: Floats, gaps: Floats) -> Floats:
        gaps[0] = gap
        for layer in range(1, len(gaps)):
            if layer == 1:  # the start may be nearer to c = 1 than what follows
                gap = self._after(gap).one_minus_c
            else:
                gap = self._parting + gap * self._reduced(2 * np.arcsin(np.sqrt(0.5 * gap)))[0]
            gap = np.clip(gap, self._parting, 2.0)
            gaps[layer] = gap
        return gaps
