"""The least values of costly functions that are as cheap at many points as at one."""

import numpy as np

from meanfield._types import Floats
from meanfield.numerics.solve.bracketed import NumberedFunction

EVENLY = np.arange(1, 24) / 24  # points of a round, as shares of the bracket


def least(
    function: NumberedFunction, low: Floats, middle: Floats, high: Floats, at_middle: Floats, *, atol: float
) -> tuple[Floats, Floats]:
    """Where each function is least between `low` and `high`, and its value there.

    A round evaluates every function at two dozen points of its bracket, and the neighbours of the best point so far
    make the next bracket. `middle` stays the answer unless another point is better.

    Parameters
    ----------
    function : callable
        ``function(which, x)`` returns values of shape ``(n,)`` like `which` and `x`.
    low, middle, high : ndarray, shape (functions,)
        Brackets, ascending.
    at_middle : ndarray, shape (functions,)
        The functions at `middle`.
    atol : float
        Bracket width, in units of x, at which the search stops.
    """
    low, best, high, value = (np.array(array, dtype=np.float64) for array in (low, middle, high, at_middle))
    active = np.flatnonzero(high - low > atol)
    while active.size:
        x = low[active, None] + EVENLY * (high - low)[active, None]
        found = function(np.repeat(active, EVENLY.size), x.ravel()).reshape(x.shape)
        row, first = np.arange(active.size), np.argmin(found, axis=1)
        better = found[row, first] < value[active]
        best[active] = np.where(better, x[row, first], best[active])
        value[active] = np.where(better, found[row, first], value[active])
        x = np.column_stack([low[active], x, high[active]])
        low[active] = np.where(x < best[active, None], x, -np.inf).max(axis=1)
        high[active] = np.where(x > best[active, None], x, np.inf).min(axis=1)
        active = active[high[active] - low[active] > atol]
    return best, value
