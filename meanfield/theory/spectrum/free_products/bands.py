"""The bands of the continuous spectrum: its edges are the extrema of log z on the real axis outside of the slopes' law.

log z grows with w exactly on those stretches of the real axis of w that map to gaps of the spectrum. Beyond the largest
t there is always one, which maps to the gap above the largest eigenvalue.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np

from meanfield._types import Bools, Floats
from meanfield.errors import NotConverged
from meanfield.theory.spectrum.free_products.factors import Factor, OnCurve, Skip, Slopes
from meanfield.theory.spectrum.free_products.master_curve import MasterCurve, State
from meanfield.theory.spectrum.slopes.transforms import Numbers

SCAN = 48  # points of a stretch at which the slope of log z is read
INNER = 12.0  # of these logarithms, up to which the first look goes
CLOSEST, FARTHEST = -30.0, 18.0  # logarithms of the distance of w from an end of its stretch
MARGIN = 10.0  # of these logarithms, within which an extremum is not told from the end of the law
ROUNDS = 14  # most rounds that narrow a bracket
FINE = 12  # points of a round
NARROW = 1e-9  # least width of a band in the logarithm; an atom between two gaps has none
EPS = float(np.finfo(float).eps)
WIDTH = 1e-7  # relative width of a bracket of the variable, whose square is the error of an extremum

Real: TypeAlias = Callable[[Floats], tuple[State, Floats, Floats]]


class Edge(NamedTuple):
    """An end of a band."""

    log: float  # log of the eigenvalue; −inf or inf where the band has no end
    error: float  # bound on the error of `log`
    state: State | None  # on the real axis there, each of shape (1,); None where the density has no square root
    tau: float  # where on its stretch
    stretch: "Stretch | None"


@dataclass(frozen=True)
class Band:
    """A stretch of the continuous spectrum."""

    low: Edge
    high: Edge


class Stretch(NamedTuple):
    """A stretch of the real axis of the first factor's variable, and its numbering by τ."""

    omega: Callable[[Floats], Floats]  # of τ, ascending
    low: float  # range of τ
    high: float
    lower: bool  # whether m < −1 on it
    ends: tuple[float | None, float | None]  # log z at the ends of τ, where they are limits and not ends of the law


@dataclass(frozen=True)
class Extrema:
    """Where log z grows on a stretch, as the gap of the spectrum."""

    below: Edge
    above: Edge


def bands(curve: MasterCurve) -> tuple[Band, ...]:
    """The bands, ascending."""
    gaps = sorted(
        (gap for stretch in _stretches(curve) for gap in _gaps(curve, stretch)), key=lambda gap: gap.below.log
    )
    low, found = Edge(-math.inf, 0.0, None, math.nan, None), []
    for gap in gaps:
        if gap.below.log > low.log + NARROW:
            found.append(Band(low, gap.below))
        low = max(low, gap.above, key=lambda edge: edge.log)
    if low.log < math.inf:
        found.append(Band(low, Edge(math.inf, 0.0, None, math.nan, None)))
    return tuple(found)


def _most(curve: MasterCurve) -> float:
    return max(one.factor.law.support.most for one in curve.members)


def _stretches(curve: MasterCurve) -> list[Stretch]:
    """The stretches on which log z is read, in descending order of w."""
    first = curve.members[0].factor
    support = first.law.support
    found = []
    if math.isfinite(_most(curve)):
        found.append(_beyond(math.log(support.most), False))
        if all(isinstance(one.factor, Skip) for one in curve.members):
            found.append(_beyond(math.log(support.most), True))
    plain = [one.factor for one in curve.members if isinstance(one.factor, Slopes)]
    if len(plain) == len(curve.members):
        if all(factor.law.support.least > 0 for factor in plain):
            found.append(_below(math.log(support.least)))
        if len(plain) == 1:
            for a, b in zip(support.high, support.low[1:], strict=False):
                found.append(_between(max(a, b * math.exp(-700.0)), b))
    return found


def _beyond(edge: float, lower: bool) -> Stretch:
    def omega(tau: Floats) -> Floats:
        return np.asarray(edge + np.log1p(np.exp(tau)))

    if lower:
        return Stretch(omega, CLOSEST, 60.0, True, (None, -math.inf))
    return Stretch(omega, CLOSEST, FARTHEST, False, (None, math.inf))


def _below(edge: float) -> Stretch:
    return Stretch(lambda tau: edge - np.log1p(np.exp(-tau)), -60.0, -CLOSEST, True, (-math.inf, None))


def _between(a: float, b: float) -> Stretch:
    """From a to b in equal steps of the logit of the logarithm's share."""
    low, high = math.log(a), math.log(b)
    return Stretch(lambda tau: low + (high - low) / (1 + np.exp(-tau)), CLOSEST, -CLOSEST, False, (None, None))


def _reader(curve: MasterCurve, lower: bool) -> Real:
    """From ω of the first factor to states on the real axis, log z and its slope in ω."""
    others = [_Other(one.factor, one.c, lower) for one in curve.members[1:]]

    def read(omega: Floats) -> tuple[State, Floats, Floats]:
        first = _at(curve.members[0].factor, omega, lower)
        m, m1 = first.m, first.m1
        omegas = [omega, *(other.at(m, m1) for other in others)]
        state = State(m, m1, tuple(omegas))
        on = tuple(_at(one.factor, w, lower) for one, w in zip(curve.members, omegas, strict=True))
        tangent = curve.tangent(state, on)
        valid = _phase(curve, m, m1)
        return state, np.where(valid, tangent.log_z, np.nan), np.where(valid, tangent.slope, np.nan)

    return read


def _at(factor: Factor, omega: Floats, lower: bool) -> OnCurve:
    return factor.at(omega, lower) if isinstance(factor, Skip) else factor.at(omega)


def _phase(curve: MasterCurve, m: Numbers, m1: Numbers) -> Bools:
    """Whether z is real and positive on the sheet of the spectrum: its negative factors must cancel."""
    turns = np.zeros(m.shape)
    for a, power in curve.rational:
        turns += power * ((m if a == 0 else m1 + (a - 1.0)) < 0)
    turns -= np.sum([2 * one.times for one in curve.members if isinstance(one.factor, Skip)]) * (m1 < 0)
    return np.asarray((turns == 0) & np.isfinite(m) & (m != 0) & (m1 != 0), dtype=bool)


class _Other:
    """ω of a further factor as a function of m on the real axis, from a table and Newton's method."""

    def __init__(self, factor: Slopes | Skip, c: float, lower: bool) -> None:
        self.factor, self.c, self.lower = factor, c, lower
        support = factor.law.support
        if lower and isinstance(factor, Slopes):
            self.stretch = _below(math.log(support.least))
        else:
            self.stretch = _beyond(math.log(support.most), lower)
        self.tau = np.linspace(self.stretch.low, self.stretch.high, 2 * SCAN)
        on = _at(factor, self.stretch.omega(self.tau), lower)
        self.table = self._key(on.m, on.m1)
        if self.table[0] > self.table[-1]:
            self.table, self.tau = self.table[::-1], self.tau[::-1]

    def _key(self, m: Numbers, m1: Numbers) -> Floats:
        with np.errstate(all="ignore"):
            return np.asarray(np.log(-m1 if self.lower else m))

    def at(self, m: Numbers, m1: Numbers) -> Floats:
        with np.errstate(all="ignore"):
            m = self.c * m
            m1 = m1 if self.c == 1 else 1 + m
            wanted = self._key(m, m1)
            tau = np.interp(wanted, self.table, self.tau, left=np.nan, right=np.nan)
            omega = self.stretch.omega(tau)
            for _ in range(6):
                on = _at(self.factor, omega, self.lower)
                step = (m1 - on.m1 if self.lower else m - on.m) / on.slope
                edge = self.stretch.omega(
                    np.array(-1e9 if not (self.lower and isinstance(self.factor, Slopes)) else 1e9)
                )
                distance = omega - edge
                omega = edge + distance * np.exp(np.clip(step / distance, -1.0, 1.0))
            return np.asarray(omega)


def _gaps(curve: MasterCurve, stretch: Stretch) -> list[Extrema]:
    """The gaps of the spectrum that a stretch maps to: there m falls as z grows."""
    read = _reader(curve, stretch.lower)
    tau = np.linspace(max(stretch.low, -INNER), min(stretch.high, max(INNER, FARTHEST)), SCAN)
    log_z, falls = _read(read, stretch, tau)
    ends = [tau[:0], tau[:0]]
    if falls[0] and stretch.low < tau[0]:
        ends[0] = np.linspace(stretch.low, tau[0], SCAN)[:-1]
    if falls[-1] and stretch.high > tau[-1]:
        ends[1] = np.linspace(tau[-1], stretch.high, SCAN)[1:]
    if ends[0].size or ends[1].size:
        tau = np.concatenate([ends[0], tau, ends[1]])
        log_z, falls = _read(read, stretch, tau)
    found = []
    first, last = (np.flatnonzero(falls & ~beside) for beside in (np.r_[False, falls[:-1]], np.r_[falls[1:], False]))
    for i, j in zip(first, last, strict=True):
        pair = []
        for inside, outside in ((i, i - 1), (j, j + 1)):
            if 0 <= outside < tau.size and np.isfinite(log_z[outside]):
                pair.append(_extremum(curve, read, stretch, *sorted((tau[inside], tau[outside]))))
            else:
                pair.append(
                    _limit(stretch, float(log_z[inside]), bool(0 <= outside < tau.size), bool(inside == tau.size - 1))
                )
        found.append(Extrema(*sorted(pair, key=lambda edge: edge.log)))
    return found


def _read(read: Real, stretch: Stretch, tau: Floats) -> tuple[Floats, Bools]:
    with np.errstate(all="ignore"):
        _, log_z, slope = read(stretch.omega(tau))
    return log_z, np.asarray(np.nan_to_num(slope, nan=1.0) < 0)


def _limit(stretch: Stretch, log: float, of_sheet: bool, at_high: bool) -> Edge:
    """The end of a gap at the end of a stretch: 0 or inf beyond the law of slopes, else log z at an end of that law."""
    end = stretch.ends[int(at_high)]
    if of_sheet:
        log = -math.inf if stretch.lower else math.inf
    elif end is not None:
        log = end
    return Edge(log, 0.0, None, math.nan, None)


def _extremum(curve: MasterCurve, read: Real, stretch: Stretch, low: float, high: float) -> Edge:
    """The extremum of log z between two places, by rounds of points."""
    sign = 0.0
    for _ in range(ROUNDS):
        tau = np.linspace(low, high, FINE)
        _, _, slope = read(stretch.omega(tau))
        sign = np.sign(slope[0])
        change = int(np.argmax(np.sign(slope) != sign))
        if change == 0:
            raise NotConverged("an edge of the spectrum was lost between two points of the real axis")
        before, after = slope[change - 1], slope[change]
        low, high = tau[change - 1], tau[change]
        if high - low <= WIDTH:
            break
    tau_star = low + (high - low) * before / (before - after)
    state, log_z, _ = read(stretch.omega(np.array([tau_star])))
    if min(tau_star - stretch.low, stretch.high - tau_star) < MARGIN and abs(tau_star) > INNER:
        near = sum(one.times for one in curve.members) * math.exp(-abs(tau_star)) + _edge_error(curve, state)
        return Edge(float(log_z[0]), near, None, tau_star, stretch)  # on the end of the law, or next to it
    return Edge(float(log_z[0]), _edge_error(curve, state), state, tau_star, stretch)


def _edge_error(curve: MasterCurve, state: State) -> float:
    """Bound on the error of log z at an extremum: of m at the same ω, and of rounding."""
    size, slope = abs(curve.constant), 0.0
    for a, power in curve.rational:
        argument = float((state.m if a == 0 else state.m1 + (a - 1.0))[0])
        size += abs(power * math.log(abs(argument)))
        slope += power / argument
    error = 0.0
    for (factor, count, c), omega in zip(curve.members, state.omega, strict=True):
        size += count * (abs(float(omega[0])) + 1)
        own = float(factor.error(omega)[0]) / c
        error += (abs(slope) + (count * 4 if isinstance(factor, Skip) else 0.0)) * own
    return error + 8 * EPS * size
