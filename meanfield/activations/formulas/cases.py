"""Case distinctions as one function: Where(g, a, b, closed) is a where g > 0 (closed = 1: g ≥ 0) and b elsewhere.

A staircase, with its infinitely many cases, is the function Floor, whose derivative is 0.

SymPy's own Piecewise and Max simplify themselves when they are built, which takes minutes for some formulas of one
line; Where does not.
"""

from collections.abc import Callable, Sequence
from functools import cache, lru_cache

from meanfield._types import Expression
from meanfield.activations.formulas.numbers import number_at

YES, NO = 1, -1  # the conditions that always and never hold: a condition is an expression that is > 0 where it holds


@cache
def where_class() -> Expression:
    """The class Where, made when sympy is first needed."""
    import sympy as sp

    class Where(sp.Function):  # type: ignore[misc]
        nargs = 4

        @classmethod
        def eval(cls, g: Expression, a: Expression, b: Expression, closed: Expression) -> Expression:
            if g.is_Number or a == b:
                return a if a == b or g > 0 or (closed == 1 and g == 0) else b
            return None

        def _eval_derivative(self, symbol: Expression) -> Expression:
            g, a, b, closed = self.args
            return Where(g, a.diff(symbol), b.diff(symbol), closed)

        def __reduce_ex__(self, protocol: object) -> tuple[Callable[..., Expression], tuple[Expression, ...]]:
            return where, self.args

    return Where


@cache
def floor_class() -> Expression:
    """The class Floor, made when sympy is first needed."""
    import sympy as sp

    class Floor(sp.Function):  # type: ignore[misc]
        nargs = 1

        def _eval_derivative(self, symbol: Expression) -> Expression:
            return sp.S.Zero

    return Floor


def where(g: Expression, a: Expression, b: Expression, closed: Expression = 0) -> Expression:
    """Where(g, a, b, closed)."""
    return where_class()(g, a, b, closed)


@lru_cache(maxsize=4096)
def by_cases(expression: Expression) -> Expression:
    """Every Piecewise, |u|, sign, max, min and Heaviside step as nested Where, and every staircase as Floor."""
    import sympy as sp

    if not expression.args:
        return expression
    if isinstance(expression, sp.Piecewise):
        value = sp.nan
        for case, condition in reversed(expression.args):
            value = where(indicator(condition), by_cases(case), value)
        return value
    parts = tuple(by_cases(part) for part in expression.args)
    if isinstance(expression, where_class()):
        return where(*parts)
    match expression:
        case sp.Abs():
            return where(parts[0], parts[0], -parts[0])
        case sp.sign() | sp.Heaviside():
            below, at = (-1, 0) if isinstance(expression, sp.sign) else (0, parts[1])
            return where(parts[0], sp.S.One, where(-parts[0], sp.sympify(below), sp.sympify(at)))
        case sp.floor():
            return floor_class()(parts[0])
        case sp.ceiling():
            return -floor_class()(-parts[0])
        case sp.frac():
            return parts[0] - floor_class()(parts[0])
        case sp.Max() | sp.Min():
            side = 1 if isinstance(expression, sp.Max) else -1
            value = parts[-1]
            for i in reversed(range(len(parts) - 1)):
                wins = sp.S.One
                for other in parts[i + 1 :]:
                    wins = where(side * (parts[i] - other), wins, -sp.S.One, closed=int(parts[i].is_number))
                value = where(wins, parts[i], value)
            return value
    return _limited(expression.func, parts)


def _limited(function: Callable[..., Expression], parts: tuple[Expression, ...]) -> Expression:
    """function(*parts), by the cases of a part of which one is constant and makes the function singular or a limit.

    So exp(−1/max(u, 0)) is 0 where u ≤ 0, and so is its derivative, which is 0·∞ otherwise.
    """
    import sympy as sp

    varying = [i for i, part in enumerate(parts) if not part.is_number]
    if len(varying) != 1 or not isinstance(parts[varying[0]], where_class()):
        return function(*parts)
    g, *branches, closed = parts[varying[0]].args
    values = [_limited(function, (*parts[: varying[0]], b, *parts[varying[0] + 1 :])) for b in branches]
    limits = [value for value, b in zip(values, branches, strict=True) if b.is_number and not value.is_finite]
    limits += [b for b in branches if b.is_infinite]
    if not limits or any(value.has(sp.nan) for value in values):
        return function(*parts)
    a, b = (sp.oo if value == sp.zoo else value for value in values)
    return where(g, a, b, int(closed))


def indicator(condition: Expression) -> Expression:
    """An expression that is > 0 where a condition of sympy holds."""
    import sympy as sp

    if isinstance(condition, sp.And | sp.Or):
        return (every if isinstance(condition, sp.And) else some)([indicator(part) for part in condition.args])
    if isinstance(condition, sp.Not):
        return opposite(indicator(condition.args[0]))
    if isinstance(condition, sp.ITE):  # what sympy makes of a comparison of a Piecewise
        return where(*(indicator(part) for part in condition.args))
    if condition in (sp.true, sp.false):
        return sp.Integer(YES if condition == sp.true else NO)
    if not isinstance(condition, sp.core.relational.Relational):
        raise TypeError(f"a condition cannot be made of {type(condition).__name__}")
    return comparison(by_cases(condition.lhs), condition.rel_op, by_cases(condition.rhs))


def comparison(left: Expression, relation: str, right: Expression) -> Expression:
    """An expression that is > 0 where ``left relation right`` holds."""
    import sympy as sp

    g = left - right
    if not g.free_symbols:
        return sp.Integer(YES if sp.Rel(left, right, relation) == sp.true else NO)
    match relation:
        case ">":
            return g
        case "<":
            return -g
        case ">=":
            return where(g, YES, NO, closed=1)
        case "<=":
            return where(-g, YES, NO, closed=1)
        case "==":
            return where(g, where(-g, YES, NO, closed=1), NO, closed=1)
    return where(g, YES, where(-g, YES, NO))


def every(conditions: Sequence[Expression]) -> Expression:
    """An expression that is > 0 where all of the conditions are."""
    value, *others = conditions
    for other in others:
        value = where(value, other, NO)
    return value


def some(conditions: Sequence[Expression]) -> Expression:
    """An expression that is > 0 where one of the conditions is."""
    value, *others = conditions
    for other in others:
        value = where(value, YES, other)
    return value


def opposite(condition: Expression) -> Expression:
    """An expression that is > 0 where the condition is not."""
    return where(condition, NO, YES)


@lru_cache(maxsize=16_384)
def case_at(expression: Expression, x: float) -> Expression:
    """The expression without cases that is equal to this one in a neighbourhood of `x`."""
    if not has_cases(expression):
        return expression
    if isinstance(expression, where_class()):
        g, a, b, _ = expression.args
        return case_at(a if number_at(case_at(g, x), x) > 0 else b, x)
    return expression.func(*(case_at(part, x) for part in expression.args))


@lru_cache(maxsize=16_384)
def has_cases(expression: Expression) -> bool:
    """Whether there is a Where in an expression."""
    return isinstance(expression, where_class()) or any(map(has_cases, expression.args))
