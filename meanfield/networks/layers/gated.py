"""Gated linear units: a linear map of the input times an activation of a second linear map."""

from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Parameter
from meanfield.activations.activation import Activation
from meanfield.activations.resolve import activation as as_activation
from meanfield.arguments import number, standard_deviation
from meanfield.errors import InvalidInput, shown
from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.dense import Dense
from meanfield.networks.layers.elementwise import ActivationLike, Elementwise
from meanfield.networks.layers.network import Network

__all__ = ["Gated"]

PREFIX = "gate_"
WIDEST = 1e6  # hidden units for each unit


@dataclass(frozen=True, eq=False)
class GateDense(Dense):
    """The Dense layer of a gate; what was given for the gate alone has the parameter names gate_sigma_w, gate_sigma_b.

    Parameters
    ----------
    own : tuple of str
        Those of sigma_w and sigma_b that belong to the gate alone.
    """

    own: tuple[str, ...] = ()

    @property
    def parameters(self) -> tuple[str, ...]:  # type: ignore[override]  # a Dense layer names them once for all
        """Their names, so that a sigma_w for all layers is not one for this gate."""
        return tuple(PREFIX * (name in self.own) + name for name in Dense.parameters)

    @property
    def gate_sigma_w(self) -> Parameter:
        """sigma_w."""
        return cast(Parameter, self.sigma_w)

    @property
    def gate_sigma_b(self) -> Parameter:
        """sigma_b."""
        return cast(Parameter, self.sigma_b)

    def rebuilt(self, inner: tuple[Layer, ...], **parameters: Parameter) -> Layer:
        """A copy with the given parameters."""
        return super().rebuilt(inner, **{name.removeprefix(PREFIX): value for name, value in parameters.items()})


class Gated(Layer):
    """A gated linear unit x ↦ (W x + b) ⊙ φ(V x + b′), with independent W, V, b, b′.

    ``Gated("sigmoid")`` is the GLU, ``Gated("linear")`` the bilinear layer, ``Gated("relu")`` ReGLU, ``Gated("gelu")``
    GEGLU and ``Gated("silu")`` SwiGLU. Its units have zero mean but are not Gaussian: a Dense layer, a norm or another
    gated layer may follow, an activation may not.

    Parameters
    ----------
    activation : str, callable or Activation
        φ, as `meanfield.activation` takes it.
    sigma_w, sigma_b : float or array_like
        Standard deviations of the weights W (times √fan_in) and of the biases b, finite and ≥ 0.
    gate_sigma_w, gate_sigma_b : float, array_like or None
        The same of V and b′, keyword-only; None: as those of the value. `Network.at` sets sigma_w and sigma_b, so a
        gate with None follows it, and what was given for the gate alone stays.
    expansion : float
        Hidden units for each unit of the network, keyword-only, for `simulate` and `crosscheck`: 11008/4096 in Llama. A
        Dense layer must follow in the same block. The theory of wide layers does not depend on it.

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

    A gate of its own stays where all layers are given another sigma_w:

    >>> mf.Network(Gated("silu", 1.2, gate_sigma_w=0.5), mf.Dense()).at(sigma_w=2.0)
    Network(Gated('silu', sigma_w=2.0, sigma_b=0.0, gate_sigma_w=0.5), Dense(sigma_w=2.0, sigma_b=0.0))
    """

    fresh: ClassVar[bool] = True
    keeps_gaussian: ClassVar[bool] = False

    def __init__(
        self,
        activation: ActivationLike,
        sigma_w: ArrayLike = 1.0,
        sigma_b: ArrayLike = 0.0,
        *,
        gate_sigma_w: ArrayLike | None = None,
        gate_sigma_b: ArrayLike | None = None,
        expansion: float = 1.0,
    ) -> None:
        self.value = Dense(sigma_w, sigma_b)
        own = {"sigma_w": gate_sigma_w, "sigma_b": gate_sigma_b}
        given = {name: standard_deviation(value, PREFIX + name) for name, value in own.items() if value is not None}
        gate = GateDense(**(vars(self.value) | given), own=tuple(given)) if given else Dense(sigma_w, sigma_b)
        self.expansion = number(expansion, "expansion")
        if not 0 < self.expansion <= WIDEST:
            raise InvalidInput(f"expansion is a ratio of units and must be in (0, {WIDEST:g}], not {shown(expansion)}")
        self.gate = Network(gate, Elementwise(as_activation(activation)))
        _ = self.shape  # raises where the parameters do not broadcast

    @property
    def inner(self) -> tuple[Layer, ...]:
        """The Dense layer W x + b, the Dense layer V x + b′, and the activation φ."""
        return self.value, *self.gate.layers

    @property
    def activation(self) -> Activation:
        """φ."""
        return self.gate.activations[0]

    @property
    def gate_sigma_w(self) -> Parameter | None:
        """The standard deviation of V's weights, if the gate has its own."""
        return self._own.get("gate_sigma_w")

    @property
    def gate_sigma_b(self) -> Parameter | None:
        """The standard deviation of b′, if the gate has its own."""
        return self._own.get("gate_sigma_b")

    @property
    def _own(self) -> dict[str, Parameter]:
        """What was given for the gate alone."""
        gate = self.gate.layers[0]
        return {name: getattr(gate, name) for name in gate.parameters if name.startswith(PREFIX)}

    def rebuilt(self, inner: tuple[Layer, ...], **parameters: Parameter) -> "Gated":
        """A copy with the layers `inner`; what the gate does not have of its own must be as in the value."""
        value, gate, phi = cast(tuple[Dense, Dense, Elementwise], inner)
        shared = [name for name in Dense.parameters if name in gate.parameters]
        if not all(np.array_equal(getattr(value, name), getattr(gate, name)) for name in shared):
            raise InvalidInput(f"both Dense layers of a Gated layer must have the same sigmas, not {value} and {gate}")
        own = {name: getattr(gate, name) for name in gate.parameters if name not in shared}
        return type(self)(phi.activation, value.sigma_w, value.sigma_b, expansion=self.expansion, **own)

    def __repr__(self) -> str:
        more = self._own if self.expansion == 1 else {**self._own, "expansion": self.expansion}
        told = "".join(f", {name}={value!r}" for name, value in more.items())
        return f"Gated({self.activation.name!r}, {repr(self.value).removeprefix('Dense(')[:-1]}{told})"
