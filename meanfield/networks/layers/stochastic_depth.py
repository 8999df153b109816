"""A residual branch that is dropped at random, as a whole."""

from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Parameter
from meanfield.arguments import real
from meanfield.errors import InvalidInput, shown
from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.elementwise import LayerLike
from meanfield.networks.layers.network import Network
from meanfield.networks.layers.residual import Residual

__all__ = ["StochasticDepth"]


class StochasticDepth(Layer):
    """A skip connection beside a branch that is dropped with probability `rate`, and else multiplied by 1/(1 − rate).

    There is one coin for each input. The second moment behind the layer depends on it, so over several layers q is
    random: `propagate` has its mean and the mean squared gradient, exactly, for one input and a block that is one
    StochasticDepth. `simulate` and `crosscheck` draw it anywhere.

    Parameters
    ----------
    *branch : Layer, str, Activation or callable
        The layers of the branch, as `Residual` takes them.
    rate : float or array_like
        Probability with which an input skips the branch, 0 ≤ rate < 1, keyword-only.

    Raises
    ------
    InvalidInput
        If there is no layer, `rate` is out of range, or shapes do not broadcast.
    UnknownActivation, BadActivation
        If a layer's activation is not usable.

    References
    ----------
    Huang et al. 2016 (arXiv:1603.09382), whose survival probability is 1 − rate.

    Examples
    --------
    A branch that adds 1 adds 1/(1 − rate) on average, since 1/(1 − rate)² is added in a share 1 − rate of inputs:

    >>> import meanfield as mf
    >>> from meanfield.networks.layers.stochastic_depth import StochasticDepth
    >>> block = StochasticDepth(mf.LayerNorm(), mf.Dense(), rate=0.2)
    >>> print(f"{mf.propagate(block, 12).q[-1]:.9f}")  # 1 + 12/0.8
    16.000000000
    """

    parameters: ClassVar[tuple[str, ...]] = ("rate",)
    keeps_mean: ClassVar[bool] = True

    def __init__(self, *branch: LayerLike, rate: ArrayLike) -> None:
        if not branch:
            raise InvalidInput(
                "a StochasticDepth needs a layer in its branch, as in StochasticDepth('tanh', Dense(), rate=0.1)"
            )
        self.branch = Network(*branch)
        value = real(rate, "rate")
        if not np.all((value >= 0) & (value < 1)):
            raise InvalidInput(f"rate is a probability and must be at least 0 and less than 1, not {shown(rate)}")
        value.setflags(write=False)
        self.rate: Parameter = value if value.ndim else float(value)
        _ = self.shape  # raises where the parameters do not broadcast

    @property
    def inner(self) -> tuple[Layer, ...]:
        """The layers of the branch."""
        return self.branch.layers

    @property
    def kept(self) -> Residual:
        """What the layer does to an input that takes the branch."""
        return Residual(*self.inner, branch_scale=1.0 / (1.0 - np.asarray(self.rate)))

    @property
    def needs_mean(self) -> bool:  # type: ignore[override]  # a class variable elsewhere
        """As for a Residual."""
        return self.kept.needs_mean

    @property
    def carries(self) -> Parameter | None:
        """1 + a, with the a of the branch."""
        inside = self.branch.carries
        return None if inside is None else 1.0 + inside

    @property
    def draws_noise(self) -> bool:
        """Whether the rate is not 0."""
        return bool(np.any(self.rate))

    def rebuilt(self, inner: tuple[Layer, ...], **parameters: Parameter) -> "StochasticDepth":
        """A copy whose branch has the layers `inner`, with the given rate."""
        return type(self)(*inner, **{"rate": self.rate} | parameters)

    def __repr__(self) -> str:
        return f"StochasticDepth{repr(self.branch).removeprefix('Network')[:-1]}, rate={self.rate!r})"
