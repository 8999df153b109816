"""What a block adds to a pair of signals, where skip connections carry so much that the sum would hide it."""

from dataclasses import replace
from functools import singledispatch
from typing import Any

import numpy as np
from scipy.optimize import brentq

from meanfield.networks.layers.network import Network, in_sequence
from meanfield.networks.layers.noise import AdditiveNoise
from meanfield.networks.layers.residual import Residual
from meanfield.theory.layer_maps import two_points
from meanfield.theory.layer_maps.carried import carried
from meanfield.theory.states import TwoPoints

__all__ = ["drift", "marginal_gap"]

SMALLEST = -300.0  # ln(1 − c) below which c* is 1


def drift(layer: Any, signal: TwoPoints) -> TwoPoints:
    """`signal` after `layer` minus `signal`; its spreads are those after the layer."""
    kept, rest = parts(layer, signal)
    return _plus(kept - 1.0, signal, rest)


@singledispatch
def parts(layer: Any, signal: TwoPoints) -> tuple[Any, TwoPoints]:
    """The signal after `layer` as a multiple of `signal`, which skip connections carry, and the rest."""
    return 0.0, two_points(layer, signal)


@parts.register
def _(layer: Network, signal: TwoPoints) -> tuple[Any, TwoPoints]:
    carried_on: Any = 1.0
    rest = TwoPoints(0.0, 0.0, 0.0)
    for inner in layer:
        kept, more = parts(inner, signal)
        carried_on, rest, signal = kept * carried_on, _plus(kept, rest, more), _plus(kept, signal, more)
    return carried_on, rest


@parts.register
def _(layer: Residual, signal: TwoPoints) -> tuple[Any, TwoPoints]:
    s, b = np.asarray(layer.skip_scale), np.asarray(layer.branch_scale)
    after = two_points(layer, signal)
    a = carried(in_sequence(layer.branch)) or 0.0
    kept, rest = parts(layer.branch, signal)
    of_branch = _plus(kept - a**2, signal, rest)
    none = TwoPoints(0.0, 0.0, 0.0, spreads1=after.spreads1, spreads2=after.spreads2)
    return (s + b * a) ** 2, _plus(b**2, of_branch, none)


@parts.register
def _(layer: AdditiveNoise, signal: TwoPoints) -> tuple[Any, TwoPoints]:
    added = np.asarray(layer.std) ** 2
    return 1.0, replace(two_points(layer, signal), q1=added, q2=added, d=added)


def marginal_gap(block: Network, q: float) -> float:
    """1 − c* of a block with scalar parameters at a large q that it leaves ever more slowly, q′/q → 1.

    There c settles where the block adds to the distance and to the second moment in the proportion that they have:
    Δd = (1 − c)·Δq (for tanh: Yang & Schoenholz 2017, arXiv:1712.08969). 0 if that is so only at c = 1; nan
    if the block adds nothing.
    """

    def excess(log_gap: float) -> float:
        gap = np.exp(log_gap)
        added = drift(block, TwoPoints(np.asarray(q), np.asarray(q), np.asarray(q * gap)))
        return float(added.d / (gap * added.q1)) - 1.0

    if not drift(block, TwoPoints(np.asarray(q), np.asarray(q), np.asarray(q))).q1 > 0:
        return np.nan
    if (beyond := excess(0.0)) > 1e-13:
        return 1.0 + beyond  # only what batch normalisation adds is anticorrelated, and it is constant
    if beyond >= -1e-13:
        return 1.0
    low = -1.0
    while excess(low) <= 0:
        low = 2 * low - 1
        if low < SMALLEST:
            return 0.0
    return float(np.exp(brentq(excess, low, 0.0, xtol=1e-15, rtol=1e-14)))


def _plus(factor: Any, a: TwoPoints, b: TwoPoints) -> TwoPoints:
    """factor·a + b, with the spreads of b."""
    return replace(b, q1=factor * a.q1 + b.q1, q2=factor * a.q2 + b.q2, d=factor * a.d + b.d)
