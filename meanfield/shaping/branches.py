"""Every solution (a, b) of the conditions of DKS or TAT that is found for one activation.

Where φ is smooth, a solution for a small target is close to a root b₀ of a function of one variable, because only φ′,
φ″ and φ‴ at b₀ count: DKS φ″² + 2φ′φ‴ = 0 with a² = 2(ζ − 1)(φ′/φ″)², and TAT φ″² ± √2 φ′φ‴ = 0 with a² = τ(φ′/φ″)².
Each root is followed from a small target to the wanted one. Beside a breakpoint x₀ there is no such expansion; there
solutions are sought on a grid of (b − x₀)/a and a.
"""

from typing import NamedTuple

import numpy as np

from meanfield._types import Floats
from meanfield.shaping.conditions import Conditions
from meanfield.shaping.moments import REACH, ShapeIntegrals

FARTHEST = 6.0  # roots b₀ are sought up to this |b₀|
SPACING = 0.05
SMALL = 0.02  # a at which the asymptotic equations are evaluated
START = 1e-3  # target at which branches begin
FACTOR = 4.0  # largest step of the target
OFFSETS = np.linspace(-6.0, 6.0, 25)  # of b from a breakpoint, in units of a
SCALES = np.geomspace(1e-3, 3.0, 12)
ZOOMS = (1.0, 0.1, 10.0, 0.01, 100.0)  # scales of x on which b₀ is sought, until one is found
LEAST = 1e-20  # smallest excess, relative to the variance, that is more than rounding
STEPS, FINISHED = 30, 1e-14  # of Newton's method: most steps, and the length of the last one
ROUGH, FINE, GOOD = 1e-3, 1e-15, 1e-9  # residuals: on the way, at which it ends, and that is accepted
DIFFERENCE = 1e-6
SAME = 1e-6
DEEPEST = 0.5  # asymptotic a above which a root is only formal: the far tail of φ


class Candidate(NamedTuple):
    """Where a solution is expected."""

    a: float  # at the target where the search begins
    b: float
    sign: float  # of μ, relative to E z f′
    origin: float  # limit of b as the target tends to 0
    formal: bool  # in the far tail of φ
    beside: bool  # found beside a breakpoint, at the wanted target


class Root(NamedTuple):
    """A solution: parameters, the sign of μ relative to E z f′, the limit of b for small targets, and the residual."""

    a: float
    b: float
    sign: float
    origin: float
    residual: float


class Found(NamedTuple):
    """What a search found: where solutions are expected, in order of preference, and the first solution."""

    expected: list[Candidate]
    first: Root


def search(integrals: ShapeIntegrals, conditions: Conditions, target: float) -> Found | None:
    """The solution that the literature prefers, and where others are expected; None if there is none.

    μ has the sign of E z f′, b₀ is nearest to 0, and b > 0 of two of equal size; roots in the far tail come last.
    """
    for zoom in ZOOMS[:1] if integrals.breakpoints.size else ZOOMS:
        expected = _smooth(integrals, conditions, target, zoom)
        for point in integrals.breakpoints[np.abs(integrals.breakpoints) <= FARTHEST]:
            expected += _beside(integrals, conditions, target, float(point))
        expected.sort(key=_preference)
        for one in expected:
            if first := solved(integrals, conditions, target, [one]):
                return Found(expected, first[0])
    return None


def _preference(one: Candidate) -> tuple[bool, bool, float, bool]:
    return one.formal, one.sign < 0, round(abs(one.b if one.beside else one.origin), 6), one.b < 0


def solved(integrals: ShapeIntegrals, conditions: Conditions, target: float, expected: list[Candidate]) -> list[Root]:
    """The different solutions at the candidates, in their order."""
    found: dict[int, Root] = {}
    for beside in (False, True):
        own = [i for i, one in enumerate(expected) if one.beside == beside]
        if not own:
            continue
        a, b, sign = (np.array([getattr(expected[i], name) for i in own]) for name in ("a", "b", "sign"))
        start = target if beside else min(START, target)
        steps = int(np.ceil(max(np.log(target / start) / np.log(FACTOR), 0.0)))
        residual = np.zeros(a.size)
        for aim in np.geomspace(start, target, steps + 1):
            some = np.flatnonzero(residual < ROUGH)
            if not some.size:
                break
            enough = FINE if aim == target else ROUGH
            parts = newton(integrals, conditions, float(aim), a[some], b[some], sign[some], enough)
            a[some], b[some], residual[some] = parts
        for i, x, y, r in zip(own, a.tolist(), b.tolist(), residual.tolist(), strict=True):
            near = not beside or abs(y - expected[i].origin) <= REACH * x
            if r < GOOD and near:
                found[i] = Root(x, y, expected[i].sign, expected[i].origin, r)
    distinct: list[Root] = []
    for _, root in sorted(found.items()):
        settled = _settled(integrals, conditions, target, root)
        if settled and not any(_same(settled, other) for other in distinct):
            distinct.append(settled)
    return distinct


def _settled(integrals: ShapeIntegrals, conditions: Conditions, target: float, root: Root) -> Root | None:
    """The solution with moments that are resolved; None if they cannot be."""
    one = np.array([root.a]), np.array([root.b])
    if integrals(*one).resolved[0]:
        return root
    finer = integrals.refined(root.a, root.b)
    a, b, residual = (float(x[0]) for x in newton(finer, conditions, target, *one, np.array([root.sign]), FINE))
    resolved = finer(np.array([a]), np.array([b])).resolved[0]
    return root._replace(a=a, b=b, residual=residual) if resolved and residual < GOOD else None


def _same(root: Root, other: Root) -> bool:
    near = abs(root.b - other.b) <= SAME * (1 + abs(root.b)) and abs(root.a - other.a) <= SAME * root.a
    return near and root.sign == other.sign


def _smooth(integrals: ShapeIntegrals, conditions: Conditions, target: float, zoom: float) -> list[Candidate]:
    """The roots b₀ of the asymptotic equations, away from breakpoints, where x varies on the scale `zoom`."""
    half = zoom * (np.arange(round(FARTHEST / SPACING)) + 0.5) * SPACING
    grid = np.concatenate([-half[::-1], half])  # symmetric, so that odd functions have pairs of equal |b₀|
    for point in integrals.breakpoints:
        grid = grid[np.abs(grid - point) > REACH * SMALL]
    m = integrals(np.full(grid.size, zoom * SMALL), grid)
    found: list[Candidate] = []
    for sign in conditions.signs:
        with np.errstate(all="ignore"):
            _, value = conditions.residuals(m, 1.0, np.full(grid.size, sign))
            size = np.sqrt(conditions.growth(m))
            varies = m.excess > LEAST * m.variance
        known = np.isfinite(value) & varies
        i = np.flatnonzero(
            (value[1:] * value[:-1] < 0) & known[1:] & known[:-1] & (np.diff(grid) < 1.5 * zoom * SPACING)
        )
        share = value[i] / (value[i] - value[i + 1])
        b = grid[i] + share * np.diff(grid)[i]
        a = zoom * SMALL / (size[i] + share * (size[i + 1] - size[i]))  # at the target 1
        for x, y in zip(a.tolist(), b.tolist(), strict=True):
            found.append(Candidate(x * min(START, target) ** 0.5, y, sign, y, x * target**0.5 > zoom * DEEPEST, False))
    return found


def _beside(integrals: ShapeIntegrals, conditions: Conditions, target: float, point: float) -> list[Candidate]:
    """Cells of a grid of (b − x₀)/a and a on whose corners both residuals have both signs."""
    k, a = (grid.ravel() for grid in np.meshgrid(OFFSETS, SCALES, indexing="ij"))
    m = integrals(a, point + k * a)
    found: list[Candidate] = []
    for sign in conditions.signs:
        with np.errstate(all="ignore"):
            pair = conditions.residuals(m, target, np.full(a.size, sign))
        both = np.ones((OFFSETS.size - 1, SCALES.size - 1), dtype=bool)
        for value in pair:
            table = np.sign(value.reshape(OFFSETS.size, SCALES.size))
            corners = np.stack([table[:-1, :-1], table[1:, :-1], table[:-1, 1:], table[1:, 1:]])
            both &= (corners.min(axis=0) < 0) & (corners.max(axis=0) > 0)
        for i, j in zip(*np.nonzero(both), strict=True):
            start = float(np.sqrt(SCALES[j] * SCALES[j + 1]))
            b = point + 0.5 * float(OFFSETS[i] + OFFSETS[i + 1]) * start
            found.append(Candidate(start, b, sign, point, start > DEEPEST, True))
    return found


def newton(
    integrals: ShapeIntegrals,
    conditions: Conditions,
    target: float,
    a: Floats,
    b: Floats,
    sign: Floats,
    enough: float = 0.0,
) -> tuple[Floats, Floats, Floats]:
    """Newton's method in (ln a, b) from each start; a, b and the largest residual, in the best step of each."""
    log_a, b = np.log(a), b.copy()
    stuck = np.zeros(a.size, dtype=bool)
    best_a, best_b, best = a.copy(), b.copy(), np.full(a.size, np.inf)
    for _ in range(STEPS):
        h = DIFFERENCE * np.exp(log_a)
        points = np.exp(np.concatenate([log_a, log_a + DIFFERENCE, log_a])), np.concatenate([b, b, b + h])
        with np.errstate(all="ignore"):
            m = integrals(*points)
            one, two = (part.reshape(3, -1) for part in conditions.residuals(m, target, np.tile(sign, 3)))
            size = np.maximum(np.abs(one[0]), np.abs(two[0]))
            better = size < best
            best = np.where(better, size, best)
            best_a, best_b = np.where(better, np.exp(log_a), best_a), np.where(better, b, best_b)
            j11, j21 = (one[1] - one[0]) / DIFFERENCE, (two[1] - two[0]) / DIFFERENCE
            j12, j22 = (one[2] - one[0]) / DIFFERENCE, (two[2] - two[0]) / DIFFERENCE
            determinant = j11 * j22 - j12 * j21
            change = (j12 * two[0] - j22 * one[0]) / determinant
            shift = (j21 * one[0] - j11 * two[0]) / determinant  # in units of a
        change = np.where(np.isfinite(change), np.clip(change, -0.5, 0.5), 0.0)
        shift = np.where(np.isfinite(shift), np.clip(shift, -3.0, 3.0), 0.0)
        moved = np.maximum(np.abs(change), np.abs(shift))
        stuck = ~better & (stuck | (best < ROUGH))
        if np.all((best < enough) | (moved < FINISHED) | stuck):
            break
        b = b + shift * np.exp(log_a)
        log_a = np.clip(log_a + change, -16.0, 3.0)
    return best_a, best_b, best
