"""Values of expressions at single points, in arithmetic of many digits."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from meanfield._types import Expression

DIGITS = 30  # of the values that decide between cases
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
def functions(digits: int) -> Mapping[str, Callable[..., Any]]:
    """The functions of `context` by the names of sympy's classes, with bounded work for huge arguments."""
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
        "Floor": mp.floor,
    }


def number(expression: Expression, x: Any, digits: int, decimal: bool = False) -> Any:
    """The value of an expression at `x`, a float or a number of the context; NaN if it is not a real number.

    If `decimal`, its floats stand for their shortest decimals, so that x − 0.3 and x² − 0.09 vanish at the same x.
    """
    mp = context(digits)
    try:
        value = _Values(mp.mpf(x), digits, decimal).of(expression)
        if isinstance(value, mp.mpc) and abs(value.imag) <= mp.eps * abs(value.real):
            value = value.real
        return mp.mpf(value) if not isinstance(value, mp.mpc) else mp.nan
    except (ArithmeticError, ValueError, TypeError, KeyError):
        return mp.nan


def number_at(smooth: Expression, x: float) -> float:
    """Value of an expression without cases at `x`; NaN if it is not a real number."""
    return float(number(smooth, x, DIGITS))


class _Values:
    """The values of the parts of an expression at one point, each computed once."""

    def __init__(self, x: Any, digits: int, decimal: bool) -> None:
        self.x, self.mp, self.functions, self.decimal = x, context(digits), functions(digits), decimal
        self.known: dict[Expression, Any] = {}

    def of(self, part: Expression) -> Any:
        """The value of a part."""
        if part not in self.known:
            self.known[part] = self.computed(part)
        return self.known[part]

    def computed(self, part: Expression) -> Any:
        """The value of a part, from those of its own parts."""
        mp, name = self.mp, type(part).__name__
        if part.is_Symbol:
            return self.x
        if part.is_Float:
            return mp.mpf(repr(float(part))) if self.decimal else mp.mpf(float(part))
        if part.is_Rational:
            return mp.mpf(part.p) / part.q
        if not part.args:
            return {"Pi": mp.pi, "Exp1": mp.e, "Infinity": mp.inf, "NegativeInfinity": -mp.inf}[name]
        if name == "Where":
            g, a, b, closed = part.args
            chosen = self.of(g)
            return self.of(a if chosen > 0 or (closed == 1 and chosen == 0) else b)
        values = [self.of(inner) for inner in part.args]
        if part.is_Add:
            return mp.fsum(values)
        if part.is_Mul:
            return mp.fprod(values)
        if part.is_Pow:
            return self.power(part, *values)
        return self.functions[name](*values)

    def power(self, part: Expression, base: Any, exponent: Any) -> Any:
        """The value of a power."""
        if part.exp.is_Integer:
            return base ** int(part.exp)
        if part.exp.is_Rational:
            return self.mp.sqrt(base) ** part.exp.p if part.exp.q == 2 else base**exponent
        return self.functions["exp"](exponent * self.mp.log(base))
