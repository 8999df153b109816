"""Gauss–Legendre panels of x = √q Z that hold the values of t = φ′(x)²."""

import math
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from meanfield._types import Floats, Ints
from meanfield.activations.activation import Activation
from meanfield.errors import DivergentExpectation
from meanfield.numerics.quadrature.gauss_legendre import N, at_ends, nodes_between, rule, tail

#: Shares of the units, and their functions.
Parts: TypeAlias = Sequence[tuple[float, Activation]]

RESOLVED = 1e-15  # quadrature error of a panel, relative to the whole
NOISE = 1e-12  # tail of t on a panel with mass, relative to √(t·max t)
SMALL = 1e-11  # mass of a panel on which t need not be resolved by itself
PARTS = 8.0  # panels are halved until t varies by this part of its largest value
ROUNDS = 12  # most halvings
SHORTEST = 1e-6  # least length of a panel that is halved, in units of √q
EMPTY = 1e-30  # mass of a panel that does not count


class Panels(NamedTuple):
    """Panels of x: ends, number of φ, share of the units, values of t and masses at the nodes, and range of t."""

    a: Floats  # (panels,)
    b: Floats
    part: Ints
    share: Floats
    t: Floats  # (panels, N)
    mass: Floats  # (panels, N)
    low: Floats  # (panels,)
    high: Floats
    error: Floats  # bound on the error of t

    def take(self, index: Ints | slice) -> "Panels":
        """Some of them."""
        return Panels(
            self.a[index],
            self.b[index],
            self.part[index],
            self.share[index],
            self.t[index],
            self.mass[index],
            self.low[index],
            self.high[index],
            self.error[index],
        )

    def joined(self, other: "Panels") -> "Panels":
        """These and others."""
        return Panels(*(np.concatenate(pair) for pair in zip(self, other, strict=True)))

    @property
    def size(self) -> Floats:
        """Mass of each panel."""
        return np.asarray(self.mass.sum(axis=1))


def made(parts: Parts, q: float, a: Floats, b: Floats, part: Ints, share: Floats, error: Floats) -> Panels:
    """The panels [a, b] of the functions number `part`, with the values of t."""
    scale = math.sqrt(q)
    x, slope = nodes_between(a, b), np.empty((a.size, N))
    for number in np.unique(part):
        own = part == number
        slope[own] = parts[number][1].derivative(x[own])
    t = slope**2
    if not np.isfinite(t).all():
        name = parts[int(part[~np.isfinite(t).all(axis=1)][0])][1].name
        raise DivergentExpectation(f"the squared slope of {name} exceeds the range of a float at q = {q:.6g}")
    density = np.exp(-0.5 * (x / scale) ** 2) / (scale * math.sqrt(2 * math.pi))
    mass = (share * 0.5 * (b - a))[:, None] * density * rule().weights
    ends = slope @ at_ends()
    low, high = np.minimum(t.min(axis=1), (ends**2).min(axis=1)), np.maximum(t.max(axis=1), (ends**2).max(axis=1))
    low = np.where(np.sign(ends[:, 0]) != np.sign(ends[:, 1]), 0.0, low)
    return Panels(a, b, part, share, t, mass, low, high, error)


def resolved(parts: Parts, q: float, panels: Panels) -> Panels:
    """Panels that resolve t and its weight, on each of which t varies by a part of its range only."""
    most = float(panels.high[panels.size > EMPTY].max())
    mean = float((panels.t * panels.mass).sum())
    done: list[Panels] = []
    for _ in range(ROUNDS):
        weight = panels.mass / rule().weights
        size, height = panels.size, panels.t.max(axis=1)
        rough = 2 * tail(panels.t * weight) > RESOLVED * (mean + NOISE * np.sqrt(height * most) * size)
        rough |= 2 * tail(weight) > RESOLVED
        rough |= (tail(panels.t) > NOISE * np.sqrt(height * most)) & (size > SMALL)  # φ′ cancels next to its zeros
        varied = panels.high - panels.low
        halve = (panels.size > EMPTY) & (rough | ((varied > most / PARTS) & (size > SMALL)))
        halve &= panels.b - panels.a > SHORTEST * math.sqrt(q)
        done.append(panels.take(np.flatnonzero(~halve)))
        if not halve.any():
            break
        old = panels.take(np.flatnonzero(halve))
        middle = 0.5 * (old.a + old.b)
        twice = [np.concatenate([one, one]) for one in (old.part, old.share, old.error)]
        panels = made(parts, q, np.r_[old.a, middle], np.r_[middle, old.b], *twice)
    else:
        done.append(panels)
    whole = done[0]
    for other in done[1:]:
        whole = whole.joined(other)
    return whole.take(np.flatnonzero(whole.size > EMPTY))
