"""Moments of one softmax row A = softmax(S) of T scores, S_j ~ N(0, b²) independent.

With M_k = E F_k(u + S) (see `laplace`): E ΣA² = T∫M₂M₀^{T−1} du, E ΣA³ = (T/2)∫M₃M₀^{T−1} du, and
E (ΣA²)² = (1/6)∫[T M₄M₀^{T−1} + T(T − 1) M₂²M₀^{T−2}] du.
"""

from typing import NamedTuple

import numpy as np

from meanfield._types import Floats
from meanfield.bounded import Bounded
from meanfield.numerics.softmax.laplace import (
    CLOSE,
    NEGLIGIBLE,
    Scores,
    Steps,
    Times,
    bump,
    natural_step,
    power,
    scores,
    shortfall,
    times,
)

ROUNDING = 64 * float(np.finfo(float).eps)  # of sums of positive terms and of powers near the peak of the integrand


class OneRow(NamedTuple):
    """E ΣA², E ΣA³ and E (ΣA²)²."""

    squares: Bounded
    cubes: Bounded
    squared_squares: Bounded


def one_row(tokens: int, variance: float) -> OneRow:
    """The moments of a row of two or more `tokens` whose scores have this variance."""
    nodes, score = nodes_of_row(tokens, variance, CLOSE)
    x = nodes.u[:, None] + score.at
    below, none = shortfall(x) @ score.weights, bump(0, x) @ score.weights
    two, three, four = (bump(k, x) @ score.weights for k in (2, 3, 4))
    one_less, two_less = power(below, none, tokens - 1), power(below, none, tokens - 2)
    return OneRow(
        _summed(tokens * two * one_less * nodes.weights),
        _summed(tokens / 2 * three * one_less * nodes.weights),
        _summed((tokens * four * one_less + tokens * (tokens - 1.0) * two**2 * two_less) / 6 * nodes.weights),
    )


def nodes_of_row(tokens: int, variance: float, steps: Steps) -> tuple[Times, Scores]:
    """Times at which a row has more than a negligible part of T∫M₁M₀^{T−1} du = 1, and its scores."""
    nodes = times(tokens, variance, steps.v)
    score = scores(tokens, variance, 4, natural_step(variance, steps))
    x = nodes.u[:, None] + score.at
    rest = power(shortfall(x) @ score.weights, bump(0, x) @ score.weights, tokens - 1)
    return nodes.only(tokens * (bump(1, x) @ score.weights) * rest * nodes.weights > NEGLIGIBLE), score


def _summed(terms: Floats) -> Bounded:
    """The sum over an even number of nodes; its error is less than the difference of the sums over every second one."""
    even, odd = terms[::2].sum(), terms[1::2].sum()
    return Bounded(float(even + odd), float(2 * abs(even - odd) + ROUNDING * (even + odd)))
