"""What a block adds to a pair of signals, where skip connections carry so much that the sum would hide it."""

from functools import singledispatch
from typing import Any

import numpy as np
from scipy.optimize import brentq

from meanfield.networks.network import Network
from meanfield.networks.residual import Residual
from meanfield.theory.kernels import two_points
from meanfield.theory.signal import TwoPoints

__all__ = ["drift", "marginal_gap"]

SMALLEST = -300.0  # ln(1 − c) below which c* is 1


@singledispatch
def drift(layer: Any, signal: TwoPoints) -> TwoPoints:
    """`signal` after `layer` minus `signal`; its spreads are those after the layer."""
    return _difference(two_points(layer, signal), signal)


@drift.register
def _(layer: Network, signal: TwoPoints) -> TwoPoints:
    total = TwoPoints(0.0, 0.0, 0.0)
    for inner in layer:
        added = drift(inner, signal)
        total, signal = _sum(total, added), _sum(signal, added)
    return total


@drift.register
def _(layer: Residual, signal: TwoPoints) -> TwoPoints:
    kept, branch = np.asarray(layer.skip_scale) ** 2 - 1.0, np.asarray(layer.branch_scale) ** 2
    after, whole = two_points(layer.branch, signal), two_points(layer, signal)
    return TwoPoints(
        kept * signal.q1 + branch * after.q1,
        kept * signal.q2 + branch * after.q2,
        kept * signal.d + branch * after.d,
        spreads1=whole.spreads1,
        spreads2=whole.spreads2,
    )


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


def _sum(a: TwoPoints, b: TwoPoints) -> TwoPoints:
    return TwoPoints(a.q1 + b.q1, a.q2 + b.q2, a.d + b.d, spreads1=b.spreads1, spreads2=b.spreads2)


def _difference(a: TwoPoints, b: TwoPoints) -> TwoPoints:
    return TwoPoints(a.q1 - b.q1, a.q2 - b.q2, a.d - b.d, spreads1=a.spreads1, spreads2=a.spreads2)
