"""The support of t = φ′²: between the nodes of panels, at their ends, and far out beyond all weight."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from meanfield.numerics.quadrature.gauss_legendre import rule
from meanfield.theory.spectrum.slopes.panels import Panels, Parts

FAR = (1e3, 1e6, 1e9)  # distances in units of √q at which the growth of φ′ is read
GROWS = 1.01  # factor of t between the last two of them at which t counts as unbounded
ZERO = 1e-28  # of the largest t, which is rounding at a zero of φ′
TOUCH = 1e-6  # relative distance of intervals of t that touch
TOP = 1e-3  # share of the largest values of t, within which a panel may hold the maximum


@dataclass(frozen=True)
class Support:
    """Where t has values: disjoint closed intervals, ascending; the last one may end at inf."""

    low: tuple[float, ...]
    high: tuple[float, ...]

    @property
    def least(self) -> float:
        """The infimum of t."""
        return self.low[0]

    @property
    def most(self) -> float:
        """The supremum of t."""
        return self.high[-1]


def support_of(parts: Parts, q: float, atoms: Sequence[float], panels: Panels) -> Support:
    """The support of t, from its atoms and panels."""
    intervals = [(t, t) for t in atoms]
    if panels.a.size:
        low, high = panels.low.copy(), panels.high.copy()
        for sign, bound in ((1.0, high), (-1.0, low)):
            best = (sign * bound).max()
            reach = np.flatnonzero(sign * bound >= best - TOP * abs(best) - (panels.high - panels.low))
            for i in reach:
                bound[i] = sign * max(sign * bound[i], _inside(parts, panels, int(i), sign))
        order = np.argsort(low)
        intervals += list(zip(low[order].tolist(), high[order].tolist(), strict=True))
    merged: list[list[float]] = []
    largest = max(b for _, b in intervals)
    for a, b in sorted(intervals):
        if merged and a <= merged[-1][1] * (1 + TOUCH) + TOUCH**2 * largest:
            merged[-1][1] = max(merged[-1][1], b)
        else:
            merged.append([a, b])
    least, most = _far(parts, math.sqrt(q))
    if merged[0][0] <= ZERO * largest:
        merged[0][0] = 0.0
    merged[0][0], merged[-1][1] = min(merged[0][0], least), max(merged[-1][1], most)
    return Support(tuple(one[0] for one in merged), tuple(one[1] for one in merged))


def _inside(parts: Parts, panels: Panels, i: int, sign: float) -> float:
    """sign·t at its extremum inside a panel, from the zeros of the derivative of the interpolant."""
    coefficients = rule().coefficients @ panels.t[i]
    with np.errstate(all="ignore"):
        roots = np.polynomial.legendre.legroots(np.trim_zeros(np.polynomial.legendre.legder(coefficients), "b"))
    roots = np.real(roots[(np.abs(np.imag(roots)) < 1e-6) & (np.abs(roots) <= 1)])
    if not roots.size:
        return -math.inf
    x = 0.5 * (panels.a[i] + panels.b[i]) + 0.5 * (panels.b[i] - panels.a[i]) * roots
    t = np.asarray(parts[int(panels.part[i])][1].derivative(x)) ** 2
    return float((sign * t).max())


def _far(parts: Parts, scale: float) -> tuple[float, float]:
    """Infimum and supremum of t far out, beyond all weight; the latter is inf where t grows without bound."""
    least, most = math.inf, 0.0
    for _, phi in parts:
        for side in (-1.0, 1.0):
            x = side * scale * np.array(FAR)
            with np.errstate(all="ignore"):
                if phi.derivative_function is not None:
                    slope = phi.derivative_function(x)
                else:
                    slope = (phi.function(2 * x) - phi.function(x)) / x
                t = np.asarray(slope, dtype=np.float64) ** 2
            if np.isinf(t).any() or (t[2] > GROWS * t[1] > GROWS**2 * t[0]):
                most = math.inf
            if np.isfinite(t).all() and t[2] >= t[1] >= t[0]:
                most = max(most, float(t[2]))
            if np.isfinite(t).all() and t[2] <= t[1] <= t[0]:
                least = min(least, float(t[2]) if t[2] > t[1] / GROWS else 0.0)
    return least, most
