"""From a sympy expression to an activation, and back to text."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from meanfield.activations.activation import Activation
from meanfield.activations.callables.from_callable import guarded
from meanfield.activations.formulas.cases import by_cases
from meanfield.activations.formulas.discontinuities import breakpoints_of
from meanfield.activations.formulas.parse import read
from meanfield.activations.formulas.rewriting import compiled, stabilised
from meanfield.activations.formulas.vocabulary import real_x
from meanfield.errors import BadActivation, MeanFieldError

__all__ = ["Compiled", "as_activation", "as_text"]


def as_activation(expression: Any, name: str, formula: str) -> Activation:
    """The activation of an expression with one free symbol."""
    import sympy as sp

    what = name or _shortened(expression)
    expression = sp.sympify(expression)
    symbols = sorted(map(str, getattr(expression, "free_symbols", ())))
    if not isinstance(expression, sp.Expr) or len(symbols) != 1:
        found = f"it has {', '.join(symbols)}" if symbols else "it has none"
        raise BadActivation(f"the formula {what} must have exactly one variable, x; {found}")
    if unknown := expression.atoms(sp.core.function.AppliedUndef):
        raise BadActivation(f"the formula {what} has the unknown function {min(map(str, unknown))}")
    try:
        expression = expression.xreplace({next(iter(expression.free_symbols)): real_x()})
        function, derivative = Compiled(expression, 0), Compiled(expression, 1)
        guarded(function, what)
        breakpoints, jumps = breakpoints_of(expression, function)
    except BadActivation:
        raise
    except (RecursionError, MemoryError):
        raise BadActivation(f"the formula {what} is nested too deeply") from None
    except Exception as error:  # sympy raises anything on what it cannot do
        reason = (str(error) or type(error).__name__).splitlines()[0][:100]
        raise BadActivation(f"the formula {what} cannot be made a function of numbers: {reason}") from error
    return Activation(function, what, derivative, breakpoints, jumps, formula=formula or as_text(expression))


class Compiled:
    """φ (order 0) or φ′ (order 1) of an expression in the real x, as a function of float64 arrays."""

    def __init__(self, expression: Any, order: int) -> None:
        import sympy as sp

        self.expression, self.order = expression, order
        pieces = stabilised(by_cases(expression))
        self._function = compiled(stabilised(sp.diff(pieces, real_x())) if order else pieces)

    def __call__(self, x: NDArray[np.float64]) -> Any:
        """Values at `x`; NaN where they are not real."""
        return self._function(x)

    def __reduce__(self) -> Any:
        return Compiled, (self.expression, self.order)


def as_text(expression: Any) -> str:
    """The expression in the grammar of `meanfield.activations.formulas.parse`, or "" if that has no words for it."""
    from sympy.printing.str import StrPrinter

    class Printer(StrPrinter):  # type: ignore[misc]
        def _print_Float(self, expr: Any) -> str:
            return repr(float(expr))

        def _print_Exp1(self, expr: Any) -> str:
            return "e"

        def _print_Abs(self, expr: Any) -> str:
            return f"abs({self._print(expr.args[0])})"

        def _print_Heaviside(self, expr: Any) -> str:
            return f"heaviside({', '.join(map(self._print, expr.args))})"

        def _print_Max(self, expr: Any) -> str:
            return f"max({', '.join(map(self._print, expr.args))})"

        def _print_Min(self, expr: Any) -> str:
            return f"min({', '.join(map(self._print, expr.args))})"

        def _print_Piecewise(self, expr: Any) -> str:
            *cases, (last, otherwise) = expr.args
            text = self._print(last) if otherwise == True else ""  # noqa: E712 - sympy's true
            for value, condition in reversed(cases):
                text = f"where({self._print(condition)}, {self._print(value)}, {text})"
            return text

    text = str(Printer().doprint(expression))
    try:
        read(text)
    except MeanFieldError:
        return ""
    return text


def _shortened(expression: Any) -> str:
    text = str(expression)
    return text if len(text) <= 60 else f"{text[:59]}…"
