"""Activations as layers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from meanfield.activations.activation import Activation
from meanfield.activations.resolve import activation
from meanfield.errors import MeanFieldError
from meanfield.networks.layers.base import Layer, Mean

#: What a user may give for an activation, and for a layer.
ActivationLike = str | Activation | Callable[..., Any]
LayerLike = Layer | ActivationLike

SCALES = np.geomspace(1e-4, 1e4, 17)  # second moments at which a callable of zero mean has it


@dataclass(frozen=True, eq=False)
class Elementwise(Layer):
    """An activation applied to every unit; a name, text or callable in a layer's place becomes one."""

    activation: Activation

    keeps_gaussian: ClassVar[bool] = False
    needs_gaussian: ClassVar[bool] = True

    @property
    def label(self) -> str:
        """The activation's name."""
        return self.activation.name

    @property
    def activations(self) -> tuple[Activation, ...]:
        """The one."""
        return (self.activation,)

    @property
    def reads_sphere(self) -> bool:
        """Yes."""
        return True

    def units_after(self, left: Layer | None) -> Layer:
        """This layer: it reads Gaussian units, or those of a BatchNorm."""
        if left and not left.on_sphere:
            both = ", or make one activation of both, as 'sin(tanh(x))'" if isinstance(left, Elementwise) else ""
            raise self._not_gaussian(left, both)
        return self

    def mean_after(self, left: Mean | None) -> Mean | None:
        """E φ, unless that is 0: by the formula, or for a callable by its moments at every scale."""
        odd = self.activation.is_odd
        return None if odd or (odd is None and _has_zero_mean(self.activation)) else Mean(self)

    def leaves_mean(self, q: ArrayLike) -> bool:
        """Whether E φ is not 0 at q."""
        return not np.all(self.activation.has_zero_mean(q))


def as_layer(spec: LayerLike) -> Layer:
    """`spec` if it is a layer, else the activation that it names, as a layer."""
    return spec if isinstance(spec, Layer) else Elementwise(activation(spec))


def _has_zero_mean(phi: Activation) -> bool:
    try:
        return bool(np.all(phi.has_zero_mean(SCALES)))
    except MeanFieldError:
        return False
