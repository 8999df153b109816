"""Checks of what callers pass in: real numbers within their range, or one sentence."""

from typing import Any

import numpy as np

from meanfield._types import Floats
from meanfield.errors import InvalidInput

LARGEST_SIGMA = 1e150  # the largest standard deviation: its square is still a float


def real(value: Any, name: str, meaning: str = "a number or an array of numbers") -> Floats:
    """`value` as a float array with at least one entry; refused unless it holds real numbers."""
    try:
        array = np.asarray(value)
        if array.dtype.kind not in "biufO" or array.size == 0:
            raise TypeError
        return array.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        raise InvalidInput(f"{name} must be {meaning}, not {_shown(value)}") from None


def positive(value: Any, name: str, *, zero: bool = False) -> Floats:
    """`value` as a float array; refused unless finite and positive (or, with `zero`, not negative)."""
    array = real(value, name)
    if not np.all(np.isfinite(array) & (array >= 0 if zero else array > 0)):
        least = "at least" if zero else "greater than"
        raise InvalidInput(f"{name} must be finite and {least} 0, not {_shown(value)}")
    return array


def correlation(c: Any) -> Floats:
    """`c` as a float array; refused unless within [−1, 1]."""
    meaning = "a correlation between -1 and 1"
    array = real(c, "c", meaning)
    if not np.all(np.abs(array) <= 1):
        raise InvalidInput(f"c must be {meaning}, not {_shown(c)}")
    return array


def standard_deviation(value: Any, name: str) -> Floats | float:
    """`value` as a float or a read-only float array; refused unless finite, not negative and with a finite square."""
    array = real(value, name)
    if not np.all(np.isfinite(array) & (array >= 0) & (array <= LARGEST_SIGMA)):
        raise InvalidInput(
            f"{name} is a standard deviation and must be from 0 to {LARGEST_SIGMA:g}, not {_shown(value)}"
        )
    if array.ndim == 0:
        return float(array)
    array.setflags(write=False)
    return array


def whole(value: Any, name: str, most: int) -> int:
    """`value` as an int; refused unless a whole number from 1 to `most`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not 1 <= value <= most:
        raise InvalidInput(f"{name} must be a whole number from 1 to {most}, not {_shown(value)}")
    return int(value)


def _shown(value: Any) -> str:
    """`value` in so few characters that the message stays one line."""
    try:
        text = " ".join(repr(value).split())
    except ValueError:  # an int with too many digits
        text = f"a {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:57]}..."
