"""½E Σ(A − A′)² of two softmax rows with all its digits, beside the other moments that maps of tokens ask for.

E ΣA² − E ΣAA′ vanishes with b² − c², the part of the variance that the scores of both rows do not share, and a
difference would lose its digits. Since ∂E ΣAA′/∂c² = E tr JJ′ (`exchangeable`), it is the integral of E tr JJ′ from c²
to b², of which all terms are positive.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from meanfield._types import Floats
from meanfield.bounded import Bounded
from meanfield.numerics.softmax.exchangeable import softmax_moments
from meanfield.numerics.softmax.moment_table import softmax_table

NEAR = 0.05  # b² − c² up to which the distance is an integral
NEARER = 1e-3  # up to which two nodes suffice for it; three err by 1e-14 of it
RULES = {n: np.polynomial.legendre.leggauss(n) for n in (2, 3)}
EXACT = 1e-13  # relative error of the rules
HELD = 8192  # pairs of rows whose moments are kept
MANY = 100  # points at once from which on a table pays


class RowMoments(NamedTuple):
    """Moments of rows A and pairs A, A′; each an array of the broadcast shape of the arguments."""

    squares: Bounded  # E ΣA²
    distance: Bounded  # E ΣA² − E ΣAA′
    own: Bounded  # E tr J²
    pair: Bounded  # E tr JJ′


def row_moments_and_distance(tokens: int, b2: Floats, rest: Floats) -> RowMoments:
    """The moments of rows of exchangeable tokens for arrays of b² and b² − c²; ranges as in `softmax_moments`.

    A hundred points or more are read from tables, whose errors are about 1e-9 of the moments.

    Examples
    --------
    Scores that do not vary give uniform weights; small ones of variance b² part them by b²(T − 1)/T²:

    >>> found = row_moments_and_distance(4, np.array([0.0, 1e-6]), np.array([0.0, 1e-6]))
    >>> found.squares.value, found.distance.value
    (array([0.25      , 0.25000019]), array([0.00000000e+00, 1.87499953e-07]))
    """
    first, second = np.broadcast_arrays(np.asarray(b2, dtype=np.float64), rest)
    second = np.clip(second, 0.0, 2.0 * first)  # but for rounding within it
    if first.size >= MANY and first.any():  # uniform weights need no table
        return _of_many(tokens, first, second)
    numbers = first.ravel().tolist(), second.ravel().tolist()
    columns = np.array([_of_one(tokens, *pair) for pair in zip(*numbers, strict=True)])
    values = np.moveaxis(columns.reshape(*first.shape, 8), -1, 0)
    return RowMoments(*(Bounded(values[i], values[i + 4]) for i in range(4)))


@lru_cache(maxsize=HELD)
def _of_one(tokens: int, b2: float, rest: float) -> list[float]:
    """The four values of `RowMoments`, then their errors."""
    c2 = b2 - rest
    moments = softmax_moments(tokens, b2, c2)
    distance = moments.squares - moments.overlap
    if rest <= NEAR:
        nodes, weights = RULES[2 if rest <= NEARER else 3]
        at = (c2 + 0.5 * rest * (1.0 + nodes)).tolist()
        terms = (
            [w * softmax_moments(tokens, b2, c).pair_jacobian for w, c in zip(weights, at, strict=True)] if rest else []
        )
        distance = 0.5 * rest * sum(terms, Bounded(0.0))
        distance = Bounded(distance.value, distance.error + EXACT * distance.value)
    found = [moments.squares, distance, moments.own_jacobian, moments.pair_jacobian]
    return [float(one.value) for one in found] + [float(one.error) for one in found]


def _of_many(tokens: int, b2: Floats, rest: Floats) -> RowMoments:
    """The moments from tables."""
    table = softmax_table(tokens)
    moments = table(b2, b2 - rest)
    distance = moments.squares - moments.overlap
    near = rest <= NEAR
    if near.any():
        nodes, weights = RULES[3]
        own, apart = b2[near], rest[near]
        at = ((w, own - 0.5 * apart * (1.0 - x)) for x, w in zip(nodes, weights, strict=True))
        integral = 0.5 * apart * sum((w * table(own, c2).pair_jacobian for w, c2 in at), Bounded(0.0))
        value, error = np.array(distance.value), np.array(distance.error)
        value[near], error[near] = integral.value, integral.error
        distance = Bounded(value, error)
    return RowMoments(moments.squares, distance, moments.own_jacobian, moments.pair_jacobian)
