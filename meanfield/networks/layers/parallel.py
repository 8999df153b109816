"""Branches that read the same signal and whose outputs add."""

import itertools
from collections.abc import Sequence
from functools import cached_property
from typing import TypeVar

import numpy as np

from meanfield._types import Parameter
from meanfield.errors import InvalidInput
from meanfield.networks.layers.base import Layer, Mean
from meanfield.networks.layers.elementwise import LayerLike
from meanfield.networks.layers.network import Network, in_sequence

__all__ = ["Parallel"]

T = TypeVar("T")


class Parallel(Layer):
    """Branches beside each other: x ↦ branch₁(x) + branch₂(x) + …, each with weights of its own.

    Second moments of branches add where each branch ends in a Dense layer of its own, since these weights are
    independent and have zero mean. Of other branches, such as `Scale`, skip connections, or a Dense layer and ReLU, the
    products are added too, as long as E[branch(x) | x] = a·x + m. One branch may have an output of another kind.

    Parameters
    ----------
    *branches : Layer, str, Activation, callable, or sequence of them
        One argument for each branch: a `Network`, a layer or activation, or a list or tuple of layers. All outputs must
        have the same width.

    Raises
    ------
    InvalidInput
        If there is no branch, a branch is empty, or shapes do not broadcast.
    UnknownActivation, BadActivation
        If a layer's activation is not usable.

    References
    ----------
    Wang & Komatsuzaki 2021 (GPT-J); Chowdhery et al. 2022 (arXiv:2204.02311, PaLM), section 2, "parallel layers".

    Examples
    --------
    Attention and feed-forward network side by side, behind one norm:

    >>> import meanfield as mf
    >>> from meanfield.networks.layers.parallel import Parallel
    >>> block = mf.Residual(mf.LayerNorm(), Parallel(mf.Attention(), [mf.Dense(), "gelu", mf.Dense(1.5)]))
    >>> print(f"{mf.variance_map(block, 1.0).value:.6f}")  # 1 + 1 + 1.5² E gelu(Z)²
    2.956748
    """

    def __init__(self, *branches: LayerLike | Sequence[LayerLike]) -> None:
        if not branches:
            raise InvalidInput("a Parallel needs at least one branch, as in Parallel(Dense(), ['relu', Dense()])")
        self.branches = tuple(map(_as_network, branches))
        _ = self.shape  # raises where the parameters do not broadcast

    @property
    def inner(self) -> tuple[Layer, ...]:
        """The branches: networks, and layers where a branch is a single one."""
        return tuple(branch if len(branch) > 1 else branch.layers[0] for branch in self.branches)

    @cached_property
    def fresh(self) -> bool:
        """Whether every branch ends in fresh weights, or in them and layers that keep a mean of zero."""
        return all(map(_ends_fresh, self.branches))

    @cached_property
    def needs_mean(self) -> bool:  # type: ignore[override]  # a class variable elsewhere
        """Whether one branch has a mean and another one passes on its input, whose mean multiplies it."""
        left = [branch.leaves_mean for branch in self.branches]
        passed = [branch.carries is None or bool(np.any(branch.carries)) for branch in self.branches]
        return any(left[i] and passed[j] for i, j in itertools.permutations(range(len(left)), 2))

    @property
    def carries(self) -> Parameter | None:
        """The sum over the branches; None if a branch has none."""
        each = [branch.carries for branch in self.branches]
        known = [np.asarray(a) for a in each if a is not None]
        return sum(known, np.zeros(())) if len(known) == len(each) else None

    def images_after(self, images: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of images behind the branches, which must be the same for all."""
        first, *others = (branch.images_after(images) for branch in self.branches)
        for other in others:
            if other != first:
                raise InvalidInput(f"the branches of a Parallel must give images of one shape, not {first} and {other}")
        return first

    def units_after(self, before: Layer | None) -> Layer | None:
        """The layer that makes the sum non-Gaussian; None if all branches are Gaussian."""
        return _first([branch.units_after(before) for branch in self.branches])

    def mean_after(self, before: Mean | None) -> Mean | None:
        """The first mean of a branch that need not be 0."""
        self._refuse_unknown(before)
        return _first([branch.mean_after(before) for branch in self.branches])

    def normalised_after(self, before: bool) -> bool:
        """Whether the outputs of all branches have passed a BatchNorm."""
        each = [branch.normalised_after(before) for branch in self.branches]  # all are asked, for what they refuse
        return all(each)

    def rebuilt(self, inner: tuple[Layer, ...], **parameters: Parameter) -> "Parallel":
        """A copy with other branches."""
        return type(self)(*inner)

    def __repr__(self) -> str:
        return f"Parallel{repr(Network(*self.inner)).removeprefix('Network')}"


def _as_network(branch: LayerLike | Sequence[LayerLike]) -> Network:
    """A branch as a network, which is not a network alone in another."""
    if isinstance(branch, list | tuple):
        if not branch:
            raise InvalidInput("a branch of a Parallel needs at least one layer; Scale(1) passes the signal on")
        network = Network(*branch)
    else:
        network = Network(branch)  # type: ignore[arg-type]  # what is no layer is refused as an activation
    while len(network) == 1 and isinstance(network.layers[0], Network):
        network = network.layers[0]
    return network


def _ends_fresh(branch: Network) -> bool:
    return any(layer.fresh for layer in in_sequence(branch)) and not branch.leaves_mean


def _first(each: list[T | None]) -> T | None:
    return next((one for one in each if one is not None), None)
