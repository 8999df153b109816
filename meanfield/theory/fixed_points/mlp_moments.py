"""The maps of an MLP block by its activation's moments: q′ = σ_w² V(q) + σ_b² (Poole et al. 2016, eq. 3)."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Floats, Ints
from meanfield.activations.activation import Activation
from meanfield.networks.layers.dense import Dense
from meanfield.networks.layers.elementwise import Elementwise
from meanfield.networks.layers.network import Network
from meanfield.theory.fixed_points.finite_variance import largest_q


@dataclass(frozen=True)
class MLPMoments:
    """A block (φ, Dense) with its sigmas flattened: q′ = w·V(q) + β, χ_∥ = w·V′(q).

    Attributes
    ----------
    activation : Activation
        φ.
    w, beta : ndarray, shape (points,)
        σ_w² and σ_b² of every point.
    """

    activation: Activation
    w: Floats
    beta: Floats

    @property
    def rise_apart(self) -> bool:
        """False: networks of one w share the curve w·V."""
        return False

    def part(self, chosen: slice) -> "MLPMoments":
        """The same of some of the points."""
        return MLPMoments(self.activation, self.w[chosen], self.beta[chosen])

    @cached_property
    def curves(self) -> tuple[Floats, Ints]:
        """The distinct w, and which of them each network has."""
        return np.unique(self.w, return_inverse=True)

    @property
    def curve(self) -> Ints:
        """The number of the curve w·V of each network, shape (networks,)."""
        return self.curves[1]

    @property
    def level(self) -> Floats:
        """What the biases add to it, shape (networks,)."""
        return self.beta

    def without_bias(self, curve: Ints, q: ArrayLike) -> tuple[Floats, Floats, Floats]:
        """w·V(q) of these curves with bounds on its errors, and w·V′(q)."""
        w = self.curves[0][curve]
        value, error = self.second_moment(q)
        return w * value, w * error, w * self.slope(q)[0]

    def image(self, network: Ints, q: Floats) -> tuple[Floats, Floats, Floats]:
        """q′ of these networks with bounds on its errors, and dq′/dq."""
        w = self.w[network]
        value, error = self.second_moment(q)
        return w * value + self.beta[network], w * error, w * self.slope(q)[0]

    def second_moment(self, q: ArrayLike) -> tuple[Floats, Floats]:
        """V(q), and a bound on its error."""
        return self.activation.moments.second_moment(q)

    def independent(self, q: Floats) -> Floats:
        """E φ(u)φ(v) of independent u and v with E u² = E v² = q."""
        return self.activation.moments.independent(q)[0]

    def slope(self, q: ArrayLike) -> tuple[Floats, Floats]:
        """dV/dq, and a bound on its error."""
        return self.activation.moments.second_moment_slope(q)

    def distance(self, q: Floats, gap: Floats) -> Floats:
        """½E(φ(u) − φ(v))² of pairs with E u² = E v² = q and 1 − c = gap."""
        return self.activation.moments.distance(q, q, q * gap)[0]

    def distance_slope(self, q: Floats, gap: Floats) -> Floats:
        """E φ′(u)φ′(v) of such pairs."""
        return self.activation.moments.distance_slope(q, q, q * gap)[0]

    def reach(self, low: float, high: float) -> float:
        """The largest q in [low, high] up to which V is finite and resolved."""
        return largest_q(Network(self.activation, Dense()), low, high)


def mlp_moments(block: Network) -> MLPMoments | None:
    """The moments behind a block that is an activation followed by a Dense layer; None of any other block."""
    layers = tuple(block.flattened())
    if len(layers) != 2:
        return None
    phi, dense = layers
    if not isinstance(phi, Elementwise) or not isinstance(dense, Dense):
        return None
    w, beta = (np.broadcast_to(s, block.shape).ravel() ** 2.0 for s in (dense.sigma_w, dense.sigma_b))
    return MLPMoments(phi.activation, w, beta)
