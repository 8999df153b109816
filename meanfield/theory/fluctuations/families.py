"""The families of blocks whose fluctuations to first order in 1/width are known."""

from dataclasses import dataclass
from typing import TypeVar

from meanfield._types import Floats
from meanfield.activations.activation import Activation
from meanfield.activations.resolve import activation
from meanfield.errors import MeanFieldError
from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.dense import Dense
from meanfield.networks.layers.elementwise import Elementwise
from meanfield.networks.layers.network import Network, in_sequence
from meanfield.networks.layers.residual import Residual

Family = TypeVar("Family")


@dataclass(frozen=True)
class PlainLayer:
    """h′ = W φ(h) + b: E h′² = w·V(q) + b with w = sigma_w² and b = sigma_b²."""

    phi: Activation
    w: float
    b: float


@dataclass(frozen=True)
class ResidualLayer:
    """h′ = skip·h + scale·(W φ(h) + b)."""

    phi: Activation
    w: float
    b: float
    skip: float
    scale: float


@dataclass(frozen=True)
class TwoLayerBranch:
    """x′ = skip·x + scale·(W₂ φ(W₁ x + b₁) + b₂)."""

    phi: Activation
    first: Dense
    second: Dense
    skip: float
    scale: float


class NoExpansion(Exception):
    """No expansion is known for a block; the message says why, as the end of a sentence."""


#: What ends an expansion: no formula, moments that are infinite, or numbers beyond floats.
ENDS = (NoExpansion, MeanFieldError, ArithmeticError)
SMALLEST, LARGEST = 1e-60, 1e60  # second moments whose fourth powers are floats


def why(error: Exception) -> str:
    """The reason for a user."""
    return "its moments exceed the range of a float" if isinstance(error, ArithmeticError) else f"{error}"


def within_floats(q: Floats) -> None:
    """Raise NoExpansion where a second moment is too large or too small for products of four of them."""
    outside = q[~((q >= SMALLEST) & (q <= LARGEST))]
    if outside.size:
        raise NoExpansion(f"the expansion needs second moments from {SMALLEST:g} to {LARGEST:g}, not {outside[0]:.3g}")


def plain_layers(block: Network) -> tuple[PlainLayer, ...]:
    """The layers of a block that repeats an activation and a Dense layer; NoExpansion for other blocks."""
    found, phi = [], None
    for layer in in_sequence(block):
        if isinstance(layer, Elementwise) and phi is None:
            phi = _single(layer)
        elif type(layer) is Dense:  # not Conv, whose sums run over pixels too
            found.append(PlainLayer(phi or activation("linear"), float(layer.sigma_w) ** 2, float(layer.sigma_b) ** 2))
            phi = None
        else:
            raise NoExpansion(_not_known(layer))
    if phi is not None or not found:
        raise NoExpansion("the expansion needs a Dense layer at the end of each block")
    return tuple(found)


def residual_layer(block: Network) -> ResidualLayer | TwoLayerBranch | None:
    """The only layer of a block, where it is Residual(φ, Dense) or Residual(Dense, φ, Dense); None if it is plain.

    Raises
    ------
    NoExpansion
        For other residual blocks.
    """
    layers = tuple(in_sequence(block))
    if not any(isinstance(layer, Residual) for layer in layers):
        return None
    (layer,) = layers if len(layers) == 1 else (None,)
    if not isinstance(layer, Residual):
        raise NoExpansion("the expansion knows residual layers, but no other layers beside them")
    skip, scale = float(layer.skip_scale), float(layer.branch_scale)
    match tuple(in_sequence(layer.branch)):
        case (Elementwise() as phi, Dense() as dense) if type(dense) is Dense:
            return ResidualLayer(_single(phi), float(dense.sigma_w) ** 2, float(dense.sigma_b) ** 2, skip, scale)
        case (Dense() as first, Elementwise() as phi, Dense() as second) if type(first) is type(second) is Dense:
            return TwoLayerBranch(_single(phi), first, second, skip, scale)
    raise NoExpansion("the expansion knows the residual branches (activation, Dense) and (Dense, activation, Dense)")


def of_one_kind(layers: tuple[object, ...], kind: type[Family]) -> tuple[Family, ...]:
    """The layers, all of one family; NoExpansion if they are not."""
    same = tuple(layer for layer in layers if isinstance(layer, kind))
    if len(same) < len(layers):
        raise NoExpansion("the expansion needs blocks of one family, all plain or all with one kind of branch")
    return same


def _single(layer: Elementwise) -> Activation:
    phi = layer.activation
    if not isinstance(phi, Activation) or len(phi.parts) > 1:
        raise NoExpansion("the expansion needs units that are all alike, with one activation that is not random")
    if phi.surrogate is not None:
        raise NoExpansion("the expansion knows no surrogate gradients")
    return phi


def _not_known(layer: Layer) -> str:
    return f"the expansion does not know {type(layer).__name__}, only activations, Dense and Residual"
