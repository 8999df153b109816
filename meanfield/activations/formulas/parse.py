"""Text to sympy through a whitelist of Python's grammar, never through `eval`.

The grammar: numbers, ``x``, ``pi``, ``e``; ``+ - * / **`` and parentheses; ``where(condition, a, b)``, also written
``a if condition else b``, with conditions made of ``< <= > >= == !=``, ``&``/``and``, ``|``/``or``, ``~``/``not``;
conditions elsewhere, which are 0 or 1, as in ``x*(x > 0)``; ``clip(x, lowest, highest)``; the functions named in
`vocabulary`, and every activation of the catalogue, as in ``0.5*gelu(x) + leaky_relu(x, 0.2)``. A function may have the
prefix of its module, as in ``np.maximum(x, 0)`` and ``F.gelu(x)``, and may be a method, as in ``x.clip(0, 6)``.
"""

import ast
import re

from meanfield._types import Expression
from meanfield.activations.catalogue.entry import Entry
from meanfield.activations.catalogue.qualified import find_path
from meanfield.activations.catalogue.table import find, normalised
from meanfield.activations.formulas.calls import is_switch, path_of, row_and_parameters
from meanfield.activations.formulas.cases import where_class
from meanfield.activations.formulas.grammar import Reader
from meanfield.activations.formulas.vocabulary import FUNCTIONS, real_x
from meanfield.errors import BadActivation, MeanFieldError, shown

WITH_PARAMETERS = re.compile(r"([\w. -]+):\s*(\w+\s*=[^:=]+(?:,\s*\w+\s*=[^:=]+)*)")  # leaky_relu:negative_slope=0.2
MOST_CONDITIONS = 64  # of one case, once the cases inside of it are written out


def is_expression(text: str) -> bool:
    """Whether `text` reads like a formula in x, or like a constant, rather than like a name.

    Examples
    --------
    >>> [is_expression(text) for text in ("x", "2x", "|x|", "x²", "pi", "relu6", "gelu-tanh", "nn.ReLU")]
    [True, True, True, True, True, False, False, False]
    """
    return bool(re.search(r"\b[\d.]*x(?!\w)|[()+*/|^]|^\s*(pi|e|-?[\d.]+)\s*$", text)) or not text.isascii()


def called_row(text: str) -> tuple[Entry, dict[str, float]] | None:
    """The row of the catalogue and the parameters that a text names; None if the text is no name of a row.

    Raises
    ------
    BadActivation, InvalidInput
        If the row does not take the arguments.

    Examples
    --------
    >>> [(row.name, given) for row, given in map(called_row, ("elu(0.2)", "elu:alpha=0.2", "jax.nn.gelu"))]
    [('elu', {'alpha': 0.2}), ('elu', {'alpha': 0.2}), ('gelu_tanh', {})]
    """
    if found := find_path(text.strip()):
        return found
    if (listed := WITH_PARAMETERS.fullmatch(text.strip())) and find_path(listed[1]):
        text = f"{listed[1]}({listed[2]})"
    name, parenthesis, inside = text.partition("(")
    if not parenthesis:
        return None
    reader = Reader(normalised(name) + parenthesis + inside if find(name) else text)  # Leaky-ReLU(0.2) is no difference
    try:
        tree = reader.tree()
    except BadActivation:
        return None  # the formula's message says more
    if not isinstance(tree, ast.Call) or not (found := find_path(path_of(tree.func))):
        return None
    values = [*tree.args, *(keyword.value for keyword in tree.keywords)]
    names = {part.id for value in values for part in ast.walk(value) if isinstance(part, ast.Name)}
    if not (listed or names <= {"pi", "e", *FUNCTIONS}):
        return None
    numbers = [argument for argument in tree.args if not is_switch(argument)]
    if numbers and not found[0].parameters and found[0].name != "linear":
        return None  # a function of a constant
    return row_and_parameters(*found, tree, reader.number, reader.wrong)


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

    expression = as_piecewise(read(text))
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


def as_piecewise(expression: Expression) -> Expression:
    """The expression with each Where as a Piecewise.

    Raises
    ------
    BadActivation
        If a condition has too many cases of its own.
    """
    import sympy as sp

    if not expression.has(where_class()):
        return expression
    if not isinstance(expression, where_class()):
        return expression.func(*map(as_piecewise, expression.args), evaluate=False)
    g, a, b, closed = expression.args
    condition = _condition(g, bool(closed), [])
    return sp.Piecewise((as_piecewise(a), condition), (as_piecewise(b), True), evaluate=False)


def _condition(g: Expression, closed: bool, counted: list[Expression]) -> Expression:
    """The condition g > 0, or g ≥ 0 if `closed`, in relations between expressions without cases."""
    import sympy as sp

    counted.append(g)
    if len(counted) > MOST_CONDITIONS:
        raise BadActivation(f"sympy has no words for a condition of more than {MOST_CONDITIONS} cases")
    if inside := g.find(where_class()):
        first = min(inside, key=lambda node: (node.count(where_class()), str(node)))
        inner, a, b, inner_closed = first.args
        holds = _condition(inner, bool(inner_closed), counted)
        yes, no = (_condition(g.xreplace({first: branch}), closed, counted) for branch in (a, b))
        return sp.Or(sp.And(holds, yes), sp.And(sp.Not(holds), no))
    constant, rest = g.as_coeff_Add()
    relation, a, b = (">=" if closed else ">"), rest, -constant
    if rest.as_coeff_Mul()[0].is_negative:
        relation, a, b = relation.replace(">", "<"), -rest, constant
    return sp.Rel(a, b, relation, evaluate=not g.free_symbols)
