"""The type to which entries were rounded, as their values show it, whatever type holds them now."""

from typing import NamedTuple

import numpy as np

from meanfield._types import AnyArray
from meanfield.weights.entry_statistics import row_blocks

IMPROBABLE = 30.0  # minus the logarithm of the probability of a gap by chance
FIRST = 256  # entries looked at before all are
BFLOAT16 = 7  # bits of the mantissa, without the leading one


def mantissa_bits(values: AnyArray) -> int:
    """Bits of the mantissa that the entries need: 7 for bfloat16, 10 for half, 23 for single, 52 for double precision.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).standard_normal(100)
    >>> mantissa_bits(x), mantissa_bits(x.astype(np.float32)), mantissa_bits(x.astype(np.float16).astype(float))
    (52, 23, 10)
    """
    if values.size > FIRST and (few := mantissa_bits(values.ravel(order="K")[:FIRST])) > 10:
        return few
    with np.errstate(over="ignore", under="ignore"):
        single = values.astype(np.float32)
    if values.dtype != np.float32 and not np.array_equal(single, values):
        return 52
    if not np.any(single.view(np.uint32) & np.uint32(0xFFFF)):
        return BFLOAT16
    with np.errstate(over="ignore", under="ignore"):
        return 10 if np.array_equal(single.astype(np.float16), single) else 23


def half_spacing(bits: int, at: float) -> float:
    """Half the distance from `at` > 0 to the next larger number with so many bits of the mantissa."""
    least = {10: -14, 52: -1022}.get(bits, -126)  # the exponent of subnormal numbers
    return float(np.ldexp(0.5, max(int(np.frexp(at)[1]) - 1, least) - bits))


class Cell(NamedTuple):
    """The numbers that may have been rounded to the largest magnitude, and how many entries have it.

    Attributes
    ----------
    low, high : float
        Bounds of these numbers.
    entries : int
        Number of entries of the largest magnitude.
    coarse : bool
        Whether the numbers were drawn on a coarse grid, so that their law may end anywhere in the cell.
    """

    low: float
    high: float
    entries: int
    coarse: bool = False

    def share(self, bound: float) -> float:
        """The share of the cell below `bound`, from 0 to 1; 1 for all bounds in the cell of a coarse grid."""
        if self.coarse:
            return float(bound > self.low)
        return min(max((bound - self.low) / (self.high - self.low), 0.0), 1.0)


def cell_of_largest(matrix: AnyArray, largest: float) -> Cell:
    """The cell of the largest magnitude, as wide as its rounding error.

    It is four times as wide if one more entry in it would not be noticed, for bounds that were rounded themselves.
    Upwards it reaches to the next number of the grid on which the entries lie, if they were drawn with fewer bits than
    they are stored with: a gap below the largest magnitude that independent numbers have with probability e⁻³⁰.

    Examples
    --------
    >>> import numpy as np
    >>> cell_of_largest(np.append(np.linspace(-0.99, 0.99, 500), 1.0).astype(np.float16)[None], 1.0)
    Cell(low=0.999755859375, high=1.00048828125, entries=1, coarse=False)
    """
    second, count = 0.0, 0
    for block in row_blocks(matrix, np.abs):
        smaller = block[block < largest]
        count += block.size - smaller.size
        second = max(second, float(smaller.max(initial=0.0)))
    bits, gap = mantissa_bits(matrix), largest - second
    below, above = (half_spacing(bits, at) for at in (float(np.nextafter(largest, 0.0)), largest))
    if above * matrix.size < 0.1 * largest:
        below, above = 4.0 * below, 4.0 * above
    coarse = gap > 3.0 * above and gap * matrix.size > IMPROBABLE * largest and matrix.size > 2 * IMPROBABLE
    return Cell(largest - below, largest + (gap if coarse else above), count, coarse)
