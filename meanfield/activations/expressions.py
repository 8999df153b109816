"""Text to sympy through a whitelist of Python's grammar, never through `eval`.

The grammar: numbers, ``x``, ``pi``, ``e``; ``+ - * / **`` and parentheses; ``where(condition, a, b)`` with conditions
made of ``< <= > >= == !=``, ``&``/``and``, ``|``/``or``, ``~``/``not``; the functions named in `vocabulary`, and every
activation of the catalogue at its default parameters, as in ``0.5*gelu(x) + 0.1*x``.
"""

import ast
import difflib
import math
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, lru_cache
from typing import Any

from meanfield.activations.activation import Activation
from meanfield.activations.catalogue import ENTRIES, find
from meanfield.errors import BadActivation, UnknownActivation

__all__ = ["from_expression", "is_expression", "is_sympy", "parse"]

LONGEST = 10_000  # characters
MOST_NODES = 3_000  # nodes of the syntax tree
DEEPEST = 40  # nested parentheses and calls; a long sum or product is one level
LARGEST_EXPONENT = 100
LARGEST_DECADE = 300  # constants lie within 1e±300


def is_expression(text: str) -> bool:
    """Whether `text` reads like a formula in x rather than like a name."""
    return bool(re.search(r"\bx\b|[()+*/]", text))


def is_sympy(thing: Any) -> bool:
    """Whether `thing` is a sympy expression, or a sympy function such as ``sympy.tanh``; does not import sympy."""
    sympy = sys.modules.get("sympy")
    return sympy is not None and isinstance(thing, sympy.Basic | sympy.FunctionClass)


def parse(text: str) -> Any:
    """`text` as a sympy expression in the symbol ``x``.

    Raises
    ------
    BadActivation
        If the text is not a formula of the grammar, too long, too deep, or has constants or exponents out of range.
    UnknownActivation
        If it uses a name that is not known; the message has the nearest ones.

    Examples
    --------
    >>> from meanfield.activations.expressions import parse
    >>> parse("x*tanh(log(1 + exp(x)))")
    x*tanh(log(exp(x) + 1))
    >>> parse("(1).__class__")
    Traceback (most recent call last):
    meanfield.errors.BadActivation: the formula '(1).__class__' has an attribute, which is not allowed
    """
    import sympy as sp

    with sp.evaluate(False):  # what sympy asks itself about nested functions of a complex x takes exponential time
        return read(text).xreplace({real_x(): sp.Symbol("x")})


def read(text: str) -> Any:
    """`parse`, in the symbol `real_x()`."""
    try:
        return _Reader(text).expression()
    except (RecursionError, MemoryError):
        raise BadActivation(f"the formula {_shown(text)} is nested too deeply") from None


def from_expression(expression: Any, name: str | None = None) -> Activation:
    """An activation from text or from a sympy expression with one free symbol: exact φ′, breakpoints and jumps.

    Raises
    ------
    BadActivation
        As `parse` does; also if the expression has no or several free symbols or unknown functions, or is not a real
        and finite number at some x.
    """
    if isinstance(expression, str):
        made = _from_text(expression.strip())
    else:
        import sympy as sp

        from meanfield.activations.algebra import as_activation

        if isinstance(expression, sp.FunctionClass):
            expression = expression(sp.Symbol("x"))
        elif isinstance(expression, sp.Lambda) and len(expression.variables) == 1:
            expression = expression.expr
        made = as_activation(expression, name or "", "")
    if name is None:
        return made
    return replace(made, name=name)


@lru_cache(maxsize=256)
def _from_text(text: str) -> Activation:
    from meanfield.activations.algebra import as_activation

    return as_activation(read(text), text, text)


@cache
def real_x() -> Any:
    """The symbol for the argument while it is known to be real."""
    import sympy as sp

    return sp.Symbol("x", real=True)


def _shown(text: str) -> str:
    return repr(text) if len(text) <= 50 else f"{text[:40]!r}… ({len(text)} characters)"


@cache
def vocabulary() -> dict[str, Callable[..., Any]]:
    """The functions of the grammar, as makers of sympy expressions."""
    import sympy as sp

    named = {
        "exp": sp.exp, "log": sp.log, "ln": sp.log, "sqrt": sp.sqrt, "erf": sp.erf, "erfc": sp.erfc,
        "sin": sp.sin, "cos": sp.cos, "tan": sp.tan, "sinh": sp.sinh, "cosh": sp.cosh, "tanh": sp.tanh,
        "abs": sp.Abs, "sign": sp.sign, "max": sp.Max, "maximum": sp.Max, "min": sp.Min, "minimum": sp.Min,
    }  # fmt: skip
    inverse = {"sin": sp.asin, "cos": sp.acos, "tan": sp.atan, "sinh": sp.asinh, "cosh": sp.acosh, "tanh": sp.atanh}
    derived: dict[str, Callable[..., Any]] = {
        "heaviside": lambda u, at_zero=sp.S.Half: sp.Heaviside(u, at_zero),
        "sigmoid": lambda u: 1 / (1 + sp.exp(-u)),
        "relu": lambda u: sp.Max(u, 0),
        "softplus": lambda u: sp.log(1 + sp.exp(u)),
        "Phi": lambda u: (1 + sp.erf(u / sp.sqrt(2))) / 2,
        "expm1": lambda u: sp.exp(u) - 1,
        "log1p": lambda u: sp.log(1 + u),
    }
    return named | {f"{a}{name}": f for name, f in inverse.items() for a in ("a", "arc")} | derived


NOT_ALLOWED = {
    ast.Attribute: "an attribute",
    ast.Call: "a call of something else than a function's name",
    ast.Lambda: "a lambda",
    ast.JoinedStr: "an f-string",
    ast.Subscript: "an index",
    ast.IfExp: "an if-expression (write where(condition, a, b))",
    ast.Compare: "a comparison outside of where(condition, a, b)",
    ast.BoolOp: "'and' or 'or' outside of where(condition, a, b)",
    ast.Starred: "a star",
    ast.NamedExpr: "an assignment",
}
COMPARISONS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}


class _Reader:
    """One pass over a syntax tree."""

    def __init__(self, text: str) -> None:
        self.text = text

    def wrong(self, what: str) -> BadActivation:
        return BadActivation(f"the formula {_shown(self.text)} {what}")

    def expression(self) -> Any:
        if len(self.text) > LONGEST:
            raise self.wrong(f"is too long; at most {LONGEST} characters are allowed")
        if not self.text.isascii():
            odd = next(character for character in self.text if not character.isascii())
            raise self.wrong(f"has the character {odd!a}; only ASCII is allowed")
        try:
            with warnings.catch_warnings(action="ignore"):
                tree = ast.parse(self.text.strip(), mode="eval")
        except (SyntaxError, ValueError) as error:
            message = error.msg if isinstance(error, SyntaxError) else str(error)
            raise self.wrong(f"cannot be read: {message.splitlines()[0]}") from None
        if sum(1 for _ in ast.walk(tree)) > MOST_NODES:
            raise self.wrong(f"has too many parts; at most {MOST_NODES} are allowed")
        return self.value(tree.body, 0)

    def value(self, node: ast.expr, depth: int) -> Any:
        """A number or an expression in x."""
        if depth > DEEPEST:
            raise self.wrong(f"is nested too deeply; at most {DEEPEST} levels are allowed")
        result = self._value(node, depth)
        if not result.free_symbols:
            self.check_constant(result)
        return result

    def _value(self, node: ast.expr, depth: int) -> Any:
        import sympy as sp

        match node:
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                if not abs(value) < 10.0**LARGEST_DECADE:
                    raise self.wrong(f"has a number beyond 1e{LARGEST_DECADE}")
                return sp.Integer(value) if isinstance(value, int) else sp.Float(value)
            case ast.Constant():
                raise self.wrong(f"has {_shown(repr(node.value))}, which is not a real number")
            case ast.Name(id="x"):
                return real_x()
            case ast.Name(id=name):
                return self.constant(name)
            case ast.UnaryOp(op=ast.UAdd() | ast.USub() as sign, operand=operand):
                inner = self.value(operand, depth + 1)
                return -inner if isinstance(sign, ast.USub) else inner
            case ast.BinOp(op=ast.Add() | ast.Sub()):
                return sp.Add(*(self.signed(part, depth, -1) for part in _chain(node, ast.Add, ast.Sub)))
            case ast.BinOp(op=ast.Mult() | ast.Div()):
                return sp.Mul(*(self.signed(part, depth, 0) for part in _chain(node, ast.Mult, ast.Div)))
            case ast.BinOp(op=ast.Pow(), left=base, right=exponent):
                return self.power(self.value(base, depth + 1), self.value(exponent, depth + 1))
            case ast.BinOp(op=operator):
                hint = "; powers are written **" if isinstance(operator, ast.BitXor) else ""
                raise self.wrong(f"has an operator that is not allowed: only + - * / ** are{hint}")
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=keywords):
                if keywords or any(isinstance(argument, ast.Starred) for argument in arguments):
                    raise self.wrong(f"gives {name} a keyword or a star; write {name}(x)")
                return self.call(name, arguments, depth)
        raise self.wrong(f"has {NOT_ALLOWED.get(type(node), 'a ' + type(node).__name__.lower())}, which is not allowed")

    def signed(self, part: tuple[bool, ast.expr], depth: int, kind: int) -> Any:
        """A term with its sign (kind −1), or a factor or its reciprocal (kind 0)."""
        import sympy as sp

        inverse, node = part
        inner = self.value(node, depth + 1)
        if inverse and kind == 0 and inner.is_zero:
            raise self.wrong("divides by zero")
        return inner if not inverse else -inner if kind == -1 else sp.Pow(inner, -1)

    def constant(self, name: str) -> Any:
        import sympy as sp

        if name in ("pi", "e", "E"):
            return sp.pi if name == "pi" else sp.E
        if name in vocabulary() or find(name):
            raise self.wrong(f"has the function {name} without its argument; write {name}(x)")
        raise self.unknown(name, ["x", "pi", "e"], "the variable is x, and pi and e are the constants")

    def unknown(self, name: str, known: list[str], otherwise: str) -> UnknownActivation:
        near = tuple(difflib.get_close_matches(name[:40], known, n=3, cutoff=0.5))
        hint = f"the nearest names are {', '.join(near)}" if near else otherwise
        return UnknownActivation(f"the formula {_shown(self.text)} has the unknown name {name[:40]!r}; {hint}", near)

    def call(self, name: str, arguments: list[ast.expr], depth: int) -> Any:
        import sympy as sp

        if name == "where":
            if len(arguments) != 3:
                raise self.wrong("needs where(condition, value if true, value if false)")
            condition = self.condition(arguments[0], depth + 1)
            yes, no = (self.value(argument, depth + 1) for argument in arguments[1:])
            return sp.Piecewise((yes, condition), (no, True))
        entry = None if name in vocabulary() else find(name)
        if name not in vocabulary() and not (entry and entry.make(entry.values({})).formula):
            known = list(dict.fromkeys([*vocabulary(), "where", *ENTRIES]))
            raise self.unknown(name, known, f"the functions are {', '.join(vocabulary())} and where")
        values = [self.value(argument, depth + 1) for argument in arguments]
        if entry:
            if len(values) != 1:
                raise self.wrong(f"gives {name} {len(values)} arguments; it takes one")
            body = _Reader(entry.make(entry.values({})).formula).expression()
            return body.subs(real_x(), values[0])
        many = name in ("max", "maximum", "min", "minimum")
        most = 50 if many else 2 if name == "heaviside" else 1
        if not 1 <= len(values) <= most:
            raise self.wrong(f"gives {name} {len(values)} arguments; it takes {'two or more' if many else 'one'}")
        return vocabulary()[name](*values)

    def condition(self, node: ast.expr, depth: int) -> Any:
        """What may stand first in where()."""
        import sympy as sp

        if depth > DEEPEST:
            raise self.wrong(f"is nested too deeply; at most {DEEPEST} levels are allowed")
        match node:
            case ast.Compare(left=left, ops=operators, comparators=others):
                values = [self.value(part, depth + 1) for part in (left, *others)]
                if any(type(operator) not in COMPARISONS for operator in operators):
                    raise self.wrong("has a comparison other than < <= > >= == !=")
                return sp.And(
                    *(
                        sp.Rel(a, b, COMPARISONS[type(operator)])
                        for a, operator, b in zip(values[:-1], operators, values[1:], strict=True)
                    )
                )
            case ast.BoolOp(op=operator, values=parts):
                conditions = [self.condition(part, depth + 1) for part in parts]
                return (sp.And if isinstance(operator, ast.And) else sp.Or)(*conditions)
            case ast.BinOp(op=ast.BitAnd() | ast.BitOr() as operator, left=left, right=right):
                pair = self.condition(left, depth + 1), self.condition(right, depth + 1)
                return (sp.And if isinstance(operator, ast.BitAnd) else sp.Or)(*pair)
            case ast.UnaryOp(op=ast.Not() | ast.Invert(), operand=operand):
                return sp.Not(self.condition(operand, depth + 1))
        raise self.wrong("needs a comparison as the first argument of where, as in where(x > 0, x, 0)")

    def power(self, base: Any, exponent: Any) -> Any:
        import sympy as sp

        if exponent.is_Float and float(exponent).is_integer():
            exponent = sp.Integer(int(exponent))
        if not exponent.free_symbols:
            size = abs(float(exponent))
            if base.free_symbols and size > LARGEST_EXPONENT:
                raise self.wrong(f"has an exponent beyond ±{LARGEST_EXPONENT}")
            if not base.free_symbols:
                if base.is_zero:
                    decades = 0.0 if exponent.is_nonnegative else math.inf
                else:
                    decades = size * abs(math.log10(abs(float(base))))
                if not decades <= LARGEST_DECADE:
                    raise self.wrong(f"has a power beyond 1e±{LARGEST_DECADE}")
        return sp.Pow(base, exponent)

    def check_constant(self, constant: Any) -> None:
        """A constant must be a real number of moderate size; its parts have been checked before it."""
        number = constant.evalf(15)
        if not (number.is_Float or number.is_Rational or number.is_Integer):
            raise self.wrong("has a constant that is not a real number")
        if not abs(number) < 10.0**LARGEST_DECADE:
            raise self.wrong(f"has a number beyond 1e{LARGEST_DECADE}")


def _chain(node: ast.expr, plus: type, minus: type) -> Iterator[tuple[bool, ast.expr]]:
    """The terms of a sum or the factors of a product, with whether each is subtracted or divided by."""
    parts: list[tuple[bool, ast.expr]] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, plus | minus):
        parts.append((isinstance(node.op, minus), node.right))
        node = node.left
    parts.append((False, node))
    return reversed(parts)
