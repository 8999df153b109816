"""The symmetry of a formula: proven by its algebra, refuted by its values, or unknown.

Each property says that some expression is constant: f(x) + f(−x) on x > 0 if f is odd, f(x) − f(−x) if f is even, and
f(x)/x on either side of 0 if f is scale-invariant. So the property is false if two values of that expression differ,
and true if its values agree, its derivative is identically zero between the points where a case changes, and all of
those points are known by algebra.
"""

from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from meanfield._types import Expression, Floats
from meanfield.activations.formulas.cases import by_cases, case_at, where_class
from meanfield.activations.formulas.discontinuities import algebraic_zeros, between, case_changes, merged
from meanfield.activations.formulas.vocabulary import real_x
from meanfield.activations.symmetry import UNKNOWN, Symmetry

Numbers = NDArray[np.object_]  # of mpmath, two precisions by points

SAMPLES = 0.7310585 * np.geomspace(1e-3, 1e3, 25)  # where values are compared, besides a point in each interval
DIGITS = 60  # of those values; a difference counts if twice as many digits confirm it
SAME = 1e-90  # relative difference of values that agree when computed with twice as many digits
MOST_OPERATIONS = 300  # a longer expression is not expanded
LARGEST_POWER = 20  # of a sum that is expanded


def symmetry_of(expression: Expression) -> Symmetry:
    """Whether an expression in the real x is odd, even, scale-invariant or constant.

    Examples
    --------
    >>> from meanfield.activations.formulas.parse import read
    >>> symmetry_of(read("min(max(x, -7), 7)"))
    Symmetry(odd=True, even=False, scale_invariant=False, constant=False)
    >>> symmetry_of(read("min(max(x, -7), 20)")).odd
    False
    """
    import mpmath

    try:
        with mpmath.workdps(2 * DIGITS):
            return _symmetry(expression)
    except Exception:  # sympy raises anything on what it cannot do
        return UNKNOWN


def _symmetry(expression: Expression) -> Symmetry:
    import sympy as sp

    exact = expression.replace(lambda part: part.is_Float, lambda part: sp.Rational(repr(float(part))))
    pieces = by_cases(exact)
    changes = case_changes(pieces)
    edges = [*merged([0.0, *map(abs, changes or ())]), np.inf]
    middles = [between(a, b) for a, b in pairwise(edges)]
    x, f, mirrored = values(pieces, np.concatenate([middles, SAMPLES]))
    seen = set(np.searchsorted(edges, x).tolist()) == set(range(1, len(edges)))

    y = sp.Symbol("y", positive=True)
    sides: list[list[Expression]] = []
    for side in (1, -1):
        if changes is not None:
            smooth = [case_at(pieces, side * middle) for middle in middles]
        else:  # infinitely many cases: the whole formula, unless sympy would take minutes for what is in it
            smooth = [] if exact.has(where_class(), sp.Piecewise, sp.Max, sp.Min, sp.Heaviside) else [exact]
        sides.append([part.xreplace({real_x(): side * y}) for part in smooth])
    right, left = sides

    @cache
    def changes_are_all() -> bool:
        conditions = [node.args[0] for node in sp.preorder_traversal(pieces) if isinstance(node, where_class())]
        decisions = {case_at(condition, side * x) for condition in conditions for x in middles for side in (1, -1)}
        return all(algebraic_zeros(decision) is not None for decision in decisions)

    def decided(differences: Numbers, sizes: Numbers, constants: Iterable[Expression]) -> bool | None:
        rough, fine = differences
        unlike = abs(fine) > SAME * sizes[1]
        if np.any(unlike & (abs(rough - fine) < 1e-3 * abs(fine))):
            return False
        if not (seen and right) or unlike.any():
            return None
        if changes is None:
            return True if all(constant == 0 for constant in constants) else None
        return True if all(map(is_flat, constants)) and changes_are_all() else None

    return Symmetry(
        odd=decided(f + mirrored, abs(f) + abs(mirrored), (a + b for a, b in zip(right, left, strict=True))),
        even=decided(f - mirrored, abs(f) + abs(mirrored), (a - b for a, b in zip(right, left, strict=True))),
        scale_invariant=decided(*from_first(f / x, mirrored / x), (a / y for a in right + left)),
        constant=decided(*from_first(np.concatenate([f, mirrored], axis=1)), right + left),
    )


def values(pieces: Expression, x: Floats) -> tuple[Floats, Numbers, Numbers]:
    """The x where a float64 evaluation does not overflow, and there f(x) and f(−x) to DIGITS and to twice as many."""
    import mpmath
    import sympy as sp

    def where(g: Expression, a: Expression, b: Expression, closed: int) -> Expression:
        return a if g > 0 or (closed and g == 0) else b

    cases = {where_class().__name__: where}
    quick, exact = (sp.lambdify(real_x(), pieces, [cases, *modules]) for modules in (["scipy", "numpy"], ["mpmath"]))
    kept, found = [], []
    for point in x.tolist():
        with suppress(ArithmeticError, ValueError), np.errstate(over="raise", invalid="raise", divide="raise"):
            for side in (1, -1):
                quick(np.float64(side * point))
            rows = []
            for digits in (DIGITS, 2 * DIGITS):
                with mpmath.workdps(digits):
                    rows.append([mpmath.mpf(exact(side * mpmath.mpf(point))) for side in (1, -1)])
            kept.append(point)
            found.append(rows)
    f, mirrored = np.moveaxis(np.array(found, dtype=object).reshape(-1, 2, 2), (2, 1), (0, 1))
    return np.array(kept), f, mirrored


def from_first(*groups: Numbers) -> tuple[Numbers, Numbers]:
    """The differences of the values of each group from its first one, and the sizes of both."""
    differences = [group - group[:, :1] for group in groups]
    sizes = [abs(group) + abs(group[:, :1]) for group in groups]
    return np.concatenate(differences, axis=1), np.concatenate(sizes, axis=1)


def is_flat(smooth: Expression) -> bool:
    """Whether the derivative of an expression without cases is identically zero; False if that cannot be shown."""
    import sympy as sp

    slope = sp.diff(smooth, *smooth.free_symbols) if smooth.free_symbols else sp.S.Zero
    return any(is_zero(form) for form in (slope, slope.rewrite(sp.exp)))


def is_zero(expression: Expression) -> bool:
    """Whether the numerator of an expression is zero once it is expanded."""
    import sympy as sp

    if expression.is_zero or expression.count_ops() > MOST_OPERATIONS:
        return bool(expression.is_zero)
    powers = (power for power in expression.atoms(sp.Pow) if power.base.is_Add and power.exp.is_Integer)
    if any(abs(power.exp) > LARGEST_POWER for power in powers):
        return False
    return bool(sp.expand(sp.fraction(sp.together(expression))[0]) == 0)
