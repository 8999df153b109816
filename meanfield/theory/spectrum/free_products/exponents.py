"""Quantiles of the exponents ln λ/L for L → ∞: ln 1/S(m) of one block at m = u − 1 (Newman 1986).

A product of many free factors has its eigenvalues where S says, without a density: the share u of them has exponents
up to the logarithm of 1/S(u − 1).
"""

from collections.abc import Callable

import numpy as np

from meanfield._types import Floats
from meanfield.theory.spectrum.free_products.factors import Skip, Slopes
from meanfield.theory.spectrum.free_products.master_curve import MasterCurve
from meanfield.theory.spectrum.slopes.transforms import transform

LOW, HIGH = -700.0, 700.0  # of log(−w)
ROUNDS = 80


def exponents(curve: MasterCurve, m: Floats) -> Floats:
    """log 1/S(m) of the curve of one block at each m in (P(λ = 0) − 1, 0), shape (n,)."""
    total = np.full(m.shape, curve.constant) + np.log(-m) - np.log1p(m)
    for a, power in curve.rational:
        total = total + power * np.log(np.abs(m + a))
    for factor, count, c in curve.members:
        own = _of_slopes(factor, c * m) if isinstance(factor, Slopes) else _of_skip(factor, c * m)
        total = total + count * own
    return np.asarray(total)


def _of_slopes(factor: Slopes, m: Floats) -> Floats:
    """log|w| with M(w) = m on w < 0, by bisection."""

    def excess(x: Floats) -> Floats:
        return np.asarray(transform(factor.law, -np.exp(x)).m - m)

    return _zero(excess, np.full(m.shape, LOW), np.full(m.shape, HIGH))


def _of_skip(factor: Skip, m: Floats) -> Floats:
    """−log|u| with v + y = m; v passes −1/2 where u is −1/4s², if it comes so far."""
    turn = _turn(factor)

    at_turn = float(_sum(factor, np.array([turn]), 1.0)[0]) if turn > LOW else -np.inf
    plus, minus = m >= at_turn, m < at_turn
    found = np.empty(m.shape)
    for mask, side in ((plus, 1.0), (minus, -1.0)):
        if mask.any():
            own = _Excess(factor, m[mask], side)
            count = int(mask.sum())
            x = _zero(own, np.full(count, turn if turn > LOW else LOW), np.full(count, HIGH))
            found[mask] = -_log_u(factor, x)
    return found


class _Excess:
    def __init__(self, factor: Skip, m: Floats, side: float) -> None:
        self.factor, self.m, self.side = factor, m, side

    def __call__(self, x: Floats) -> Floats:
        return self.side * (_sum(self.factor, x, self.side) - self.m)


def _log_u(factor: Skip, x: Floats) -> Floats:
    """log|u| at w = −exp(x)."""
    y1 = transform(factor.law, -np.exp(x)).m1
    return np.asarray(factor.power * np.log(y1) - np.log(factor.gain) - x)


def _sum(factor: Skip, x: Floats, side: float) -> Floats:
    """v + y on one branch of the root."""
    y = transform(factor.law, -np.exp(x)).m
    root = side * np.sqrt(np.maximum(1 - 4 * factor.skip * np.exp(_log_u(factor, x)), 0.0))
    return np.asarray(0.5 * (root - 1) + y)


def _turn(factor: Skip) -> float:
    """The largest log(−w) at which |u| reaches 1/4s²; LOW if it does not."""
    x = np.linspace(HIGH, LOW, 2001)
    above = 4 * factor.skip * np.exp(np.minimum(_log_u(factor, x), 600.0)) >= 1
    if not above.any():
        return LOW
    first = int(np.argmax(above))
    target = -np.log(4 * factor.skip)

    def excess(at: Floats) -> Floats:
        return np.asarray(target - _log_u(factor, at))

    return float(_zero(excess, x[first : first + 1], x[first - 1 : first])[0])


def _zero(excess: Callable[[Floats], Floats], low: Floats, high: Floats) -> Floats:
    """Where a function that rises becomes positive, by bisection."""
    for _ in range(ROUNDS):
        middle = 0.5 * (low + high)
        up = excess(middle) < 0
        low, high = np.where(up, middle, low), np.where(up, high, middle)
    return np.asarray(0.5 * (low + high))
