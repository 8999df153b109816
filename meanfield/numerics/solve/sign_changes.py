"""The zeros of a function with error bounds, from its signs on a grid."""

from collections.abc import Callable

import numpy as np

from meanfield._types import Floats
from meanfield.numerics.solve.bracketed import root


def sign_changes(function: Callable[[Floats], tuple[Floats, Floats]], grid: Floats) -> list[float]:
    """The zeros at which `function` changes its sign between points of `grid`, ascending.

    Grid points at which the value is within its error bound are skipped. A zero is reported only if the function has
    opposite signs at two successive other points; a double zero is therefore not reported.

    Parameters
    ----------
    function : callable
        From a 1-d array of arguments to values and bounds on their absolute errors, of the same shape.
    grid : ndarray, shape (points,)
        Ascending positive arguments.
    """
    value, error = function(grid)
    told = np.flatnonzero(np.abs(value) > error)
    sign = np.sign(value[told])
    changes = np.flatnonzero(sign[:-1] * sign[1:] < 0)
    low, high = np.log(grid[told[changes]]), np.log(grid[told[changes + 1]])
    return [float(x) for x in np.exp(root(lambda _, log_x: function(np.exp(log_x))[0], low, high))]
