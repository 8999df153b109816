"""Nodes of Laplace integrals over softmax rows: 1/(Σ e^S)^k = ∫₀^∞ t^{k−1} e^{−tΣe^S} dt / Γ(k).

The integral takes the sum out of the denominator, so that T independent scores give a product of T equal factors.
With t = e^u all factors are means of F_k(u + S) = e^{k(u + S)} exp(−e^{u + S}), which is at most (k/e)^k. The
trapezoidal rule in u converges like e^{−π²/h}: F_k is bounded for \\|Im u\\| < π/2. Since integrands fall only like e^u
on the left, u = v − e^{−v} (Takahasi & Mori 1974, Publ. RIMS 9, 721) shortens that side.
"""

from typing import NamedTuple

import numpy as np

from meanfield._types import Bools, Floats

STEP = 0.11  # in v; the rule on every second node errs by 1e-12, the rule itself by rounding
SCORE_STEP = 0.165  # of scores; the rule errs by e^{−40}
FINE = 0.45  # largest step of scores in standard deviations; the rule then errs by e^{−97}
LEFT, RIGHT = 4.0, 7.0  # u ends e^4 = 55 before the bulk, and 7 behind the smallest of scores: exp(−e^7) = 0
SIGMAS = 8.6  # a normal variable is farther out with probability 1e-17
NEGLIGIBLE = 1e-20  # nodes with a smaller part of T∫M₁M₀^{T−1} = 1 are left out


class Times(NamedTuple):
    """Nodes u = ln t and weights of the trapezoidal rule in v."""

    u: Floats  # (n,), ascending
    weights: Floats  # (n,)

    def only(self, kept: Bools) -> "Times":
        """The nodes between the first and the last where `kept`, an even number of them."""
        at = np.flatnonzero(kept)
        first, last = at[0], at[-1] + 1
        part = slice(first - (last - first) % 2 if first else 0, last)
        return Times(self.u[part], self.weights[part])


class Scores(NamedTuple):
    """Nodes of a normal variable of mean 0, and weights with sum 1."""

    at: Floats  # (m,), ascending
    weights: Floats  # (m,)


def times(tokens: int, variance: float) -> Times:
    """Nodes for a row of `tokens` scores of this variance; a few more than are needed."""
    deviation = np.sqrt(variance)
    bulk = np.log(tokens) + min(0.5 * variance, SIGMAS * deviation)
    v = STEP * np.arange(-np.ceil(LEFT / STEP), 2 * np.ceil((bulk + SIGMAS * deviation + RIGHT) / STEP / 2))
    return Times(v - np.exp(-v) - bulk, STEP * (1.0 + np.exp(-v)))


def natural_step(variance: float) -> float:
    """The step at which the trapezoidal rule of scores errs by rounding."""
    return float(min(SCORE_STEP, FINE * np.sqrt(variance)))


def scores(tokens: int, variance: float, powers: int, *, step: float | None = None, both_sides: bool = False) -> Scores:
    """Nodes for E e^{kS} f(S) with bounded f and 0 ≤ k ≤ `powers`, relative to sums over rows of `tokens` scores.

    They cover −k too if `both_sides`. The step is `natural_step` unless it is given.
    """
    if variance == 0.0:
        return Scores(np.zeros(1), np.ones(1))
    deviation = np.sqrt(variance)
    step = step or natural_step(variance)
    rare = np.sqrt(2.0 * (45.0 + 2.0 * np.log(tokens)))
    last = np.ceil(deviation * min(SIGMAS + powers * deviation, max(rare, SIGMAS)) / step)
    first = -last if both_sides else -np.ceil(SIGMAS * deviation / step)
    at = step * np.arange(first, last + 1)
    weights = np.exp(-0.5 * (at / deviation) ** 2)
    return Scores(at, weights / weights.sum())


def bump(k: int, x: Floats) -> Floats:
    """F_k(x) = e^{kx} exp(−e^x), for k ≥ 1."""
    return np.asarray(np.exp(k * x - np.exp(x)))


def shortfall(x: Floats) -> Floats:
    """1 − F₀(x) = 1 − exp(−e^x), with its relative precision on the left."""
    return np.asarray(-np.expm1(-np.exp(x)))


def power(below_one: Floats, itself: Floats, exponent: int) -> Floats:
    """F^n of F = 1 − `below_one`, which `itself` has with its relative precision where F is small."""
    small = below_one > 0.5
    with np.errstate(divide="ignore"):
        log = np.where(small, np.log(np.where(small, itself, 1.0)), np.log1p(-np.where(small, 0.0, below_one)))
        return np.asarray(np.exp(exponent * log)) if exponent else np.ones_like(below_one)
