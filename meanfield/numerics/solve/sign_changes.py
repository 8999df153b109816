"""The zeros of a function that knows its own error, on a grid."""

from collections.abc import Callable

import numpy as np

from meanfield._types import Floats
from meanfield.numerics.solve.bracketed import root


def sign_changes(function: Callable[[Floats], tuple[Floats, Floats]], grid: Floats) -> list[float]:
    """Where `function`, which returns values and error bounds, changes its sign between points of `grid`; ascending.

    Values within their error bounds have no sign: they neither make nor hide a change. A stretch of them between
    equal signs is no zero; a double zero is found only by the signs of its neighbours.
    """
    value, error = function(grid)
    told = np.flatnonzero(np.abs(value) > error)
    sign = np.sign(value[told])
    changes = np.flatnonzero(sign[:-1] * sign[1:] < 0)
    low, high = np.log(grid[told[changes]]), np.log(grid[told[changes + 1]])
    return [float(x) for x in np.exp(root(lambda _, log_x: function(np.exp(log_x))[0], low, high))]
