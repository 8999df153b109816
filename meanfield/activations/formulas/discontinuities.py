"""Breakpoints and jumps of a formula, from its case distinctions and from where its functions are singular."""

from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meanfield._types import ArrayFunction, Expression, Floats
from meanfield.activations.formulas.cases import by_cases, case_at, floor_class, where_class
from meanfield.activations.formulas.numbers import number_at
from meanfield.activations.formulas.numpy_functions import compiled
from meanfield.activations.formulas.removable_singularities.parts import removable_class, repaired, singular_bases
from meanfield.activations.formulas.rewriting import stabilised
from meanfield.activations.formulas.vocabulary import real_x

Int64s = NDArray[np.int64]

MOST_BREAKPOINTS = 200  # beyond it they are left to be searched for
MOST_ROOTS = 120  # of polynomials; beyond it all breakpoints are left to be searched for
HIGHEST_DEGREE = 30  # beyond it roots of polynomials are found numerically
ROOT_DIGITS, ROOT_WIDTH = 60, 1e-20  # of roots of polynomials while they are refined, relative
SCAN = np.sinh(np.linspace(-14.5, 14.5, 20_001))  # where sign changes are looked for: ±1e6, a thousandth apart near 0


def breakpoints_of(
    expression: Expression, function: ArrayFunction
) -> tuple[tuple[float, ...] | None, tuple[float, ...]]:
    """Breakpoints and jumps of an expression in the real x; None if the points where its cases change cannot be found.

    A point is kept if the expressions that hold to its left and to its right differ, or if one is singular there
    and stays so with its limit as its value.
    """
    pieces = with_limits(by_cases(expression))
    found = case_changes(pieces)
    if found is None:
        return None, ()
    edges = [-np.inf, *found, np.inf]
    kept = []
    for i, x in enumerate(found):
        left, right = (case_at(pieces, between(*edges[i + side : i + side + 2])) for side in (0, 1))
        if singular_at(left, x) or singular_at(right, x) or differ(left, right, x):
            kept.append(x)
    return tuple(kept), tuple(x for x in kept if jumps_at(function, x))


def singular_points(pieces: Expression) -> tuple[float, ...]:
    """The points at which a base of a negative power or a logarithm is zero; none if they are infinitely many."""
    import sympy as sp

    if all(singular_base(node) is None for node in sp.preorder_traversal(pieces)):
        return ()
    return tuple(x for x in case_changes(pieces) or [] if singular_bases(pieces, x))


@lru_cache(maxsize=64)
def with_limits(pieces: Expression) -> Expression:
    """`pieces` with its removable singularities removed."""
    points = singular_points(pieces)
    return repaired(pieces, points, lambda part: compiled(stabilised(part))) if points else pieces


@lru_cache(maxsize=64)
def case_changes(pieces: Expression) -> list[float] | None:
    """Every point where a case may change or a function be singular, ascending; None if they cannot be found."""
    if pieces.has(floor_class()):
        return None
    found: list[float] = []
    solved: set[Expression] = set()
    for boundary in boundaries(pieces):
        for a, b in pairwise([-np.inf, *found, np.inf]):
            smooth = case_at(boundary, between(a, b))
            solved.add(smooth)
            if sum(map(roots_sought, solved)) > MOST_ROOTS:
                return None
            zeros = real_zeros(smooth)
            if zeros is None:
                return None
            found += [x for x in zeros if a <= x <= b]
        found = merged(found)
        if len(found) > MOST_BREAKPOINTS:
            return None
    return found


def boundaries(pieces: Expression) -> list[Expression]:
    """The expressions at whose zeros a case changes or a function is singular, innermost first."""
    import sympy as sp

    found: dict[Expression, None] = {}
    for node in sp.postorder_traversal(pieces):
        boundary = node.args[0] if isinstance(node, where_class()) else singular_base(node)
        if boundary is not None:
            found[boundary] = None
    return list(found)


def singular_base(node: Expression) -> Expression:
    """The expression at whose zeros a power or a function is singular; None if it is regular everywhere."""
    import sympy as sp

    if isinstance(node, sp.Pow) and not (node.exp.is_integer and node.exp.is_nonnegative):
        base = node.base
    elif isinstance(node, sp.log):
        base = node.args[0]
    elif isinstance(node, sp.asin | sp.acos | sp.atanh):
        base = 1 - node.args[0] ** 2
    elif isinstance(node, sp.acosh):
        base = node.args[0] - 1
    elif isinstance(node, sp.tan):
        base = sp.cos(node.args[0])
    elif isinstance(node, removable_class()):
        base = node.args[2]
    else:
        return None
    return None if not base.free_symbols or has_one_sign(base) else base


def has_one_sign(base: Expression) -> bool:
    """Whether an expression is known to be positive everywhere, or negative.

    Symbols stand for its hyperbolic functions, whose real and imaginary parts sympy would work out at length.
    """
    import sympy as sp

    symbols = {
        part: sp.Dummy(positive=True) if isinstance(part, sp.cosh) else sp.Dummy(real=True)
        for part in base.atoms(sp.functions.elementary.hyperbolic.HyperbolicFunction)
    }
    base = base.xreplace(symbols)
    return bool(base.is_positive or base.is_negative)


@lru_cache(maxsize=1024)
def real_zeros(smooth: Expression) -> tuple[float, ...] | None:
    """Real zeros (and poles) of a smooth expression; None if they are infinitely many or cannot be determined.

    Those of a rational function are all found. Those of others are looked for as changes of sign within ±1e6.
    """
    import sympy as sp

    zeros = algebraic_zeros(smooth)
    if zeros is not None or smooth.has(sp.sin, sp.cos, sp.tan):
        return zeros
    return sign_changes(compiled(stabilised(smooth)))


@lru_cache(maxsize=1024)
def algebraic_zeros(smooth: Expression) -> tuple[float, ...] | None:
    """All real zeros (and poles) of a smooth expression, if its sign is known or its polynomials are tractable."""
    import sympy as sp

    x = real_x()
    if not smooth.free_symbols or smooth.is_positive or smooth.is_negative:
        return ()
    if not smooth.is_rational_function(x) or degree_at_most(smooth) > HIGHEST_DEGREE:
        return None
    zeros = []
    for part in sp.fraction(sp.together(smooth)):
        poly = sp.Poly(part, x)
        if poly.degree() == 1:
            zeros.append(float(-poly.nth(0) / poly.nth(1)))
        elif 1 < poly.degree() <= HIGHEST_DEGREE and poly.free_symbols == {x}:
            exact = poly.as_expr().replace(lambda e: e.is_Float, lambda e: sp.Rational(repr(float(e))))
            if not sp.Poly(exact, x).domain.is_QQ and not sp.Poly(exact, x).domain.is_ZZ:
                return None
            zeros += _real_roots(sp.Poly(exact, x))
        elif poly.degree() > HIGHEST_DEGREE:
            return None
    return tuple(zeros)


def _real_roots(poly: Any) -> list[float]:
    """The real roots of a polynomial of rational coefficients: isolated exactly, then refined with many digits."""
    import mpmath

    simple = poly.sqf_part()
    with mpmath.workdps(ROOT_DIGITS):
        value, slope = ([mpmath.mpf(int(c.p)) / int(c.q) for c in one.all_coeffs()] for one in (simple, simple.diff()))

        def root(low: Any, high: Any) -> float:
            # The sign left of `high`, which another root may occupy
            sign = mpmath.sign(mpmath.polyval(value, high)) or -mpmath.sign(mpmath.polyval(slope, high))
            while float(low) != float(high) and high - low > ROOT_WIDTH * max(abs(low), abs(high)):
                middle = (low + high) / 2
                if mpmath.sign(mpmath.polyval(value, middle)) == sign:
                    high = middle
                else:
                    low = middle
            return float((low + high) / 2)

        ends = (interval for interval, _ in simple.intervals())
        return [root(*(mpmath.mpf(int(end.p)) / int(end.q) for end in pair)) for pair in ends]


@lru_cache(maxsize=4096)
def roots_sought(smooth: Expression) -> int:
    """How many roots of a polynomial of higher degree are computed to find the zeros of an expression, at most."""
    degree = degree_at_most(smooth) if smooth.is_rational_function(real_x()) else 0
    return degree if 2 < degree <= HIGHEST_DEGREE else 0


@lru_cache(maxsize=4096)
def degree_at_most(rational: Expression) -> int:
    """A bound on the degrees of numerator and denominator of a rational function, from its parts."""
    if not rational.args:
        return int(bool(rational.free_symbols))
    if rational.is_Pow:
        return degree_at_most(rational.base) * abs(int(rational.exp)) if rational.free_symbols else 0
    degrees = map(degree_at_most, rational.args)
    return max(degrees) if rational.is_Add and rational.is_polynomial() else sum(degrees)


def sign_changes(function: ArrayFunction) -> tuple[float, ...] | None:
    """Where a function of floats changes its sign within ±1e6; None if it does so too often, or underflows there."""
    signs = np.sign(function(SCAN))
    definite = np.flatnonzero(np.abs(signs) == 1)
    changes = [(i, j) for i, j in pairwise(definite.tolist()) if signs[i] != signs[j]]
    if len(changes) > MOST_BREAKPOINTS or any(j > i + 2 for i, j in changes):
        return None
    if not changes:
        return ()
    left, right = (SCAN[[change[side] for change in changes]] for side in (0, 1))
    zeros = []
    for root in bisected(function, left, right).tolist():
        tidy = float(f"{root:.13g}")
        zeros.append(tidy if function(np.array(tidy)) == 0 else root)
    return tuple(zeros)


def bisected(function: ArrayFunction, left: Floats, right: Floats) -> Floats:
    """Where the sign changes between each `left` and `right`, to the last digit: 2⁶⁴ floats are halved 64 times."""
    sign = np.sign(function(left))
    low, high = ordinal(left), ordinal(right)
    for _ in range(64):
        middle = (low & high) + ((low ^ high) >> 1)  # their mean, without overflow
        same = np.sign(function(floats(middle))) == sign
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    a, b = floats(low), floats(high)
    return np.where(np.abs(function(a)) < np.abs(function(b)), a, b)


def ordinal(x: Floats) -> Int64s:
    """The number of each float64 in ascending order, counted from 0."""
    bits = x.view(np.int64)
    return np.where(bits < 0, np.iinfo(np.int64).min - bits, bits)


def floats(number: Int64s) -> Floats:
    """The inverse of `ordinal`."""
    return np.where(number < 0, np.iinfo(np.int64).min - number, number).view(np.float64)


def between(a: float, b: float) -> float:
    """A point between `a` and `b`, close to the finite end if the other is infinite; not a round number."""
    if a == -np.inf:
        return 0.317 if b == np.inf else b - 0.317
    return a + 0.317 if b == np.inf else a + 0.4713 * (b - a)


def merged(points: list[float]) -> list[float]:
    """The points in ascending order, those that differ only by rounding merged into one."""
    kept: list[float] = []
    for x in sorted(points):
        if not kept or x - kept[-1] > 1e-13 * max(1.0, abs(x)):
            kept.append(x + 0.0)
    return kept


def singular_at(smooth: Expression, x: float) -> bool:
    """Whether a base of a power, a logarithm … in a smooth expression is zero at `x`."""
    import sympy as sp

    bases = (singular_base(node) for node in sp.preorder_traversal(smooth))
    return any(base is not None and not abs(number_at(base, x)) > 1e-9 for base in bases)


def differ(left: Expression, right: Expression, x: float) -> bool:
    """Whether two smooth expressions are different functions around `x`."""
    if left == right:
        return False
    if left.is_Add and right.is_Add:  # terms on both sides do not matter
        common = set(left.args) & set(right.args)
        left, right = (side.func(*(term for term in side.args if term not in common)) for side in (left, right))
    near = x + np.array([-0.23, -0.11, -0.04, 0.03, 0.09, 0.19])
    a, b = compiled(stabilised(left))(near), compiled(stabilised(right))(near)
    both = np.isfinite(a) & np.isfinite(b)
    return not both.any() or bool(np.any(np.abs(a - b)[both] > 1e-12 * np.maximum(np.abs(a), np.abs(b))[both]))


def jumps_at(function: ArrayFunction, x: float) -> bool:
    """Whether the two one-sided values differ: their difference does not shrink with the distance from `x`."""
    h = np.array([1e-1, 1e-6, 1e-12]) * max(1.0, abs(x))
    with np.errstate(all="ignore"):
        values = function(np.concatenate([x - h, x + h]))
        _, far, near = np.abs(values[3:] - values[:3])
    return bool(near > 0.3 * far and near > 1e-11 * np.abs(values).max())
