"""The correlation map at a settled q, for orbits of many layers: one smooth function of the angle arccos c."""

from math import asin, sqrt

import numpy as np

from meanfield._types import Floats
from meanfield.networks.layers.network import Network
from meanfield.numerics.solve.surrogate import Surrogate
from meanfield.theory.depth.scan import scan
from meanfield.theory.layer_maps import two_points
from meanfield.theory.states import Pair

EDGES = (0.0, 0.6, np.pi / 2, np.pi)  # of the angle


class CorrelationOrbit:
    """1 − c from layer to layer, for two signals of the second moment q that a block with scalar sigmas reproduces.

    A block multiplies 1 − c by χ₁ + θ·h(θ), with a smooth function h of the angle θ. h is interpolated, not the whole
    factor: so the factor is exact at θ = 0, where an orbit at criticality spends its layers and errors would add up.
    Noise that parts equal inputs, as Dropout does, adds a constant to 1 − c, and no orbit returns below it.
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
        steps = range(1, layers)
        rule = self._parted if self._parting > 0 else self._next
        if gap.size == 1 and self._parting == 0:
            numbers = list(scan(steps, float(gap.flat[0]), self._number))
            return np.reshape(numbers, (layers, *gap.shape))
        gaps: list[Floats] = list(scan(steps, gap, rule))
        return np.stack(gaps)

    def _next(self, layer: int, gap: Floats) -> Floats:
        angle = 2 * np.arcsin(np.sqrt(0.5 * gap))
        return np.minimum(gap * (self._limit + angle**self._power * self._reduced(angle)[0]), 2.0)

    def _number(self, layer: int, gap: float) -> float:
        """The same for one number, which is ten times as fast."""
        angle = 2 * asin(sqrt(0.5 * gap))
        return min(gap * float(self._limit + angle**self._power * self._reduced.at(angle)), 2.0)

    def _parted(self, layer: int, gap: Floats) -> Floats:
        if layer == 1:  # the start may be nearer to c = 1 than what follows
            gap = self._after(gap).one_minus_c
        else:
            gap = self._parting + gap * self._reduced(2 * np.arcsin(np.sqrt(0.5 * gap)))[0]
        return np.clip(gap, self._parting, 2.0)
