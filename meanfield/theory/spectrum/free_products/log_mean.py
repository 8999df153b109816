"""E log λ, the mean exponent: logarithms of the factors add, whether their spectra do or not."""

import math

import numpy as np

from meanfield.theory.spectrum.free_products.factors import Skip, Slopes
from meanfield.theory.spectrum.free_products.master_curve import MasterCurve
from meanfield.theory.spectrum.slopes.slope_law import SlopeLaw
from meanfield.theory.spectrum.slopes.transforms import log_transform, mean_log, transform

EPS = float(np.finfo(float).eps)
ROUNDS = 200


def log_mean(curve: MasterCurve) -> float:
    """E log λ = ∫ log(1/S(m)) dm over −1 < m < 0, for a law without mass at 0.

    Each term of log z has its own integral. −inf where φ′ vanishes on a set of positive mass.
    """
    total = curve.constant
    for a, power in curve.rational:
        total += power * (-1.0 if a in (0.0, 1.0) else a * math.log(a) - (a - 1) * math.log(a - 1) - 1)
    for factor, count, c in curve.members:
        total += count * (_of_slopes(factor, c) if isinstance(factor, Slopes) else _of_skip(factor))
    return total


def _of_slopes(factor: Slopes, c: float) -> float:
    """∫ log|w| dm with M(w) = c·m on w < 0."""
    if c == 1.0:
        return mean_log(factor.law)
    w = negative_root(factor.law, -c)
    return math.log(-w) + log_transform(factor.law, w) / c


def _of_skip(factor: Skip) -> float:
    """−∫ log u dm = 2 + E log|s + aX|²: by Jensen's formula log s² where s is outside of the spectrum of aX.

    X has a rotationally symmetric spectrum (Haagerup & Larsen 2000): |z|² < 1/S_X(y) for a share 1 + y of it.
    """
    law, s2, gain, p = factor.law, factor.skip, factor.gain, factor.power
    if gain * law.mean <= s2:
        return 2 + math.log(s2)

    def inverse(w: float) -> tuple[float, float]:
        """y and log 1/S_X(y) = log(y (1 + y)/u)."""
        found = transform(law, np.array([w]))
        return float(found.m[0]), math.log(gain) + math.log(found.m[0] * w) + (1 - p) * math.log(found.m1[0])

    low, high = -700.0, 700.0  # of log(−w), in which 1/S_X falls from the largest radius
    for _ in range(ROUNDS):
        middle = 0.5 * (low + high)
        if inverse(-math.exp(middle))[1] < math.log(s2):
            low = middle
        else:
            high = middle
        if high - low < 4 * EPS * max(abs(low), 1.0):
            break
    w = -math.exp(0.5 * (low + high))
    y, _ = inverse(w)
    if 1 + y < 1e-12:
        y, inside = -1.0, mean_log(law)
    else:
        inside = -(y * math.log(-w) - log_transform(law, w))  # ∫ log|w| dy from y to 0
    # ∫ from y to 0 of log|y| + (1 − p) log(1 + y) + log gain + log|w|.
    of_y = -y * (math.log(-y) - 1) if y < 0 else 0.0
    of_y1 = -((1 + y) * math.log(1 + y) if y > -1 else 0.0) + y
    outer = of_y * -1 * -1 + (1 - p) * of_y1 - y * math.log(gain) + inside
    return 2 + (1 + y) * math.log(s2) + outer


def negative_root(law: SlopeLaw, m: float) -> float:
    """The w < 0 with M(w) = m, for P(t = 0) − 1 < m < 0."""
    low, high = -745.0, 709.0
    for _ in range(ROUNDS):
        middle = 0.5 * (low + high)
        if float(transform(law, np.array([-math.exp(middle)])).m[0]) < m:
            low = middle
        else:
            high = middle
        if high - low < 2 * EPS * max(abs(low), 1.0):
            break
    return -math.exp(0.5 * (low + high))
