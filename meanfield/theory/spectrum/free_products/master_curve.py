"""The curve log z = H(m) on which the ψ-transform m(z) of the Jacobian lies, and Newton's method on it.

log z = Σ eⱼ log(aⱼ + m) + const + Σ n_g log ζ_g(c_g m), the sum over the factors of the layers. The unknowns are m and
the variable ω_g of each factor. On the real axis of log z, −Im m/π is the density of the logarithm of the eigenvalue.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from meanfield._types import Bools, Floats
from meanfield.theory.spectrum.free_products.factors import Factor, OnCurve
from meanfield.theory.spectrum.slopes.transforms import Numbers

STEPS = 30  # most corrections
RESIDUAL = 1e-12  # of log z, relative to the sum of the absolute terms
STALLED = 1e-9
EPS = float(np.finfo(float).eps)
TINY = 1e-200  # imaginary part on the upper side of the real axis
LONGEST = 1.0  # of a correction of ω


class Rational(NamedTuple):
    """A term e·log(a + m)."""

    a: float
    power: int


class Member(NamedTuple):
    """A factor that occurs `times` times, with c·m in place of m."""

    factor: Factor
    times: int
    c: float


class State(NamedTuple):
    """Points of the curve: m, 1 + m and ω of each factor, each of shape (n,)."""

    m: Numbers
    m1: Numbers
    omega: tuple[Numbers, ...]

    def take(self, index: Any) -> "State":
        """Some of the points."""
        return State(self.m[index], self.m1[index], tuple(one[index] for one in self.omega))


class Tangent(NamedTuple):
    """The curve at a state."""

    log_z: Numbers
    size: Floats  # sum of the absolute terms of log z
    slope: Numbers  # d log z/dm
    omega: tuple[Numbers, ...]  # dω/dm of each factor
    off: Numbers  # correction of m for the factors that are not at c·m
    on: tuple[OnCurve, ...]
    misfit: Floats  # largest relative misfit of the factors


@dataclass(frozen=True, eq=False)
class MasterCurve:
    """log z as a function of m.

    Parameters
    ----------
    rational : tuple of Rational
        The terms that matrices add.
    constant : float
        The sum of the logarithms of all variances of weights.
    members : tuple of Member
        The factors. The first one has the same 1 + m as the curve (c = 1).
    """

    rational: tuple[Rational, ...]
    constant: float
    members: tuple[Member, ...]

    def tangent(self, state: State, on: tuple[OnCurve, ...] | None = None) -> Tangent:
        """log z and its derivatives at a state whose factors may be slightly off."""
        m, m1 = state.m, state.m1
        on = on or tuple(one.factor.at(omega) for one, omega in zip(self.members, state.omega, strict=True))
        log_z = np.full(m.shape, self.constant, dtype=m.dtype)
        size = np.full(m.shape, abs(self.constant))
        slope = np.zeros_like(m)
        for a, power in self.rational:
            argument = m if a == 0 else m1 + (a - 1.0)
            term = power * (np.log(argument) if np.iscomplexobj(m) else np.log(np.abs(argument)))
            log_z, size, slope = log_z + term, size + np.abs(term), slope + power / argument
        off, misfit, along = np.zeros_like(m), np.zeros(m.shape), []
        for (_, count, c), one in zip(self.members, on, strict=True):
            if c == 1.0:
                close = np.abs(m1) < np.abs(m)
                missing = np.where(close, m1 - one.m1, m - one.m)
                scale = np.where(close, np.abs(m1), np.abs(m))
            else:
                missing, scale = c * m - one.m, np.abs(c * m)
            per_m = one.log_slope / one.slope
            log_z = log_z + count * one.log
            size = size + count * np.abs(one.log)
            slope = slope + count * c * per_m
            off = off + count * per_m * missing
            misfit = np.maximum(misfit, np.abs(missing) / scale)
            along.append((c / one.slope, missing / one.slope))
        return (
            Tangent(log_z, size, slope, tuple(d for d, _ in along), off, on, misfit)
            if len(on) > 1
            else Tangent(log_z, size, slope, (along[0][0],), off, on, misfit)
        )

    def solved(self, state: State, log_z: Numbers) -> tuple[State, Tangent, Bools]:
        """The points at which log z has the given values, from near-by states; whether each was reached."""
        state = self.consistent(state)
        reached = np.zeros(log_z.shape, dtype=bool)
        best = np.full(log_z.shape, np.inf)
        for _ in range(STEPS):
            tangent = self.tangent(state)
            missing = log_z - tangent.log_z
            wrong = np.maximum(np.abs(missing) / np.maximum(tangent.size, 1.0), tangent.misfit)
            stalled = (wrong > 0.25 * best) & (wrong < STALLED)
            best = np.fmin(best, wrong)
            reached = (wrong < RESIDUAL) | stalled
            if reached.all() or not np.isfinite(wrong).any():
                break
            delta = (missing - tangent.off) / tangent.slope
            state = self._moved(state, tangent, delta)
        return state, tangent, reached & self.on_sheet(state)

    def consistent(self, state: State) -> State:
        """The state with m of the first factor."""
        if len(self.members) > 1:
            return state
        first = self.members[0].factor.at(state.omega[0])
        return State(first.m, first.m1, state.omega)

    def _moved(self, state: State, tangent: Tangent, delta: Numbers) -> State:
        omegas = []
        missing_of = self.missing(state, tangent)
        for one, omega, per_m, own in zip(self.members, state.omega, tangent.omega, missing_of, strict=True):
            step = per_m * delta + own
            length = np.abs(step)
            step = np.where(length > LONGEST, step * LONGEST / np.where(length > 0, length, 1.0), step)
            if np.iscomplexobj(omega):
                step = np.where(np.imag(omega + step) <= 0, np.real(step) - 0.5j * np.imag(omega), step)
                over = one.factor.ceiling - np.imag(omega)
                step = np.where(np.imag(step) >= over, np.real(step) + 0.5j * over, step)
            omegas.append(omega + step)
        if len(self.members) == 1:
            return self.consistent(State(state.m, state.m1, tuple(omegas)))
        limit = 0.5 * np.minimum(np.abs(state.m), np.abs(state.m1)) / np.maximum(np.abs(delta), 1e-300)
        delta = delta * np.minimum(1.0, np.maximum(limit, 1e-3))
        return State(state.m + delta, state.m1 + delta, tuple(omegas))

    def missing(self, state: State, tangent: Tangent) -> list[Numbers]:
        """What each ω lacks to have c·m."""
        found: list[Numbers] = []
        for (_, _, c), one in zip(self.members, tangent.on, strict=True):
            near_one = (np.abs(state.m1) < np.abs(state.m)) & (c == 1.0)
            found.append(np.where(near_one, state.m1 - one.m1, c * state.m - one.m) / one.slope)
        return found

    def on_sheet(self, state: State) -> Bools:
        """Whether a state has m below and ω above the real axis, as an upper half-plane of z does."""
        above = np.ones(state.m.shape, dtype=bool)
        for one, omega in zip(self.members, state.omega, strict=True):
            above &= np.isfinite(omega) & (np.imag(omega) >= 0) & (np.imag(omega) <= one.factor.ceiling)
        return np.asarray(above & (np.imag(state.m) <= 0))

    def mass_above(self, state: State, tangent: Tangent, log_z: Floats) -> Floats:
        """The mass of eigenvalues above each real z, from Im E log(1 − λ/z) = π·P(λ > z)."""
        m, m1 = state.m, state.m1
        total = np.imag(m) * (log_z - self.constant)
        for a, power in self.rational:
            argument = m if a == 0 else m1 + (a - 1.0)
            total = total - power * np.imag(argument * np.log(argument) - m)
        for (factor, count, c), omega, on in zip(self.members, state.omega, tangent.on, strict=True):
            total = total - count / c * factor.potential(omega, on)
        return np.asarray(total / np.pi)

    def mass_above_gap(self, state: State) -> float:
        """The mass of eigenvalues above a gap, from a state on the real axis that maps into it."""
        beside = State(
            state.m - TINY * 1j, state.m1 - TINY * 1j, tuple(np.asarray(omega) + TINY * 1j for omega in state.omega)
        )
        on = tuple(one.factor.at(omega) for one, omega in zip(self.members, state.omega, strict=True))
        total = 0.0
        for a, power in self.rational:
            argument = beside.m if a == 0 else beside.m1 + (a - 1.0)
            total -= power * float(np.imag(argument * np.log(argument))[0])
        for (factor, count, c), omega, one in zip(self.members, beside.omega, on, strict=True):
            total -= count / c * float(factor.potential(omega, one)[0])
        return total / np.pi
