"""Text to sympy through a whitelist of Python's grammar, never through `eval`.

The grammar: numbers, ``x``, ``pi``, ``e``; ``+ - * / **`` and parentheses; ``where(condition, a, b)`` with conditions
made of ``< <= > >= == !=``, ``&``/``and``, ``|``/``or``, ``~``/``not``; the functions named in `vocabulary`, and every
activation of the catalogue at its default parameters, as in ``0.5*gelu(x) + 0.1*x``.
"""

import re
import sys
from dataclasses import replace
from functools import lru_cache
from typing import Any

from meanfield.activations.activation import Activation
from meanfield.activations.formulas.grammar import Reader, shown
from meanfield.activations.formulas.vocabulary import real_x
from meanfield.errors import BadActivation, MeanFieldError

__all__ = ["from_expression", "is_expression", "is_sympy", "parse", "read"]


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
    >>> from meanfield.activations.formulas.parse import parse
    >>> parse("x*tanh(log(1 + exp(x)))")
    x*tanh(log(exp(x) + 1))
    >>> parse("(1).__class__")
    Traceback (most recent call last):
    meanfield.errors.BadActivation: the formula '(1).__class__' has an attribute, which is not allowed
    """
    import sympy as sp

    expression = read(text)
    with sp.evaluate(False):  # what sympy asks itself about nested functions of a complex x takes exponential time
        return expression.xreplace({real_x(): sp.Symbol("x")})


def read(text: str) -> Any:
    """`parse`, in the symbol `real_x()`."""
    try:
        return Reader(text).expression()
    except MeanFieldError:
        raise
    except (RecursionError, MemoryError):
        raise BadActivation(f"the formula {shown(text)} is nested too deeply") from None
    except Exception as error:  # sympy raises anything on what makes no sense to it
        raise BadActivation(f"the formula {shown(text)} makes no sense: {type(error).__name__}") from error


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

        from meanfield.activations.formulas.from_expression import as_activation

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
    from meanfield.activations.formulas.from_expression import as_activation

    return as_activation(read(text), text, text)
