"""A formula, as text or as a sympy expression, as an activation with exact derivative, breakpoints and jumps."""

import sys
from dataclasses import replace
from functools import lru_cache

import numpy as np

from meanfield._types import Expression
from meanfield.activations.activation import Activation
from meanfield.activations.callables.guard import PROBES, guarded
from meanfield.activations.formulas.cases import by_cases
from meanfield.activations.formulas.discontinuities import breakpoints_of
from meanfield.activations.formulas.formula_function import FormulaFunction
from meanfield.activations.formulas.limits import MOST_PARTS, different_parts
from meanfield.activations.formulas.parse import read
from meanfield.activations.formulas.printing import as_text
from meanfield.activations.formulas.vocabulary import real_x
from meanfield.errors import BadActivation


def is_sympy(thing: object) -> bool:
    """Whether `thing` is a sympy expression, or a sympy function such as ``sympy.tanh``; does not import sympy."""
    sympy = sys.modules.get("sympy")
    return sympy is not None and isinstance(thing, sympy.Basic | sympy.FunctionClass)


def from_formula(formula: str | Expression, name: str | None = None) -> Activation:
    """The activation of a formula with one variable.

    Raises
    ------
    BadActivation
        As `meanfield.activations.formulas.parse.parse` does; also if the expression has no or several free symbols or
        unknown functions, or is not a real and finite number at some x.
    """
    if isinstance(formula, str):
        made = _from_text(formula.strip())
    else:
        import sympy as sp

        if isinstance(formula, sp.FunctionClass):
            formula = formula(sp.Symbol("x"))
        elif isinstance(formula, sp.Lambda) and len(formula.variables) == 1:
            formula = formula.expr
        made = _from_expression(formula, name or "", "")
    return made if name is None else replace(made, name=name)


@lru_cache(maxsize=256)
def _from_text(text: str) -> Activation:
    return _from_expression(read(text), text, text)


def _from_expression(expression: Expression, name: str, formula: str) -> Activation:
    import sympy as sp

    what = _shortened(name or expression)
    expression = sp.sympify(expression)
    symbols = sorted(map(str, getattr(expression, "free_symbols", ())))
    if not isinstance(expression, sp.Expr) or len(symbols) != 1:
        found = f"it has {', '.join(symbols)}" if symbols else "it has none"
        raise BadActivation(f"the formula {what} must have exactly one variable, x; {found}")
    if unknown := expression.atoms(sp.core.function.AppliedUndef):
        raise BadActivation(f"the formula {what} has the unknown function {min(map(str, unknown))}")
    try:
        if real_x() not in expression.free_symbols:
            expression = expression.xreplace({next(iter(expression.free_symbols)): real_x()})
        if (count := different_parts(by_cases(expression))) > MOST_PARTS:
            raise BadActivation(f"the formula {what} has {count} different parts; at most {MOST_PARTS} are allowed")
        function = FormulaFunction(expression, 0)
        _check_probes(function, what)  # before the work of a derivative that may not be wanted
        derivative = FormulaFunction(expression, 1)
        guarded(function, what)
        breakpoints, jumps = breakpoints_of(expression, function)
    except BadActivation:
        raise
    except (RecursionError, MemoryError):
        raise BadActivation(f"the formula {what} is nested too deeply") from None
    except Exception as error:  # sympy raises anything on what it cannot do
        reason = (str(error) or type(error).__name__).splitlines()[0][:100]
        raise BadActivation(f"the formula {what} cannot be made a function of numbers: {reason}") from error
    return Activation(function, name or what, derivative, breakpoints, jumps, formula=formula or as_text(expression))


def _check_probes(function: FormulaFunction, what: str) -> None:
    """BadActivation at the first probe without a finite value, before the limits at the others are computed."""
    for x in PROBES:
        value = function(x)
        if not np.iscomplexobj(value) and not np.isfinite(value):
            found, right = ("NaN", "a number") if np.isnan(value) else ("infinite", "finite")
            raise BadActivation(f"{what} is {found} at x = {x:g}; it must be {right} for every real x", float(x))


def _shortened(formula: str | Expression) -> str:
    text = str(formula)
    return text if len(text) <= 60 else f"{text[:59]}…"
