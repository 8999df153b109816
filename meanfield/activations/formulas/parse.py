"""Text to sympy through a whitelist of Python's grammar, never through `eval`.

The grammar: numbers, ``x``, ``pi``, ``e``; ``+ - * / **`` and parentheses; ``where(condition, a, b)`` with conditions
made of ``< <= > >= == !=``, ``&``/``and``, ``|``/``or``, ``~``/``not``; the functions named in `vocabulary`, and every
activation of the catalogue at its default parameters, as in ``0.5*gelu(x) + 0.1*x``.
"""

import re

from meanfield._types import Expression
from meanfield.activations.formulas.grammar import Reader, shown
from meanfield.activations.formulas.vocabulary import real_x
from meanfield.errors import BadActivation, MeanFieldError


def is_expression(text: str) -> bool:
    """Whether `text` reads like a formula in x rather than like a name."""
    return bool(re.search(r"\bx\b|[()+*/]", text))


def parse(text: str) -> Expression:
    """`text` as a sympy expression in the symbol ``x``.

    Raises
    ------
    BadActivation
        If the text is not a formula of the grammar, too long, too deep, or has constants or exponents out of range.
    UnknownActivation
        If it uses a name that is not known; the message has the nearest ones.

    Examples
    --------
    >>> from meanfield.activations.formulas.parse import parse
    >>> parse("x*tanh(log(1 + exp(x)))")
    x*tanh(log(exp(x) + 1))
    >>> parse("(1).__class__")
    Traceback (most recent call last):
    meanfield.errors.BadActivation: the formula '(1).__class__' has an attribute, which is not allowed
    """
    import sympy as sp

    expression = read(text)
    with sp.evaluate(False):  # sympy's simplification of nested functions of a complex x takes exponential time
        return expression.xreplace({real_x(): sp.Symbol("x")})


def read(text: str) -> Expression:
    """`parse`, in the symbol `real_x()`."""
    try:
        return Reader(text).expression()
    except MeanFieldError:
        raise
    except (RecursionError, MemoryError):
        raise BadActivation(f"the formula {shown(text)} is nested too deeply") from None
    except Exception as error:  # sympy raises anything on what makes no sense to it
        raise BadActivation(f"the formula {shown(text)} makes no sense: {type(error).__name__}") from error
