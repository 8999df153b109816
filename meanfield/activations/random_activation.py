"""An activation that acts at random: the moments of a mixture of functions, one of which each unit takes."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Floats
from meanfield.activations.activation import Activation
from meanfield.activations.callables.random_parts import choices, is_random
from meanfield.activations.callables.torch_modules import mode_of, name_of_module
from meanfield.activations.resolve import activation
from meanfield.bounded import Bounded

ValueAndError = tuple[Floats, Floats]


@dataclass(frozen=True, eq=False)
class RandomActivation:
    """Several functions, between which chance decides for every unit by itself.

    Attributes
    ----------
    activations : tuple of Activation
        The functions φ_k.
    weights : tuple of float
        Their probabilities w_k.
    name : str
        How it is called in messages.
    mode : str
        "training" or "eval" of a torch module whose values depend on its mode, else "".
    """

    activations: tuple[Activation, ...]
    weights: tuple[float, ...]
    name: str
    mode: str

    @property
    def moments(self) -> Self:
        """The object itself, which has the moments that gains need."""
        return self

    def second_moment(self, q: ArrayLike) -> ValueAndError:
        """E φ² = Σ w_k E φ_k²."""
        return self._mixed("second_moment", q)

    def derivative_moment(self, q: ArrayLike) -> ValueAndError:
        """E φ′² = Σ w_k E φ_k′²."""
        return self._mixed("derivative_moment", q)

    def variance(self, q: ArrayLike) -> ValueAndError:
        """Var φ = Σ w_k (Var φ_k + (E φ_k − E φ)²)."""
        means = [Bounded(*phi.moments.mean(q)) for phi in self.activations]
        mean = _sum(self.weights, means)
        between = _sum(self.weights, [(one - mean) ** 2 for one in means])
        found = Bounded(*self._mixed("variance", q)) + between
        return np.asarray(found.value), np.asarray(found.error)

    def _mixed(self, moment: str, q: ArrayLike) -> ValueAndError:
        found = _sum(self.weights, [Bounded(*getattr(phi.moments, moment)(q)) for phi in self.activations])
        return np.asarray(found.value), np.asarray(found.error)


def _sum(weights: tuple[float, ...], numbers: list[Bounded]) -> Bounded:
    total = Bounded(0.0, 0.0)
    for weight, number in zip(weights, numbers, strict=True):
        total = total + weight * number
    return total


def activation_or_random(spec: Any) -> Activation | RandomActivation:
    """The activation that `spec` stands for; of a torch module that acts at random, all of its functions."""
    if isinstance(spec, RandomActivation):
        return spec
    if not is_random(spec):
        return activation(spec)
    name = name_of_module(spec)
    weights, functions = zip(*choices(spec), strict=True)
    return RandomActivation(tuple(activation(f, name=name) for f in functions), weights, name, mode_of(spec))
