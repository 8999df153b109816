"""The stable fixed point c* of the correlation map and its slope χ_c there, for many networks at once.

The search is for the 1 − c at which d′/q′ is 1 − c, with d = ½E(u − v)² = q(1 − c): near c = 1 all digits are in 1 − c.
The map E φ(u)φ(v) is a power series in c with coefficients that are not negative, so it is convex on [0, 1]: besides
c = 1 it has one fixed point there if its slope at 1 exceeds 1, and none otherwise; d′/(q′(1 − c)) falls as 1 − c grows.
Where noise parts equal inputs, as dropout does, c = 1 is no fixed point and there is always another one.
"""

from itertools import count
from typing import NamedTuple

import numpy as np

from meanfield._types import Bools, Floats, Ints
from meanfield.networks.layers.network import Network
from meanfield.numerics.solve.bracketed import NumberedFunction, root
from meanfield.theory.assumptions.block import Block
from meanfield.theory.assumptions.surrogates import without_surrogates
from meanfield.theory.fixed_points.depth_scales import CRITICAL
from meanfield.theory.fixed_points.maps import signal_map
from meanfield.theory.fixed_points.pair_maps import PairMaps, increment_maps, pair_maps

TINY = 1e-300  # stands for a distance that is no float
VANISHING = 2.0**-100  # stands for q = 0 where noise parts inputs: c has a limit of its own as q → 0
INFINITE = 2.0**100  # stands for q = ∞ where the factors of an unbounded signal are wanted
INDEPENDENT = 1e-13  # by how much ln d′/(q′(1 − c)) at c = 0 differs from 0 at least if c* does
SMALL = 1e-3  # c* below which 1 − c* leaves it too few digits
CLOSEST = float(np.exp(-600.0))  # 1 − c below which c is 1
PATIENCE = 3  # steps after which a zero is asked for between 0 and the next one
NEARBY = 1e-6  # the shortest step towards the other side, relative to 1 − c
BEYOND = 1.3  # a secant is followed to this multiple of the way to its zero, to end on the other side


class Settled(NamedTuple):
    """Where correlations settle; arrays of shape (networks,)."""

    c: Floats  # c* in [−1, 1]
    chi_c: Floats  # slope of the correlation map there
    noisy: Bools  # whether noise parts equal inputs, so that c = 1 is no fixed point


def stable_c(block: Block, q: Floats, chi_1: Floats) -> Settled:
    """c* and χ_c of the block's networks.

    Parameters
    ----------
    block : Network
        Its parameters have a broadcast shape of as many entries as `q`.
    q : ndarray, shape (networks,)
        Second moment at which each network keeps its signals; at 0 and ∞ the limits.
    chi_1 : ndarray, shape (networks,)
        Their χ₁ there, by which gradients grow.

    Returns
    -------
    Settled
        The error of c* is about 1e-14/(1 − χ_c), relative to 1 − c* and for MLPs to c* too. Where q goes to ∞ more
        slowly than exponentially and c with it, χ_c is 1.
    """
    networks, chi_1 = block.take(np.arange(q.size)), slope_at_one(block, q, chi_1)
    at = np.where(q == 0, VANISHING, np.minimum(q, INFINITE))
    maps = pair_maps(networks, at)
    with np.errstate(divide="ignore", invalid="ignore"):  # a signal of q = 0 may stay 0
        c, chi_c = np.ones(q.size), np.where(q == 0, chi_1, chi_1 * at / maps.scale)
    slow = np.zeros(q.size, dtype=np.bool_)
    if np.any(at == INFINITE):
        added = increment_maps(networks, at)
        slow = _barely_changes(maps, at) & (at == INFINITE) & (added.scale > 0)
        c[slow], chi_c[slow] = 1.0 - settled_gap(added, np.flatnonzero(slow)), 1.0
    chosen = np.flatnonzero(~slow & ((maps.parted > 0) | ((q > 0) & (chi_c > 1 + CRITICAL))))
    gap = settled_gap(maps, chosen, chi_c[chosen])
    c[chosen] = 1.0 - gap
    below, gap = chosen[gap > 0], gap[gap > 0]
    if below.size:
        chi_c[below] = maps.slope(below, gap)
    small = below[np.abs(c[below]) <= SMALL]
    if small.size and maps.independent is not None:
        c[small] = maps.independent(small) / (1.0 - _mean_slope(maps, small, c[small], chi_c[small]))
    chi_c = np.where(c >= 0, np.maximum(chi_c, 0.0), chi_c)  # a power series in c without negative coefficients
    return Settled(c, chi_c, maps.parted > 0)


def slope_at_one(block: Block, q: Floats, chi_1: Floats) -> Floats:
    """The χ₁ of φ′, which parts nearly equal signals of `q`: `chi_1` itself unless surrogates replace φ′."""
    forward = without_surrogates(block)
    if forward is block:
        return chi_1
    assert isinstance(forward, Network)
    return signal_map(forward.take(np.arange(q.size)), np.minimum(q, INFINITE)).chi


def _mean_slope(maps: PairMaps, which: Ints, c: Floats, at_c: Floats) -> Floats:
    """The mean of the map's slope from 0 to a small c, by Simpson's rule, so that c′(c) is c′(0) + c·mean."""
    return (maps.slope(which, np.ones(which.size)) + 4 * maps.slope(which, 1.0 - 0.5 * c) + at_c) / 6


def _barely_changes(maps: PairMaps, q: Floats) -> Bools:
    """Whether networks leave signals, and independent pairs of them, as they are but for a small part."""
    independent = maps.distance(np.arange(q.size), np.ones(q.size))
    return np.asarray((np.abs(maps.scale / q - 1) <= CRITICAL) & (np.abs(independent / q - 1) <= CRITICAL))


def settled_gap(maps: PairMaps, which: Ints, at_one: Floats | float = np.inf) -> Floats:
    """The 1 − c to which iteration leads networks number `which`, and at which d′ = q′(1 − c); 0 if that is c = 1.

    With the maps of increments it is where networks add to d and to q in the proportion that d and q have (for tanh:
    Yang & Schoenholz 2017, arXiv:1712.08969). `at_one` is d′/(q′(1 − c)) at c = 1, where it is known.
    """
    gap = np.ones(which.size)
    if which.size == 0:
        return gap

    def growth(number: Ints, gap: Floats) -> Floats:
        """Of 1 − c in one layer: its factor."""
        own = which[number]
        return np.asarray(np.maximum(maps.distance(own, gap), TINY) / maps.scale[own] / gap)

    at_independent = growth(np.arange(which.size), gap)
    apart = np.flatnonzero(at_independent > 1 + INDEPENDENT)
    if apart.size:  # only inputs of a batch end anticorrelated, and their d′ = α d + β
        alpha = maps.slope(which[apart], np.ones(apart.size))
        gap[apart] = (at_independent[apart] - alpha) / (1.0 - alpha)
    nearer = np.flatnonzero(at_independent < 1 - INDEPENDENT)
    if nearer.size == 0:
        return gap
    parted = maps.parted[which[nearer]] / maps.scale[which[nearer]]
    noisy = parted > 0

    def excess(number: Ints, gap: Floats) -> Floats:
        """What falls through 0: growth − 1, or 1 − c times it where the growth is unbounded at c = 1."""
        return (growth(nearer[number], gap) - 1.0) * np.where(noisy[number], gap, 1.0)

    at_zero = np.where(noisy, parted, np.broadcast_to(at_one, which.shape)[nearer] - 1.0)
    brackets = _bracketed(excess, at_independent[nearer] - 1.0, at_zero, 0.5 * parted)
    gap[nearer] = 0.0
    found = np.flatnonzero(brackets.low > 0)
    low, high, *at_ends = (ends[found] for ends in brackets)
    known = at_ends[0], at_ends[1]
    gap[nearer[found]] = root(lambda number, x: excess(found[number], x), low, high, atol=TINY, values=known)
    return gap


class _Brackets(NamedTuple):
    """The 1 − c between which an excess falls through 0, and the excess there; `low` is 0 where there is none."""

    low: Floats
    high: Floats
    at_low: Floats
    at_high: Floats


def _bracketed(excess: NumberedFunction, at_one: Floats, at_zero: Floats, least: Floats) -> _Brackets:
    """Brackets of the zeros that the excess has below 1, from its values at 1, which are negative, and at 0.

    The zero is above `least`. The secant through the last two points leads the way, in 1 − c and, where it leads to
    c > 1, in ln(1 − c). No step is longer than from 1 − c to (1 − c)²/e, or shorter than 1e-6 of 1 − c.
    """
    low, high = np.zeros(at_one.size), np.ones(at_one.size)
    at_low, at_high = at_zero.copy(), at_one.copy()
    with np.errstate(invalid="ignore"):
        x = np.where(np.isfinite(at_zero), at_zero / (at_zero - at_one), np.exp(-1.0))
    active = np.arange(at_one.size)
    for step in count():
        if step == PATIENCE:
            unknown = active[~np.isfinite(at_zero[active])]
            none = unknown[excess(unknown, np.full(unknown.size, CLOSEST)) <= 0] if unknown.size else unknown
            active = np.setdiff1d(active, none)
        if active.size == 0:
            break
        here, value = x[active], excess(active, x[active])
        above = value > 0
        low[active[above]], at_low[active[above]] = here[above], value[above]
        active, here, value = active[~above], here[~above], value[~above]
        before, was = high[active], at_high[active]
        high[active], at_high[active] = here, value
        with np.errstate(all="ignore"):
            flat = here - BEYOND * value * (before - here) / (was - value)
            steep = BEYOND * np.log1p(value) * np.log(before / here) / (np.log1p(was) - np.log1p(value))
            there = np.nan_to_num(np.where(flat > 0, flat, here * np.exp(-steep)))
        x[active] = np.maximum(np.clip(there, here * here / np.e, here * (1 - NEARBY)), least[active])
    return _Brackets(low, high, at_low, at_high)
