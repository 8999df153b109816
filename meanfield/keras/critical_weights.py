"""Critical weights of Keras layers: what `meanfield.keras.Critical` does, before it is a class of Keras."""

import math
from collections.abc import Sequence
from typing import Any

from meanfield.activations.resolve import activation as resolved
from meanfield.arguments import choice, number, standard_deviation, whole
from meanfield.errors import InvalidInput
from meanfield.keras.framework import framework
from meanfield.recommendation.recommend import recommend

#: Laws of the entries, by their names in `keras.initializers.VarianceScaling`; all have the same standard deviation.
LAWS = {"normal": "untruncated_normal", "uniform": "uniform", "truncated_normal": "truncated_normal"}
PARTS = ("kernel", "bias")
SEEDS = 2**31


class Critical:
    """Weights at the critical point of an activation, as `meanfield.recommend` says.

    Every call draws anew, so that one instance serves all layers behind the activation.

    Parameters
    ----------
    activation : str, callable, Activation
        The activation before the layer.
    law : {"normal", "uniform", "truncated_normal"}
        Law of the entries.
    part : {"kernel", "bias"}
        Whether it draws kernels (…, in, out) or biases; `bias()` gives the instance for the biases.
    seed : int or keras.random.SeedGenerator, optional
        With a number, every new instance gives the same sequence of draws, so that layers with instances of their
        own, as in a model that is built from a configuration, are alike. Without it, `keras.utils.set_random_seed`
        makes draws repeatable, and no two layers are alike.
    fan_in : int, optional
        Inputs of a unit, by default the product of all axes of a kernel but the last. Say it for MultiHeadAttention,
        whose kernels (in, heads, size) would count as those of convolutions.
    sigma_w, sigma_b : float, optional
        Standard deviations of the weights times √fan_in and of the biases, ≥ 0, where they are known already, as
        from a saved model.

    Attributes
    ----------
    activation : str
        Name of the activation.
    sigma_w, sigma_b : float
        The standard deviations.

    Raises
    ------
    InvalidInput
        If an argument is out of its range, or there are no critical weights for the activation.
    UnknownActivation, BadActivation
        If `activation` is not usable.
    MeanFieldError
        If keras is not installed.
    """

    def __init__(
        self,
        activation: Any,
        *,
        law: str = "normal",
        part: str = "kernel",
        seed: Any = None,
        fan_in: int | None = None,
        sigma_w: float | None = None,
        sigma_b: float | None = None,
    ) -> None:
        keras = framework()
        self.law, self.part = choice(law, "law", tuple(LAWS)), choice(part, "part", PARTS)
        self.activation = activation if isinstance(activation, str) else resolved(activation).name
        if sigma_w is None or sigma_b is None:
            found = recommend(activation)
            sigma_w = found.sigma_w if sigma_w is None else sigma_w
            sigma_b = found.sigma_b if sigma_b is None else sigma_b
        self.sigma_w, self.sigma_b = _scale(sigma_w, "sigma_w"), _scale(sigma_b, "sigma_b")
        self.fan_in = None if fan_in is None else whole(fan_in, "fan_in", SEEDS)
        self._seed = keras.saving.deserialize_keras_object(seed) if isinstance(seed, dict) else seed
        self._seeds = _generator(self._seed, self.part)

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Any:
        """Draw a kernel, or biases.

        Parameters
        ----------
        shape : tuple of int
            Shape (…, in, out) of a kernel, or any shape of biases.
        dtype : str, optional
            A floating dtype; by default `keras.config.floatx()`.

        Returns
        -------
        tensor of the backend

        Raises
        ------
        InvalidInput
            If a kernel has fewer than two axes.
        """
        keras = framework()
        if self.part == "bias":
            if not self.sigma_b:
                return keras.ops.zeros(shape, dtype=dtype)
            return keras.random.normal(shape, stddev=self.sigma_b, dtype=dtype, seed=self._seeds)
        if len(shape) < 2:
            raise InvalidInput(f"a kernel has a shape (…, in, out), not {tuple(shape)}: .bias() draws biases")
        if not self.sigma_w:
            return keras.ops.zeros(shape, dtype=dtype)
        share = 1.0 if self.fan_in is None else math.prod(shape[:-1]) / self.fan_in  # the product is the fan of Keras
        law = LAWS[self.law]
        scaling = keras.initializers.VarianceScaling(self.sigma_w**2 * share, "fan_in", law, seed=self._seeds)
        return scaling(shape, dtype=dtype)

    def bias(self) -> Any:
        """The instance that draws the biases of the same layers."""
        return type(self)(**{**self.get_config(), "part": "bias", "seed": self._seed})

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an instance like this one."""
        return {
            "activation": self.activation,
            "law": self.law,
            "part": self.part,
            "seed": framework().saving.serialize_keras_object(self._seed),
            "fan_in": self.fan_in,
            "sigma_w": self.sigma_w,
            "sigma_b": self.sigma_b,
        }

    def __repr__(self) -> str:
        scales = f"sigma_w={self.sigma_w:.6g}, sigma_b={self.sigma_b:.6g}"
        return f"Critical({self.activation!r}, law={self.law!r}, part={self.part!r}, {scales})"


def _scale(value: object, name: str) -> float:
    return float(standard_deviation(number(value, name), name))


def _generator(seed: Any, part: str) -> Any:
    """A generator that gives each draw a seed of its own; kernels and biases have different ones."""
    keras = framework()
    if isinstance(seed, keras.random.SeedGenerator):
        return seed
    if seed is None:
        return keras.random.SeedGenerator()
    first = whole(seed, "seed", SEEDS - 1, least=0)
    return keras.random.SeedGenerator((first + SEEDS // 2 * PARTS.index(part)) % SEEDS)
