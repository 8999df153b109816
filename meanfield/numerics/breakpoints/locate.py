"""Location of a breakpoint between two smooth pieces, by comparing values with the continuations of both."""

from typing import NamedTuple

import numpy as np

from meanfield._types import ArrayFunction, Bools, Floats, Ints
from meanfield.numerics.breakpoints.chebyshev_panels import (
    EPS,
    Crossings,
    N,
    Panels,
    crossings,
    fit,
    fits,
    matches,
    nodes,
    resolved,
)

PROGRESS = 0.75  # a round has failed if the gap keeps more than this fraction of its length
#: Fractions of a gap. They are not round numbers, since the value at a jump may fit neither side.
EVENLY = (np.arange(1, 17) - 0.381966) / 16
LADDER = np.outer([-1.0, 1.0], np.logspace(-0.5, -14.5, 8)).ravel()  # distances from an estimate, in lengths of the gap
POINT = 2 * EPS  # a gap this short, relative to max(1, |x|), counts as a point
SPECK = 1e-13  # in a gap this short, a value that fits neither side is the value at a jump
LOOSE = 1e-5  # continuations with larger errors, relative to the function, are not used
STEEP = 1e-2  # a singularity with a larger variation, relative to the function, is a jump
CHANCE = 1e-3  # a breakpoint is rounded to a decimal that is this unlikely to lie within the error by chance


class Gaps(NamedTuple):
    """Intervals that may hold a breakpoint; arrays of shape (gaps,)."""

    left: Ints  # number of the smooth panel on the left
    right: Ints  # number of the smooth panel on the right
    lo: Floats
    hi: Floats
    edge: Floats  # common edge of the two panels; NaN if they are not adjacent


def gaps_at_edges(panels: Panels, eligible: Bools, cuts: list[float]) -> Gaps:
    """Gaps between the nodes on both sides of an edge, except at `cuts`, where two eligible panels do not fit."""
    i = np.flatnonzero(eligible[:-1] & eligible[1:] & ~np.isin(panels["b"][:-1], cuts))
    i = i[~fits(panels[i], panels[i + 1])]
    edge, reach = panels["b"][i], 0.5 * (1.0 - np.cos(np.pi / (2 * N)))
    width = panels["b"] - panels["a"]
    return Gaps(i, i + 1, edge - reach * width[i], edge + reach * width[i + 1], edge)


def gaps_in_panels(panels: Panels, eligible: Bools, rough: Bools) -> Gaps:
    """Gaps in rough panels that agree with the left neighbour up to one node and with the right one from the next."""
    i = 1 + np.flatnonzero(eligible[:-2] & rough[1:-1] & eligible[2:])
    if i.size == 0:
        return Gaps(i, i, np.empty(0), np.empty(0), np.empty(0))
    x, f = nodes(panels["a"][i], panels["b"][i]), panels["f"][i]
    left, left_allowed = matches(panels[i - 1], x, f)
    right, right_allowed = matches(panels[i + 1], x, f)
    from_left = np.minimum.accumulate(left, axis=1)
    from_right = np.minimum.accumulate(right[:, ::-1], axis=1)[:, ::-1]
    allowed = np.maximum(left_allowed * from_left, right_allowed * from_right) <= LOOSE * panels["scale"][i, None]
    explained = ((from_left | from_right) & allowed).all(axis=1) & ~(left & right).all(axis=1)
    lo = np.where(from_right, panels["a"][i, None], x).max(axis=1, initial=-np.inf)
    hi = np.where(from_left, panels["b"][i, None], x).min(axis=1, initial=np.inf)
    k = np.flatnonzero(explained)
    return Gaps(i[k] - 1, i[k] + 1, lo[k], hi[k], np.full(k.size, np.nan))


def locate(sample: ArrayFunction, panels: Panels, gaps: Gaps) -> list[tuple[float, int, float, float] | None]:
    """Place, order, size and error of place of the breakpoint in each gap; None if it holds none or more than one."""
    left, right = panels[gaps.left], panels[gaps.right]
    lo, hi, edge = gaps.lo.copy(), gaps.hi.copy(), gaps.edge.copy()
    place, order = np.zeros(lo.size), np.full(lo.size, -1)
    found = np.zeros(lo.size, dtype=bool)
    active = np.arange(lo.size)
    while active.size:
        fresh = order[active] != 0  # a suspected jump is not estimated again while its gap shrinks
        k = active[fresh]
        if k.size:
            guess = crossings(left[k], right[k], lo[k], hi[k])
            order[k], place[k] = guess.order, np.where((guess.order == 0) & ~np.isnan(edge[k]), edge[k], guess.x)
        a, b, jump, middle = lo[active, None], hi[active, None], order[active] == 0, place[active, None]
        ladder = ~(jump & np.isnan(edge[active]))[:, None]
        x = np.clip(np.where(ladder, middle + (b - a) * LADDER, a + (b - a) * EVENLY), a, b)
        f = sample(x)
        is_left, is_right = (matches(side[active], x, f)[0] | (ladder & (x == middle)) for side in (left, right))
        lo[active], hi[active] = np.where(is_right, a, x).max(axis=1), np.where(is_left, b, x).min(axis=1)
        edge[active] = np.nan
        before, after = (b - a)[:, 0], hi[active] - lo[active]
        size = np.maximum(1.0, np.maximum(np.abs(a), np.abs(b)))[:, 0]
        neither = ~(is_left | is_right).all(axis=1)
        sided = (is_left | (x >= middle)).all(axis=1) & (is_right | (x <= middle)).all(axis=1)
        narrow = np.where(neither, before <= SPECK * size, after <= POINT * size)
        done = np.where(jump, narrow, sided & ~neither & (order[active] > 0))
        stuck = after > PROGRESS * before
        found[active[done]] = True
        order[active[stuck & ~fresh]] = -1
        active = active[~done & ~neither & (after > 0) & ~(fresh & (stuck | (order[active] < 0)))]
    result: list[tuple[float, int, float, float] | None] = [None] * lo.size
    k = np.flatnonzero(found)
    if k.size:
        polished = _polish(sample, left[k], right[k], np.minimum(lo, hi)[k], np.maximum(lo, hi)[k])
        for i, x, error, r, jump_size in zip(k, *polished, strict=True):
            rounded = roundest(x, error)
            result[i] = (rounded, int(r), float(jump_size), float(error + abs(rounded - x))) if r >= 0 else None
    return result


def _polish(sample: ArrayFunction, left: Panels, right: Panels, lo: Floats, hi: Floats) -> Crossings:
    """Breakpoints recomputed from new panels that end at the first estimates; order −1 if a new panel is unresolved."""
    first = crossings(left, right, lo, hi)
    x = np.array([roundest(*place) for place in zip(first.x, first.error, strict=True)])
    a = np.r_[np.maximum(x - (left["b"] - left["a"]), left["a"]), x]
    b = np.r_[x, np.minimum(x + (right["b"] - right["a"]), right["b"])]
    both = np.r_[left, right]
    again = fit(a, b, sample(nodes(a, b)), both["scale"], both["noise"])
    smooth = resolved(again).reshape(2, -1).all(axis=0)
    better = crossings(again[: x.size], again[x.size :], lo, hi)
    return better._replace(order=np.where(smooth, better.order, -1))


def roundest(x: float, error: float) -> float:
    """The shortest decimal within `error` of x, if a decimal so short is unlikely by chance (CHANCE); else x."""
    for digits in range(15):
        if error * 10.0**digits > CHANCE:
            break
        if abs(round(x, digits) - x) <= error:
            return float(round(x, digits)) + 0.0
    return float(x)


def runs(panels: Panels) -> list[Panels]:
    """The panels in groups of adjacent panels."""
    return np.split(panels, 1 + np.flatnonzero(panels["a"][1:] > panels["b"][:-1])) if panels.size else []


def singularity(run: Panels) -> tuple[float, int, float]:
    """Place, order and size of the singularity in a run of shortest panels: a jump if f varies there, else order 1."""
    width = run["b"] - run["a"]
    last = run[width < 1.5 * width.min()]
    a, b = float(last["a"][0]), float(last["b"][-1])
    x = roundest(0.5 * (a + b), 0.5 * (b - a))
    if np.ptp(last["f"]) > STEEP * last["scale"].max():
        return x, 0, float(last["f"][-1, -1] - last["f"][0, 0])
    return x, 1, np.inf
