"""Panels on which the quadrature error of a product of a formula's values is proven, found by halving."""

from dataclasses import dataclass, fields

import numpy as np

from meanfield._types import Bools, Floats
from meanfield.numerics.discs import bernstein, intervals
from meanfield.numerics.discs.derivative import derivative
from meanfield.numerics.discs.evaluation import Discs, Ranges
from meanfield.numerics.discs.growth import Growth, Tails, tail
from meanfield.numerics.discs.program import Program, X
from meanfield.numerics.quadrature.grid import EDGES, REACH

SHARE = 1e-17  # a panel's error bound is at most this fraction of the integral of the absolute integrand
MOST = 3000  # panels
ROUNDS = 100  # halvings of a panel
SINGULAR = 1e-7  # length, in units of the scale, of a panel with an infinite range that ends the search for a proof
NARROW = 0.25  # from this length on, in units of the scale, a panel may be bounded by its range
LADDER = (0.0, 1.0, 64.0, 2.0**12, 2.0**20, 2.0**28)  # distances from a breakpoint, in units in the last place
NEAR_ZERO = 1e-17  # the unit at a breakpoint 0, relative to the scale
LARGEST = 1e30  # variances beyond this have no proof, which takes long and whose squares of arguments may overflow
FARTHEST = 40.0  # standard deviations
STEP = 3.0  # by which the panels reach farther out, in units of the scale
NOTHING = 1e-300  # bounds below this are negligible whatever the integral is
WEIGHT = 64 * np.finfo(float).eps  # relative rounding error of a weight, per unit of its exponent and in all


@dataclass
class Panels:
    """Panels [a, b] with what has been proven of the product of factors on each; arrays of shape (panels,).

    Attributes
    ----------
    a, b : ndarray
        Ends.
    bound : ndarray
        Bound on |product| in the Bernstein ellipse; inf where the panel is bounded by its range.
    lo, hi : ndarray
        Range of the product on the panel; infinite where it has not been asked for.
    height : ndarray
        About |product| in the middle.
    """

    a: Floats
    b: Floats
    bound: Floats
    lo: Floats
    hi: Floats
    height: Floats

    def chosen(self, mask: Bools) -> "Panels":
        """The panels in the mask."""
        return Panels(*(getattr(self, field.name)[mask] for field in fields(self)))

    def joined(self, other: "Panels") -> "Panels":
        """Both sets, in ascending order."""
        both = [np.concatenate([getattr(self, field.name), getattr(other, field.name)]) for field in fields(self)]
        order = np.argsort(both[0], kind="stable")
        return Panels(*(array[order] for array in both))

    @property
    def size(self) -> int:
        """How many panels there are."""
        return int(self.a.size)


class Proof:
    """The panels of one product of factors for the q of one scale, refined as the proof of each q needs.

    Parameters
    ----------
    program : Program
        The formula.
    index : int
        Its last instruction.
    product : str
        The factors, of the letters "f", "d" and "x".
    scale : float
        The least √q.
    breakpoints : tuple of float
        Where cases are likely to change; a hint, not part of the proof.
    """

    def __init__(
        self, program: Program, index: int, product: str, scale: float, breakpoints: tuple[float, ...]
    ) -> None:
        self.program, self.scale = program, scale
        self.factors = [{"f": index, "d": derivative(program, index), "x": X}[letter] for letter in product]
        self.breakpoints = np.array(breakpoints)
        self.reach, self.refined = REACH * scale, False
        self._classes: tuple[float, list[Growth]] = (0.0, [])
        half = np.array(EDGES) * scale
        self.panels = self._found(self._cut(np.concatenate([-half[:0:-1], half])))

    def refine(self, q: Floats, least: Floats) -> bool:
        """Halve and add panels until the bounds at the variances `q` are small beside the integrals; whether they are.

        `least` holds integrals of the absolute integrand if they are known, or zeros, shape (q,).
        """
        while np.all(q <= LARGEST):
            if not self._halve(q, least):
                return False
            size = np.maximum(self._sizes(self.panels, q), least)
            if np.all(self.outside(q) <= np.maximum(SHARE * size, NOTHING)):
                self.refined = True
                return True
            before, far = self.reach, FARTHEST * float(np.sqrt(q.max()))
            while np.any(self.outside(q) > np.maximum(SHARE * size, NOTHING)):
                if self.reach > far:
                    return False
                self.reach += STEP * self.scale
            beyond = np.arange(before, self.reach + 0.5 * STEP * self.scale, STEP * self.scale)
            beyond[-1] = self.reach
            for side in (beyond, -beyond[::-1]):
                self.panels = self.panels.joined(self._found(self._cut(side)))
        return False

    def outside(self, q: Floats) -> Floats:
        """Bound on the expectation of |product| beyond the panels, shape (q,)."""
        if self._classes[0] != self.reach:
            tails = Tails(self.program, self.reach)
            with np.errstate(all="ignore"):
                self._classes = self.reach, [tails.growth(factor) for factor in self.factors]
        return tail(self._classes[1], self.reach, q)

    def errors(self, panels: Panels, q: Floats) -> Floats:
        """Bounds on the quadrature errors, shape (q, panels)."""
        h = 0.5 * (panels.b - panels.a)
        analytic = np.isfinite(panels.bound)
        weight = bernstein.largest_weight(0.5 * (panels.a + panels.b), h, q)
        with np.errstate(all="ignore"):
            by_discs = bernstein.FACTOR * h * np.where(analytic, panels.bound, 0.0) * weight
        if analytic.all():
            return by_discs
        return np.where(analytic, by_discs, self.by_range(panels, q)[1])

    @staticmethod
    def by_range(panels: Panels, q: Floats) -> tuple[Floats, Floats]:
        """Integrals from the range of the integrand on each panel, with bounds on their errors, shape (q, panels)."""
        variance = q[:, None]
        near = np.where((panels.a < 0) & (panels.b > 0), 0.0, np.minimum(np.abs(panels.a), np.abs(panels.b)))
        far = np.maximum(np.abs(panels.a), np.abs(panels.b))
        weights = []
        with np.errstate(all="ignore"):
            for x, side in ((far, -1.0), (near, 1.0)):
                exponent = x * x / (2 * variance)
                weight = np.exp(-exponent) / np.sqrt(2 * np.pi * variance)
                weights.append(weight * (1 + side * WEIGHT * (1 + exponent)))
            lo, hi = intervals.multiply((panels.lo, panels.hi), (np.maximum(weights[0], 0.0), weights[1]))
            length = panels.b - panels.a
            middle = 0.5 * (lo + hi)
            error = np.maximum(hi - middle, middle - lo) * length * (1 + WEIGHT) + WEIGHT * np.abs(middle) * length
        return middle * length, np.where(np.isnan(error), np.inf, error)

    def _sizes(self, panels: Panels, q: Floats) -> Floats:
        """About the integrals of the absolute integrand, from the middles of the panels."""
        middle = 0.5 * (panels.a + panels.b)
        weight = np.exp(-(middle**2) / (2 * q[:, None])) / np.sqrt(2 * np.pi * q[:, None])
        return np.asarray((weight * panels.height * (panels.b - panels.a)).sum(axis=1))

    def _halve(self, q: Floats, least: Floats) -> bool:
        settled = self.panels.chosen(np.zeros(self.panels.size, dtype=bool))
        pending = self.panels
        for round_ in range(ROUNDS):
            size = np.maximum(self._sizes(settled, q) + self._sizes(pending, q), least)
            limit = np.maximum(SHARE * size, NOTHING)[:, None]
            proven: Bools = np.all(self.errors(pending, q) <= limit, axis=0)
            if round_ == 0 and proven.all():
                return True
            rough = ~proven & (pending.b - pending.a <= NARROW * self.scale)
            if rough.any():
                proven = proven | self._bound_by_range(pending, rough, q, limit)
            settled = settled.joined(pending.chosen(proven))
            pending = pending.chosen(~proven)
            if not pending.size:
                self.panels = settled
                return True
            middle = 0.5 * (pending.a + pending.b)
            stuck = (middle <= pending.a) | (middle >= pending.b)
            stuck |= (pending.b - pending.a < SINGULAR * self.scale) & (
                np.abs(pending.hi) + np.abs(pending.lo) == np.inf
            )
            if stuck.any() or settled.size + 2 * pending.size > MOST:
                return False
            edges = np.concatenate([pending.a, middle]), np.concatenate([middle, pending.b])
            pending = self._evaluated(*edges)
        return False

    def _bound_by_range(self, panels: Panels, rough: Bools, q: Floats, limit: Floats) -> Bools:
        """Bound these panels by their ranges where that is good enough, or where they are too short to be halved."""
        index = np.flatnonzero(rough)
        a, b = panels.a[index], panels.b[index]
        with np.errstate(all="ignore"):
            ranges = Ranges(self.program, a, b)
            lo, hi = ranges.range(self.factors[0])
            for factor in self.factors[1:]:
                lo, hi = intervals.multiply((lo, hi), ranges.range(factor))
            if len(set(self.factors)) == 1 and len(self.factors) % 2 == 0:
                lo = np.maximum(lo, 0.0)
        panels.lo[index], panels.hi[index] = lo, hi
        error = self.by_range(panels.chosen(rough), q)[1]
        short = b - a <= 4 * np.spacing(np.maximum(np.abs(a), np.abs(b)))
        good = (error <= limit).all(axis=0) | (short & np.isfinite(error).all(axis=0))
        accepted = np.zeros(panels.size, dtype=bool)
        accepted[index[good]] = True
        panels.bound[accepted] = np.inf
        panels.height[accepted] = np.maximum(np.abs(panels.lo[accepted]), np.abs(panels.hi[accepted]))
        return accepted

    def _found(self, edges: Floats) -> Panels:
        return self._evaluated(edges[:-1], edges[1:])

    def _evaluated(self, a: Floats, b: Floats) -> Panels:
        """New panels, with the bounds that discs give."""
        m, h = 0.5 * (a + b), 0.5 * (b - a)
        with np.errstate(all="ignore"):
            discs = Discs(self.program, m, bernstein.radius(h), Ranges(self.program, a, b))
            bound, height = np.ones(a.size), np.ones(a.size)
            for factor in self.factors:
                middle, radius = discs.disc(factor)
                bound, height = bound * (np.abs(middle) + radius), height * np.abs(middle)
        bound = np.where(np.isfinite(bound), bound * (1 + bernstein.SLACK), np.inf)
        endless = np.full(a.size, np.inf)
        return Panels(a, b, bound, -endless, endless, np.where(np.isfinite(height), height, 0.0))

    def _cut(self, edges: Floats) -> Floats:
        """The edges with those around the breakpoints between them."""
        points = self.breakpoints[(self.breakpoints > edges[0]) & (self.breakpoints < edges[-1])]
        if not points.size:
            return edges
        unit = np.where(points == 0, NEAR_ZERO * self.scale, np.spacing(np.abs(points)))
        conditions = [c for factor in dict.fromkeys(self.factors) for c in self.program.conditions(factor)]
        steps = {i for factor in dict.fromkeys(self.factors) for i in self.program.steps(factor)}
        sides = []
        for side in (-1.0, 1.0):
            distance = np.full(points.size, np.nan)
            for rung in LADDER:
                start = points + side * rung * unit
                end = start + side * np.maximum(rung, 1.0) * unit
                with np.errstate(all="ignore"):
                    ranges = Ranges(self.program, np.minimum(start, end), np.maximum(start, end))
                    decided = np.ones(points.size, dtype=bool)
                    for g, closed in dict.fromkeys(conditions):
                        decided &= ranges.sign(g, closed) != 0
                    for step in steps:
                        decided &= np.equal(*ranges.range(step))
                distance = np.where(np.isnan(distance) & decided, rung * unit, distance)
                if not np.isnan(distance).any():
                    break
            sides.append(points + side * np.where(np.isnan(distance), 0.0, distance))
        return np.unique(np.concatenate([edges, *sides]))
