"""Gated linear units: a linear map of the input times an activation of a second linear map."""

from typing import ClassVar, cast

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Parameter
from meanfield.activations.activation import Activation
from meanfield.activations.resolve import activation as as_activation
from meanfield.errors import InvalidInput
from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.dense import Dense
from meanfield.networks.layers.elementwise import ActivationLike, Elementwise
from meanfield.networks.layers.network import Network

__all__ = ["Gated"]


class Gated(Layer):
    """A gated linear unit x ↦ (W x + b) ⊙ φ(V x + b′), with independent W, V, b, b′ and equal variances of both maps.

    ``Gated("sigmoid")`` is the GLU, ``Gated("linear")`` the bilinear layer, ``Gated("relu")`` ReGLU, ``Gated("gelu")``
    GEGLU and ``Gated("silu")`` SwiGLU. Its units have zero mean but are not Gaussian: a Dense layer, a norm or another
    gated layer may follow, an activation may not.

    Parameters
    ----------
    activation : str, callable or Activation
        φ, as `meanfield.activation` takes it.
    sigma_w, sigma_b : float or array_like
        Standard deviations of both matrices' weights (times √fan_in) and of both biases, finite and ≥ 0.

    Raises
    ------
    InvalidInput
        If a standard deviation is negative or not finite, or shapes do not broadcast.
    UnknownActivation, BadActivation
        If `activation` is not usable.

    References
    ----------
    Dauphin, Fan, Auli & Grangier 2017 (arXiv:1612.08083) for the GLU; Shazeer 2020 (arXiv:2002.05202) for the others.

    Examples
    --------
    >>> import meanfield as mf
    >>> from meanfield.networks.layers.gated import Gated
    >>> block = mf.Network(Gated("silu", 1.2), mf.Dense(1.0))  # a SwiGLU feed-forward layer
    >>> block
    Network(Gated('silu', sigma_w=1.2, sigma_b=0.0), Dense(sigma_w=1.0, sigma_b=0.0))
    >>> print(f"{mf.variance_map(Gated('linear', 2**0.5), 3.0).value:.12f}")  # (2·3)²
    36.000000000000
    """

    fresh: ClassVar[bool] = True
    keeps_gaussian: ClassVar[bool] = False

    def __init__(self, activation: ActivationLike, sigma_w: ArrayLike = 1.0, sigma_b: ArrayLike = 0.0) -> None:
        self.value = Dense(sigma_w, sigma_b)
        self.gate = Network(Dense(sigma_w, sigma_b), Elementwise(as_activation(activation)))
        _ = self.shape  # raises where the parameters do not broadcast

    @property
    def inner(self) -> tuple[Layer, ...]:
        """The Dense layer W x + b, the Dense layer V x + b′, and the activation φ."""
        return self.value, *self.gate.layers

    @property
    def activation(self) -> Activation:
        """φ."""
        return self.gate.activations[0]

    def rebuilt(self, inner: tuple[Layer, ...], **parameters: Parameter) -> "Gated":
        """A copy with the layers `inner`, of which the two Dense layers must have the same parameters."""
        value, gate, phi = cast(tuple[Dense, Dense, Elementwise], inner)
        if not all(np.array_equal(getattr(value, name), getattr(gate, name)) for name in Dense.parameters):
            raise InvalidInput(f"both Dense layers of a Gated layer must have the same sigmas, not {value} and {gate}")
        return type(self)(phi.activation, value.sigma_w, value.sigma_b)

    def __repr__(self) -> str:
        return f"Gated({self.activation.name!r}, {repr(self.value).removeprefix('Dense(')}"
