"""A network whose weights are given: its blocks, and a draw that returns the given matrices in their order."""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from meanfield._types import Floats
from meanfield.errors import InvalidInput
from meanfield.montecarlo.draws import Array, Draw, Pullback
from meanfield.montecarlo.exact_law import ExactLaw
from meanfield.montecarlo.layer_passes import forward
from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.dense import Dense
from meanfield.networks.layers.elementwise import Elementwise
from meanfield.networks.layers.gated import Gated
from meanfield.networks.layers.network import Network, in_sequence
from meanfield.networks.text.text import written
from meanfield.weights.loading import Tensor


@dataclass(frozen=True)
class GivenNetwork:
    """Blocks with the scales of given weights.

    Attributes
    ----------
    blocks : tuple of Network
        One for each layer; sigma_w and sigma_b of their Dense layers are the scales of the given weights.
    widths : tuple of int
        Units of layers 0 … depth.
    tensors : tuple of Tensor
        The weights in the order in which the blocks use them.
    sigma_w, sigma_b : ndarray, shape (matrices,)
        Scales of weights and biases.
    """

    blocks: tuple[Network, ...]
    widths: tuple[int, ...]
    tensors: tuple[Tensor, ...]
    sigma_w: Floats
    sigma_b: Floats

    @property
    def words(self) -> str:
        """What is run, in words: the number of matrices, and of blocks where these are not single layers."""
        n = len(self.tensors)
        size = f"{n} weight matri{'x' if n == 1 else 'ces'}"
        if all(_is_layer(block) for block in self.blocks):
            return f"{size} in a row"
        same = itertools.groupby(text_of(block) for block in self.blocks)
        runs = [(text, len(list(group))) for text, group in same]
        return f"{size} in {' and '.join(f'{count} × ({text})' if count > 1 else f'({text})' for text, count in runs)}"


def given_network(
    tensors: Sequence[Tensor], blocks: Sequence[Network], repeated: bool, behind_input: bool | None = None
) -> GivenNetwork:
    """The network of given weights.

    Parameters
    ----------
    tensors : sequence of Tensor
        Weights in their order.
    blocks : sequence of Network
        All blocks, or the block that is repeated.
    repeated : bool
        Whether there is one block, as often as the weights need it.
    behind_input : bool or None
        Whether the first weight is an input layer before the repeated block, where that is known.

    Raises
    ------
    InvalidInput
        If a weight is not a matrix, a block has layers that given weights cannot be run in, or the weights do not fit.
    """
    for tensor in tensors:
        if len(tensor.shape) != 2:
            raise InvalidInput(
                f"{tensor.name} has shape {tensor.shape}: only dense layers can be run, not convolutions"
            )
    sigma_w = np.array([math.sqrt(np.mean(np.square(t.matrix, dtype=np.float64)) * t.matrix.shape[1]) for t in tensors])
    sigma_b = np.array([0.0 if t.bias is None else math.sqrt(np.mean(t.bias**2)) for t in tensors])
    _refuse_unknown_layers(blocks)
    failures = []
    for way in _repeated(blocks[0], len(tensors), behind_input) if repeated else [tuple(blocks)]:
        try:
            widths = _widths(way, tensors)
        except InvalidInput as error:
            failures.append(error)
            continue
        scales = iter(zip(sigma_w, sigma_b, strict=True))
        scaled = tuple(_scaled(block, scales) for block in way)
        return GivenNetwork(scaled, widths, tuple(tensors), sigma_w, sigma_b)
    if not repeated or _is_layer(blocks[0]):
        raise failures[0]
    raise InvalidInput(
        f"the weights are not repetitions of ({text_of(blocks[0])}), with or without an input layer before them "
        f"({failures[0]}): give a list of all blocks"
    )


class GivenWeights(Draw):
    """The matrices and biases of a given network, in their order."""

    def __init__(self, rng: np.random.Generator, tensors: Sequence[Tensor]) -> None:
        super().__init__(rng, len(tensors[0].matrix), np.dtype("float64"))
        self.tensors, self.used = tensors, 0

    def product(self, x: Array, sigma_w: float) -> tuple[Array, Pullback]:
        """The product with the next matrix; raises if it does not fit."""
        if self.used == len(self.tensors):
            raise InvalidInput(f"the network has more than the {self.used} weight matrices that are given")
        tensor = self.tensors[self.used]
        matrix = tensor.matrix.astype(np.float64)
        if x.shape[1] != matrix.shape[1]:
            before = f"{self.tensors[self.used - 1].name} has" if self.used else "the input has"
            raise InvalidInput(
                f"{tensor.name} takes {matrix.shape[1]} inputs, {before} {x.shape[1]} outputs: weights must belong to "
                "dense layers in their order (layout='keras' if they are transposed)"
            )
        self.used += 1
        return x @ matrix.T, lambda gradient: gradient @ matrix

    def biases(self, fan_in: int, sigma_b: float) -> Array | None:
        """The biases of the last matrix; None without biases."""
        return self.tensors[self.used - 1].bias


class RandomOfSameShape(ExactLaw):
    """Gaussian layers sampled in law, with the shapes of given matrices."""

    def __init__(self, rng: np.random.Generator, tensors: Sequence[Tensor]) -> None:
        super().__init__(rng, tensors[0].matrix.shape[1], np.dtype("float64"))
        self.shapes = iter([len(tensor.matrix) for tensor in tensors])

    def product(self, x: Array, sigma_w: float) -> tuple[Array, Pullback]:
        """As for `ExactLaw`, with as many units as the next given matrix has."""
        self.width = next(self.shapes)
        return super().product(x, sigma_w)


def text_of(block: Network) -> str:
    """The text of a block without its scales, or its representation if a layer has no text."""
    plain = block.at(sigma_w=1.0, sigma_b=0.0)
    try:
        return written(plain).replace("(1.0)", "")
    except InvalidInput:
        return repr(plain)


def _is_layer(block: Network) -> bool:
    """Whether a block is a Dense layer, or an activation and a Dense layer."""
    *first, last = in_sequence(block)
    return isinstance(last, Dense) and all(isinstance(layer, Elementwise) for layer in first)


def _repeated(block: Network, matrices: int, behind_input: bool | None) -> list[tuple[Network, ...]]:
    """The ways to read so many matrices as repetitions of a block, perhaps behind an input layer; most likely first.

    A block that begins with its weights or with a skip connection needs no input layer; an activation needs one.
    """
    each = sum(layer.matrices for layer in block.walk())
    if each == 0:
        raise InvalidInput(f"({text_of(block)}) has no weights: give the block that the network repeats")
    whole = (block,) * (matrices // each) if matrices % each == 0 else ()
    behind = (Network(Dense()), *(block,) * ((matrices - 1) // each)) if (matrices - 1) % each == 0 else ()
    first = next(in_sequence(block))
    if first.fresh or behind_input is None:
        ways = [whole, behind] if first.fresh or first.inner else [behind]
    else:
        ways = [behind, whole] if behind_input else [whole, behind]
    if not any(ways):
        raise InvalidInput(
            f"{matrices} weight matrices are not repetitions of ({text_of(block)}), which has {each}, with or without "
            "an input layer before them: give a list of all blocks"
        )
    return [way for way in ways if way]


def _refuse_unknown_layers(blocks: Sequence[Network]) -> None:
    for layer in (layer for block in blocks for layer in block.walk()):
        other = isinstance(layer, Gated) or (layer.matrices and not isinstance(layer, Dense))
        if other or layer.batch is not None or layer.reads_points:
            raise InvalidInput(f"given weights can be run in Dense layers, not in {layer.label}")
    if Network(*blocks).shape:
        raise InvalidInput("check_weights runs one network: give each layer one value, not arrays")


def _widths(blocks: Sequence[Network], tensors: Sequence[Tensor]) -> tuple[int, ...]:
    """Units before and behind each block; raises if the weights do not fit."""
    draw = GivenWeights(np.random.default_rng(0), tensors)
    x = draw.rng.standard_normal((1, tensors[0].matrix.shape[1]))
    widths = [x.shape[1]]
    with np.errstate(all="ignore"):
        for block in blocks:
            widths.append(forward(block, x, draw)[0].shape[1])
            x = draw.rng.standard_normal((1, widths[-1]))
    if draw.used < len(tensors):
        raise InvalidInput(f"the network has {draw.used} weight matrices, and {len(tensors)} are given")
    return tuple(widths)


def _scaled(block: Network, scales: Iterator[tuple[float, float]]) -> Network:
    """The block with the next scales in its Dense layers."""

    def parameters(layer: Layer) -> dict[str, Any]:
        return dict(zip(("sigma_w", "sigma_b"), next(scales), strict=True)) if isinstance(layer, Dense) else {}

    return block.with_parameters(parameters)
