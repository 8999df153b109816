"""The factors of the Jacobian of a sequence of blocks: matrices, slopes and residual branches, in order.

Their singular values multiply freely where each one is independent of the others (Pennington, Schoenholz & Ganguli
2018, arXiv:1802.09979, section 2.2): slopes that read the output of a Dense layer of independent weights are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from meanfield.activations.activation import Activation
from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.dense import Dense
from meanfield.networks.layers.elementwise import Elementwise
from meanfield.networks.layers.network import Network, in_sequence
from meanfield.networks.layers.residual import Residual
from meanfield.theory.layer_maps import one_point
from meanfield.theory.states import Point

Weights = Literal["gaussian", "orthogonal"]
LAWS: tuple[Weights, ...] = ("gaussian", "orthogonal")


@dataclass(frozen=True)
class Slope:
    """The diagonal matrix of φ′(h) at second moment q of h."""

    phi: Any
    q: float


@dataclass(frozen=True)
class Matrix:
    """A weight matrix with entries of variance sigma²/fan_in."""

    variance: float


@dataclass(frozen=True)
class Scalar:
    """A multiple of the identity, by its square."""

    square: float


@dataclass(frozen=True)
class Branch:
    """A residual block skip·1 + scale·X whose X has a matrix at each end, and slopes between if there are two."""

    skip: float
    scale: float
    matrices: tuple[Matrix, ...]
    slope: Slope | None


@dataclass(frozen=True)
class PreActivation:
    """A residual block skip·1 + scale·W D: the slopes read the stream itself, so that depths are not independent."""

    skip: float
    scale: float
    matrix: Matrix
    slope: Slope


Part = Slope | Matrix | Scalar | Branch | PreActivation


class NotFree(Exception):
    """The factors of a block are not free of each other, or not known; the message is the reason, a sentence."""


def parts_of(block: Network, q: float) -> tuple[list[Part], float]:
    """The factors of a block in order, and the second moment of its output.

    Raises
    ------
    NotFree
        For blocks whose spectrum is not known.
    """
    found: list[Part] = []
    for layer in in_sequence(block):
        if layer.inert:
            continue
        if isinstance(layer, Elementwise):
            found.append(Slope(_plain(layer), q))
        elif type(layer) is Dense:
            found.append(_matrix(layer))
        elif isinstance(layer, Residual):
            if found and isinstance(found[-1], Slope):
                raise NotFree("a residual layer must read the output of a Dense or of a residual layer")
            found += _residual(layer, q)
        else:
            raise NotFree(f"the spectrum is known for activations, Dense and Residual layers, not for {layer.label}")
        q = _after(layer, q)
    return found, q


def _residual(layer: Residual, q: float) -> list[Part]:
    skip, scale = float(layer.skip_scale), float(layer.branch_scale)
    if scale == 0:
        return [Scalar(skip**2)]
    if skip == 0:
        return [*parts_of(layer.branch, q)[0], Scalar(scale**2)]
    inside = [one for one in in_sequence(layer.branch) if not one.inert]
    match inside:
        case [Dense() as only] if type(only) is Dense:
            return [Branch(skip, scale, (_matrix(only),), None)]
        case [Dense() as first, Elementwise() as phi, Dense() as last] if type(first) is type(last) is Dense:
            return [Branch(skip, scale, (_matrix(first), _matrix(last)), Slope(_plain(phi), _after(first, q)))]
        case [Elementwise() as phi, Dense() as only] if type(only) is Dense:
            return [PreActivation(skip, scale, _matrix(only), Slope(_plain(phi), q))]
    raise NotFree(
        "the spectrum of a residual layer is known for the branches (Dense), (Dense, activation, Dense) and, in its "
        "first two moments, (activation, Dense)"
    )


def _matrix(layer: Dense) -> Matrix:
    if not layer.sigma_w:
        raise NotFree("a Jacobian with sigma_w = 0 is zero")
    return Matrix(float(layer.sigma_w) ** 2)


def _after(layer: Layer, q: float) -> float:
    return float(one_point(layer, Point.at(q)).q.value)


def _plain(layer: Elementwise) -> Activation:
    phi: Activation = layer.activation
    if phi.surrogate is not None:
        raise NotFree("the spectrum knows no surrogate gradients")
    return phi


def repeated(blocks: Sequence[Network], depth: int, q: float, settled: bool) -> Iterator[tuple[list[Part], int]]:
    """The factors of `depth` blocks, each with the number of its repetitions; `settled` says that q stays as it is."""
    if settled and len(blocks) == 1:
        yield parts_of(blocks[0], q)[0], depth
        return
    for layer in range(depth):
        parts, q = parts_of(blocks[layer % len(blocks)], q)
        yield parts, 1
