"""A formula and its derivative as functions of float64 arrays that are right wherever the formula has a limit."""

from functools import cached_property

import numpy as np

from meanfield._types import Expression, Floats
from meanfield.activations.formulas.cases import by_cases
from meanfield.activations.formulas.discontinuities import with_limits
from meanfield.activations.formulas.numpy_functions import compiled
from meanfield.activations.formulas.removable_singularities.exact import Exact
from meanfield.activations.formulas.removable_singularities.series import CHECKING, limit
from meanfield.activations.formulas.rewriting import derivative, stabilised


class FormulaFunction:
    """φ (order 0) or φ′ (order 1) of an expression in the real x, as a function of float64 arrays.

    A removable singularity, as of sin(x)/x, has its limit as its value. Where floats give no finite number, as of
    (eˣ − e⁻ˣ)/(eˣ + e⁻ˣ) at 1000, the value is computed with more digits.
    """

    def __init__(self, expression: Expression, order: int) -> None:
        self.expression, self.order = expression, order
        self._function = compiled(stabilised(self._derived(stabilised(with_limits(by_cases(expression))))))

    def _derived(self, pieces: Expression) -> Expression:
        return derivative(pieces) if self.order else pieces

    @cached_property
    def _checked(self) -> Exact:
        return Exact(self._derived(by_cases(self.expression)), CHECKING)

    def __call__(self, x: Floats) -> Floats:
        """Values at `x`; NaN where they are not real, infinite where they are infinite or overflow."""
        values = self._function(x)
        if np.iscomplexobj(values) or np.all(good := np.isfinite(values)):
            return values
        repaired = np.array(values, dtype=np.float64)
        for place in zip(*np.nonzero(~np.atleast_1d(good)), strict=True):
            point = float(np.atleast_1d(x)[place])
            found = float(self._checked(point))
            found = limit(self._checked.expression, point) if np.isnan(found) else found
            if not np.isnan(found):
                repaired[place if repaired.ndim else ()] = found
        return repaired[()]

    def __reduce__(self) -> tuple[type["FormulaFunction"], tuple[Expression, int]]:
        return FormulaFunction, (self.expression, self.order)
