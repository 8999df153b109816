"""Attention without softmax: each token reads a mean over all tokens of its sequence."""

from dataclasses import dataclass
from typing import Any, ClassVar

from meanfield.arguments import standard_deviation
from meanfield.errors import InvalidInput
from meanfield.networks.layers.base import Layer

__all__ = ["Attention"]

SCORES = ("uniform", "gaussian")


@dataclass(frozen=True, eq=False)
class Attention(Layer):
    """Linear attention over the n tokens of a sequence, y_i = W_O (1/n) Σ_j a_ij W_V x_j + b, for each of many heads.

    The scores a_ij are 1 ("uniform", as softmax has it while query and key weights are zero), or (W_Q x_i)·(W_K x_j)
    of weights of their own in every head ("gaussian"); nothing is passed through a softmax. Points are tokens: they
    are followed by `propagate_pixels`, `simulate` and `crosscheck`, in which inputs are arrays (N, channels, n).

    What follows one signal, as `analyze`, `propagate` and `kernel` do, describes sequences of one vector n times over:
    q is its second moment, c the correlation of two such sequences, and chi_1 the growth factor of the squared gradient
    with respect to that vector, which is the sum of all tokens' gradients. There n is of no effect.

    Parameters
    ----------
    sigma_w, sigma_b : float or array_like
        Of W_O: standard deviation of the weights times √fan_in, and of the biases. Those of W_V are 1 and 0.
    scores : {"uniform", "gaussian"}
        How tokens are weighted.
    sigma_qk : float or array_like
        Standard deviation of a_ij for tokens of second moment 1, that of W_Q and of W_K (times √fan_in) squared; of no
        effect on uniform scores.

    Raises
    ------
    InvalidInput
        If an argument is out of its range; "softmax" is not described.

    References
    ----------
    Noci et al. 2022 (arXiv:2206.03126) for uniform scores; Hron et al. 2020 (arXiv:2006.10540) for many heads.

    Examples
    --------
    >>> import numpy as np
    >>> import meanfield as mf
    >>> from meanfield.networks.layers.attention import Attention
    >>> from meanfield.theory.depth.pixels import propagate_pixels
    >>> run = propagate_pixels(Attention(1.5), np.eye(3), 1)  # independent tokens, alike after one layer
    >>> print(run.q[-1], run.one_minus_c[-1, 0, 1])
    [0.75 0.75 0.75] 0.0
    >>> print(mf.analyze(Attention(1.5)).chi_1)
    2.25
    """

    sigma_w: Any = 1.0
    sigma_b: Any = 0.0
    scores: str = "uniform"
    sigma_qk: Any = 1.0

    parameters: ClassVar[tuple[str, ...]] = ("sigma_w", "sigma_b", "sigma_qk")
    fresh: ClassVar[bool] = True
    reads_points: ClassVar[bool] = True

    def __post_init__(self) -> None:
        known = " or ".join(map(repr, SCORES))
        if isinstance(self.scores, str) and self.scores == "softmax":
            raise InvalidInput(f"softmax attention is not described yet: scores must be {known}")
        if not isinstance(self.scores, str) or self.scores not in SCORES:
            raise InvalidInput(f"scores must be {known}, not {self.scores!r}")
        for name in self.parameters:
            object.__setattr__(self, name, standard_deviation(getattr(self, name), name))

    @property
    def tells_apart(self) -> str:
        """Nothing: where all tokens are the same, one represents them."""
        return ""

    @property
    def needs_same_points(self) -> bool:
        """Yes: it reads a mean over tokens."""
        return True

    @property
    def overlaps(self) -> bool:
        """Whether scores are products of tokens."""
        return bool(self.scores == "gaussian")

    @property
    def matrices(self) -> int:
        """Two, of values and output, or four: of values, queries, keys and output, in this order."""
        return 2 if self.scores == "uniform" else 4
