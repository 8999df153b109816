"""Numbers and layers as they stand in tables."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike


def number(value: float | None, digits: int = 6) -> str:
    """Six digits, or as many as asked for; a dash for None and NaN.

    Examples
    --------
    >>> number(1 / 3), number(float("inf")), number(None)
    ('0.333333', 'inf', '-')
    """
    return "-" if value is None or math.isnan(value) else f"{float(value):.{digits}g}"


def numbers(values: ArrayLike) -> str:
    """One number, or the least and the largest of several.

    Examples
    --------
    >>> numbers(0.5), numbers([1.0, 3.0, 2.0]), numbers([[2.0], [2.0]])
    ('0.5', '1 to 3', '2')
    """
    every = np.asarray(values, dtype=np.float64)
    known = every[~np.isnan(every)]
    if not known.size:
        return "-"
    low, high = number(known.min()), number(known.max())
    return low if low == high else f"{low} to {high}"


def thinned(depth: int, always: Sequence[int] = ()) -> list[int]:
    """All layers 0 … depth if depth ≤ 20, else about twenty, denser at the beginning, and those in `always`.

    Examples
    --------
    >>> thinned(3)
    [0, 1, 2, 3]
    >>> len(thinned(1000)) <= 21 and thinned(1000)[-1] == 1000
    True
    """
    if depth <= 20:
        return list(range(depth + 1))
    ratio = (depth / 5) ** (1 / 14)
    return sorted({*range(6), *(round(5 * ratio**k) for k in range(15)), *always})
