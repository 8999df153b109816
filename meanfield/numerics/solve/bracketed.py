"""The zeros of many functions of one variable at once, each in a bracket of its own.

Functions are numbered: ``function(which, x)`` evaluates number ``which[i]`` at ``x[i]``, for 1-d arrays of one length.
`newton` is for functions that know their slope and their error, `root` for those that know neither.
"""

from collections.abc import Callable

import numpy as np
from scipy.optimize import elementwise

from meanfield._types import Floats, Ints

NumberedFunction = Callable[[Ints, Floats], Floats]
WithSlope = Callable[[Ints, Floats], tuple[Floats, Floats, Floats]]

STEPS = 200  # at the most: 60 halvings close any bracket
QUADRATIC = 3e-8  # a Newton step this short, relative to x and to the slope, leaves an error of its square
EPS = float(np.finfo(float).eps)
ULP = 4 * EPS  # relative width at which `root` stops


def newton(function: WithSlope, low: Floats, high: Floats, sign: Floats, start: Floats | None = None) -> Floats:
    """The zero in each bracket by Newton steps, which fall back to the geometric middle where they would leave it.

    Parameters
    ----------
    function : callable
        Returns values, bounds on their errors, and slopes. Values have the scale of x: those of f(x) − x, for example.
    low, high : ndarray, shape (functions,)
        The ends of the brackets, 0 < low < high.
    sign : ndarray
        Sign of each function at `low`; it has the other one at `high`.
    start : ndarray, optional
        Where to begin; by default the geometric middle.

    Returns
    -------
    ndarray, shape (functions,)
        Zeros to rounding, or to half the error of the function.
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
        Returns values.
    low, high : ndarray, shape (functions,)
        The ends of the brackets, between which each function changes its sign.
    atol : float
        Width of a bracket at which the search stops.

    Returns
    -------
    ndarray, shape (functions,)
        Zeros; where a function has one sign at both ends, the end at which it is nearer to 0.
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
