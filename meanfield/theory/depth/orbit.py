"""Many layers of one repeated block at once, by Newton's method for all of their equations x₍ₗ₊₁₎ = F(xₗ) together.

One evaluation of F on the signals of all layers costs little more than at one layer. Newton's method corrects a guess
of the orbit by a linear recursion, yₗ₊₁ = F(xₗ) + F′(xₗ)(yₗ − xₗ) with y₀ = x₀, of logarithms, which keeps x positive.
It ends when every equation holds to rounding, as it does in a loop over the layers.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from meanfield._types import Floats
from meanfield.bounded import Bounded
from meanfield.networks.layers.network import Network
from meanfield.theory.layer_maps import one_point, two_points
from meanfield.theory.states import Pair, Point

ROUNDS = 14  # most corrections; slow convergence means that the guess is too far away
HELD = 1e-14  # relative residual of an equation that holds
STALLED = 1e-12  # residual that is rounding of F if a correction does not reduce it
PER_OCTAVE = 4  # layers an octave of q from which on their pairs share a table
DISTINCT = 1e-6  # difference of the logarithms of two arguments from which a slope is taken

#: x at some layers, first axis = layer, to F(x) and F′(x) there; a slope of None is estimated from the values.
LayerMap = Callable[[Floats], tuple[Floats, Floats | None]]


class Signals(NamedTuple):
    """One input, or two, at successive layers; the first axis of all arrays is the layer."""

    q: Floats
    chi: Floats  # growth factor of the squared gradient across the block that begins at the layer
    gap: Floats | None  # 1 − c
    last: Pair | None  # the pair at the last layer


def signals(block: Network, q: Floats, pair: Pair | None, layers: int) -> Signals | None:
    """The signals at a layer and the next `layers`, where `block` is repeated; None if the orbit is not found.

    The block must pass no means on from one repetition to the next, and both inputs must differ.
    """

    if pair is not None and (pair.spread1 or pair.spread2 or not np.all(np.asarray(pair.d.value) > 0)):
        return None

    def variance(x: Floats) -> tuple[Floats, Floats]:
        after = one_point(block, Point.at(x))
        return np.broadcast_to(after.q.value, x.shape), np.broadcast_to(after.slope.value, x.shape)

    def constant(x: Floats) -> Floats:
        return np.repeat(np.asarray(x, dtype=np.float64)[None], layers + 1, axis=0)

    qs = orbit(variance, constant(q))
    if qs is None:
        return None
    chi = np.broadcast_to(one_point(block, Point.at(qs)).chi.value, qs.shape)
    if pair is None:
        return Signals(qs, chi, None, None)
    if layers < PER_OCTAVE * np.max(np.ptp(np.log2(qs), axis=0)):  # each pair would be a quadrature in every round
        return None
    q1, q2 = (qs if np.array_equal(one, q) else orbit(variance, constant(one)) for one in (pair.q1, pair.q2))
    if q1 is None or q2 is None:
        return None
    before = Pair(q1=q1[:-1], q2=q2[:-1], d=pair.d, equal=pair.equal)

    def distance(d: Floats) -> tuple[Floats, None]:
        after = two_points(block, replace(before, d=Bounded(d)))
        return np.broadcast_to(np.nan if after.spread1 else after.d.value, d.shape), None

    apart = 0.5 * ((q1 - q2) / (np.sqrt(q1) + np.sqrt(q2))) ** 2
    guess = apart + np.sqrt(q1) * np.sqrt(q2) * pair.one_minus_c  # the correlation changes less than d does
    guess[0] = pair.d.value
    d = orbit(distance, guess)
    if d is None:
        return None
    gap = Pair(q1=q1, q2=q2, d=Bounded(d)).one_minus_c
    return Signals(qs, chi, gap, Pair(q1=q1[-1], q2=q2[-1], d=Bounded(d[-1]), equal=pair.equal))


def orbit(after: LayerMap, guess: Floats) -> Floats | None:
    """The orbit that begins at ``guess[0]``, of the shape of the guess; None if it is not found.

    Parameters
    ----------
    after : callable
        F and F′ at positive x.
    guess : ndarray, shape (layers + 1, …)
        Positive values of x at the layers, the first one exact.

    Examples
    --------
    >>> found = orbit(lambda x: (x / (1 + x), 1 / (1 + x) ** 2), np.ones(5))
    >>> np.round(1 / found, 12)
    array([1., 2., 3., 4., 5.])
    """
    x, before, slope, last = guess, None, None, np.inf
    for _ in range(ROUNDS):
        value, given = after(x[:-1])
        if not np.all(np.isfinite(value)) or not np.all(value > 0):
            return None
        residual = float((np.abs(value - x[1:]) / value).max())
        if residual <= HELD or 0.25 * last < residual <= STALLED:
            return np.concatenate([x[:1], value])
        last = residual
        now = np.log(x[:-1]), np.log(value)
        if given is not None:
            slope = given * x[:-1] / value
        elif before is None or slope is None:
            slope = np.ones_like(value)
        else:
            moved = now[0] - before[0]
            with np.errstate(invalid="ignore", divide="ignore"):
                slope = np.where(np.abs(moved) > DISTINCT, (now[1] - before[1]) / moved, slope)
        before = now
        with np.errstate(over="ignore"):
            x = np.exp(_corrected(np.log(x), now[1], slope))
        x[0] = guess[0]
        if not np.all(np.isfinite(x)) or not np.all(x > 0):
            return None
    return None


def _corrected(x: Floats, value: Floats, slope: Floats) -> Floats:
    """The solution of the linear recursion."""
    if x[0].size == 1:  # Python's floats are ten times as fast
        numbers = [float(x[0].flat[0])]
        for old, new, factor in zip(
            x[:-1].ravel().tolist(), value.ravel().tolist(), slope.ravel().tolist(), strict=True
        ):
            numbers.append(new + factor * (numbers[-1] - old))
        return np.reshape(numbers, x.shape)
    result = np.empty_like(x)
    result[0] = x[0]
    for layer in range(len(value)):
        result[layer + 1] = value[layer] + slope[layer] * (result[layer] - x[layer])
    return result
