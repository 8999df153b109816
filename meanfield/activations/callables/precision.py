"""The precision of a callable: the relative rounding unit of the arithmetic that it computes in.

A callable may compute in single or half precision, although it takes and returns float64. Its dtype tells, or the
noise of its values in short windows, or that its values or its arguments are rounded to few bits.
"""

from typing import Any, NamedTuple

import numpy as np

from meanfield._types import ArrayFunction, Floats

EPS = float(np.finfo(float).eps)
#: Bits of the significands of bfloat16, half and single precision.
SHORT = (8, 11, 24)
SINGLE = float(np.finfo(np.float32).eps)
CENTRES = np.pi * np.array([-2.5, -1.17, -0.53, -0.27, -0.093, -0.025, 0.02, 0.11, 0.29, 0.49, 1.01, 2.7])
NODES = 8  # points a window
DEGREE = 4  # of the polynomial that is fitted in a window
WINDOW = 1e-6  # length of a window, relative to its centre: 8 units in the last place of single precision
COARSE = 24  # length of a window in which short arithmetic must show, in units in the last place
LEAST = 2  # centres at which noise must show: a step of a staircase may fall into a window
VISIBLE = 1e-12  # less noise, relative to the largest value, is the noise of float64 in a few operations
LARGEST = 0.02  # more noise is no rounding, but an oscillation that the windows do not resolve
SHARE = 0.25  # largest share of the centres at which arithmetic that is called short may show no noise

_s = np.linspace(-0.5, 0.5, NODES) + 0.02 * np.sin(7.0 * np.arange(NODES))  # no regular spacing
_basis = np.linalg.qr(np.vander(_s, DEGREE + 1))[0]
_RESIDUAL = np.eye(NODES) - _basis @ _basis.T


class Precision(NamedTuple):
    """How exactly a callable computes."""

    unit: float  # relative rounding unit of its arithmetic: 2.2e-16 for float64, 1.2e-7 for single precision
    noise: float  # irregularity of its values, relative to the largest one in [−9, 9]; at least the unit


def precision_of(function: ArrayFunction, unit: float) -> Precision:
    """The precision of `function`, whose values have a dtype with this rounding unit.

    Noise above the rounding of float64 is found where it shows at two of twelve points in [−9, 9].
    """
    f = np.asarray(function(CENTRES[:, None] * (1 + WINDOW * _s)), dtype=np.float64)
    if unit > EPS or not np.all(np.isfinite(f)):
        return Precision(unit, unit)
    scale = max(float(np.abs(f).max()), 1e-300)
    noise = 4 * float(np.sort(np.sqrt(np.mean((f / scale @ _RESIDUAL) ** 2, axis=1)))[-LEAST])
    if noise >= LARGEST:
        return Precision(EPS, EPS)
    if noise > VISIBLE:
        return Precision(max(SINGLE, noise) if noise > SINGLE / 32 else EPS, noise)
    if np.mean(np.ptp(f, axis=1) == 0) >= 1 - SHARE and np.ptp(f) > 0:
        for bits in SHORT:
            if _is_short(function, bits):
                return Precision(2.0 ** (1 - bits), 2.0 ** (1 - bits))
    return Precision(EPS, max(EPS, noise))


def _is_short(function: ArrayFunction, bits: int) -> bool:
    """Whether values or arguments are rounded to `bits` bits, and this shows as noise wherever the function varies."""
    unit = 2.0 ** (1 - bits)
    x = CENTRES[:, None] * (1 + COARSE * unit * _s)
    f = np.asarray(function(x), dtype=np.float64)
    if not np.array_equal(_rounded(f, bits, np.round), f):
        ends = (function(_rounded(x, bits, np.floor)), function(_rounded(x, bits, np.ceil)))
        if not np.all((ends[0] == f) | (ends[1] == f)):
            return False
    varies = np.ptp(f, axis=1) > 0
    steps = np.count_nonzero(np.diff(f, axis=1), axis=1)
    return bool(np.count_nonzero(varies) > 2 and np.mean(steps[varies] >= NODES // 2) >= 1 - SHARE)


def _rounded(x: Floats, bits: int, to_whole: ArrayFunction) -> Floats:
    """`x` rounded to significands of `bits` bits, by `to_whole`."""
    significand, exponent = np.frexp(x)
    return np.asarray(np.ldexp(to_whole(np.ldexp(significand, bits)), exponent - bits))


def rounding_unit(dtype: np.dtype[Any]) -> float:
    """The spacing of the numbers of this dtype at 1; of integers and objects that of float64."""
    return max(EPS, float(np.finfo(dtype).eps)) if dtype.kind == "f" else EPS
