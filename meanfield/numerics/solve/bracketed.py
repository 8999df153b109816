"""The zeros of many functions of one variable at once, each in a bracket of its own.

Functions are numbered: ``function(which, x)`` evaluates function number ``which[i]`` at ``x[i]``, for 1-d arrays of one
length. `newton` needs a function that returns its slope and error bound; `root` needs values only.
"""

from collections.abc import Callable

import numpy as np

from meanfield._types import Floats, Ints

NumberedFunction = Callable[[Ints, Floats], Floats]
WithSlope = Callable[[Ints, Floats], tuple[Floats, Floats, Floats]]

STEPS = 200  # most iterations
QUADRATIC = 3e-8  # after a relative step h this short the error is of order h², i.e. rounding
EPS = float(np.finfo(float).eps)
ULP = 4 * EPS  # relative bracket width at which `root` stops
MIDDLE = 0.1  # the first step of `root` keeps this share of the bracket from both of its ends


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


def root(
    function: NumberedFunction,
    low: Floats,
    high: Floats,
    *,
    atol: float = 1e-15,
    values: tuple[Floats, Floats] | None = None,
) -> Floats:
    """The zero in each bracket by Chandrupatla's method.

    A step interpolates by an inverse quadratic where the last three points allow it, and bisects elsewhere.

    Parameters
    ----------
    function : callable
        ``function(which, x)`` returns values of shape ``(n,)`` like `which` and `x`.
    low, high : ndarray, shape (functions,)
        Ends of the brackets, with opposite signs of the function.
    atol : float
        Bracket width, in units of x, at which the search stops.
    values : pair of ndarray, shape (functions,), optional
        The functions at both ends, where they are known.

    Returns
    -------
    ndarray, shape (functions,)
        Zeros. If a function has the same sign at both ends, the end with the smaller absolute value.

    References
    ----------
    Chandrupatla 1997, *Advances in Engineering Software* 28, 145.
    """
    if low.size == 0:
        return low.copy()
    every = np.arange(low.size)
    at_low, at_high = values or (function(every, low), function(every, high))
    zero = np.where(np.abs(at_low) <= np.abs(at_high), low, high)
    which = np.flatnonzero(np.sign(at_low) * np.sign(at_high) < 0)
    a, b, fa, fb = low[which], high[which], at_low[which], at_high[which]
    with np.errstate(all="ignore"):  # of the way from a, the newest point, to b beyond the zero
        share = np.clip(np.nan_to_num(fa / (fa - fb), nan=0.5), MIDDLE, 1 - MIDDLE)
    for _ in range(STEPS):
        if which.size == 0:
            break
        x = a + share * (b - a)
        f = function(which, x)
        same = np.sign(f) == np.sign(fa)
        c, fc = np.where(same, a, b), np.where(same, fa, fb)
        b, fb = np.where(same, b, a), np.where(same, fb, fa)
        a, fa = x, f
        best = np.where(np.abs(fa) < np.abs(fb), a, b)
        zero[which] = best
        width = np.abs(b - a)
        least = 0.5 * (atol + ULP * np.abs(best))
        left = np.flatnonzero((width > 2 * least) & (fa != 0))
        which, least = which[left], (least / width)[left]
        a, b, c = a[left], b[left], c[left]
        fa, fb, fc = fa[left], fb[left], fc[left]
        share = np.clip(_interpolated(a, b, c, fa, fb, fc), least, 1 - least)
    return zero


def _interpolated(a: Floats, b: Floats, c: Floats, fa: Floats, fb: Floats, fc: Floats) -> Floats:
    """The share of the way from a to b at which the inverse quadratic through three points is 0; ½ if it is no guide.

    The zero is between a and b, and c is the point before; the quadratic is a guide where it is monotonic on [a, b].
    """
    with np.errstate(all="ignore"):
        xi, phi = (a - b) / (c - b), (fa - fb) / (fc - fb)
        guides = (phi**2 < xi) & ((1 - phi) ** 2 < 1 - xi)
        share = fa / (fb - fa) * (fc / (fb - fc)) + (c - a) / (b - a) * (fa / (fc - fa)) * (fb / (fc - fb))
    return np.asarray(np.where(guides, share, 0.5))
