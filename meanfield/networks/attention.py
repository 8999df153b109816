"""Attention without softmax: each token reads a mean over all tokens of its sequence."""

from dataclasses import dataclass
from typing import Any, ClassVar

from meanfield.arguments import standard_deviation
from meanfield.errors import InvalidInput
from meanfield.networks.layers import Layer

__all__ = ["Attention"]

SCORES = ("uniform", "gaussian")


@dataclass(frozen=True, eq=False)
class Attention(Layer):
    """Linear attention over the n tokens of a sequence, y_i = W_O (1/n) Σ_j a_ij W_V x_j + b, for each of many heads.

    The scores a_ij are 1 ("uniform", as softmax has it while query and key weights are zero), or (W_Q x_i)·(W_K x_j)
    of weights of their own in every head ("gaussian"); nothing is passed through a softmax. Points are tokens: they
    are followed by `propagate_pixels`, `simulate` and `crosscheck`. Whatever follows one point, as `analyze` does,
    describes sequences whose tokens have become alike, where rank collapse leads.

    Parameters
    ----------
    sigma_w, sigma_b : float or array_like
        Of W_O: standard deviation of the weights times √fan_in, and of the biases. Those of W_V are 1.
    scores : {"uniform", "gaussian"}
        How tokens are weighted.
    sigma_qk : float or array_like
        Standard deviation of a_ij for tokens of second moment 1; of no effect on uniform scores.

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
    >>> from meanfield.networks.attention import Attention
    >>> from meanfield.theory.pixels import propagate_pixels
    >>> run = propagate_pixels(Attention(1.5), np.eye(3), 1)  # independent tokens, alike after one layer
    >>> print(run.q[-1], run.one_minus_c[-1, 0, 1])
    [0.75 0.75 0.75] 0.0
    """

    sigma_w: Any = 1.0
    sigma_b: Any = 0.0
    scores: str = "uniform"
    sigma_qk: Any = 1.0

    parameters: ClassVar[tuple[str, ...]] = ("sigma_w", "sigma_b", "sigma_qk")
    fresh: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.scores == "softmax":
            raise InvalidInput(f"softmax attention is not described yet; scores must be one of {', '.join(SCORES)}")
        if self.scores not in SCORES:
            raise InvalidInput(f"scores must be one of {', '.join(SCORES)}, not {self.scores!r}")
        for name in self.parameters:
            object.__setattr__(self, name, standard_deviation(getattr(self, name), name))

    @property
    def matrices(self) -> int:
        """Two, or four where queries and keys matter."""
        return 2 if self.scores == "uniform" else 4
