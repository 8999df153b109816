"""Moments of two softmax rows A, A′ of which the scores of the same token are correlated.

The rows read the same n tokens, and the second row may read more: Cov(S_j, S′_j) = c, all else is independent. With
P_kl = E F_k(u + S) F_l(u′ + S′) and the factor R = P₀₀^{n−1} M′₀^{n′−n}:

    E ΣAA′ = n∬P₁₁R,    E ΣA²A′ = n∬P₂₁R,    E ΣAA′² = n∬P₁₂R,
    E (ΣAA′)² = ∬[n P₂₂R + n(n − 1) P₁₁²R/P₀₀],
    E ΣAA′ ΣA² = ½∬[n P₃₁R + n(n − 1) P₁₁P₂₀R/P₀₀],    integrals over u and u′.

A common part of both scores, S = αG + X and S′ = α′G + X′ with αα′ = c, makes each P_kl a sum of products over G.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from meanfield._types import Floats
from meanfield.bounded import Bounded
from meanfield.numerics.softmax.laplace import CLOSE, Scores, Steps, Times, natural_step, power, scores
from meanfield.numerics.softmax.one_row import ROUNDING, nodes_of_row

FAR = 50.0  # e^−e^50 = 0
CHUNK = 2**21  # score nodes at a time, to limit memory


class TwoRows(NamedTuple):
    """E ΣAA′, E ΣA²A′, E ΣAA′², E (ΣAA′)² and E ΣAA′·ΣA²."""

    overlap: Bounded
    first_squared: Bounded
    second_squared: Bounded
    squared_overlap: Bounded
    with_squares: Bounded


class _Half(NamedTuple):
    """One row given the common part G: means over X of functions of u + αG + X, each of shape (times, nodes of G)."""

    nodes: Times
    below: Floats  # of 1 − F₀
    powers: list[Floats]  # of F₀, F₁, F₂, F₃


def two_rows(
    tokens: tuple[int, int], variances: tuple[float, float], covariance: float, steps: Steps = CLOSE
) -> TwoRows:
    """The moments of rows of ``tokens[0] <= tokens[1]`` scores, with \\|covariance\\| ≤ the root of both variances."""
    deviations = np.sqrt(variances)
    product = float(deviations.prod())
    share = min(abs(covariance) / product, 1.0) if product else 0.0
    sign = float(np.sign(covariance))
    widest = share * max(variances)
    common = scores(tokens[1], widest, 4, natural_step(widest, steps), both_sides=sign < 0)
    shares = deviations / max(deviations) if product else np.zeros(2)
    one = _half(tokens[0], variances[0], share, shares[0] * common.at, steps)
    alike = sign >= 0 and tokens[0] == tokens[1] and variances[0] == variances[1]
    other = one if alike else _half(tokens[1], variances[1], share, sign * shares[1] * common.at, steps)
    return _integrated(tokens, one, other, common.weights)


def _integrated(tokens: tuple[int, int], one: _Half, other: _Half, weights: Floats) -> TwoRows:
    """The integrals over both times, from means over the common part with these weights."""
    n, more = tokens[0], tokens[1] - tokens[0]

    def mean(k: int, l: int) -> Floats:
        return np.asarray((one.powers[k] * weights) @ other.powers[l].T)

    first, second = one.below @ weights, other.below @ weights
    below = first[:, None] + second - (one.below * weights) @ other.below.T
    none = mean(0, 0)
    measure = np.outer(one.nodes.weights, other.nodes.weights * power(second, other.powers[0] @ weights, more))
    one_less = n * power(below, none, n - 1) * measure
    two_less = n * (n - 1.0) * power(below, none, n - 2) * measure if n > 1 else 0.0
    p11 = mean(1, 1)
    return TwoRows(
        _summed(p11 * one_less),
        _summed(mean(2, 1) * one_less),
        _summed(mean(1, 2) * one_less),
        _summed(mean(2, 2) * one_less + p11**2 * two_less),
        _summed(0.5 * (mean(3, 1) * one_less + p11 * mean(2, 0) * two_less)),
    )


def _half(tokens: int, variance: float, share: float, shift: Floats, steps: Steps) -> _Half:
    """A row whose scores are `shift` plus a normal variable X with the rest of the variance."""
    nodes, _ = nodes_of_row(tokens, variance, steps)
    rest = variance * (1.0 - share)
    natural, step = natural_step(rest, steps), abs(shift[-1] - shift[0]) / max(shift.size - 1, 1)
    if 0.0 < 0.25 * natural <= step <= 1.001 * natural:
        return _on_lattice(nodes, shift, scores(tokens, rest, 3, step))
    own = scores(tokens, rest, 3, natural)
    many = max(CHUNK // (nodes.u.size * own.at.size), 1)
    parts = []
    for start in range(0, shift.size, many):
        x = nodes.u[:, None, None] + shift[start : start + many, None] + own.at
        parts.append([values @ own.weights for values in _functions(x)])
    below, *powers = (np.concatenate(part, axis=1) for part in zip(*parts, strict=True))
    return _Half(nodes, below, powers)


def _on_lattice(nodes: Times, shift: Floats, own: Scores) -> _Half:
    """The same where `shift` and X have one step, so that their sums are few."""
    ascending = np.sort(shift)
    step = own.at[1] - own.at[0]
    sums = ascending[0] + own.at[0] + step * np.arange(shift.size + own.at.size - 1)
    order = slice(None) if shift[-1] >= shift[0] else slice(None, None, -1)

    band = np.zeros((sums.size, shift.size))  # band[i, j] is the weight of X = sums[i] − shift[j]
    strips = np.lib.stride_tricks.as_strided(band, own.at.shape + shift.shape, (band.strides[0], sum(band.strides)))
    strips[:] = own.weights[:, None]
    below, *powers = ((values @ band)[:, order] for values in _functions(nodes.u[:, None] + sums))
    return _Half(nodes, below, powers)


def _functions(x: Floats) -> Iterator[Floats]:
    """1 − F₀, F₀, F₁, F₂ and F₃."""
    e = np.exp(np.minimum(x, FAR))
    yield -np.expm1(-e)
    value = np.exp(-e)
    yield value
    for _ in range(3):
        value = e * value
        yield value


def _summed(terms: Floats) -> Bounded:
    """The sum; its error is less than the largest difference from the sums over every second node of both times."""
    value = float(terms.sum())
    parts = [4.0 * float(terms[i::2, j::2].sum()) for i in (0, 1) for j in (0, 1)]
    return Bounded(value, max(abs(part - value) for part in parts) + ROUNDING * value)
