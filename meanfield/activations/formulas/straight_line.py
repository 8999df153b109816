"""The text of a formula as a straight-line program, for the enclosures of `meanfield.numerics.discs`.

The reader follows the grammar of `meanfield.activations.formulas.parse` and needs no sympy. Text that it does not
understand has no program, and the moments of such a formula have no proof.
"""

import ast
import math
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from meanfield.activations.catalogue.table import find
from meanfield.activations.formulas.formula_function import FormulaFunction
from meanfield.activations.formulas.printing import as_text
from meanfield.numerics.discs.evaluation import Discs, Ranges
from meanfield.numerics.discs.program import CLOSED, FUNCTIONS, UNIT, Constant, Program, X

MOST_INSTRUCTIONS = 2_000
EXACT_INTEGER = 2**53
CONSTANTS = {"pi": Constant(math.pi, UNIT * 4), "e": Constant(math.e, UNIT * 4), "E": Constant(math.e, UNIT * 4)}
NAMES = {
    "ln": "log", "Phi": "ndtr", "tan": "tan", "arcsin": "asin", "arccos": "acos", "arctan": "atan",
    "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh",
}  # fmt: skip


class StraightLine(NamedTuple):
    """A program and the index of its result."""

    program: Program
    result: int


class _UnknownError(Exception):
    """The text has something without an enclosure."""


@lru_cache(maxsize=512)
def straight_line(text: str) -> StraightLine | None:
    """The program of a formula in x; None if some part of it has no enclosure."""
    program = Program()
    try:
        index = _Reader(program, X).value(ast.parse(text.strip(), mode="eval").body)
    except (_UnknownError, SyntaxError, ValueError, RecursionError, ArithmeticError):
        return None
    return None if len(program.instructions) > MOST_INSTRUCTIONS else StraightLine(program, index)


def program_of(text: str, function: object) -> StraightLine | None:
    """The program of a formula: as it was written, or else in the words that sympy has for its expression."""
    program = straight_line(text) if text else None
    if program is None and isinstance(function, FormulaFunction):
        program = straight_line(as_text(function.expression))
    return program


class _Reader:
    """One pass over a syntax tree, with the instruction that the name x stands for."""

    def __init__(self, program: Program, x: int) -> None:
        self.program, self.x = program, x

    def value(self, node: ast.expr) -> int:
        """The instruction of a number or of an expression."""
        p = self.program
        match node:
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                exact = isinstance(value, float) or abs(value) <= EXACT_INTEGER
                return p.number(float(value), 0.0 if exact else UNIT * abs(float(value)))
            case ast.Name(id="x"):
                return self.x
            case ast.Name(id=name) if name in CONSTANTS:
                return p.emit("constant", parameter=CONSTANTS[name])
            case ast.UnaryOp(op=ast.UAdd() | ast.USub() as sign, operand=operand):
                inner = self.value(operand)
                return p.negative(inner) if isinstance(sign, ast.USub) else inner
            case ast.BinOp(left=left, op=operator, right=right):
                return self.operation(operator, left, right)
            case ast.IfExp(test=test, body=body, orelse=otherwise):
                return p.where(self.condition(test), self.value(body), self.value(otherwise))
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                return self.call(name, arguments)
        raise _UnknownError

    def operation(self, operator: ast.operator, left: ast.expr, right: ast.expr) -> int:
        """The instruction of a binary operation."""
        p, i, j = self.program, self.value(left), self.value(right)
        match operator:
            case ast.Add():
                return p.add(i, j)
            case ast.Sub():
                return p.subtract(i, j)
            case ast.Mult():
                return p.multiply(i, j)
            case ast.Div():
                return p.multiply(i, p.reciprocal(j))
            case ast.Pow():
                return self.power(i, j)
        raise _UnknownError

    def power(self, i: int, j: int) -> int:
        """The instruction of a power; e to a power is an exponential."""
        p, exponent, base = self.program, self.program.constant(j), self.program.constant(i)
        if exponent is None:
            if base == CONSTANTS["e"]:
                return p.apply("exp", j)
            return p.apply("exp", p.multiply(j, p.apply("log", i)))
        if exponent.error > 4 * UNIT * abs(exponent.value):
            raise _UnknownError
        if base is None:
            return p.power(i, exponent.value)
        result = base.value**exponent.value
        if isinstance(result, complex) or base.error > abs(base.value) / 2:
            raise _UnknownError
        if not base.error and exponent.value == 2 and base.value.is_integer() and abs(base.value) < 2**26:
            return p.number(result)
        relative = 8 * UNIT * (1 + abs(exponent.value * math.log(abs(base.value) or 1.0)))
        relative += 2 * abs(exponent.value) * base.error / (abs(base.value) or 1.0)
        return p.number(result, relative * abs(result))

    def call(self, name: str, arguments: list[ast.expr]) -> int:
        """The instruction of a function of the vocabulary or of the catalogue, or of where()."""
        p = self.program
        if name == "where":
            condition, yes, no = arguments
            return p.where(self.condition(condition), self.value(yes), self.value(no))
        values = [self.value(argument) for argument in arguments]
        if name in ("max", "maximum", "min", "minimum"):
            result = values[0]
            for value in values[1:]:
                result = p.largest(result, value) if name.startswith("max") else p.smallest(result, value)
            return result
        if name == "heaviside":
            return p.where(values[0], p.number(1.0), p.number(0.0))  # its value at 0 is that of one point
        if len(values) != 1:
            raise _UnknownError
        return self.function(name, values[0])

    def function(self, name: str, u: int) -> int:
        """The instruction of a function of one argument."""
        p, one = self.program, self.program.number(1.0)
        derived: dict[str, Callable[[], int]] = {
            "sqrt": lambda: p.power(u, 0.5),
            "abs": lambda: p.absolute(u),
            "sign": lambda: p.where(u, one, p.number(-1.0)),
            "relu": lambda: p.largest(u, p.number(0.0)),
            "tan": lambda: p.multiply(p.apply("sin", u), p.reciprocal(p.apply("cos", u))),
            "sech": lambda: p.reciprocal(p.apply("cosh", u)),
            **dict.fromkeys(("ceil", "ceiling"), lambda: p.negative(p.apply("floor", p.negative(u)))),
        }
        if name in derived:
            return self.folded(derived[name](), u)
        own = NAMES.get(name, name)
        if (own in FUNCTIONS and own not in ("sech2", "logcosh", "ndtr")) or name == "Phi":
            return self.folded(p.apply(own, u), u)
        entry = find(name)
        text = entry.text(entry.values({})) if entry else ""
        if not text:
            raise _UnknownError
        return _Reader(p, u).value(ast.parse(text, mode="eval").body)

    def folded(self, index: int, u: int) -> int:
        """The instruction; of a constant argument, a constant."""
        if self.program.constant(u) is None or self.program.constant(index) is not None:
            return index
        nowhere = np.zeros(1)
        with np.errstate(all="ignore"):
            (m,), (r,) = Discs(self.program, nowhere, nowhere, Ranges(self.program, nowhere, nowhere)).disc(index)
        if not np.isfinite(r):
            raise _UnknownError
        return self.program.number(float(m), float(r))

    def condition(self, node: ast.expr) -> int:
        """An instruction that is > 0 where the condition holds and ≤ 0 elsewhere."""
        p = self.program
        yes, no = p.number(1.0), p.number(-1.0)
        match node:
            case ast.Compare(left=left, ops=operators, comparators=others):
                values = [self.value(part) for part in (left, *others)]
                result = yes
                for a, operator, b in zip(values[:-1], operators, values[1:], strict=True):
                    result = p.where(self.comparison(a, operator, b), result, no)
                return result
            case ast.BoolOp(op=operator, values=parts):
                return self.joined(isinstance(operator, ast.And), [self.condition(part) for part in parts])
            case ast.BinOp(op=ast.BitAnd() | ast.BitOr() as operator, left=left, right=right):
                parts_ = [self.condition(left), self.condition(right)]
                return self.joined(isinstance(operator, ast.BitAnd), parts_)
            case ast.UnaryOp(op=ast.Not() | ast.Invert(), operand=operand):
                return p.where(self.condition(operand), no, yes)
        raise _UnknownError

    def joined(self, every: bool, parts: list[int]) -> int:
        """An instruction that is > 0 where every part is, or where any part is."""
        p, result = self.program, parts[-1]
        for part in reversed(parts[:-1]):
            result = p.where(part, result, p.number(-1.0)) if every else p.where(part, p.number(1.0), result)
        return result

    def comparison(self, a: int, operator: ast.cmpop, b: int) -> int:
        """An instruction that is > 0 where the comparison holds."""
        p = self.program
        yes, no = p.number(1.0), p.number(-1.0)
        match operator:
            case ast.Gt():
                return p.subtract(a, b)
            case ast.Lt():
                return p.subtract(b, a)
            case ast.GtE():
                return p.where(p.subtract(a, b), yes, no, CLOSED)
            case ast.LtE():
                return p.where(p.subtract(b, a), yes, no, CLOSED)
        raise _UnknownError
