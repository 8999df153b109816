"""Taylor series of a formula on one side of a point where it cannot be evaluated, as of sin(x)/x at 0.

The coefficients are divided differences of values at a + h, a + 2h, … with h = 10^(−20), computed with so many digits
that the cancellation does not matter. A series is used as far as it agrees with the formula.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from meanfield._types import ArrayFunction, Expression, Floats
from meanfield.activations.formulas.removable_singularities.exact import Exact

TERMS = 44
VALUES = TERMS + 3  # the last coefficients of an interpolant are rough
STEP = 20  # digits of 1/h
DIGITS = VALUES * STEP + 100
CHECKING = 60  # digits of the formula's values in comparisons
LIMIT_DIGITS = 500
RADII = tuple(2.0 ** (-k / 2) for k in range(21))
AGREE = 4 * np.finfo(np.float64).eps  # relative to the sum of the sizes of the terms
NOTHING = 1e-45  # a difference of values of CHECKING digits that cancel
AGREE_ROUGHLY = 1e-6  # with values in floats, which cancel,
NOISE = 1e-6  # relative to at least this size
STEEPEST = 1e12  # a third divided difference beyond it belongs to no series of a radius in RADII
FAR = 0.1
NEAR = 1e-6  # a limit is not a thousand times as large as the values at this distance


@dataclass(frozen=True)
class Series:
    """Σ coefficientsₖ·|x − centre|ᵏ for x on one side (±1) of the centre, up to the radius."""

    centre: float
    side: int
    radius: float
    coefficients: tuple[float, ...]

    def __call__(self, x: Floats) -> Floats:
        """Values by Horner's rule."""
        return np.asarray(np.polyval(self.coefficients[::-1], np.abs(x - self.centre)), dtype=np.float64)

    def agrees(self, checked: Exact, in_floats: ArrayFunction) -> bool:
        """Whether it agrees with the formula at six points to rounding, and at a thousand roughly."""
        x = self.centre + self.side * self.radius * np.array([0.04, 0.21, 0.47, 0.73, 0.99, 1.0])
        sizes = self._size(x)
        if not np.all(np.isfinite(sizes)):
            return False
        for point, value, size in zip(x.tolist(), self(x).tolist(), sizes.tolist(), strict=True):
            true = checked(point)
            if not (checked.mp.isfinite(true) and abs(true - value) <= AGREE * size + NOTHING):
                return False
        many = self.centre + self.side * self.radius * np.linspace(0.03, 1.0, 1000)
        return bool(np.all(np.abs(in_floats(many) - self(many)) <= AGREE_ROUGHLY * np.maximum(self._size(many), NOISE)))

    def _size(self, x: Floats) -> Floats:
        return np.asarray(np.polyval(np.abs(self.coefficients[::-1]), np.abs(x - self.centre)), dtype=np.float64)


def series_at(expression: Expression, in_floats: ArrayFunction, points: Iterable[float]) -> tuple[Series, ...]:
    """The series of an expression on each side of each point where it has one; `in_floats` is its NumPy function."""
    fine, checked = Exact(expression, DIGITS), Exact(expression, CHECKING)

    def largest(point: float, side: int, coefficients: tuple[float, ...] | None) -> Series | None:
        if coefficients is None:
            return None
        every = (Series(point, side, radius, coefficients) for radius in RADII)
        return next((series for series in every if series.agrees(checked, in_floats)), None)

    found: list[Series | None] = []
    for point in points:
        right = largest(point, 1, _coefficients(fine, point, 1))
        same = None if right is None else largest(point, -1, mirrored(right.coefficients))
        found += [right, same or largest(point, -1, _coefficients(fine, point, -1))]
    return tuple(series for series in found if series is not None)


def is_smooth(series: Iterable[Series], point: float) -> bool:
    """Whether the two series at a point are one."""
    left, right = ([s.coefficients for s in series if s.centre == point and s.side == side] for side in (-1, 1))
    return bool(left and right) and mirrored(left[0]) == right[0]


def mirrored(coefficients: tuple[float, ...]) -> tuple[float, ...]:
    """The coefficients in powers of −t."""
    return tuple((-1) ** k * c for k, c in enumerate(coefficients))


@lru_cache(maxsize=1024)
def limit(expression: Expression, x: float) -> float:
    """The limit at `x`, the mean of two different one-sided limits; NaN if one of them is not finite or not found."""
    exact = Exact(expression, LIMIT_DIGITS)
    left = _one_sided(exact, x, -1)
    return float((left + _one_sided(exact, x, 1)) / 2) if left == left else left  # NaN


def _one_sided(exact: Exact, x: float, side: int) -> float:
    mp = exact.mp
    unit = side * max(1.0, abs(x))
    nearest = exact(mp.mpf(x) + unit * mp.mpf("1e-50"))
    if not mp.isfinite(nearest):
        return float("nan")
    far, near, nearer = (exact(mp.mpf(x) + unit * mp.mpf(h)) for h in (FAR, NEAR, "1e-30"))
    if not all(map(mp.isfinite, (near, nearer, nearest))) or abs(nearest) > 1000 * abs(near) + 1000 * NEAR:
        return float("nan")
    if abs(nearest) < 1e-9 * abs(nearer):
        return 0.0
    size = max(abs(near), abs(far)) if mp.isfinite(far) else abs(near)
    return float(nearest) if abs(nearest - nearer) <= 1e-16 * abs(nearest) + 1e-20 * size else float("nan")


def _coefficients(fine: Exact, centre: float, side: int) -> tuple[float, ...] | None:
    mp = fine.mp
    h = mp.mpf(10) ** -STEP
    first = [fine(mp.mpf(centre) + side * h * k) for k in range(1, 5)]
    third = (first[3] - 3 * first[2] + 3 * first[1] - first[0]) / (6 * h**3)
    if not abs(third) < STEEPEST * (1 + abs(first[0])):
        return None
    differences = [*first, *(fine(mp.mpf(centre) + side * h * k) for k in range(5, VALUES + 1))]
    if not all(map(mp.isfinite, differences)):
        return None
    for order in range(1, VALUES):
        inverse = 1 / (order * h)
        for k in reversed(range(order, VALUES)):
            differences[k] = (differences[k] - differences[k - 1]) * inverse
    coefficients = [mp.zero]
    for k in reversed(range(VALUES)):  # Newton's form to powers of the distance
        shifted = [mp.zero, *coefficients]
        coefficients = [a - (k + 1) * h * b for a, b in zip(shifted, [*coefficients, mp.zero], strict=True)]
        coefficients[0] += differences[k]
    small = mp.mpf(10) ** (-2 * STEP)
    values = tuple(0.0 if abs(c) < small else float(c) for c in coefficients[:TERMS])
    return values if np.all(np.isfinite(values)) else None
