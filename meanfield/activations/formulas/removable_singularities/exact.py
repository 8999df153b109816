"""A formula in arithmetic of many digits, for the few points where floats fail."""

from typing import Any

from meanfield._types import Expression
from meanfield.activations.formulas.numbers import context, number


class Exact:
    """Values of an expression without Piecewise, Max and the like, as `by_cases` makes it.

    Its floats stand for their shortest decimals, so that x − 0.3 and x² − 0.09 vanish at the same x.
    """

    def __init__(self, expression: Expression, digits: int) -> None:
        self.expression, self.digits, self.mp = expression, digits, context(digits)

    def __call__(self, x: Any) -> Any:
        """The value at a float or a number of the context; NaN if it is not a real number."""
        return number(self.expression, x, self.digits, decimal=True)
