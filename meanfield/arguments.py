"""Validation of arguments: each function returns a checked value or raises `InvalidInput`."""

import operator
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

from meanfield._types import AnyArray, Floats
from meanfield.errors import InvalidInput, shown

Word = TypeVar("Word", bound=str)

LEAST_RATE = 1e-300
SMALLEST_SIGMA, LARGEST_SIGMA = 1e-150, 1e150  # standard deviations whose squares are floats with all digits


def real(value: object, name: str, meaning: str = "a number or an array of numbers") -> Floats:
    """`value` as a float array with at least one entry; raises unless its entries are real numbers."""
    try:
        if _is_masked(value):
            raise InvalidInput(f"{name} has masked entries, which have no value: leave them out, or fill them")
        with np.errstate(all="ignore"):
            array = _as_array(value)
            if array.size == 0 or not _is_real(array):
                raise TypeError
            return array.astype(np.float64)
    except InvalidInput:
        raise
    except Exception:  # what the conversion of a foreign object raises depends on that object
        raise InvalidInput(f"{name} must be {meaning}, not {shown(value)}") from None


def entries(value: object, name: str) -> Floats:
    """`value` as a float array of any size, itself if it is one; raises unless its entries are real numbers."""
    if type(value) is np.ndarray and value.dtype == np.float64:
        return value
    return np.zeros(getattr(value, "shape", 0)) if _is_empty(value) else real(value, name)


def number(value: object, name: str, meaning: str = "a number") -> float:
    """`value` as a float; raises unless it is one real number, which may be infinite or NaN."""
    array = real(value, name, meaning)
    if array.ndim:
        raise InvalidInput(f"{name} must be {meaning}, not {shown(value)}")
    return float(array)


def tolerance(value: object, name: str) -> float:
    """`value` as a float; raises unless it is one finite number that is at least 0."""
    meaning = "a tolerance, a finite number of at least 0"
    found = number(value, name, meaning)
    if not 0 <= found < np.inf:
        raise InvalidInput(f"{name} must be {meaning}, not {shown(value)}")
    return found


def positive(value: object, name: str, *, zero: bool = False) -> Floats:
    """`value` as a float array; raises unless all entries are finite and > 0 (≥ 0 with `zero`)."""
    array = real(value, name)
    if not np.all(np.isfinite(array) & (array >= 0 if zero else array > 0)):
        least = "at least" if zero else "greater than"
        raise InvalidInput(f"{name} must be finite and {least} 0, not {shown(value)}")
    return array


def correlation(c: object) -> Floats:
    """`c` as a float array; raises unless all entries lie in [−1, 1]."""
    meaning = "a correlation between -1 and 1"
    array = real(c, "c", meaning)
    if not np.all(np.abs(array) <= 1):
        raise InvalidInput(f"c must be {meaning}, not {shown(c)}")
    return array


def standard_deviation(value: object, name: str) -> Floats | float:
    """`value` as a float or a read-only float array; raises unless it is 0 or its square a float with all digits."""
    array = real(value, name)
    if not np.all((array == 0) | ((array >= SMALLEST_SIGMA) & (array <= LARGEST_SIGMA))):
        raise InvalidInput(
            f"{name} is a standard deviation and must be 0 or from {SMALLEST_SIGMA:g} to {LARGEST_SIGMA:g}, "
            f"not {shown(value)}"
        )
    if array.ndim == 0:
        return float(array)
    array.setflags(write=False)
    return array


def factor(value: object, name: str) -> Floats | float:
    """`value` as a float or a read-only float array; raises unless its square is a float."""
    array = real(value, name)
    if not np.all(np.abs(array) <= LARGEST_SIGMA):
        raise InvalidInput(f"{name} must be from -{LARGEST_SIGMA:g} to {LARGEST_SIGMA:g}, not {shown(value)}")
    if array.ndim == 0:
        return float(array)
    array.setflags(write=False)
    return array


def whole(value: object, name: str, most: int, *, least: int = 1) -> int:
    """`value` as an int; raises unless it is a whole number from `least` to `most`, of an integer type."""
    found = as_integer(value)
    if found is None or not least <= found <= most:
        raise InvalidInput(f"{name} must be a whole number from {least} to {most}, not {shown(value)}")
    return found


def as_integer(value: object) -> int | None:
    """`value` as an int if it is one by type, as integers of NumPy and 0-d arrays of them are; else None.

    Truth values and masked numbers are no integers.
    """
    if isinstance(value, bool | np.ma.MaskedArray):
        return None
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except Exception:  # a foreign object's own
        return None


def each_axis(value: object) -> tuple[object, ...]:
    """The entries of a sequence or an array, one for each axis; a text or anything else is the only entry."""
    if is_several(value):
        return tuple(value)  # type: ignore[arg-type]
    return (value[()] if isinstance(value, np.ndarray) else value,)


def is_several(value: object) -> bool:
    """Whether `value` is a sequence of entries, or an array with an axis; a text is one entry."""
    if isinstance(value, np.ndarray):
        return value.ndim > 0
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def choice(value: object, name: str, choices: Sequence[Word]) -> Word:
    """`value` as a str; raises unless it is one of the `choices`."""
    if isinstance(value, str) and value in choices:
        return choices[choices.index(value)]
    known = " or ".join(map(repr, choices)) if len(choices) < 3 else f"one of {', '.join(choices)}"
    raise InvalidInput(f"{name} must be {known}, not {shown(value)}")


def flag(value: object, name: str) -> bool:
    """`value` as a bool; raises unless it is True or False."""
    if not isinstance(value, bool | np.bool_):
        raise InvalidInput(f"{name} must be True or False, not {shown(value)}")
    return bool(value)


def false_alarm_rate(alpha: object, *, most: float = 1.0) -> float:
    """`alpha` as a float; raises unless it lies strictly between 0 and 1, and is at most `most`."""
    range_ = "lie strictly between 0 and 1" if most >= 1 else f"be greater than 0 and at most {most:g}"
    try:
        rate = number(alpha, "alpha")
    except InvalidInput:
        rate = np.nan
    if not (LEAST_RATE <= rate < 1 and rate <= most):
        raise InvalidInput(f"alpha is a false-alarm rate and must {range_}, not {shown(alpha)}")
    return rate


def _is_real(array: AnyArray) -> bool:
    """Whether the entries are numbers without an imaginary part; text that reads as a number is none."""
    if array.dtype.kind != "O":
        return array.dtype.kind in "biuf"
    return not any(
        entry is None or isinstance(entry, str | bytes | complex | np.complexfloating) for entry in array.flat
    )


def _as_array(value: Any) -> AnyArray:
    try:
        return np.asarray(value)
    except Exception:
        if not hasattr(value, "detach"):
            raise
        return np.asarray(value.detach().tolist())  # a tensor of torch with a graph, or of a dtype that NumPy lacks


def _is_empty(value: object) -> bool:
    """Whether `value` is a list, a tuple or an array without entries."""
    return not value if isinstance(value, list | tuple) else isinstance(value, np.ndarray) and value.size == 0


def _is_masked(value: Any) -> bool:
    """Whether `value` is a masked array with masked entries, or a list with one."""
    if isinstance(value, list | tuple):
        return any(_is_masked(entry) for entry in value if isinstance(entry, list | tuple | np.ma.MaskedArray))
    return isinstance(value, np.ma.MaskedArray) and bool(np.ma.getmaskarray(value).any())
