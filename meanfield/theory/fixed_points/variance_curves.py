"""The variance maps of many networks as few curves: networks that differ in their biases alone share one.

Behind the layer with the biases most blocks are linear in second moments, so that q′ = F(q) + level with the F of the
same network without biases. All networks of one F then have their fixed points on one curve, E(q) = q − F(q) = level.
Where biases do more than add to q′, every network is a curve of its own, at level 0.
"""

from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Floats, Ints
from meanfield.activations.activation import Activation
from meanfield.errors import DivergentExpectation
from meanfield.networks.layers.attention import Attention
from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.concatenation import Concatenate
from meanfield.networks.layers.dense import Dense
from meanfield.networks.layers.network import Network
from meanfield.networks.layers.noise import Noise
from meanfield.networks.layers.residual import Residual
from meanfield.theory.fixed_points.finite_variance import largest_q
from meanfield.theory.fixed_points.maps import signal_map

BIAS = "sigma_b"
AWAY = np.geomspace(1e-4, 1e3, 1000)  # distances from 0 at which |φ| is looked at
LOOKED_AT = np.geomspace(1e-4, 1e3, 47)  # q at which a slope of V that is not positive is looked for, two an octave
LARGE = 2.0**300  # a bias variance next to which every other second moment is 0


class VarianceCurves(Protocol):
    """The variance maps q ↦ F(q) + level of many networks, of which several may have the same F."""

    @property
    def curve(self) -> Ints:
        """The number of the F of each network, shape (networks,)."""

    @property
    def level(self) -> Floats:
        """What is added to it, shape (networks,)."""

    @property
    def rise_apart(self) -> bool:
        """Whether every network has an F of its own, and all of them rise."""

    def part(self, chosen: slice) -> Self:
        """Some of the networks."""

    def without_bias(self, curve: Ints, q: ArrayLike) -> tuple[Floats, Floats, Floats]:
        """F of curves number `curve`, shape (n,), at q of a shape that broadcasts to (…, n): values, errors, slopes."""

    def image(self, network: Ints, q: Floats) -> tuple[Floats, Floats, Floats]:
        """q′ of networks number `network` at q, both of shape (n,): values, bounds on their errors, and slopes."""

    def reach(self, low: float, high: float) -> float:
        """The largest q in [low, high] up to which all maps are finite and resolved."""


@dataclass(frozen=True)
class CurvesOfBlocks:
    """The `VarianceCurves` of a block of any form; its parameters and `curve` and `level` have shape (networks,)."""

    networks: Network
    bare: Network  # the network of each curve, without its biases if they only add
    curve: Ints
    level: Floats
    rise_apart: bool

    @classmethod
    def of(cls, block: Network, *, apart: bool = False) -> Self:
        """The curves of all the block's parameters, flattened; if `apart`, with one for each of them in any case."""
        count = int(np.prod(block.shape, dtype=int))
        networks = block.take(np.arange(count))
        if apart or not bias_only_adds(block):
            return cls(networks, networks, np.arange(count), np.zeros(count), all(map(_rises, networks.activations)))
        others = [
            getattr(layer, name)
            for layer in networks.walk()
            for name in layer.parameters
            if name != BIAS  # one layer alone has it
        ]
        curve = np.zeros(count, dtype=np.intp)
        for values in others:
            distinct, own = np.unique(values, return_inverse=True)
            curve = np.unique(curve * distinct.size + own, return_inverse=True)[1]
        first = np.unique(curve, return_index=True)[1]
        one = networks.take(first)
        gain = signal_map(one.at(sigma_b=LARGE**0.5), np.ones(first.size)).q / LARGE
        bias = next(layer for layer in networks.walk() if BIAS in layer.parameters)
        return cls(networks, one.at(sigma_b=0.0), curve, gain[curve] * np.square(getattr(bias, BIAS)), False)

    def part(self, chosen: slice) -> "CurvesOfBlocks":
        """Some of the networks."""
        which = np.arange(self.curve.size)[chosen]
        return CurvesOfBlocks(
            self.networks.take(which), self.bare, self.curve[chosen], self.level[chosen], self.rise_apart
        )

    def without_bias(self, curve: Ints, q: ArrayLike) -> tuple[Floats, Floats, Floats]:
        """As in `VarianceCurves`."""
        signal = signal_map(self.bare.take(curve), q)
        return signal.q, signal.error, signal.slope

    def image(self, network: Ints, q: Floats) -> tuple[Floats, Floats, Floats]:
        """As in `VarianceCurves`."""
        signal = signal_map(self.networks.take(network), q)
        return signal.q, signal.error, signal.slope

    def reach(self, low: float, high: float) -> float:
        """As in `VarianceCurves`."""
        return largest_q(self.bare, low, high)


def _rises(phi: Activation) -> bool:
    """Whether V(q) = E φ(√q Z)² rises where it is looked at: surely if |φ| grows away from 0 on both sides."""
    grows = all(np.all(np.diff(np.abs(part.pieces(side * AWAY))) >= 0) for _, part in phi.parts for side in (-1.0, 1.0))
    if grows:
        return True
    try:
        phi.moments.second_moment_slope(LOOKED_AT[-1:])  # is soon told to be infinite
        slope, error = phi.moments.second_moment_slope(LOOKED_AT)
    except DivergentExpectation:
        return False
    return bool(np.all(slope >= -error))


def bias_only_adds(layer: Layer) -> bool:
    """Whether the biases add to the second moment behind `layer` what does not depend on the one before it.

    Examples
    --------
    >>> import meanfield as mf
    >>> bias_only_adds(mf.Network("tanh", mf.Dense(), mf.Dropout(0.1))), bias_only_adds(mf.Network(mf.Dense(), "tanh"))
    (True, False)
    """
    if isinstance(layer, Dense | Attention):
        return True
    if not isinstance(layer, Network | Residual | Concatenate):
        return False
    biased = [i for i, inner in enumerate(layer.inner) if any(BIAS in one.parameters for one in inner.walk())]
    if len(biased) != 1:
        return False
    return bias_only_adds(layer.inner[biased[0]]) and all(map(_linear, layer.inner[biased[0] + 1 :]))


def _linear(layer: Layer) -> bool:
    """Whether the second moment behind a layer is linear in the one before it."""
    if isinstance(layer, Network | Residual | Concatenate):
        return all(map(_linear, layer.inner))
    return layer.linear or isinstance(layer, Noise)
