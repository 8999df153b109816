"""An activation that acts at random: the moments of a mixture of functions, one of which each unit takes."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from meanfield.activations.activation import Activation
from meanfield.activations.callables.random_parts import choices, is_random
from meanfield.activations.callables.torch_modules import mode_of, name_of_module
from meanfield.activations.mixture import MixedMoments, Parts
from meanfield.activations.resolve import activation


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
    def parts(self) -> Parts:
        """The probability of each function, and the function."""
        return tuple(zip(self.weights, self.activations, strict=True))

    @property
    def evaluations(self) -> int:
        """Number of points at which the functions have been evaluated for their moments."""
        return sum(phi.evaluations for phi in self.activations)

    @cached_property
    def moments(self) -> MixedMoments:
        """Gaussian moments of φ, as means over chance."""
        return MixedMoments(self.parts)


def activation_or_random(spec: Any) -> Activation | RandomActivation:
    """The activation that `spec` stands for; of a torch module that acts at random, all of its functions."""
    if isinstance(spec, RandomActivation):
        return spec
    if not is_random(spec):
        return activation(spec)
    name = name_of_module(spec)
    weights, functions = zip(*choices(spec), strict=True)
    return RandomActivation(tuple(activation(f, name=name) for f in functions), weights, name, mode_of(spec))
