"""Many Legendre series at once: values and slopes in one recurrence."""

import numpy as np

from meanfield._types import Floats


def values_and_slopes(coefficients: Floats, x: Floats) -> tuple[Floats, Floats]:
    """Σ cₖ Pₖ(x) and its derivative in x, each of shape (points,).

    Parameters
    ----------
    coefficients : ndarray, shape (degrees, points) or (degrees, 1)
        The series of each point, or one series for all points; two degrees or more.
    x : ndarray, shape (points,)
        Arguments in [−1, 1].
    """
    before, now = np.ones_like(x), x.copy()
    slope_before, slope = np.zeros_like(x), np.ones_like(x)
    value, steepness = coefficients[0] + coefficients[1] * x, coefficients[1] * np.ones_like(x)
    for k in range(1, len(coefficients) - 1):
        # P′ₖ₊₁ = P′ₖ₋₁ + (2k + 1)Pₖ
        slope_before, slope = slope, slope_before + (2 * k + 1) * now
        before, now = now, ((2 * k + 1) * x * now - k * before) / (k + 1)
        value += coefficients[k + 1] * now
        steepness += coefficients[k + 1] * slope
    return value, steepness
