"""How long, deep and large a formula may be, so that a hostile text is refused in little work."""

import math

from meanfield._types import Expression
from meanfield.activations.formulas.calls import Wrong

LONGEST = 10_000  # characters
MOST_NODES = 3_000  # of the syntax tree, and of the function written by cases
MOST_NODES_OF_DERIVATIVE = 12_000
MOST_PARTS = 250  # different subexpressions of the function written by cases
MOST_LIMITS = 160  # different subexpressions of the parts that may have removable singularities, and 10 a part
DEEPEST = 40  # nested parentheses and calls; a long sum or product is one level
MOST_TERMS = 300  # of the argument of a hyperbolic function, written out
LARGEST_EXPONENT = 100
LARGEST_DECADE = 300  # constants lie within 1e±300

Operand = tuple[Expression, bool]  # a value, and whether it is a constant


def power(base_and_kind: Operand, exponent_and_kind: Operand, wrong: Wrong) -> Expression:
    """A power of two operands, each with whether it is a constant; huge ones are refused unexpanded."""
    import sympy as sp

    (base, base_is_constant), (exponent, exponent_is_constant) = base_and_kind, exponent_and_kind
    if exponent.is_Float and float(exponent).is_integer():
        exponent = sp.Integer(int(exponent))
    if exponent_is_constant or exponent.is_Number:
        size = abs(float(exponent))
        if not (base_is_constant or base.is_Number):
            if size > LARGEST_EXPONENT:
                raise wrong(f"has an exponent beyond ±{LARGEST_EXPONENT}")
        else:
            if base.is_zero:
                decades = 0.0 if exponent.is_nonnegative else math.inf
            else:
                decades = size * abs(math.log10(abs(float(base))))
            if not decades <= LARGEST_DECADE:
                raise wrong(f"has a power beyond 1e±{LARGEST_DECADE}")
    return sp.Pow(base, exponent)


def different_parts(expression: Expression) -> int:
    """The number of different subexpressions."""
    found: set[Expression] = set()
    waiting = [expression]
    while waiting:
        if (part := waiting.pop()) not in found:
            found.add(part)
            waiting += part.args
    return len(found)


def check_terms(argument: Expression, wrong: Wrong) -> None:
    """Refuse the argument of a hyperbolic function whose real part sympy would write out in very many terms."""
    if not argument.is_extended_real and _terms(argument) > MOST_TERMS:
        raise wrong("has a hyperbolic function of a power that need not be real")


def _terms(expression: Expression) -> float:
    counts = [_terms(part) for part in expression.args]
    if expression.is_Add:
        return sum(counts)
    if expression.is_Pow and expression.exp.is_Integer:
        n, k = abs(int(expression.exp)), min(counts[0], MOST_TERMS)
        return float(math.comb(n + int(k) - 1, n))
    return 2 * math.prod(counts) if counts else 1.0


def check_constant(constant: Expression, wrong: Wrong) -> None:
    """Refuse a constant that is not a real number of moderate size."""
    number = constant.evalf(15)
    if not (number.is_Float or number.is_Rational or number.is_Integer):
        raise wrong("has a constant that is not a real number")
    if not abs(number) < 10.0**LARGEST_DECADE:
        raise wrong(f"has a number beyond 1e{LARGEST_DECADE}")
