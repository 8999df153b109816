"""Expressions with Where as expressions of sympy's own classes, for users who go on with sympy."""

from meanfield._types import Expression
from meanfield.activations.formulas.cases import where_class
from meanfield.errors import BadActivation

MOST_CONDITIONS = 64  # of one case, once the cases inside of it are written out


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
