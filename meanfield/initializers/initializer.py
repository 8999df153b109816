"""An initialisation scheme with all arguments except the shape: a sampler with its exact scale."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from meanfield._types import Floats
from meanfield.arguments import each_axis, whole
from meanfield.error_state import own_error_state
from meanfield.errors import InvalidInput, shown
from meanfield.initializers.matrix_ensembles import Ensemble, Scaled
from meanfield.networks.block import mlp
from meanfield.networks.layers.network import Network

__all__ = ["Initializer"]


WIDEST = 10**9
SMALL = 4  # size of the matrices that tell whether a scheme is deterministic
TWO_WIDTHS = (2**14, 2**18)  # sigma_w is compared at these widths to detect a dependence on the fan


@dataclass(frozen=True, repr=False)
class Initializer:
    """A sampler of weight matrices with its source and its exact standard deviation.

    Made by `meanfield.initializer`. It is a valid ``weights=`` of `simulate` and `crosscheck`, and can be pickled.

    Attributes
    ----------
    name : str
        Name of the scheme, one of `meanfield.schemes()`.
    source : str
        Paper or API.
    formula : str
        Formula of the scheme in one line.
    call : str
        The call that makes it, also its `repr`.
    weights : Ensemble
        Ensemble of the weight matrices.
    biases : Scaled or None
        Law of the biases; None if they are 0.
    constants : mapping of str to float
        Further constants of the scheme, such as DeepNet's alpha, or the q of `critical`.

    Examples
    --------
    >>> import numpy as np
    >>> import meanfield as mf
    >>> he = mf.initializer("kaiming_normal", mode="fan_out")
    >>> he
    initializer('he_normal', mode='fan_out')
    >>> he.std(200, 100), he.sigma_w
    (0.1, 1.414213562373095...)
    >>> he(np.random.default_rng(0), 200, 100).shape
    (200, 100)
    """

    name: str
    source: str
    formula: str
    call: str
    weights: Ensemble
    biases: Scaled | None = None
    constants: Mapping[str, float] = field(default_factory=dict, compare=False)

    @own_error_state
    def __call__(self, rng: np.random.Generator, fan_out: int, fan_in: int) -> Floats:
        """Draw the weights of one layer.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of randomness.
        fan_out, fan_in : int
            Shape of the matrix W of h = W x, ≥ 1.

        Returns
        -------
        ndarray of float64, shape (fan_out, fan_in)
            For "delta_orthogonal", (fan_out, fan_in, *kernel_size).

        Raises
        ------
        InvalidInput
            If an argument is out of range, or the scheme does not exist for that shape.
        """
        return self.weights.draw(_generator(rng), *_fans(fan_out, fan_in))

    @own_error_state
    def std(self, fan_out: int, fan_in: int) -> float:
        """Exact standard deviation of an entry after truncation: the square root of its second moment."""
        return self.weights.std(*_fans(fan_out, fan_in))

    @own_error_state
    def sigma_w_at(self, fan_out: int, fan_in: int) -> float:
        """Standard deviation of the weights times √fan_in for this shape, as in the theory."""
        return self.std(fan_out, fan_in) * math.sqrt(fan_in)

    @own_error_state
    def sigma_b_at(self, fan_out: int, fan_in: int) -> float:
        """Standard deviation of the biases for this shape; 0 if the scheme has no random biases."""
        fans = _fans(fan_out, fan_in)
        return 0.0 if self.biases is None else self.biases.std(*fans)

    @property
    @own_error_state
    def sigma_w(self) -> float:
        """`sigma_w_at` for a square matrix, if independent of its size.

        Raises
        ------
        InvalidInput
            If it depends on the size, as for weights of a fixed standard deviation.
        """
        small, large = (self.sigma_w_at(width, width) for width in TWO_WIDTHS)
        if not math.isclose(small, large, rel_tol=1e-12):
            raise InvalidInput(f"sigma_w of {self} depends on the fans: use .sigma_w_at(fan_out, fan_in)")
        return small

    @own_error_state
    def blocks(self, activation: Any, widths: Sequence[int]) -> list[Network]:
        """The blocks of a fully connected network under this scheme, for theory and simulation.

        Parameters
        ----------
        activation : str, callable or Activation
            Activation before each dense layer.
        widths : sequence of int
            Units of layers 0 to depth.

        Returns
        -------
        list of Network
            One block for each layer, with sigma_w and sigma_b of the scheme at its fans.

        Examples
        --------
        Xavier's average of the fans preserves neither signal nor gradient if layers widen and narrow:

        >>> import meanfield as mf
        >>> widths = [100, 400, 100]
        >>> blocks = mf.initializer("xavier_normal").blocks("linear", widths)
        >>> run = mf.propagate(blocks, 2, width=widths)
        >>> run.q.round(12), run.gradient.round(12)
        (array([1.  , 0.4 , 0.64]), array([0.64, 0.4 , 1.  ]))
        """
        if len(each_axis(widths)) < 2:
            raise InvalidInput(
                f"widths must be the units of layers 0 to depth, at least two integers, not {shown(widths)}"
            )
        fans = itertools.pairwise(whole(units, "widths", WIDEST) for units in each_axis(widths))
        return [mlp(activation, self.sigma_w_at(m, n), self.sigma_b_at(m, n)) for n, m in fans]

    @property
    def deterministic(self) -> bool:
        """Whether the weights do not depend on the generator, as in the identity."""
        first, second = (self.weights.draw(np.random.default_rng(seed), SMALL, SMALL) for seed in (0, 1))
        return bool(np.array_equal(first, second))

    @property
    def bias(self) -> Callable[[np.random.Generator, int, int], Floats] | None:
        """Sampler ``(rng, fan_out, fan_in) -> array (fan_out,)`` of the biases; None if they are 0."""
        return None if self.biases is None else self._bias

    def _bias(self, rng: np.random.Generator, fan_out: int, fan_in: int) -> Floats:
        assert self.biases is not None
        fan_out, fan_in = _fans(fan_out, fan_in)
        return self.biases.law.draw(_generator(rng), (fan_out, 1), self.biases.nominal(fan_out, fan_in))[:, 0]

    def __repr__(self) -> str:
        return self.call


def _fans(fan_out: int, fan_in: int) -> tuple[int, int]:
    return whole(fan_out, "fan_out", WIDEST), whole(fan_in, "fan_in", WIDEST)


def _generator(rng: np.random.Generator) -> np.random.Generator:
    if not isinstance(rng, np.random.Generator):
        raise InvalidInput(f"rng must be a numpy.random.Generator, as numpy.random.default_rng(0), not {shown(rng)}")
    return rng
