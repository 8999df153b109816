"""The zeros of a scalar function that knows its own error, on a grid."""

from collections.abc import Callable

import numpy as np
from scipy.optimize import brentq

from meanfield._types import Floats


def sign_changes(
    function: Callable[[Floats], tuple[Floats, Floats]], grid: Floats, on_grid: tuple[Floats, Floats] | None = None
) -> list[float]:
    """Where `function`, giving values and error bounds, changes sign between grid points; ascending.

    What it gives on the grid may be handed over where it is known.

    Values within their error bounds have no sign: they neither make nor hide a change. A stretch of them between
    equal signs is no zero; one that is a double zero is found only by its neighbours' signs.
    """
    value, error = function(grid) if on_grid is None else on_grid
    told = np.flatnonzero(np.abs(value) > error)
    sign = np.sign(value[told])
    zeros = []
    for i in np.flatnonzero(sign[:-1] * sign[1:] < 0):
        low, high = np.log(grid[told[i]]), np.log(grid[told[i + 1]])
        root = brentq(lambda u: float(function(np.exp(u))[0]), low, high, xtol=1e-15, rtol=1e-15)
        zeros.append(float(np.exp(root)))
    return zeros
