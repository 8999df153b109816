"""Transforms of the law of t = φ′²: M(w) = E t/(w − t), and the argument of E log(1 − t/w), at complex w.

Near the support the integrand has a pole next to the panels. Only the panels whose range of t is wide compared with its
distance from w are halved, so that the cost is the logarithm of that distance.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from meanfield._types import Bools, Floats, Ints
from meanfield.numerics.quadrature.gauss_legendre import rule, tail
from meanfield.theory.spectrum.slopes.slope_law import SlopeLaw

Numbers: TypeAlias = NDArray[np.inexact]  # real or complex

NEAR = 0.5  # distance of w from the range of t on a panel, in units of its width, below which the panel is halved
FINEST = 2e-13  # relative width of the range of t that is rounding
LEVELS = 60  # most halvings
SMALLEST = 1e-300  # t below this may be an underflow
UNRESOLVED = 16.0  # a pole leaves coefficients like ρ⁻ⁿ and an error like ρ⁻²ᴺ: safety of the square of the tail
EPS = float(np.finfo(float).eps)
BLOCK = 400_000  # numbers a block, to limit memory


class Transform(NamedTuple):
    """M(w) with its derivative and a bound on its error, at each w."""

    m: Numbers  # E t/(w − t)
    m1: Numbers  # 1 + m = E w/(w − t), without cancellation
    slope: Numbers  # dM/dw


def transform(law: SlopeLaw, w: Numbers) -> Transform:
    """M, 1 + M and M′ at each w outside the support of t, shape (n,)."""

    def sums(t: Floats, mass: Floats, error: Floats, at: Numbers) -> Numbers:
        r = 1.0 / (at - t)
        product = r * (t * mass)
        return np.array([product.sum(-1), (r * mass).sum(-1) * at[..., 0], -(r * product).sum(-1)])

    total = _over_panels(law, w, sums, 3)
    for atom in law.atoms:
        r = 1.0 / (w - atom.t)
        total += np.array([atom.mass * atom.t * r, atom.mass * w * r, -atom.mass * atom.t * r * r])
    return Transform(*total)


def argument(law: SlopeLaw, w: Numbers) -> Floats:
    """Im E log(1 − t/w) at each complex w, shape (n,)."""

    def sums(t: Floats, mass: Floats, error: Floats, at: Numbers) -> Numbers:
        return np.asarray((np.angle(1 - t / at) * mass).sum(-1))[None]

    total = np.real(_over_panels(law, w, sums, 1)[0])
    for atom in law.atoms:
        total = total + atom.mass * np.angle(1 - atom.t / w)
    return np.asarray(total)


def log_transform(law: SlopeLaw, w: float) -> float:
    """E log(1 − t/w) at a real w < 0."""

    def sums(t: Floats, mass: Floats, error: Floats, at: Numbers) -> Numbers:
        return np.asarray((np.log1p(-t / at) * mass).sum(-1))[None]

    total = float(_over_panels(law, np.array([w]), sums, 1)[0, 0])
    return total + sum(atom.mass * float(np.log1p(-atom.t / w)) for atom in law.atoms)


def mean_log(law: SlopeLaw) -> float:
    """E log t; −inf where t vanishes with positive mass."""
    if law.at_zero:
        return float("-inf")

    def sums(t: Floats, mass: Floats, error: Floats, at: Numbers) -> Numbers:
        return np.asarray((np.log(np.maximum(t, SMALLEST)) * mass).sum(-1))[None]

    total = float(_over_panels(law, np.zeros(1), sums, 1)[0, 0])
    return total + sum(atom.mass * float(np.log(atom.t)) for atom in law.atoms)


def transform_error(law: SlopeLaw, w: Numbers) -> Floats:
    """Bound on the error of M at each w: of the quadrature, of φ′ and of the sums."""

    def sums(t: Floats, mass: Floats, error: Floats, at: Numbers) -> Numbers:
        integrand = t * mass / (at - t)
        scaled = integrand / rule().weights
        height = np.abs(scaled).max(axis=-1)
        unresolved = UNRESOLVED * tail(scaled) ** 2 / np.where(height > 0, height, 1.0)
        inexact = np.abs(at) * mass / np.abs(at - t) ** 2
        shaken = 2 * np.sqrt(t) * error[..., None] + 8 * EPS * t
        return np.asarray(2 * unresolved + (16 * EPS * np.abs(integrand) + inexact * shaken).sum(axis=-1))[None]

    total = np.real(_over_panels(law, w, sums, 1)[0])
    for atom in law.atoms:
        total = total + 16 * EPS * atom.mass * (
            atom.t / np.abs(w - atom.t) + np.abs(w) * atom.t / np.abs(w - atom.t) ** 2
        )
    return np.asarray(total)


#: From t, masses and errors of panels (…, panels, N) and w (…, 1) to sums over the nodes, shape (count, …, panels).
Sums: TypeAlias = Callable[[Floats, Floats, Floats, Numbers], Numbers]


def _over_panels(law: SlopeLaw, w: Numbers, sums: Sums, count: int) -> Numbers:
    """Sums over all panels at each w, shape (count, n), with the panels near w halved."""
    total = np.zeros((count, w.size), dtype=w.dtype)
    base = law.base
    if not base.a.size:
        return total
    step = max(1, BLOCK // base.t.size)
    for start in range(0, w.size, step):
        block = slice(start, start + step)
        at = w[block]
        near = _near(base.low, base.high, at[:, None])
        found = sums(base.t, base.mass, base.error, at[:, None, None])
        if not near.any():
            total[:, block] += found.sum(axis=-1)
            continue
        total[:, block] += np.where(near, 0.0, found).sum(axis=-1)
        which, panel = np.nonzero(near)
        _refine(law, at, which, panel, sums, total[:, block])
    return total


def _refine(law: SlopeLaw, w: Numbers, which: Ints, panel: Ints, sums: Sums, total: Numbers) -> None:
    """Add the sums over panels near their w, by halving them."""
    chosen, of = [], []
    for level in range(LEVELS):
        left = law.children(panel)
        which, panel = np.concatenate([which, which]), np.concatenate([left, left + 1])
        near = _near(law.panels.low[panel], law.panels.high[panel], w[which]) & (level < LEVELS - 1)
        far = ~near
        chosen.append(panel[far])
        of.append(which[far])
        which, panel = which[near], panel[near]
        if not which.size:
            break
    panel, which = np.concatenate(chosen), np.concatenate(of)
    found = sums(law.panels.t[panel], law.panels.mass[panel], law.panels.error[panel], w[which][:, None])
    for row, values in zip(total, found, strict=True):
        np.add.at(row, which, values)


def _near(low: Floats, high: Floats, w: Numbers) -> Bools:
    """Whether w is near the range of t on panels, compared with the width of the range."""
    x = np.real(w)
    beside = np.maximum(np.maximum(low - x, x - high), 0.0)
    width = high - low
    return np.asarray((np.hypot(beside, np.imag(w)) < NEAR * width) & (width > FINEST * high))
