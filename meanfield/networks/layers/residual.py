"""A skip connection around a branch."""

from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Parameter
from meanfield.arguments import factor
from meanfield.errors import InvalidInput
from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.elementwise import Elementwise, LayerLike
from meanfield.networks.layers.network import Network


class Residual(Layer):
    """A branch beside a skip connection: x ↦ skip_scale·x + branch_scale·branch(x).

    The theory is exact where E[branch(x) | x] = a·x + m. A branch with a Dense layer has a = 0, and m = 0 if it ends in
    the Dense layer or in an activation with E φ = 0 behind it, such as tanh. A branch that consists of such residual
    layers has as its a the product of theirs, so the signs of their scales matter. With m ≠ 0 the stream gets a mean
    over units, which `propagate` tracks.

    Parameters
    ----------
    *branch : Layer, str, Activation or callable
        The layers of the branch, as `Network` takes them. What comes out must be as wide as what goes in.
    branch_scale, skip_scale : float or array_like
        Finite factors, keyword-only. Arrays broadcast with sigma_w and sigma_b.

    Raises
    ------
    InvalidInput
        If there is no layer, a scale is not finite, or shapes do not broadcast.
    UnknownActivation, BadActivation
        If a layer's activation is not usable.

    References
    ----------
    Yang & Schoenholz 2017 (arXiv:1712.08969), section 2, with both scales 1; De & Smith 2020 (arXiv:2002.10444) for
    small ones.

    Examples
    --------
    A gradient that grows by a factor e over 100 layers, not 2¹⁰⁰:

    >>> import meanfield as mf
    >>> from meanfield.networks.layers.residual import Residual
    >>> block = Residual("relu", mf.Dense(2**0.5), branch_scale=0.1)
    >>> block
    Residual('relu', Dense(sigma_w=1.4142135623730951, sigma_b=0.0), branch_scale=0.1)
    >>> print(f"{mf.propagate(block, 100).gradient[0]:.6f}")  # 1.01¹⁰⁰
    2.704814
    """

    parameters: ClassVar[tuple[str, ...]] = ("branch_scale", "skip_scale")
    keeps_mean: ClassVar[bool] = True

    def __init__(self, *branch: LayerLike, branch_scale: ArrayLike = 1.0, skip_scale: ArrayLike = 1.0) -> None:
        if not branch:
            raise InvalidInput("a Residual needs at least one layer in its branch, as in Residual('tanh', Dense(1.5))")
        self.branch = Network(*branch)
        self.branch_scale, self.skip_scale = factor(branch_scale, "branch_scale"), factor(skip_scale, "skip_scale")
        _ = self.shape  # raises where the parameters do not broadcast

    @property
    def inner(self) -> tuple[Layer, ...]:
        """The layers of the branch."""
        return self.branch.layers

    @cached_property
    def needs_mean(self) -> bool:  # type: ignore[override]  # a class variable elsewhere
        """Whether the branch adds a mean to the skip connection: the product of both means is in the second moment."""
        both = np.any(np.asarray(self.skip_scale) * np.asarray(self.branch_scale))
        return bool(both) and self.branch.leaves_mean

    @property
    def carries(self) -> Parameter | None:
        """skip_scale + branch_scale·a, with the a of the branch."""
        s, b = np.asarray(self.skip_scale), np.asarray(self.branch_scale)
        inside = self.branch.carries if np.any(b) else 0.0
        return None if inside is None else s + b * inside

    def units_after(self, before: Layer | None) -> Layer | None:
        """The layer that makes the sum non-Gaussian; the input counts only if skip_scale is not 0."""
        if not np.any(self.skip_scale):
            return self.branch.units_after(before)
        after = super().units_after(before)
        return self if isinstance(after, Elementwise) and not before else after

    def normalised_after(self, before: bool) -> bool:
        """Whether both the skip connection's signal and the branch's output have passed a BatchNorm."""
        inside = self.branch.normalised_after(before)
        return before or (inside and not np.any(self.skip_scale))

    def rebuilt(self, inner: tuple[Layer, ...], **parameters: Parameter) -> "Residual":
        """A copy whose branch has the layers `inner`, with the given scales."""
        return type(self)(*inner, **{name: getattr(self, name) for name in self.parameters} | parameters)

    def __repr__(self) -> str:
        scales = {name: getattr(self, name) for name in self.parameters}
        told = "".join(f", {name}={scale!r}" for name, scale in scales.items() if not np.all(scale == 1.0))
        return f"Residual{repr(self.branch).removeprefix('Network')[:-1]}{told})"
