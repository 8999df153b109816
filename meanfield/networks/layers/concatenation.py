"""A branch's output beside its input, as in densely connected networks."""

from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Parameter
from meanfield.arguments import real
from meanfield.errors import InvalidInput, shown
from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.elementwise import LayerLike
from meanfield.networks.layers.network import Network, in_sequence

LARGEST_GROWTH = 1e6


class Concatenate(Layer):
    """The branch's output beside its input, x ↦ [x, branch(x)], as in DenseNets.

    The layer that follows has the grown fan-in: its weights have variance sigma_w²/((1 + growth)·units). An activation
    cannot follow, because the units of both parts have different second moments; a Dense layer can.

    Parameters
    ----------
    *branch : Layer, str, Activation or callable
        The layers of the branch, as `Network` takes them.
    growth : float or array_like
        Number of output units of the branch divided by the number of input units, from 0 to 10⁶, keyword-only. It sets
        the width of the branch's Dense layers. A branch without one that keeps the number of units has growth 1. Arrays
        broadcast with sigma_w and sigma_b.

    Raises
    ------
    InvalidInput
        If there is no layer, `growth` is out of range or contradicts a branch without a Dense layer, or shapes do not
        broadcast.
    UnknownActivation, BadActivation
        If a layer's activation is not usable.

    References
    ----------
    Huang, Liu, van der Maaten & Weinberger 2017 (arXiv:1608.06993); their growth rate k is growth times the number of
    input units.

    Examples
    --------
    >>> import meanfield as mf
    >>> from meanfield.networks.layers.concatenation import Concatenate
    >>> layer = Concatenate("relu", mf.Dense(1.0), growth=0.25)
    >>> layer
    Concatenate('relu', Dense(sigma_w=1.0, sigma_b=0.0), growth=0.25)
    >>> print(f"{mf.variance_map(mf.Network(layer, mf.Dense(1.2)), 1.0).value:.12f}")  # 1.44·(0.8·1 + 0.2·½)
    1.296000000000
    """

    parameters: ClassVar[tuple[str, ...]] = ("growth",)
    keeps_gaussian: ClassVar[bool] = False

    def __init__(self, *branch: LayerLike, growth: ArrayLike = 1.0) -> None:
        if not branch:
            raise InvalidInput(
                "a Concatenate needs at least one layer in its branch, as in Concatenate('relu', Dense())"
            )
        self.branch = Network(*branch)
        value = real(growth, "growth")
        if not np.all((value >= 0) & (value <= LARGEST_GROWTH)):
            raise InvalidInput(
                f"growth is a ratio of units and must be from 0 to {LARGEST_GROWTH:g}, not {shown(growth)}"
            )
        own = _units(self.branch)
        if own is not None and not np.all(value == own):
            raise InvalidInput(
                f"growth must be {np.max(own):g}, not {shown(growth)}: a branch without a Dense layer has this many "
                "output units for each input unit"
            )
        value.setflags(write=False)
        self.growth: Parameter = value if value.ndim else float(value)
        _ = self.shape  # raises where the parameters do not broadcast

    @property
    def inner(self) -> tuple[Layer, ...]:
        """The layers of the branch."""
        return self.branch.layers

    @property
    def inert(self) -> bool:
        """Whether the branch has no units, so that the output is the input."""
        return not np.any(self.growth)

    @property
    def width_ratio(self) -> Parameter:
        """1 + growth: the units of the input and of the branch, for each input unit."""
        return 1.0 + np.asarray(self.growth)

    def rebuilt(self, inner: tuple[Layer, ...], **parameters: Parameter) -> "Concatenate":
        """A copy whose branch has the layers `inner`, with the given growth."""
        return type(self)(*inner, **{"growth": self.growth} | parameters)

    def __repr__(self) -> str:
        told = "" if np.all(self.growth == 1.0) else f", growth={self.growth!r}"
        return f"Concatenate{repr(self.branch).removeprefix('Network')[:-1]}{told})"


def _units(branch: Network) -> Parameter | None:
    """Output units of the branch for each input unit; None if a layer with weights sets their number."""
    units: Parameter = 1.0
    for layer in in_sequence(branch):
        if layer.fresh:
            return None
        units = units * layer.width_ratio
    return units
