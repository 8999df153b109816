"""Refusal of callables whose value at x depends on more than x: on chance, earlier calls, or the other entries."""

import numpy as np

from meanfield._types import ArrayFunction, Floats
from meanfield.activations.callables.precision import Precision
from meanfield.errors import BadActivation

ULPS = 4  # how far two values of the same x may differ, in units of the function's own precision
MOST = 0.5  # largest share of entries that noisy arithmetic may change; a function of x alone changes few


def check_repeats(function: ArrayFunction, x: Floats, values: Floats, unit: float, name: str) -> None:
    """Refuse a function that gives other `values` at `x` when it is called again."""
    again = function(x)
    if (i := _differs(again, values, unit * _size(values))) is not None:
        one, other = _told_apart(values[i], again[i])
        raise BadActivation(
            f"{name} is {one} and then {other} at x = {x[i]:g} of one array, so it depends on chance or on earlier "
            "calls; an activation must depend on x alone",
            float(x[i]),
        )


def check_elementwise(
    function: ArrayFunction, x: Floats, values: Floats, unit: float, precision: Precision, name: str
) -> None:
    """Refuse a function with other values than `values` at `x`, of shape (3n,), in another order, company or shape.

    `unit` is the rounding unit of the values' dtype.
    """
    size = _size(values)

    def compare(chosen: slice, shape: tuple[int, ...], how: str, cause: str) -> None:
        before, points = values[chosen], x[chosen]
        again = function(points.reshape(shape)).ravel()
        noise = max(unit, precision.noise)
        if np.mean(np.abs(again - before) > ULPS * unit * size) > MOST:
            noise = unit
        if (i := _differs(again, before, noise * size)) is not None:
            check_repeats(function, x, values, noise, name)
            check_repeats(lambda y: function(y.reshape(shape)).ravel(), points, again, noise, name)
            one, other = _told_apart(before[i], again[i])
            raise BadActivation(
                f"{name} is {one} at x = {points[i]:g} of one array and {other} at the same x {how}, so it depends on "
                f"{cause}; an activation must depend on x alone",
                float(points[i]),
            )

    place, others = "the place of an entry or on its neighbours", "the other entries, as a norm or a softmax does"
    compare(slice(None, None, -1), (-1,), "in another order", place)
    compare(slice(1, 20, 3), (-1,), "among fewer entries", others)
    for i in (x.size // 3, 2 * x.size // 3):
        compare(slice(i, i + 1), (-1,), "alone", others)
    compare(slice(None), (3, -1), "in another shape", "the shape of the array")
    check_repeats(function, x, values, max(unit, precision.noise), name)


def _differs(again: Floats, before: Floats, unit: float) -> int | None:
    """The first entry at which two arrays differ by more than `ULPS` units, or None."""
    apart = np.abs(again - before) > ULPS * unit
    return int(np.argmax(apart)) if apart.any() else None


def _told_apart(one: float, other: float) -> tuple[str, str]:
    """Both numbers with as many digits as show that they differ."""
    digits = 6 if f"{one:.6g}" != f"{other:.6g}" else 17
    return f"{one:.{digits}g}", f"{other:.{digits}g}"


def _size(values: Floats) -> float:
    return max(float(np.abs(values).max()), 1e-300)
