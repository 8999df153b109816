"""Attention: each token reads a weighted mean over the tokens of its sequence."""

from dataclasses import dataclass
from typing import Any, ClassVar

from meanfield.arguments import choice, flag, standard_deviation
from meanfield.errors import InvalidInput
from meanfield.networks.layers.base import Layer

__all__ = ["Attention"]

SCORES = ("uniform", "gaussian", "softmax")


@dataclass(frozen=True, eq=False)
class Attention(Layer):
    """Attention over the n tokens of a sequence, y_i = W_O Σ_j a_ij W_V x_j + b, for each of many heads.

    The weights a_ij are 1/n ("uniform"), products (W_Q x_i)·(W_K x_j)/n with independent weights in every head
    ("gaussian"), or the softmax over j of the scores (W_Q x_i)·(W_K x_j)/√d_k with d_k units a head ("softmax"). Scores
    that are divided by d_k instead of √d_k vanish at initialisation: softmax attention is then "uniform". Points are
    tokens: `propagate_pixels`, `simulate` and `crosscheck` follow them and take inputs of shape (N, channels, n).

    Functions that follow one signal, such as `analyze`, `propagate` and `kernel`, describe sequences of n equal tokens:
    q is the second moment of the token, c the correlation of two such sequences, and chi_1 the growth factor of the
    squared gradient with respect to the token, which is the sum over its n copies. The results do not depend on n. For
    such sequences softmax and uniform attention are the same, since the a_ij of each token add up to 1.

    Parameters
    ----------
    sigma_w, sigma_b : float or array_like
        Standard deviations of the weights of W_O (times √fan_in) and of the biases b. W_V has standard deviation 1 and
        no biases.
    scores : {"uniform", "gaussian", "softmax"}
        What the a_ij are.
    sigma_qk : float or array_like
        Standard deviation of the scores of tokens of second moment 1, which is the product of the standard deviations
        of W_Q and W_K (times √fan_in), divided by the temperature of the softmax. It has no effect on uniform scores.
    causal : bool
        Whether a token reads only itself and the tokens before it. Uniform weights are then 1/i for token i.

    Raises
    ------
    InvalidInput
        If an argument is out of its range, or Gaussian scores are causal, for which no map is known.

    References
    ----------
    Noci et al. 2022 (arXiv:2206.03126) for uniform scores; Hron et al. 2020 (arXiv:2006.10540) for many heads; Vaswani
    et al. 2017 (arXiv:1706.03762), section 3.2, for softmax.

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
    causal: bool = False

    parameters: ClassVar[tuple[str, ...]] = ("sigma_w", "sigma_b", "sigma_qk")
    fresh: ClassVar[bool] = True
    reads_points: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "scores", choice(self.scores, "scores", SCORES))
        object.__setattr__(self, "causal", flag(self.causal, "causal"))
        if self.causal and self.scores == "gaussian":
            raise InvalidInput("causal attention has uniform or softmax scores: no map is known for Gaussian ones")
        for name in self.parameters:
            object.__setattr__(self, name, standard_deviation(getattr(self, name), name))

    @property
    def tells_apart(self) -> str:
        """Empty: where all tokens are equal, one token represents them."""
        return ""

    @property
    def needs_same_points(self) -> bool:
        """True: it reads a mean over tokens."""
        return True

    @property
    def orders_points(self) -> bool:
        """Whether a token reads only those before it."""
        return self.causal

    @property
    def overlaps(self) -> bool:
        """Whether the scores are products of tokens."""
        return bool(self.scores == "gaussian")

    @property
    def matrices(self) -> int:
        """Two (values, output) with uniform scores, four (values, queries, keys, output) with others."""
        return 2 if self.scores == "uniform" else 4
