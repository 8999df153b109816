"""Removable singularities: the part of a formula that is 0/0, 0·∞ or ∞ − ∞ at a point, as a function with its limits.

`repaired` replaces the smallest such parts by the function Removable(x, tag, base). A part that is smooth once its
limit is its value has the base 1; another one keeps the base at whose zeros it is singular.
"""

from collections.abc import Callable, Sequence
from functools import cache, cached_property, lru_cache

import numpy as np

from meanfield._types import ArrayFunction, Expression, Floats
from meanfield.activations.formulas.limits import MOST_LIMITS, different_parts
from meanfield.activations.formulas.removable_singularities.exact import Exact
from meanfield.activations.formulas.removable_singularities.series import CHECKING, Series, is_smooth, limit, series_at
from meanfield.activations.formulas.rewriting import derivative
from meanfield.activations.formulas.vocabulary import real_x

Compile = Callable[[Expression], ArrayFunction]

BESIDE = 0.1  # where sizes are compared with those at the point
ZERO = 1e-12


class Part:
    """A part of a formula, of finite limits at each of the points at which it is singular."""

    def __init__(self, raw: Expression, points: tuple[float, ...], compiled: Compile) -> None:
        self.raw, self.points, self.compile = raw, points, compiled
        self._in_floats = compiled(raw)

    @cached_property
    def limits(self) -> tuple[float, ...]:
        """Its limits at the points; NaN where there is none."""
        return tuple(limit(self.raw, point) for point in self.points)

    @cached_property
    def series(self) -> tuple[Series, ...]:
        """Taylor series beside the points."""
        return series_at(self.raw, self._in_floats, self.points)

    @property
    def smooth(self) -> bool:
        """Whether it is smooth at every point."""
        return all(is_smooth(self.series, point) for point in self.points)

    @cached_property
    def derivative(self) -> "Part":
        """The part that is its derivative."""
        return Part(derivative(self.raw), self.points, self.compile)

    def __call__(self, x: Floats) -> Floats:
        """Values at `x`; by a series beside a point, and a limit at it."""
        x = np.asarray(x, dtype=np.float64)
        values = np.asarray(self._in_floats(x), dtype=np.float64)
        for series in self.series:
            ahead = series.side * (x - series.centre)
            inside = (ahead >= 0) & (ahead <= series.radius)
            values = np.where(inside, series(np.where(inside, x, series.centre)), values)
        for point in self.points:
            if np.any(at := x == point):
                found = self.limits[self.points.index(point)]
                values = np.where(at & (found == found), found, values)  # not NaN
        return values[()]


_PARTS: dict[Part, int] = {}
_BY_TAG: list[Part] = []


def part_of(tag: int) -> Part:
    """The part with this tag."""
    return _BY_TAG[int(tag)]


@cache
def removable_class() -> Expression:
    """The class Removable, made when sympy is first needed."""
    import sympy as sp

    class Removable(sp.Function):  # type: ignore[misc]
        nargs = 3

        def _eval_derivative(self, symbol: Expression) -> Expression:
            x, tag, base = self.args
            return node_of(part_of(tag).derivative, base) * x.diff(symbol)

    return Removable


def node_of(part: Part, base: Expression) -> Expression:
    """Removable(x, tag, base) for a part."""
    import sympy as sp

    if part not in _PARTS:
        _PARTS[part] = len(_BY_TAG)
        _BY_TAG.append(part)
    return removable_class()(real_x(), sp.Integer(_PARTS[part]), base)


def repaired(pieces: Expression, points: Sequence[float], compiled: Compile) -> Expression:
    """`pieces` with the smallest parts that have finite limits at points of singularity as Removable.

    Raises ValueError if the parts are too many or too large.
    """
    budget = [MOST_LIMITS]
    for point in points:
        pieces = _repaired(pieces, point, tuple(points), compiled, budget)
    return pieces


def _repaired(
    node: Expression, point: float, points: tuple[float, ...], compiled: Compile, budget: list[int]
) -> Expression:
    import sympy as sp

    if not node.args or isinstance(node, removable_class()) or not singular_bases(node, point):
        return node
    args = tuple(_repaired(part, point, points, compiled, budget) for part in node.args)
    node = node if args == node.args else node.func(*args)
    if not isinstance(node, sp.Add | sp.Mul):
        return node
    singular = [part for part in node.args if singular_bases(part, point)]
    if isinstance(node, sp.Mul):
        singular += [part for part in node.args if part not in singular and vanishes(part, point)]
    if len(singular) < 2:
        return node
    raw = expanded(node.func(*singular))
    here = tuple(other for other in points if singular_bases(raw, other))
    budget[0] -= len(here) * (10 + different_parts(raw))
    if budget[0] < 0:
        raise ValueError("it has too many parts that are singular at points where it may have a limit")
    if any(np.isnan(limit(raw, other)) for other in here):
        return node
    part = Part(raw, here, compiled)
    base = sp.S.One if part.smooth else sp.Mul(*singular_bases(raw, point))
    rest = [other for other in node.args if other not in singular]
    return node.func(node_of(part, base), *rest)


@lru_cache(maxsize=16_384)
def singular_bases(node: Expression, point: float) -> tuple[Expression, ...]:
    """The bases of negative powers and logarithms in `node` that vanish at a point."""
    import sympy as sp

    if isinstance(node, removable_class()):
        return ()
    found = [base for part in node.args for base in singular_bases(part, point)]
    if isinstance(node, sp.log) or (isinstance(node, sp.Pow) and not node.exp.is_nonnegative):
        base = node.args[0]
        found += [base] if base.free_symbols and vanishes(base, point) else []
    return tuple(found)


@lru_cache(maxsize=16_384)
def vanishes(part: Expression, point: float) -> bool:
    """Whether a part is zero at a point, which may be rounded."""
    if not part.free_symbols:
        return False
    exact = Exact(expanded(part), CHECKING)
    at, *beside = (abs(exact(x)) for x in (point, point - BESIDE, point + BESIDE))
    return bool(at <= ZERO * max(beside))


def expanded(node: Expression) -> Expression:
    """`node` with each Removable as the part that it stands for."""
    if not node.has(removable_class()):
        return node
    return node.replace(lambda part: isinstance(part, removable_class()), lambda part: part_of(part.args[1]).raw)
