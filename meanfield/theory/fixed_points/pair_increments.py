"""What one block adds to a pair of signals, where skip connections carry so much that a difference would lose it.

A residual block takes a signal to a multiple of itself plus a rest. Both are followed through the layers, so that the
increment ``block(signal) − signal`` keeps its digits however large the signal is.
"""

from dataclasses import replace
from functools import singledispatch

import numpy as np

from meanfield._types import Floats
from meanfield.bounded import Bounded
from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.network import Network
from meanfield.networks.layers.noise import AdditiveNoise
from meanfield.networks.layers.parallel import Parallel
from meanfield.networks.layers.residual import Residual
from meanfield.networks.layers.scale import Scale
from meanfield.theory.layer_maps import two_points
from meanfield.theory.layer_maps.residual import joined
from meanfield.theory.states import Pair

NOTHING = Pair.of(0.0, 0.0, 0.0)


def increments(block: Network, q: Floats, d: Floats) -> tuple[Floats, Floats]:
    """What `block` adds to the second moments q of a pair of equally large signals, and to ½E(u − v)² = d."""
    signal = Pair.at(q, d)
    kept, rest = _split(block, signal)
    added = _sum(kept - 1.0, signal, rest)
    second_moment, distance = np.broadcast_arrays(added.q1, added.d.value)
    return second_moment, distance


@singledispatch
def _split(layer: Layer, signal: Pair) -> tuple[Floats, Pair]:
    """The pair after `layer` as the multiple of `signal` that skip connections carry, and the rest."""
    return np.zeros(()), two_points(layer, signal)


@_split.register
def _(layer: Network, signal: Pair) -> tuple[Floats, Pair]:
    kept, rest = np.ones(()), NOTHING
    for inner in layer:
        factor, more = _split(inner, signal)
        kept, rest, signal = factor * kept, _sum(factor, rest, more), _sum(factor, signal, more)
    return kept, rest


@_split.register
def _(layer: Residual, signal: Pair) -> tuple[Floats, Pair]:
    s, b = np.asarray(layer.skip_scale), np.asarray(layer.branch_scale)
    carried = layer.branch.carries
    a = np.asarray(0.0 if carried is None else carried)
    kept, rest = _split(layer.branch, signal)
    of_branch = _sum(kept - a**2, signal, rest)
    after = joined(layer, signal, _sum(kept, signal, rest))
    spreads_alone = replace(NOTHING, spread1=after.spread1, spread2=after.spread2)
    return np.asarray((s + b * a) ** 2), _sum(b**2, of_branch, spreads_alone)


@_split.register
def _(layer: Parallel, signal: Pair) -> tuple[Floats, Pair]:
    after = two_points(layer, signal)
    kept, rest = np.zeros(()), replace(NOTHING, spread1=after.spread1, spread2=after.spread2)
    for branch in layer.branches:
        carried = branch.carries
        a = np.asarray(0.0 if carried is None else carried)
        factor, more = _split(branch, signal)
        kept, rest = kept + a, _sum(1.0, _sum(factor - a**2, signal, more), rest)
    return kept**2, rest


@_split.register
def _(layer: Scale, signal: Pair) -> tuple[Floats, Pair]:
    after = two_points(layer, signal)
    return np.asarray(layer.value) ** 2, replace(NOTHING, spread1=after.spread1, spread2=after.spread2)


@_split.register
def _(layer: AdditiveNoise, signal: Pair) -> tuple[Floats, Pair]:
    added = np.asarray(layer.std) ** 2
    return np.ones(()), replace(two_points(layer, signal), q1=added, q2=added, d=Bounded(added))


def _sum(factor: Floats | float, a: Pair, b: Pair) -> Pair:
    """factor·a + b, with the spreads of b."""
    return replace(b, q1=factor * a.q1 + b.q1, q2=factor * a.q2 + b.q2, d=factor * a.d + b.d)
