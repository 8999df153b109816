"""How long, deep and large a formula may be, so that a hostile text is refused in little work."""

import math

from meanfield._types import Expression
from meanfield.activations.formulas.calls import Wrong

LONGEST = 10_000  # characters
MOST_NODES = 3_000  # of the syntax tree, and of the function written by cases
MOST_NODES_OF_DERIVATIVE = 20_000
DEEPEST = 40  # nested parentheses and calls; a long sum or product is one level
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


def check_constant(constant: Expression, wrong: Wrong) -> None:
    """Refuse a constant that is not a real number of moderate size."""
    number = constant.evalf(15)
    if not (number.is_Float or number.is_Rational or number.is_Integer):
        raise wrong("has a constant that is not a real number")
    if not abs(number) < 10.0**LARGEST_DECADE:
        raise wrong(f"has a number beyond 1e{LARGEST_DECADE}")
