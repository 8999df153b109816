"""A formula in arithmetic of many digits, for the few points where floats fail."""

from collections.abc import Callable, Mapping
from functools import cache, cached_property
from typing import Any

from meanfield._types import Expression
from meanfield.activations.formulas.cases import floor_class, where_class
from meanfield.activations.formulas.vocabulary import real_x

LARGEST_EXPONENT = 1e9  # e to a larger power is infinite
LARGEST_ANGLE = 1e300  # of a sine


@cache
def context(digits: int) -> Any:
    """An mpmath context of a fixed precision; threads may share it, since nobody changes it."""
    import mpmath

    made = mpmath.ctx_mp.MPContext()
    made.dps = digits
    return made


@cache
def namespace(digits: int) -> Mapping[str, Any]:
    """The functions of `context`, with bounded work for huge arguments, and those of formulas."""
    mp = context(digits)

    def exp(u: Any) -> Any:
        return mp.exp(u) if abs(u) < LARGEST_EXPONENT else mp.inf if u > 0 else mp.zero

    def cosh(u: Any) -> Any:
        return mp.cosh(u) if abs(u) < LARGEST_EXPONENT else mp.inf

    def sinh(u: Any) -> Any:
        return mp.sinh(u) if abs(u) < LARGEST_EXPONENT else mp.inf * mp.sign(u)

    def bounded(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda u: function(u) if abs(u) < LARGEST_ANGLE else mp.nan

    names = {name: getattr(mp, name) for name in dir(mp) if not name.startswith("_")}
    return names | {
        "exp": exp,
        "cosh": cosh,
        "sinh": sinh,
        **{name: bounded(getattr(mp, name)) for name in ("sin", "cos", "tan")},
        where_class().__name__: lambda g, a, b, closed: a if g > 0 or (closed and g == 0) else b,
        floor_class().__name__: mp.floor,
    }


class Exact:
    """Values of an expression without Piecewise, Max and the like, as `by_cases` makes it.

    Its floats stand for their shortest decimals, so that x − 0.3 and x² − 0.09 vanish at the same x.
    """

    def __init__(self, expression: Expression, digits: int) -> None:
        self.expression, self.mp = expression, context(digits)
        self._names = namespace(digits)

    @cached_property
    def _function(self) -> Callable[[Any], Any]:
        import sympy as sp
        from sympy.printing.pycode import MpmathPrinter

        decimal = self.expression.replace(lambda part: part.is_Float, lambda part: sp.Rational(repr(float(part))))
        variable_powers = decimal.replace(
            lambda part: isinstance(part, sp.Pow) and bool(part.exp.free_symbols) and part.base != sp.E,
            lambda part: sp.exp(part.exp * sp.log(part.base), evaluate=False),
        )
        printer = MpmathPrinter({"fully_qualified_modules": False, "inline": True, "allow_unknown_functions": True})
        function: Callable[[Any], Any] = sp.lambdify(
            real_x(), variable_powers, modules=[dict(self._names)], printer=printer, cse=True
        )
        return function

    def __call__(self, x: Any) -> Any:
        """The value at a float or a number of the context; NaN if it is not a real number."""
        mp = self.mp
        try:
            value = self._function(mp.mpf(x))
            return mp.mpf(value) if not isinstance(value, mp.mpc) else mp.nan
        except (ArithmeticError, ValueError, TypeError):
            return mp.nan
