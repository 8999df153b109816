"""Many Legendre series on one interval at once: values, slopes, and roots of decreasing ones."""

from collections.abc import Callable

import numpy as np

from meanfield._types import Floats, Ints

STEPS = 60  # of a bracketed Newton method
SHORT = 1e-9  # a Newton step this short, relative to the interval, leaves no error


def values_and_slopes(coefficients: Floats, x: Floats) -> tuple[Floats, Floats]:
    """Σ cₖ Pₖ(x) and its derivative for one x in [−1, 1] a series; coefficients of shape (degrees, series)."""
    before, now = np.ones_like(x), x.copy()
    slope_before, slope = np.zeros_like(x), np.ones_like(x)
    value, steepness = coefficients[0] + coefficients[1] * x, coefficients[1].copy()
    for k in range(1, len(coefficients) - 1):
        # P′ₖ₊₁ = P′ₖ₋₁ + (2k + 1)Pₖ
        slope_before, slope = slope, slope_before + (2 * k + 1) * now
        before, now = now, ((2 * k + 1) * x * now - k * before) / (k + 1)
        value += coefficients[k + 1] * now
        steepness += coefficients[k + 1] * slope
    return value, steepness


def decreasing_root(function: Callable[[Floats, Ints], tuple[Floats, Floats]], low: Floats, high: Floats) -> Floats:
    """The zero in each [low, high] of functions that are positive at `low` and not at `high`: bracketed Newton.

    ``function(x, which)`` gives values and derivatives of the functions number `which`.
    """
    low, high = low.copy(), high.copy()
    x, length = 0.5 * (low + high), high - low
    active = np.arange(x.size)
    for _ in range(STEPS):
        if active.size == 0:
            break
        here = x[active]
        value, slope = function(here, active)
        positive = value > 0
        low[active], high[active] = np.where(positive, here, low[active]), np.where(positive, high[active], here)
        with np.errstate(divide="ignore", invalid="ignore"):
            newton = here - value / slope
        inside = (newton >= low[active]) & (newton <= high[active])
        x[active] = np.where(inside, newton, 0.5 * (low[active] + high[active]))
        active = active[~((value == 0) | (np.abs(x[active] - here) <= SHORT * length[active]))]
    return x
