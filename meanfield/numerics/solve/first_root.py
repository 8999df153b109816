"""The first change of sign of costly functions that are as cheap at many points as at one."""

import numpy as np

from meanfield._types import Floats
from meanfield.numerics.solve.bracketed import NumberedFunction

EVENLY = np.arange(1, 24) / 24  # points of a round, as shares of the bracket
AROUND = np.array([-1.0, 1.0])[:, None] * 10.0 ** -np.arange(1.0, 9.0)  # others, from the zero of the chord
ROUNDS = 60


def first_root(function: NumberedFunction, low: Floats, high: Floats, *, atol: float) -> Floats:
    """Where each function first changes its sign between `low` and `high`, to `atol`.

    A round evaluates every function at two dozen points of its bracket, and at points that close in on the zero of the
    chord. The first change of sign makes the next bracket. A smooth function takes four rounds, and one that jumps
    across 0 a dozen.

    Parameters
    ----------
    function : callable
        ``function(which, x)`` returns values of shape ``(n,)`` like `which` and `x`.
    low, high : ndarray, shape (functions,)
        Ends of the brackets; where signs are equal there, and at all points of the first round, the answer is an end.
    atol : float
        Bracket width, in units of x, at which the search stops.
    """
    every = np.arange(low.size)
    low, high = low.astype(np.float64), high.astype(np.float64)
    ends = function(np.repeat(every, 2), np.stack([low, high], axis=1).ravel()).reshape(-1, 2)
    at_low, at_high = ends[:, 0].copy(), ends[:, 1].copy()
    active = every
    for _ in range(ROUNDS):
        active = active[(high[active] - low[active] > atol) & (at_low[active] != 0) & (at_high[active] != 0)]
        if active.size == 0:
            break
        share = _shares(at_low[active], at_high[active])
        x = low[active, None] + share * (high - low)[active, None]
        value = function(np.repeat(active, share.shape[1]), x.ravel()).reshape(x.shape)
        x = np.column_stack([low[active], x, high[active]])
        value = np.column_stack([at_low[active], value, at_high[active]])
        changes = np.sign(value[:, 1:]) != np.sign(value[:, :1])
        row, first = np.arange(active.size), np.argmax(changes, axis=1)
        low[active], high[active] = x[row, first], x[row, first + 1]
        at_low[active], at_high[active] = value[row, first], value[row, first + 1]
        active = active[changes.any(axis=1)]
    return np.where(np.abs(at_low) <= np.abs(at_high), low, high)


def _shares(at_low: Floats, at_high: Floats) -> Floats:
    """Points of the brackets, as shares in (0, 1), ascending in each row."""
    with np.errstate(all="ignore"):
        chord = np.clip(np.nan_to_num(at_low / (at_low - at_high), nan=0.5), 0.0, 1.0)
    near = chord[:, None] + AROUND.ravel()
    both = np.column_stack([np.broadcast_to(EVENLY, (chord.size, EVENLY.size)), chord, near])
    return np.sort(np.clip(both, 1e-9, 1 - 1e-9), axis=1)
