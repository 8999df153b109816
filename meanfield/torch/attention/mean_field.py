"""Second moments behind softmax attention from what its rows read, at infinite width.

Scores of the row i have the variance b_i² = s²q_i(own − p)_i beside a common part, for queries of second moment q_i,
keys of mean square `own` and mean covariance p, and s² = d·scale². A row of n tokens averages the values to

    read + (own − p)(E Σ_j a_j² − 1/n),    own − p = n(own − read)/(n − 1),

which is p + (own − p)E Σ_j a_j². It is exact for exchangeable tokens, where all pairs of a row are alike, and for any
tokens as b² → 0, where weights are uniform. Dropout of weights at the rate r adds r/(1 − r) own·E Σ_j a_j².

Let g_i be the gradients behind the rows, and J = diag(a) − aaᵀ. Sums of squared gradients go back through the values by
Σ_ik g_i·g_k E a_i·a_k, through the queries by s²(own − p)_K(own − p)_V Σ_i g_i² E tr J_i², and through the keys by
s²(own − p)_V Σ_ik (g_i·g_k)(q_i·q_k) E tr J_iJ_k. Products of gradients of different rows are measured with uniform
weights, and their mean is multiplied by the ratio for two rows of a mean length.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from meanfield._types import Floats
from meanfield.errors import InvalidInput
from meanfield.numerics.softmax.exchangeable import WIDEST, row_moments, softmax_moments
from meanfield.numerics.softmax.one_row import OneRow
from meanfield.torch.attention.reads import Reads

ROWS = 24  # whose moments are computed; others are interpolated


@dataclass(frozen=True)
class Side:
    """Second moments of queries, keys or values, as σ_w²q + σ_b² of what they read, or as they are."""

    q: float
    sigma_b: float = 0.0


def averaged(reads: Reads, query: Side, key: Side, value: Side) -> tuple[float, tuple[float, float, float] | None]:
    """Mean square of the values that the rows read, and the factors of sums of squared gradients.

    The factors lead from the gradient behind the rows to queries, keys and values; None if no gradient was measured.

    Raises
    ------
    InvalidInput
        If scores vary more than the moments of softmax rows are computed for.
    """
    q_i, own, read, spread = _sides(reads, query, key, value)
    n = reads.counts
    variance = reads.variance * q_i * spread[0]
    squares = of_rows(n, variance, lambda row: row.squares.value)
    after = read + spread[1] * (squares - 1.0 / n)
    noise = reads.rate / (1.0 - reads.rate)
    q = float(np.mean(after + noise * own * squares))
    if reads.gradients is None:
        return q, None
    share, between = reads.gradients
    own_jacobian = of_rows(n, variance, lambda row: (row.squares - 2 * row.cubes + row.squared_squares).value)
    overlap, pair_jacobian, q_pairs, apart = _pairs(reads, q_i, variance, spread)
    s = reads.variance * own_jacobian * (spread[1] + noise * own)
    of_query = float(share @ (s * spread[0]))
    of_key = float(share @ (s * q_i)) + reads.variance * q_pairs * apart * pair_jacobian * between
    of_value = float(share @ squares) * (1.0 + noise) + overlap * between
    return q, (of_query, max(of_key, 0.0), max(of_value, 0.0))


def _pairs(
    reads: Reads, q_i: Floats, variance: Floats, spread: tuple[Floats, Floats]
) -> tuple[float, float, float, float]:
    """n·E ΣAA′ and n·E tr JJ′ of two rows, the mean product of two queries, and own − p of values.

    They are those of two rows of a mean length that read the same tokens.
    """
    assert reads.gradients is not None
    share = reads.gradients[0]
    n, b2, q, keys, values = (float(share @ of) for of in (reads.counts, variance, q_i, *spread))
    q_pairs = q * min(max(reads.query_pairs, -1.0), 1.0)
    c2 = min(max(reads.variance * q_pairs * keys, -b2), b2)
    length = max(round(n), 1)
    rows = softmax_moments(length, b2, c2)
    return length * float(rows.overlap.value), length * float(rows.pair_jacobian.value), q_pairs, values


def maps_of(reads: Reads) -> str:
    """The map that `averaged` uses, as a text."""
    mask = {"none": "", "causal": "causal ", "other": "masked "}[reads.mask]
    return f"{mask}softmax attention of exchangeable tokens, of the correlation {reads.token_c:.2g} as measured"


def _sides(reads: Reads, query: Side, key: Side, value: Side) -> tuple[Floats, Floats, Floats, tuple[Floats, Floats]]:
    """Second moments of queries; `own` and `read` of values; own − p of keys and of values."""
    q_i = _scaled(reads.queries, reads.moments[0], query)
    spreads = []
    for measured, moment, side in ((reads.keys, reads.moments[1], key), (reads.values, reads.moments[2], value)):
        own, read = (_scaled(of, moment, side) for of in measured)
        n = reads.counts
        spreads.append(np.where(n > 1, n * (own - read) / np.maximum(n - 1.0, 1.0), 0.0))
    return q_i, own, read, (np.maximum(spreads[0], 0.0), np.maximum(spreads[1], 0.0))


def _scaled(measured: Floats, moment: float, side: Side) -> Floats:
    return measured * (side.q / max(moment, 1e-300)) + side.sigma_b**2


def of_rows(counts: Floats, variance: Floats, moment: Callable[[OneRow], Floats | float]) -> Floats:
    """A moment of every row, interpolated between `ROWS` of them as n times the moment."""
    if np.max(variance) > WIDEST:
        raise InvalidInput(f"scores of softmax attention have the variance {np.max(variance):.3g}, above {WIDEST:g}")
    order = np.lexsort((variance, counts))
    ends = np.unique(np.concatenate([
        np.linspace(0, len(order) - 1, ROWS // 2).round(), np.geomspace(1, len(order), ROWS // 2).round() - 1
    ]).astype(int))  # fmt: skip
    some = order[ends]
    known = [n * moment(row_moments(int(n), float(v))) for n, v in zip(counts[some], variance[some], strict=True)]
    found = np.empty(len(order))
    found[order] = np.interp(np.arange(len(order)), ends, known)
    return found / counts
