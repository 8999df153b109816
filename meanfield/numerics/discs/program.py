"""A formula as a straight-line program: a list of instructions whose operands are earlier instructions.

The program is what enclosures walk: it has arithmetic, powers, elementary functions and one case distinction, `where`.
Equal instructions are emitted once, so a function and its derivative share what they have in common.
"""

import threading
from dataclasses import dataclass
from typing import NamedTuple

UNIT = 2.0**-53  # relative error of a correctly rounded operation
X = 0  # the first instruction is the argument
OPEN, CLOSED, LARGER, SMALLER = 0.0, 1.0, 2.0, 3.0  # kinds of `where`

FUNCTIONS = frozenset(
    (
        *("exp", "expm1", "log", "log1p", "sin", "cos", "sinh", "cosh", "tanh", "sech2", "erf", "erfc", "ndtr"),
        *("sigmoid", "softplus", "logcosh", "atan", "asin", "acos", "asinh", "acosh", "atanh", "floor"),
    )
)


@dataclass(frozen=True)
class Constant:
    """A number with a bound on its error."""

    value: float
    error: float = 0.0


class Instruction(NamedTuple):
    """An operation, the indices of its operands, and its parameter.

    The operations are ``x``; ``constant`` (parameter: Constant); ``shift`` and ``scale`` (by a Constant); ``add``,
    ``multiply``, ``reciprocal``; ``integer_power`` (n ≥ 2), ``real_power`` (of a base ≥ 0); ``where`` (g, a, b: a where
    g > 0, or g ≥ 0 if the parameter is CLOSED, and b elsewhere; the larger or the smaller one of a and b if it is
    LARGER or SMALLER); ``flat`` (exp(c/u)/u² with a Constant c < 0); and the names in FUNCTIONS.
    """

    operation: str
    operands: tuple[int, ...] = ()
    parameter: Constant | float = 0.0


class Program:
    """Instructions, with constructors that fold constants and use the accurate form of common combinations."""

    def __init__(self) -> None:
        self.instructions = [Instruction("x")]
        self._known = {self.instructions[0]: X}
        self.derivatives: dict[int, int] = {}  # those that have been made, by instruction
        self.lock = threading.RLock()  # held while instructions are added
        self._used: dict[tuple[int, bool], tuple[int, ...]] = {}

    def emit(self, operation: str, *operands: int, parameter: Constant | float = 0.0) -> int:
        """Index of this instruction, which is appended if it is new."""
        made = Instruction(operation, operands, parameter)
        if made not in self._known:
            self._known[made] = len(self.instructions)
            self.instructions.append(made)
        return self._known[made]

    def used(self, index: int, conditions: bool = True) -> tuple[int, ...]:
        """The instructions that `index` depends on and itself, ascending; optionally not through conditions."""
        key = index, conditions
        if key not in self._used:
            found, pending = set(), [index]
            while pending:
                i = pending.pop()
                if i not in found:
                    found.add(i)
                    operation, operands, _ = self.instructions[i]
                    pending += operands[1:] if operation == "where" and not conditions else operands
            self._used[key] = tuple(sorted(found))
        return self._used[key]

    def conditions(self, index: int) -> tuple[tuple[int, bool], ...]:
        """Each g of the `where` that `index` depends on, and whether g = 0 counts as true."""
        cases = (self.instructions[i] for i in self.used(index) if self.instructions[i].operation == "where")
        return tuple(dict.fromkeys((case.operands[0], case.parameter == CLOSED) for case in cases))

    def steps(self, index: int) -> tuple[int, ...]:
        """The integer parts that `index` depends on."""
        return tuple(i for i in self.used(index) if self.instructions[i].operation == "floor")

    def number(self, value: float, error: float = 0.0) -> int:
        """A constant."""
        return self.emit("constant", parameter=Constant(value + 0.0, error))

    def constant(self, index: int) -> Constant | None:
        """The value of a constant instruction, else None."""
        parameter = self.instructions[index].parameter
        return parameter if isinstance(parameter, Constant) and not self.instructions[index].operands else None

    def add(self, i: int, j: int) -> int:
        """The sum."""
        a, b = self.constant(i), self.constant(j)
        if a and b:
            total = a.value + b.value
            exact = total - a.value == b.value and total - b.value == a.value
            return self.number(total, a.error + b.error + (0.0 if exact else UNIT * abs(total)))
        if b:
            i, j, a = j, i, b
        if not a:
            return self.emit("add", *sorted((i, j))) if i != j else self.scale(Constant(2.0), i)
        if a == Constant(0.0):
            return j
        if abs(a.value) == 1.0 and not a.error and (better := self._one_plus(a.value, j)) is not None:
            return better
        return self.emit("shift", j, parameter=a)

    def _one_plus(self, one: float, j: int) -> int | None:
        """±1 + a term in a form that does not cancel: 1 ± tanh, 1 ± erf, 1 − tanh², exp − 1."""
        factor, inner = 1.0, j
        operation, operands, parameter = self.instructions[inner]
        if operation == "scale" and isinstance(parameter, Constant) and not parameter.error:
            factor, inner = parameter.value, operands[0]
            operation, operands, parameter = self.instructions[inner]
        side = factor * one
        if abs(factor) != 1.0:
            return None
        if operation == "tanh":
            return self.scale(Constant(2 * one), self.apply("sigmoid", self.scale(Constant(2 * side), operands[0])))
        if operation == "erf":
            root = self.scale(Constant(side * 2.0**0.5, 2 * UNIT), operands[0])
            return self.scale(Constant(2 * one), self.apply("ndtr", root))
        if operation == "exp" and side < 0:
            return self.scale(Constant(factor), self.apply("expm1", operands[0]))
        if operation == "integer_power" and parameter == 2.0 and side < 0:
            base = self.instructions[operands[0]]
            if base.operation == "tanh":
                return self.scale(Constant(one), self.apply("sech2", base.operands[0]))
        return None

    def scale(self, factor: Constant, i: int) -> int:
        """A constant times an instruction."""
        known, (operation, operands, parameter) = self.constant(i), self.instructions[i]
        if factor == Constant(0.0):
            return self.number(0.0)
        if operation == "scale" and isinstance(parameter, Constant):
            known, i = parameter, operands[0]
        if known:
            product = factor.value * known.value
            error = abs(factor.value) * known.error + factor.error * (abs(known.value) + known.error)
            exact = abs(factor.value) in (0.5, 1.0, 2.0) or abs(known.value) in (0.5, 1.0, 2.0)
            factor = Constant(product + 0.0, error + (0.0 if exact else UNIT * abs(product)))
            if operation == "constant":
                return self.emit("constant", parameter=factor)
        return i if factor == Constant(1.0) else self.emit("scale", i, parameter=factor)

    def negative(self, i: int) -> int:
        """The negative."""
        return self.scale(Constant(-1.0), i)

    def subtract(self, i: int, j: int) -> int:
        """The difference."""
        return self.number(0.0) if i == j else self.add(i, self.negative(j))

    def multiply(self, i: int, j: int) -> int:
        """The product."""
        a, b = self.constant(i), self.constant(j)
        if a or b:
            return self.scale(a, j) if a else self.scale(b, i) if b else i
        for one, other in ((i, j), (j, i)):  # constant factors go outside
            operation, operands, parameter = self.instructions[one]
            if operation == "scale" and isinstance(parameter, Constant):
                return self.scale(parameter, self.multiply(operands[0], other))
        return self.power(i, 2) if i == j else self.emit("multiply", *sorted((i, j)))

    def reciprocal(self, i: int) -> int:
        """1 over the instruction."""
        operation, operands, parameter = self.instructions[i]
        known = self.constant(i)
        if known and known.value:
            inverse = 1.0 / known.value
            least = max(abs(known.value) - known.error, 0.0)
            exact = not known.error and abs(known.value) in (0.5, 1.0, 2.0)
            return self.number(inverse, 0.0 if exact else known.error * abs(inverse) / least + UNIT * abs(inverse))
        if operation == "scale" and isinstance(parameter, Constant):
            factor = self.reciprocal(self.number(parameter.value, parameter.error))
            return self.multiply(factor, self.reciprocal(operands[0]))
        if operation == "shift" and parameter == Constant(1.0):
            inner = self.instructions[operands[0]]
            if inner.operation == "exp":
                return self.apply("sigmoid", self.negative(inner.operands[0]))
        return self.emit("reciprocal", i)

    def power(self, i: int, exponent: float) -> int:
        """A constant power; of a base ≥ 0 if the exponent is not an integer."""
        if exponent == 0.0:
            return self.number(1.0)
        if exponent == 1.0:
            return i
        if not float(exponent).is_integer():
            return self.emit("real_power", i, parameter=float(exponent))
        if exponent < 0:
            return self.reciprocal(self.power(i, -exponent))
        return self.emit("integer_power", i, parameter=float(exponent))

    def apply(self, name: str, i: int) -> int:
        """A function in FUNCTIONS of an instruction; of combinations with a better form, that form."""
        operation, operands, parameter = self.instructions[i]
        if name == "log" and operation == "cosh":
            return self.apply("logcosh", operands[0])
        if name == "log" and operation == "shift" and parameter == Constant(1.0):
            return self.apply("log1p", operands[0])
        if name == "log1p" and operation == "exp":
            return self.apply("softplus", operands[0])
        return self.emit(name, i)

    def where(self, g: int, a: int, b: int, kind: float = OPEN) -> int:
        """`a` where g > 0, or g ≥ 0 if CLOSED, and `b` elsewhere."""
        known = self.constant(g)
        if a == b:
            return a
        if known and not known.error:
            return a if known.value > 0 or (kind == CLOSED and known.value == 0) else b
        return self.emit("where", g, a, b, parameter=kind)

    def absolute(self, i: int) -> int:
        """|u|."""
        return self.where(i, i, self.negative(i), LARGER)

    def largest(self, i: int, j: int) -> int:
        """The larger one."""
        return self.where(self.subtract(i, j), i, j, LARGER)

    def smallest(self, i: int, j: int) -> int:
        """The smaller one."""
        return self.where(self.subtract(i, j), j, i, SMALLER)
