"""Nodes of Laplace integrals over softmax rows: 1/(Σ e^S)^k = ∫₀^∞ t^{k−1} e^{−tΣe^S} dt / Γ(k).

The integral takes the sum out of the denominator, so that T independent scores give a product of T equal factors.
With t = e^u all factors are means of F_k(u + S) = e^{k(u + S)} exp(−e^{u + S}), which is at most (k/e)^k. The
trapezoidal rule in u converges like e^{−π²/h}: F_k is bounded for \\|Im u\\| < π/2. Since integrands fall only like e^u
on the left, u = v − e^{−v} (Takahasi & Mori 1974, Publ. RIMS 9, 721) shortens that side.
"""

from typing import NamedTuple

import numpy as np

from meanfield._types import Bools, Floats

LEFT, RIGHT = 4.0, 7.0  # u ends e^4 = 55 before the bulk, and 7 behind the smallest of scores: exp(−e^7) = 0
SIGMAS = 8.6  # a normal variable is farther out with probability 1e-17
FINE = 0.55  # largest step of scores, in standard deviations
NEGLIGIBLE = 1e-20  # nodes with a smaller part of T∫M₁M₀^{T−1} = 1 are left out


class Steps(NamedTuple):
    """Steps of the trapezoidal rules."""

    v: float  # of t = exp(v − e^{−v})
    score: float  # largest step of scores


CLOSE = Steps(v=0.11, score=0.165)  # every second node of v errs by 1e-12, all by rounding; the scores by e^{−34}
WIDE = Steps(v=0.2, score=0.25)  # errs by 1e-11


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


def times(tokens: int, variance: float, step: float) -> Times:
    """Nodes for a row of `tokens` scores of this variance; a few more than are needed."""
    deviation = np.sqrt(variance)
    bulk = np.log(tokens) + min(0.5 * variance, SIGMAS * deviation)
    v = step * np.arange(-np.ceil(LEFT / step), 2 * np.ceil((bulk + SIGMAS * deviation + RIGHT) / step / 2))
    return Times(v - np.exp(-v) - bulk, step * (1.0 + np.exp(-v)))


def natural_step(variance: float, steps: Steps) -> float:
    """The step of scores of this variance."""
    return float(min(steps.score, FINE * np.sqrt(variance)))


def scores(tokens: int, variance: float, powers: int, step: float, *, both_sides: bool = False) -> Scores:
    """Nodes for E e^{kS} f(S) with bounded f and 0 ≤ k ≤ `powers`, relative to sums over rows of `tokens` scores.

    They cover −k too if `both_sides`.
    """
    if variance == 0.0:
        return Scores(np.zeros(1), np.ones(1))
    deviation = np.sqrt(variance)
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
