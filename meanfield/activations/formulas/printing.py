"""A sympy expression as text that `parse` reads."""

from meanfield._types import Expression
from meanfield.activations.formulas.parse import read
from meanfield.errors import MeanFieldError


def as_text(expression: Expression) -> str:
    """The expression in the grammar of `meanfield.activations.formulas.parse`, or "" if that has no words for it."""
    from sympy.printing.str import StrPrinter

    class Printer(StrPrinter):  # type: ignore[misc]
        def _print_Float(self, expr: Expression) -> str:
            return repr(float(expr))

        def _print_Exp1(self, expr: Expression) -> str:
            return "e"

        def _print_Abs(self, expr: Expression) -> str:
            return f"abs({self._print(expr.args[0])})"

        def _print_Heaviside(self, expr: Expression) -> str:
            return f"heaviside({', '.join(map(self._print, expr.args))})"

        def _print_Max(self, expr: Expression) -> str:
            return f"max({', '.join(map(self._print, expr.args))})"

        def _print_Min(self, expr: Expression) -> str:
            return f"min({', '.join(map(self._print, expr.args))})"

        def _print_Where(self, expr: Expression) -> str:
            g, a, b, closed = map(self._print, expr.args)
            return f"where({g} {'>=' if closed == '1' else '>'} 0, {a}, {b})"

        def _print_Piecewise(self, expr: Expression) -> str:
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
