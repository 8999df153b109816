"""The law of t = φ′(√q Z)² with a standard normal Z: atoms, support, and panels that hold the values of t.

Flat pieces of φ′ are atoms. Elsewhere t lives on Gauss–Legendre panels of x = √q Z. A panel is halved where a transform
needs it; the halves are kept, so that later transforms find them.
"""

import math
import threading
from typing import NamedTuple

import numpy as np

from meanfield._types import Ints
from meanfield.errors import InfiniteDerivative
from meanfield.numerics.quadrature.grid import EDGES, REACH
from meanfield.numerics.quadrature.one_gaussian import moment
from meanfield.special_functions import special
from meanfield.theory.spectrum.slopes.panels import Panels, Parts, made, resolved
from meanfield.theory.spectrum.slopes.support import support_of

FLAT = 1e-11  # relative variation of t on a panel, below which it is constant
WIDE = 1e-2  # least length in units of √q of the flat panels of an atom
AGREES = 1e-13  # relative difference of E t from the second moment of φ′ that rounding explains
SEEN = 6.0  # standard deviations within which the error of φ′ counts
LIGHT = 1e-13  # mass up to which a flat piece is no atom


class Atom(NamedTuple):
    """A value of t that has a mass."""

    t: float
    mass: float


class SlopeLaw:
    """The law of t = φ′(√q Z)².

    Parameters
    ----------
    parts : sequence of (float, Activation)
        Shares of the units and their functions.
    q : float
        Variance of the argument, > 0.

    Attributes
    ----------
    atoms : tuple of Atom
        Values of t with mass, ascending.
    base : Panels
        The panels from which refinement begins.
    support : Support
        Where t has values.
    """

    def __init__(self, parts: Parts, q: float) -> None:
        self.parts, self.q, self.scale = tuple(parts), q, math.sqrt(q)
        self.lock = threading.RLock()  # held while panels are halved
        self.panels = self._all()
        self._split_atoms()
        self.base_size = self.panels.a.size
        self.count = self.base_size
        self.child = np.full(self.base_size, -1)
        self.support = support_of(self.parts, q, [atom.t for atom in self.atoms], self.base)

    def __reduce__(self) -> tuple[type["SlopeLaw"], tuple[Parts, float]]:
        return SlopeLaw, (self.parts, self.q)

    @property
    def base(self) -> Panels:
        """The panels from which refinement begins."""
        return self.panels.take(slice(0, self.base_size))

    @property
    def at_zero(self) -> float:
        """P(φ′ = 0)."""
        return sum(atom.mass for atom in self.atoms if atom.t == 0)

    @property
    def mean(self) -> float:
        """E φ′²."""
        return float((self.base.t * self.base.mass).sum()) + sum(atom.t * atom.mass for atom in self.atoms)

    def children(self, index: Ints) -> Ints:
        """The halves of panels: the numbers of the left ones, each followed by its right one."""
        with self.lock:
            new = index[self.child[index] < 0]
            if new.size:
                old = self.panels.take(new)
                middle = 0.5 * (old.a + old.b)
                left = made(self.parts, self.q, old.a, middle, old.part, old.share, old.error)
                right = made(self.parts, self.q, middle, old.b, old.part, old.share, old.error)
                together = np.arange(2 * new.size).reshape(2, -1).T.ravel()
                self.child[new] = self.count + 2 * np.arange(new.size)
                self._append(left.joined(right).take(together))
            return np.asarray(self.child[index])

    def _append(self, new: Panels) -> None:
        """Put panels behind the known ones; the arrays grow by doubling."""
        end = self.count + new.a.size
        if end > self.panels.a.size:
            more = self.panels.take(np.zeros(max(self.panels.a.size, new.a.size, 256), dtype=int))
            self.panels = self.panels.joined(more)
            self.child = np.concatenate([self.child, np.full(more.a.size, -1)])
        for array, values in zip(self.panels, new, strict=True):
            array[self.count : end] = values
        self.count = end

    def _all(self) -> Panels:
        """The panels of all functions."""
        joined: Panels | None = None
        for number, (_, phi) in enumerate(self.parts):
            if jumps := phi.pieces.jumps_within(REACH * self.scale):
                raise InfiniteDerivative(
                    f"{phi.name} jumps at x = {jumps[0]:.6g}, so its derivative has no law of finite slopes"
                )
            own = self._of_part(number)
            joined = own if joined is None else joined.joined(own)
        assert joined is not None
        return joined

    def _of_part(self, number: int) -> Panels:
        """The panels of one function: coarse ones, if they see every feature that the second moment of φ′ does."""
        share, phi = self.parts[number]
        second = moment(phi.pieces, "dd", self.q)
        with phi.pieces.lock:
            grid = phi.pieces.grid(self.q)
            fine, end = grid.edges, grid.reach * grid.scale
            error = float(grid.d_error[np.abs(grid.a) < SEEN * self.scale].max(initial=0.0))
        breaks = np.array(phi.pieces.breakpoints_within(end))
        half = self.scale * np.array(EDGES)
        coarse = np.union1d(np.concatenate([-half[:0:-1], half]), breaks[np.abs(breaks) < half[-1]])
        for edges in (coarse, fine):
            a, b = edges[:-1], edges[1:]
            if even := bool(phi.is_odd or phi.is_even):  # φ′² is even
                a, b = a[a >= 0], b[a >= 0]
            whole = np.full(a.size, number), np.full(a.size, (1 + even) * share), np.full(a.size, error)
            panels = resolved(self.parts, self.q, made(self.parts, self.q, a, b, *whole))
            found = float((panels.t * panels.mass).sum()) / share
            if abs(found - float(second.value)) <= 2 * float(second.error) + AGREES * float(second.value):
                break
        return panels

    def _split_atoms(self) -> None:
        """Take the flat panels out of the panels, as atoms."""
        panels = self.panels
        middle = np.median(panels.t, axis=1)
        spread = np.maximum(FLAT * middle, 4 * panels.error * np.sqrt(middle) + 4 * panels.error**2)
        flat = np.flatnonzero(np.ptp(panels.t, axis=1) <= spread)
        masses: list[float] = []
        values: list[float] = []
        lengths: list[float] = []
        for i in flat[np.argsort(middle[flat])]:
            ends = np.array([panels.a[i], panels.b[i]]) / self.scale
            # of the tail on the side of the panel, so that masses far out keep their digits
            own = special.ndtr(-np.abs(ends)) if ends[0] * ends[1] >= 0 else special.ndtr(ends)
            mass = float(panels.share[i]) * abs(float(own[1] - own[0]))
            if values and middle[i] <= values[-1] + max(spread[i], 1e-300):
                masses[-1] += mass
                lengths[-1] += ends[1] - ends[0]
            else:
                masses.append(mass)
                values.append(float(middle[i]))
                lengths.append(ends[1] - ends[0])
        kept = [k for k, length in enumerate(lengths) if length >= WIDE and masses[k] > LIGHT]
        self.atoms = tuple(Atom(values[k], masses[k]) for k in kept)
        inside = np.isin(middle[flat], [values[k] for k in kept])
        for k in kept:
            inside |= np.abs(middle[flat] - values[k]) <= max(FLAT * values[k], 1e-300) + spread[flat]
        rest = np.ones(panels.a.size, dtype=bool)
        rest[flat[inside]] = False
        self.panels = panels.take(np.flatnonzero(rest))
        covered = float(self.panels.mass.sum()) + sum(atom.mass for atom in self.atoms)
        if self.atoms and not self.panels.a.size:  # the tails beyond the grid
            self.atoms = tuple(Atom(atom.t, atom.mass / covered) for atom in self.atoms)
