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
CLOSEST = -600.0  # ln(1 − c) below which c is 1
PATIENCE = 3  # steps after which a zero is asked for between 0 and the next one
NEARBY = 1e-6  # the shortest step in ln(1 − c)
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
    at = np.where(q == 0, VANISHING, np.where(np.isinf(q), INFINITE, q))
    maps = pair_maps(networks, at)
    with np.errstate(divide="ignore", invalid="ignore"):  # a signal of q = 0 may stay 0
        c, chi_c = np.ones(q.size), np.where(q == 0, chi_1, chi_1 * at / maps.scale)
    slow = np.zeros(q.size, dtype=np.bool_)
    if np.isinf(q).any():
        added = increment_maps(networks, at)
        slow = _barely_changes(maps, at) & np.isinf(q) & (added.scale > 0)
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
    return signal_map(forward.take(np.arange(q.size)), np.where(np.isinf(q), INFINITE, q)).chi


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
    log_gap = np.zeros(which.size)
    if which.size == 0:
        return log_gap

    def growth(number: Ints, log_gap: Floats) -> Floats:
        """Of 1 − c in one layer: its logarithm."""
        own = which[number]
        distance = np.maximum(maps.distance(own, np.exp(log_gap)), TINY)
        return np.asarray(np.log(distance) - np.log(maps.scale[own]) - log_gap)

    at_independent = growth(np.arange(which.size), log_gap)
    apart = np.flatnonzero(at_independent > INDEPENDENT)
    if apart.size:  # only inputs of a batch end anticorrelated, and their d′ = α d + β
        alpha = maps.slope(which[apart], np.ones(apart.size))
        log_gap[apart] = np.log((np.exp(at_independent[apart]) - alpha) / (1.0 - alpha))
    nearer = np.flatnonzero(at_independent < -INDEPENDENT)
    if nearer.size == 0:
        return np.exp(log_gap)
    parted = maps.parted[which[nearer]] / maps.scale[which[nearer]]
    falls = -np.expm1(at_independent[nearer])
    at_zero = np.broadcast_to(at_one, which.shape)[nearer] - 1.0
    with np.errstate(invalid="ignore", divide="ignore"):  # zeros of chords of d′/q′ − (1 − c), or of the factor − 1
        chord = np.where(parted > 0, parted / (parted + falls), at_zero / (at_zero + falls))
        start, least = np.log(np.where(np.isfinite(chord), chord, np.exp(-1.0))), np.log(0.5 * parted)
    low, high, *ends = _bracketed(lambda number, x: growth(nearer[number], x), at_independent[nearer], start, least)
    log_gap[nearer] = -np.inf
    found = np.flatnonzero(low > -np.inf)
    at_ends = ends[0][found], ends[1][found]
    log_gap[nearer[found]] = root(lambda i, x: growth(nearer[found[i]], x), low[found], high[found], values=at_ends)
    return np.exp(log_gap)


class _Brackets(NamedTuple):
    """The ln(1 − c) between which growth falls through 0, and the growth there; `low` is −inf where there is none."""

    low: Floats
    high: Floats
    at_low: Floats
    at_high: Floats


def _bracketed(growth: NumberedFunction, at_independent: Floats, start: Floats, least: Floats) -> _Brackets:
    """Brackets of the zeros of the growth below ln(1 − c) = 0, where it is below 0; they are above `least`.

    The secant through the last two points leads from `start` on, of the growth as a function of 1 − c, or of its
    logarithm where that leads beyond c = 1. No step is longer than from ln(1 − c) to 2 ln(1 − c) − 1.
    """
    low, high, at_low = np.full(start.size, -np.inf), np.zeros(start.size), np.zeros(start.size)
    at_high, x, active = at_independent.copy(), start.copy(), np.arange(start.size)
    for step in count():
        if step == PATIENCE:
            active = active[growth(active, np.full(active.size, CLOSEST)) > 0] if active.size else active
        if active.size == 0:
            break
        here, value = x[active], growth(active, x[active])
        above = value > 0
        low[active[above]], at_low[active[above]] = here[above], value[above]
        active, here, value = active[~above], here[~above], value[~above]
        before, was = high[active], at_high[active]
        high[active], at_high[active] = here, value
        with np.errstate(all="ignore"):
            factor, other = np.expm1(value), np.expm1(was)
            flat = here + np.log1p(-BEYOND * factor * np.expm1(before - here) / (other - factor))
            steep = here - BEYOND * value * (before - here) / (was - value)
            there = np.nan_to_num(np.where(np.isfinite(flat), flat, steep))
        x[active] = np.maximum(np.clip(there, 2 * here - 1, here - NEARBY), least[active])
    return _Brackets(low, high, at_low, at_high)
