"""The zeros of many functions of one variable at once, each in a bracket of its own.

Functions are numbered: ``function(which, x)`` evaluates function number ``which[i]`` at ``x[i]``, for 1-d arrays of one
length. `newton` needs a function that returns its slope and error bound; `root` needs values only.
"""

from collections.abc import Callable

import numpy as np
from scipy.optimize import elementwise

from meanfield._types import Floats, Ints

NumberedFunction = Callable[[Ints, Floats], Floats]
WithSlope = Callable[[Ints, Floats], tuple[Floats, Floats, Floats]]

STEPS = 200  # most iterations
QUADRATIC = 3e-8  # after a relative step h this short the error is of order h², i.e. rounding
EPS = float(np.finfo(float).eps)
ULP = 4 * EPS  # relative bracket width at which `root` stops


def newton(function: WithSlope, low: Floats, high: Floats, sign: Floats, start: Floats | None = None) -> Floats:
    """The zero in each bracket by Newton's method; a step out of the bracket is replaced by √(low·high).

    Parameters
    ----------
    function : callable
        ``function(which, x)`` returns values, bounds on their absolute errors, and slopes, each of shape ``(n,)`` like
        `which` and `x`. Values have the units and magnitude of x, as f(x) − x has.
    low, high : ndarray, shape (functions,)
        Ends of the brackets, 0 < low < high.
    sign : ndarray, shape (functions,)
        Sign (±1) of each function at `low`. The sign at `high` is the opposite.
    start : ndarray, shape (functions,), optional
        First iterates, inside the brackets; by default the geometric means √(low·high).

    Returns
    -------
    ndarray, shape (functions,)
        Zeros to rounding, or points where |value| is at most half of its error bound.
    """
    low, high = low.copy(), high.copy()
    x = np.sqrt(low * high) if start is None else start.copy()
    active = np.arange(x.size)
    for _ in range(STEPS):
        if active.size == 0:
            break
        here = x[active]
        value, error, slope = function(active, here)
        before = value * sign[active] > 0
        low[active], high[active] = np.where(before, here, low[active]), np.where(before, high[active], here)
        with np.errstate(invalid="ignore", divide="ignore"):
            step = here - value / slope
        inside = (step >= low[active]) & (step <= high[active])
        x[active] = np.where(value == 0, here, np.where(inside, step, np.sqrt(low[active] * high[active])))
        last = inside & (np.abs(step - here) <= QUADRATIC * np.minimum(np.abs(slope), 1.0) * here)
        closed = high[active] - low[active] <= 2 * EPS * here
        active = active[~(last | closed | (np.abs(value) <= 0.5 * error))]
    return x


def root(function: NumberedFunction, low: Floats, high: Floats, *, atol: float = 1e-15) -> Floats:
    """The zero in each bracket by Chandrupatla's method, as in `scipy.optimize.elementwise.find_root`.

    Parameters
    ----------
    function : callable
        ``function(which, x)`` returns values of shape ``(n,)`` like `which` and `x`.
    low, high : ndarray, shape (functions,)
        Ends of the brackets, with opposite signs of the function.
    atol : float
        Bracket width, in units of x, at which the search stops.

    Returns
    -------
    ndarray, shape (functions,)
        Zeros. If a function has the same sign at both ends, the end with the smaller absolute value.
    """
    if low.size == 0:
        return low.copy()

    def numbered(x: Floats, number: Floats) -> Floats:
        return function(number.astype(np.intp), x)

    found = elementwise.find_root(
        numbered,
        (low, high),
        args=(np.arange(low.size, dtype=np.float64),),  # SciPy makes floats of all arguments
        tolerances={"xatol": atol, "xrtol": ULP, "fatol": 0.0, "frtol": 0.0},
    )
    nearer = np.where(np.abs(found.f_bracket[0]) <= np.abs(found.f_bracket[1]), low, high)
    return np.asarray(np.where(found.success, found.x, nearer))
