"""Evaluation of programs in ranges and in discs, on many panels at once, and the decision of their cases.

The case that a `where` selects is decided on the real panel. The discs of the panel then enclose the analytic
continuation of this case.
"""

from types import ModuleType
from typing import Any

import numpy as np

from meanfield._types import Floats, Ints
from meanfield.numerics.discs import discs, intervals
from meanfield.numerics.discs.derivative import derivative
from meanfield.numerics.discs.discs import Disc
from meanfield.numerics.discs.intervals import Range
from meanfield.numerics.discs.program import CLOSED, Constant, Program, X


def applied(algebra: ModuleType, operation: str, operands: list[Any], parameter: Constant | float) -> Any:
    """The operation in ranges or in discs; `where` is not among them."""
    match operation:
        case "shift" | "scale" | "flat":
            return getattr(algebra, operation)(operands[0], parameter)
        case "add" | "multiply":
            return getattr(algebra, operation)(*operands)
        case "reciprocal":
            return algebra.reciprocal(operands[0])
        case "integer_power" | "real_power":
            return getattr(algebra, operation)(operands[0], parameter)
    return algebra.function(operation, operands[0])


class Ranges:
    """Ranges of a program's instructions for x in [a, b], with arrays `a` and `b` of one shape."""

    def __init__(self, program: Program, a: Floats, b: Floats) -> None:
        self.program, self.a, self.b = program, a, b
        self._known: dict[int, Range] = {X: (a, b)}
        self._signs: dict[tuple[int, bool], Ints] = {}

    def range(self, index: int) -> Range:
        """The range of an instruction."""
        for i in self.program.used(index):
            if i not in self._known:
                operation, operands, parameter = self.program.instructions[i]
                values = [self._known[j] for j in operands]
                if isinstance(parameter, Constant) and not operands:
                    constant = np.full(self.a.shape, parameter.value)
                    self._known[i] = constant - parameter.error, constant + parameter.error
                elif operation == "where":
                    sign, (_, u, v) = self.sign(operands[0], parameter == CLOSED), values
                    self._known[i] = intervals.by_case(sign, u, v, parameter)
                else:
                    self._known[i] = applied(intervals, operation, values, parameter)
        return self._known[index]

    def sign(self, g: int, closed: bool = False) -> Ints:
        """1 where g > 0 (if `closed`, g ≥ 0) for almost every x of the panel, −1 where it is so for none, else 0."""
        key = g, closed
        if key not in self._signs:
            lo, hi = self.range(g)
            yes, no = (lo >= 0, hi < 0) if closed else (lo > 0, hi <= 0)
            sign = yes.astype(np.int64) - no
            undecided = sign == 0
            for inner, inner_closed in self.program.conditions(g) if undecided.any() else ():
                undecided &= self.sign(inner, inner_closed) != 0
            if undecided.any() and not self.program.steps(g) and self.a is not self.b:
                sign[undecided] = self._sign_of_smooth(g, self.a[undecided], self.b[undecided])
            self._signs[key] = sign
        return self._signs[key]

    def _sign_of_smooth(self, g: int, a: Floats, b: Floats) -> Ints:
        """The sign of a g with one case on each panel that is monotone, or analytic and 0 at most at single points."""
        program, middle = self.program, 0.5 * (a + b)
        slope, panels = derivative(program, g), Ranges(program, a, b)
        (lo, hi), slopes = panels.range(g), panels.range(slope)
        smooth = np.isfinite(lo) & np.isfinite(hi)  # no pole on the panel
        monotone = np.where(smooth & (slopes[0] > 0), 1, np.where(smooth & (slopes[1] < 0), -1, 0))
        left, right = Ranges(program, a, a).range(g), Ranges(program, b, b).range(g)
        positive = ((monotone > 0) & (left[0] >= 0)) | ((monotone < 0) & (right[0] >= 0))
        negative = ((monotone > 0) & (right[1] <= 0)) | ((monotone < 0) & (left[1] <= 0))
        touching = (lo == 0) | (hi == 0)
        if touching.any():
            inside = Ranges(program, middle, middle).range(g)
            radius = Discs(program, middle, 0.5 * (b - a), panels).disc(g)[1]
            analytic = np.isfinite(radius)
            positive |= (lo == 0) & (inside[0] > 0) & analytic
            negative |= (hi == 0) & (inside[1] < 0) & analytic
        return positive.astype(np.int64) - negative


class Discs:
    """Discs of a program's instructions for |z − m| ≤ r, in the cases that hold on the panels of `ranges`.

    Parameters
    ----------
    program : Program
        What is evaluated.
    m, r : ndarray, shape (panels,) or (panels, points)
        Real midpoints and radii.
    ranges : Ranges
        The panels, shape (panels,) or (panels, 1). Where they do not decide a case, the radius is infinite.
    """

    def __init__(self, program: Program, m: Floats, r: Floats, ranges: Ranges) -> None:
        self.program, self.ranges = program, ranges
        self._known: dict[int, Disc] = {X: (m, r)}

    def disc(self, index: int) -> Disc:
        """The disc of an instruction."""
        for i in self.program.used(index, conditions=False):
            if i not in self._known:
                operation, operands, parameter = self.program.instructions[i]
                if isinstance(parameter, Constant) and not operands:
                    m, r = self._known[X]
                    self._known[i] = np.full(m.shape, parameter.value), np.full(m.shape, parameter.error)
                elif operation == "where":
                    sign = self.ranges.sign(operands[0], parameter == CLOSED)
                    (a, r), (b, s) = (self._known[j] for j in operands[1:])
                    radius = np.where(sign > 0, r, np.where(sign < 0, s, np.inf))
                    self._known[i] = np.where(sign > 0, a, b), radius
                elif operation == "floor":
                    lo, hi = self.ranges.range(i)
                    m = np.broadcast_to(lo, self._known[X][0].shape)
                    self._known[i] = m, np.where(lo == hi, np.zeros(m.shape), np.inf)
                else:
                    values = [self._known[j] for j in operands]
                    self._known[i] = applied(discs, operation, values, parameter)
        return self._known[index]
