"""Validation of arguments: each function returns a checked value or raises `InvalidInput`."""

import numpy as np

from meanfield._types import Floats
from meanfield.errors import InvalidInput

LARGEST_SIGMA = 1e150  # the largest standard deviation: its square is still a float


def real(value: object, name: str, meaning: str = "a number or an array of numbers") -> Floats:
    """`value` as a float array with at least one entry; raises unless its entries are real numbers."""
    try:
        array = np.asarray(value)
        if array.dtype.kind not in "biufO" or array.size == 0:
            raise TypeError
        return array.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        raise InvalidInput(f"{name} must be {meaning}, not {_shown(value)}") from None


def positive(value: object, name: str, *, zero: bool = False) -> Floats:
    """`value` as a float array; raises unless all entries are finite and > 0 (≥ 0 with `zero`)."""
    array = real(value, name)
    if not np.all(np.isfinite(array) & (array >= 0 if zero else array > 0)):
        least = "at least" if zero else "greater than"
        raise InvalidInput(f"{name} must be finite and {least} 0, not {_shown(value)}")
    return array


def correlation(c: object) -> Floats:
    """`c` as a float array; raises unless all entries lie in [−1, 1]."""
    meaning = "a correlation between -1 and 1"
    array = real(c, "c", meaning)
    if not np.all(np.abs(array) <= 1):
        raise InvalidInput(f"c must be {meaning}, not {_shown(c)}")
    return array


def standard_deviation(value: object, name: str) -> Floats | float:
    """`value` as a float or a read-only float array; raises unless it lies in [0, `LARGEST_SIGMA`]."""
    array = real(value, name)
    if not np.all(np.isfinite(array) & (array >= 0) & (array <= LARGEST_SIGMA)):
        raise InvalidInput(
            f"{name} is a standard deviation and must be from 0 to {LARGEST_SIGMA:g}, not {_shown(value)}"
        )
    if array.ndim == 0:
        return float(array)
    array.setflags(write=False)
    return array


def whole(value: object, name: str, most: int, *, least: int = 1) -> int:
    """`value` as an int; raises unless it is a whole number from `least` to `most`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not least <= value <= most:
        raise InvalidInput(f"{name} must be a whole number from {least} to {most}, not {_shown(value)}")
    return int(value)


def false_alarm_rate(alpha: object, *, most: float = 1.0) -> float:
    """`alpha` as a float; raises unless it lies strictly between 0 and 1, and is at most `most`."""
    if not isinstance(alpha, int | float | np.floating) or not (0 < alpha < 1 and alpha <= most):
        range_ = "lie strictly between 0 and 1" if most >= 1 else f"be greater than 0 and at most {most:g}"
        raise InvalidInput(f"alpha is a false-alarm rate and must {range_}, not {_shown(alpha)}")
    return float(alpha)


def _shown(value: object) -> str:
    """The repr of `value` on one line, shortened to 60 characters."""
    try:
        text = " ".join(repr(value).split())
    except ValueError:  # an int of too many digits
        text = f"a {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:57]}..."
