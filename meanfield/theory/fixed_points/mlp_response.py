"""What an MLP block does to a signal, as functions of q alone: the weights and biases only scale and shift them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meanfield.activations.activation import Activation
from meanfield.errors import InfiniteDerivative
from meanfield.networks.layers.dense import Dense
from meanfield.networks.layers.elementwise import Elementwise
from meanfield.networks.layers.network import Network
from meanfield.theory.fixed_points.largest_variance import largest_q

__all__ = ["Response", "response"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Response:
    """A block (φ, Dense) with its sigmas flattened: q′ = w·V(q) + β, χ_∥ = w·V′(q), χ₁ = w·E φ′².

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

    def second_moment(self, q: Any) -> tuple[Floats, Floats]:
        """V(q), and a bound on its error."""
        return self.activation.moments.second_moment(q)

    def slope(self, q: Any) -> tuple[Floats, Floats]:
        """dV/dq, and a bound on its error."""
        return self.activation.moments.second_moment_slope(q)

    def derivative_moment(self, q: Floats) -> tuple[Floats, Floats]:
        """E φ′², infinite where φ jumps, and a bound on its error."""
        try:
            return self.activation.moments.derivative_moment(q)
        except InfiniteDerivative:
            return np.full(q.shape, np.inf), np.zeros(q.shape)

    def reach(self, low: float, high: float) -> float:
        """The largest q in [low, high] up to which V is finite and resolved."""
        return largest_q(Network(self.activation, Dense()), low, high)


def response(block: Network) -> Response | None:
    """The response of a block that is an activation followed by a Dense layer; None of any other."""
    layers = tuple(block.flattened())
    if len(layers) != 2:
        return None
    phi, dense = layers
    if not isinstance(phi, Elementwise) or not isinstance(dense, Dense):
        return None
    w, beta = (np.broadcast_to(s, block.shape).ravel() ** 2.0 for s in (dense.sigma_w, dense.sigma_b))
    return Response(phi.activation, w, beta)
