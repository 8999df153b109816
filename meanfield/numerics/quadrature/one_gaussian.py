"""Expectations of products of f, f′, f″ and the argument at X = √q·Z, for many q from the same values of f.

A string names the product, one letter a factor: ``moment(f, "ff", q)`` is E f(X)², ``"dd"`` is E f′(X)², ``"xfd"`` is
E X f(X) f′(X), and ``"s"`` is E f″(X).
"""

from functools import reduce
from typing import NamedTuple

import numpy as np

from meanfield._types import Floats
from meanfield.errors import BadActivation, DivergentExpectation, InfiniteDerivative
from meanfield.estimates import Estimate
from meanfield.numerics.quadrature.gauss_legendre import at_ends, largest, rule, tail
from meanfield.numerics.quadrature.grid import REACH, RESOLVED, Grid, half_octave
from meanfield.numerics.quadrature.piecewise_smooth import PiecewiseSmooth

RTOL = 1e-12  # default relative tolerance of `converged`
AIM = 1e-14  # panels are halved until their error is this fraction of the integral of the absolute integrand
EPS = float(np.finfo(float).eps)
ROUNDING = 16 * EPS  # rounding of the sum and of the values, relative to the same integral
FARTHEST = 50.0  # standard deviations; if the integrand is not negligible there, the expectation is refused
COVERED = REACH / np.sqrt(2.0)  # standard deviations that every grid covers
NOTHING = 1e-300  # an error below this is not reduced: products of numbers this small underflow
VISIBLE = 38.5  # standard deviations beyond which the weight underflows
SMALLEST = -1000  # exponent of 2: smaller q are replaced by 2⁻¹⁰⁰⁰
UNDERFLOW = 745.0  # exponent at which the weight underflows
BLOCK = 2_000_000  # numbers a block, to limit memory


def moment(
    pieces: PiecewiseSmooth, product: str, q: Floats | float, *, rtol: float = RTOL, atol: float = 0.0
) -> Estimate:
    """The expectation of a product of factors at X = √q·Z, with Z a standard normal.

    Parameters
    ----------
    pieces : PiecewiseSmooth
        The function f.
    product : str
        One letter a factor: "x" for X, "f" for f(X), "d" for f′(X), "s" for f″(X).
    q : float or ndarray, any shape
        Variances of X, ≥ 0.
    rtol, atol : float
        Relative and absolute tolerance that define `converged` of the result. They do not influence the values.

    Returns
    -------
    Estimate
        Values and bounds on their absolute errors, floats or arrays of the shape of `q`; whether all errors are within
        the tolerances; and the number of evaluations of f.

    Raises
    ------
    InfiniteDerivative
        If the factor d occurs twice and f jumps, or s occurs and f has a kink.
    DivergentExpectation
        If the integrand does not decay against the Gaussian weight, or is not integrable at a point.
    """
    q = np.asarray(q, dtype=np.float64)
    reach = COVERED * float(np.sqrt(q.max(initial=0.0)))
    if product.count("d") + product.count("s") > 1 and (jumps := pieces.jumps_within(reach)):
        raise InfiniteDerivative(
            f"{pieces.name} jumps at x = {jumps[0]:.6g}, so its derivative has no finite second moment"
        )
    if "s" in product and (kinks := pieces.kinks_within(reach)):
        raise InfiniteDerivative(
            f"{pieces.name} has a kink at x = {kinks[0]:.6g}, so its second derivative has no finite moments"
        )

    flat = np.maximum(q.ravel(), 2.0**SMALLEST)
    value, error, before = np.empty(flat.size), np.empty(flat.size), pieces.evaluations
    octave = half_octave(flat)
    for k in np.unique(octave):
        members = np.flatnonzero(octave == k)
        with pieces.lock:
            grid = pieces.grid(2.0**k)
            if members.size > 2:  # the extreme q refine the grid for all q, at less cost than all of them
                integrate(grid, product, np.array([flat[members].min(), flat[members].max()]))
            block = max(1, BLOCK // grid.x.size)
            for start in range(0, members.size, block):
                chosen = members[start : start + block]
                value[chosen], error[chosen] = integrate(grid, product, flat[chosen])
    converged = bool(np.all(error <= np.maximum(rtol * np.abs(value), atol)))
    evaluations = pieces.evaluations - before
    resolution = pieces.resolution(q)
    if q.ndim == 0:
        return Estimate(float(value[0]), float(error[0]), converged, evaluations, resolution=resolution)
    return Estimate(value.reshape(q.shape), error.reshape(q.shape), converged, evaluations, resolution=resolution)


def resolved(grid: Grid, product: str, q: Floats) -> Grid:
    """The `grid`, refined and extended until f and then the product are resolved at every q, shape (q,).

    A resolved product does not imply a resolved f: the square of √((x − m)² + ε²) is a polynomial, which needs no fine
    panels near m. Pairs evaluate f at two points and need f itself. The caller holds the lock of the function.
    """
    for one in dict.fromkeys(("f", product)):
        integrate(grid, one, q)
    return grid


class _Panels(NamedTuple):
    """Contributions of each panel at each q, shape (q, panels)."""

    value: Floats  # integral
    absolute: Floats  # integral of the absolute value
    unresolved: Floats  # bound on the quadrature error, which halving the panel reduces
    inexact: Floats  # bound on the error due to errors of the factors, which halving does not reduce
    rounding: Floats  # of the values, the weight and the sum
    relative: Floats  # tail of the integrand, relative to its largest absolute value
    differentiated: Floats  # relative unresolved part of the function that was differentiated, shape (panels,)


def _panels(grid: Grid, product: str, q: Floats) -> _Panels:
    columns = {letter: grid.column(letter) for letter in product}
    unit, variance = _unit(grid, q)
    root = np.exp(-((unit * grid.x) ** 2) / (2 * len(product) * variance[:, None, None]))  # of the weight, a factor
    if grid.reach * grid.scale > FARTHEST * np.sqrt(q.min()):  # the grid has been extended for a larger q
        root = np.where(np.abs(grid.x) > FARTHEST * np.sqrt(q)[:, None, None], 0.0, root)
    with np.errstate(over="ignore", invalid="ignore"):
        factor = {letter: column.values * root for letter, column in columns.items()}
        integrand = reduce(np.multiply, [factor[letter] for letter in product])
        if np.isnan(integrand).any():  # ∞·0, where f overflows and the weight underflows
            factor = {letter: np.where(root == 0, 0.0, values) for letter, values in factor.items()}
            integrand = reduce(np.multiply, [factor[letter] for letter in product])
        absolute, weights = np.abs(integrand), rule().weights
        half = 0.5 * unit * (grid.b - grid.a) / np.sqrt(2 * np.pi * variance)[:, None]
        inexact = np.zeros(half.shape)
        if any(column.error.any() for column in columns.values()):
            most = {letter: np.abs(factor[letter]) + c.error[:, None] * root for letter, c in columns.items()}
            inexact = half * ((reduce(np.multiply, [most[letter] for letter in product]) - absolute) @ weights)
        height = largest(absolute)
        unresolved = tail(integrand) + np.expm1(len(product) * np.log1p(grid.blind)) * height
        size = half * (absolute @ weights)
        farthest = unit * np.maximum(np.abs(grid.a), np.abs(grid.b))
        exponent = np.minimum(farthest**2 / (2 * variance[:, None]), UNDERFLOW)
        return _Panels(
            half * (integrand @ weights),
            size,
            2 * half * unresolved,
            inexact,
            (ROUNDING + EPS * exponent) * size,
            unresolved / np.where(height > 0, height, 1.0),
            np.max([column.unresolved for column in columns.values()], axis=0),
        )


def _unit(grid: Grid, q: Floats) -> tuple[float, Floats]:
    """A power of two next to 1/scale, and the variances q in units of its square: squares of x do not overflow."""
    exponent = -int(np.frexp(grid.scale)[1])
    return float(np.ldexp(1.0, exponent)), np.ldexp(q, 2 * exponent)


def _misplaced(grid: Grid, product: str, q: Floats) -> Floats:
    """Bounds on the errors due to jumps of the integrand beside the edges of panels, shape (q,).

    The place of a breakpoint is a rounded number, and a breakpoint that is not known may lie between an edge and the
    outermost test point. Over that length the integrand is integrated with the wrong one of its two values.
    """
    unit, variance = _unit(grid, q)
    root = np.exp(-((unit * grid.a[1:]) ** 2) / (2 * len(product) * variance[:, None]))
    before, after = np.ones((2, *root.shape))
    with np.errstate(over="ignore", invalid="ignore"):
        for letter in product:
            ends = grid.column(letter).values @ at_ends()
            before = before * np.where(root == 0, 0.0, ends[:-1, 1] * root)
            after = after * np.where(root == 0, 0.0, ends[1:, 0] * root)
        jumps = np.abs(after - before)
    density = unit * grid.hidden / np.sqrt(2 * np.pi * variance)[:, None]
    return np.asarray((np.where(np.isfinite(jumps), jumps, 0.0) * density).sum(axis=1))


def integrate(grid: Grid, product: str, q: Floats) -> tuple[Floats, Floats]:
    """Values and error bounds, each of shape (q,), from a grid that is refined and extended as the product needs."""
    while True:
        if (unseen := grid.unseen).any() and grid.refine(unseen, grid.unresolved):
            continue
        panels = _panels(grid, product, q)
        size = panels.absolute.sum(axis=1)
        if not np.all(np.isfinite(size)):
            _refuse_poles(grid)
            raise DivergentExpectation(
                f"the expectation over {grid.pieces.name} at q = {q[~np.isfinite(size)][0]:.6g} is infinite, "
                "or what it is made of exceeds the range of a float"
            )
        outermost = np.maximum(panels.absolute[:, 0], panels.absolute[:, -1])
        heavy = q[outermost > AIM * size]
        if heavy.size:
            if grid.reach * grid.scale > FARTHEST * np.sqrt(heavy.max()):
                raise DivergentExpectation(
                    f"the expectation over {grid.pieces.name} at q = {heavy.max():.6g} is infinite, or close to it: "
                    f"what it is made of does not decay within {FARTHEST:g} standard deviations"
                )
            grid.extend()
            continue
        if not size.all() and grid.reach * grid.scale < VISIBLE * np.sqrt(q[size == 0].max()):
            grid.extend()  # f is 0 so far; it may differ from 0 farther out, as beyond a threshold
            continue
        limit = np.maximum(AIM * size[:, None] / np.sqrt(grid.a.size), panels.rounding + NOTHING)
        needed = (panels.inexact > limit).any(axis=0) & (panels.differentiated > RESOLVED)
        if needed.any() and grid.refine(needed, panels.differentiated):
            continue  # a derivative is not believed before the function itself is resolved
        needed = panels.unresolved > limit
        if not (needed.any() and grid.refine(needed.any(axis=0), np.where(needed, panels.relative, 0.0).max(axis=0))):
            break
    uncertain = panels.unresolved + panels.inexact
    error = uncertain.sum(axis=1) + _misplaced(grid, product, q)
    worst = int(np.argmax(error / np.where(size > 0, size, 1.0)))
    if error[worst] > 1e-3 * size[worst] and _diverges(grid, panels.absolute[worst], uncertain[worst]):
        where = grid.a[_peak(grid, panels.absolute[worst])]
        where = 0.0 if abs(where) < 1e-12 * grid.scale else where
        raise DivergentExpectation(
            f"the expectation over {grid.pieces.name} is infinite: it is not integrable near x = {where:.6g}"
        )
    return panels.value.sum(axis=1), error + panels.rounding.sum(axis=1)


def _refuse_poles(grid: Grid) -> None:
    """Refuse functions that are infinite between finite values; where they overflow, they do so to the end of the grid.

    Raises
    ------
    BadActivation
        Naming the place.
    """
    infinite = np.isinf(grid.f.ravel())
    finite = np.flatnonzero(~infinite)
    inside = np.flatnonzero(infinite[: finite[-1]]) if finite.size else finite
    inside = inside[inside > finite[0]] if finite.size else inside
    if inside.size:
        where = float(grid.x.ravel()[inside[0]])
        raise BadActivation(
            f"{grid.pieces.name} is infinite at x = {where!r}; it must be finite for every real x", where
        )


def _peak(grid: Grid, absolute: Floats) -> int:
    """The panel on which the mean absolute integrand is largest."""
    return int(np.argmax(absolute / (grid.b - grid.a)))


def _diverges(grid: Grid, absolute: Floats, uncertain: Floats) -> bool:
    """Whether the absolute integral over rings around a singular point does not decrease as the rings halve.

    The point is in the panel on which the integrand is largest; the panel with the largest error is as short.
    """
    length, peak = grid.b - grid.a, _peak(grid, absolute)
    if max(length[peak], length[np.argmax(uncertain)]) > 1e-9 * grid.scale:
        return False
    distance = np.abs(0.5 * (grid.a + grid.b) - grid.a[peak]) / length[peak]
    ring = np.floor(np.log2(np.maximum(distance, 1.0)))
    inner, outer = (absolute[ring == k].sum() for k in (8, 12))
    return bool(inner > 0.98 * outer > 0)
