"""An initialisation scheme with everything decided but the shape: a sampler that knows its own scale."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from meanfield._types import Floats
from meanfield.arguments import whole
from meanfield.errors import InvalidInput
from meanfield.initializers.matrix_ensembles import Ensemble, Scaled
from meanfield.networks.block import mlp
from meanfield.networks.layers.network import Network

__all__ = ["Initializer"]


WIDEST = 10**9
TWO_WIDTHS = (2**14, 2**18)  # where sigma_w is compared to tell whether it depends on the fan


@dataclass(frozen=True, repr=False)
class Initializer:
    """A sampler of weight matrices that says where it comes from and how large its entries are.

    Make one with `meanfield.initializer`. It can be given as ``weights=`` to `simulate` and `crosscheck`, and pickled.

    Attributes
    ----------
    name : str
        Its name among `meanfield.schemes()`.
    source : str
        Paper or API.
    formula : str
        What it does, in a line.
    call : str
        The call that makes it, which is also its `repr`.
    weights : Ensemble
        The law of its matrices.
    biases : Scaled or None
        The law of its biases; None where they are 0.
    constants : mapping of str to float
        Numbers of the scheme that are not about the matrix: DeepNet's alpha, the q that `critical` is meant for.

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

    def std(self, fan_out: int, fan_in: int) -> float:
        """Standard deviation of an entry, exact and after any truncation: the root of its second moment."""
        return self.weights.std(*_fans(fan_out, fan_in))

    def sigma_w_at(self, fan_out: int, fan_in: int) -> float:
        """Standard deviation of the weights times √fan_in, for this shape: what the signal sees."""
        return self.std(fan_out, fan_in) * math.sqrt(fan_in)

    def sigma_b_at(self, fan_out: int, fan_in: int) -> float:
        """Standard deviation of the biases for this shape; 0 where the scheme sets them to 0."""
        fans = _fans(fan_out, fan_in)
        return 0.0 if self.biases is None else self.biases.std(*fans)

    @property
    def sigma_w(self) -> float:
        """`sigma_w_at` for a square matrix, where that does not depend on its size.

        Raises
        ------
        InvalidInput
            If it does, as for weights of a fixed standard deviation.
        """
        small, large = (self.sigma_w_at(width, width) for width in TWO_WIDTHS)
        if not math.isclose(small, large, rel_tol=1e-12):
            raise InvalidInput(f"sigma_w of {self} depends on the fans: use .sigma_w_at(fan_out, fan_in)")
        return small

    def blocks(self, activation: Any, widths: Sequence[int]) -> list[Network]:
        """What this scheme makes of a fully connected network, for theory and simulation.

        Parameters
        ----------
        activation : str, callable or Activation
            What stands before each dense layer.
        widths : sequence of int
            Units of layers 0 to depth.

        Returns
        -------
        list of Network
            One block a layer, each with the sigma_w and sigma_b that the scheme has at its fans.

        Examples
        --------
        Xavier's average of the fans keeps neither signal nor gradient where layers widen and narrow:

        >>> import meanfield as mf
        >>> widths = [100, 400, 100]
        >>> blocks = mf.initializer("xavier_normal").blocks("linear", widths)
        >>> run = mf.propagate(blocks, 2, width=widths)
        >>> run.q.round(12), run.gradient.round(12)
        (array([1.  , 0.4 , 0.64]), array([0.64, 0.4 , 1.  ]))
        """
        fans = itertools.pairwise(widths)
        return [mlp(activation, self.sigma_w_at(m, n), self.sigma_b_at(m, n)) for n, m in fans]

    @property
    def bias(self) -> Callable[[np.random.Generator, int, int], Floats] | None:
        """Sampler ``(rng, fan_out, fan_in) -> array (fan_out,)`` of the biases; None where they are 0."""
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
        raise InvalidInput(f"rng must be a numpy.random.Generator, as numpy.random.default_rng(0), not {rng!r:.60}")
    return rng
