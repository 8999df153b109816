"""What a network does to a number that every activation changes by one function ψ: compositions and weighted means.

The correlation map of a network at q = 1 is made of the local map C of its activations. A sum with a skip connection,
or a concatenation, takes the mean of two correlations, weighted by second moments; weights and norms do not change a
correlation. The slope at c = 1 and, where all slopes are 1, the curvature go through the same network: ψ is c ↦ C(c)
from 0, t ↦ ζt from 1, or t ↦ t + τ from 0 (Martens et al. 2021, arXiv:2110.01765, section 5; Zhang et al. 2022,
arXiv:2203.08120, section 4.3). ψ increases and ψ(t) ≥ t, so that the largest value over subnetworks is the value of the
whole network or of one branch by itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatch
from typing import Any, NamedTuple

import numpy as np

from meanfield.errors import InvalidInput
from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.concatenation import Concatenate
from meanfield.networks.layers.dense import Dense
from meanfield.networks.layers.elementwise import Elementwise
from meanfield.networks.layers.groupnorm import GroupNorm
from meanfield.networks.layers.network import Network
from meanfield.networks.layers.normalisation import LayerNorm, RMSNorm
from meanfield.networks.layers.parallel import Parallel
from meanfield.networks.layers.residual import Residual
from meanfield.networks.layers.scale import Scale
from meanfield.networks.stack import as_blocks
from meanfield.theory.assumptions.block import check_gaussian
from meanfield.theory.layer_maps.parallel import cross
from meanfield.theory.layer_maps.residual import check, shares

ROUNDING = 1e-9  # tolerance for the second moment 1 at activations
#: ψ applied a number of times.
Step = Callable[[float, int], float]


@dataclass(frozen=True)
class Mean:
    """The mean of the images of a number under branches, with their weights; ``()`` is a skip connection."""

    shares: tuple[float, ...]
    branches: "tuple[Path, ...]"


#: Activations in sequence, as their number, and means, in the order of the network.
Path = tuple[int | Mean, ...]


@dataclass(frozen=True)
class NetworkFunction:
    """The function of a whole network.

    Attributes
    ----------
    parts : tuple of (path, int)
        Paths of blocks, and how many times each is repeated.
    """

    parts: tuple[tuple[Path, int], ...]

    def largest(self, psi: Step, start: float) -> float:
        """The largest value over the whole network and its branches, each from `start`."""
        branches = {inner for path, _ in self.parts for inner in _branches(path)}
        return max([self.value(psi, start), *(_value(path, psi, start) for path in branches)])

    def value(self, psi: Step, start: float) -> float:
        """The value behind the whole network."""
        value = start
        for path, count in self.parts:
            if all(isinstance(node, int) for node in path):
                value = psi(value, count * sum(node for node in path if isinstance(node, int)))
                continue
            for _ in range(count):
                value = _value(path, psi, value)
        return value


def _value(path: Path, psi: Step, value: float) -> float:
    for node in path:
        if isinstance(node, int):
            value = psi(value, node)
        else:
            each = zip(node.shares, node.branches, strict=True)
            value = sum(share * _value(path, psi, value) for share, path in each)
    return value


def _branches(path: Path) -> set[Path]:
    found: set[Path] = set()
    for node in path:
        if isinstance(node, Mean):
            found |= {inner for path in node.branches for inner in (path, *_branches(path))}
    return found


def network_function(block: Any, depth: int) -> NetworkFunction:
    """The function of `depth` repetitions of a block, or of a list of blocks; every activation is a ψ.

    Raises
    ------
    InvalidInput
        If an activation does not read units of second moment 1, or a layer has no map of single correlations.
    """
    blocks = as_blocks(block, depth)
    check_gaussian(*blocks)
    if any(block.shape for block in blocks):
        raise InvalidInput("transform takes one sigma_w and sigma_b for each layer, not arrays")
    if not any(block.activations for block in blocks):
        raise InvalidInput("the block has no activation to shape: put one into it, as in Network('tanh', Dense())")
    at, parts = Signal(1.0, True), []
    for block, count in [(blocks[0], depth)] if len(blocks) == 1 else [(one, 1) for one in blocks]:
        done = 0
        while done < count:
            path, after = through(block, at)
            repeats = count - done if after == at else 1
            parts.append((merged(path), repeats))
            at, done = after, done + repeats
    return NetworkFunction(tuple(parts))


class Signal(NamedTuple):
    """The second moment of a signal, and whether its mean over units is 0."""

    q: float
    centred: bool


def merged(path: Path) -> Path:
    """The path with neighbouring activations counted together."""
    after: list[int | Mean] = []
    for node in path:
        if after and isinstance(node, int) and isinstance(after[-1], int):
            after[-1] += node
        elif node != 0:
            after.append(node)
    return tuple(after)


@singledispatch
def through(layer: Layer, x: Signal) -> tuple[Path, Signal]:
    """The path through a layer, and the signal behind it."""
    if layer.inert:
        return (), x
    raise InvalidInput(
        f"DKS and TAT have no correlation map for {layer.label}: they know Dense, Conv, Scale, RMSNorm, "
        "LayerNorm, GroupNorm, Residual, Parallel, Concatenate and activations"
    )


@through.register
def _(layer: Network, x: Signal) -> tuple[Path, Signal]:
    return in_turn(layer, x)


def in_turn(layers: Any, x: Signal) -> tuple[Path, Signal]:
    """The path through layers in sequence."""
    whole: Path = ()
    for layer in layers:
        path, x = through(layer, x)
        whole += path
    return merged(whole), x


@through.register
def _(layer: Elementwise, x: Signal) -> tuple[Path, Signal]:
    if abs(x.q - 1) > ROUNDING:
        raise InvalidInput(
            f"a shaped activation must read units of second moment 1, not {x.q:.6g}: give weights sigma_w = 1 and sums "
            "skip_scale² + branch_scale² = 1, or put an RMSNorm before the activation"
        )
    return (1,), Signal(1.0, False)


@through.register
def _(layer: Dense, x: Signal) -> tuple[Path, Signal]:
    if np.any(layer.sigma_b):
        raise InvalidInput(f"DKS and TAT are for biases of 0, not for sigma_b = {layer.sigma_b:g}")
    return (), Signal(x.q * float(layer.sigma_w) ** 2, True)


@through.register
def _(layer: RMSNorm, x: Signal) -> tuple[Path, Signal]:
    return (), Signal(1.0, x.centred)


@through.register
def _(layer: GroupNorm, x: Signal) -> tuple[Path, Signal]:
    if layer.size is not None:
        raise InvalidInput(
            f"the statistics of groups of {layer.size} units fluctuate: use GroupNorm(groups) or RMSNorm"
        )
    return through(LayerNorm(), x)


@through.register
def _(layer: LayerNorm, x: Signal) -> tuple[Path, Signal]:
    if not x.centred:
        raise InvalidInput(
            "LayerNorm behind an activation changes correlations: use RMSNorm, or put Dense between them"
        )
    return (), Signal(1.0, True)


@through.register
def _(layer: Residual, x: Signal) -> tuple[Path, Signal]:
    check(layer)
    path, inside = in_turn(layer.branch, x)
    skip, share = (float(weight) for weight in shares(layer))
    return joined([(skip, x, ()), (share, inside, path)])


@through.register
def _(layer: Concatenate, x: Signal) -> tuple[Path, Signal]:
    path, inside = in_turn(layer.branch, x)
    units = 1 + float(layer.growth)
    return joined([(1 / units, x, ()), (float(layer.growth) / units, inside, path)])


@through.register
def _(layer: Parallel, x: Signal) -> tuple[Path, Signal]:
    each = [in_turn(one, x) for one in layer.branches]
    return joined([(float(cross(layer)), x, ()), *((1.0, inside, path) for path, inside in each)])


@through.register
def _(layer: Scale, x: Signal) -> tuple[Path, Signal]:
    return (), x._replace(q=x.q * float(layer.value) ** 2)


def joined(parts: "list[tuple[float, Signal, Path]]") -> tuple[Path, Signal]:
    """The path of a sum, and the sum, of signals with weights of their second moments behind paths from one signal."""
    weights = [weight * signal.q for weight, signal, _ in parts]
    total = sum(weights)
    if min(weights) < 0 or total <= 0:
        raise InvalidInput("DKS and TAT need branches that add: the products of their outputs are negative here")
    if sum(not signal.centred for weight, (_, signal, _) in zip(weights, parts, strict=True) if weight) > 1:
        raise InvalidInput("DKS and TAT add signals of which one at most has a mean: end branches in Dense layers")
    kept = [(weight / total, path) for weight, (_, _, path) in zip(weights, parts, strict=True) if weight]
    after = Signal(total, all(signal.centred for weight, signal, _ in parts if weight))
    if len(kept) == 1:
        return kept[0][1], after
    if not any(path for _, path in kept):
        return (), after
    return (Mean(*zip(*kept, strict=True)),), after
