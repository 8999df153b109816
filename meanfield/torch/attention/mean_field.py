"""Second moments behind softmax attention from what its rows read, at infinite width.

Scores of the row i have the variance b_i² = s²q_i(own − p)_i beside a common part, for queries of second moment q_i,
keys of mean square `own` and mean covariance p, and s² = d·scale². A row of n tokens averages the values to

    read + (own − p)(E Σ_j a_j² − 1/n),    own − p = n(own − read)/(n − 1),

which is p + (own − p)E Σ_j a_j². It is exact for exchangeable tokens, where all pairs of a row are alike, and for any
tokens as b² → 0, where weights are uniform. Dropout of weights at the rate r adds r/(1 − r) own·E Σ_j a_j².
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from meanfield._types import Floats
from meanfield.errors import InvalidInput
from meanfield.numerics.softmax.exchangeable import WIDEST, row_moments
from meanfield.numerics.softmax.one_row import OneRow
from meanfield.torch.attention.reads import Reads

ROWS = 24  # whose moments are computed; others are interpolated


@dataclass(frozen=True)
class Side:
    """Second moments of queries, keys or values, as σ_w²q + σ_b² of what they read, or as they are."""

    q: float
    sigma_b: float = 0.0


def averaged(reads: Reads, query: Side, key: Side, value: Side) -> float:
    """Mean square of the values that the rows read, for these second moments.

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
    return float(np.mean(after + reads.rate / (1.0 - reads.rate) * own * squares))


def maps_of(reads: Reads) -> str:
    """The map that `averaged` uses, as a text."""
    causal = "causal " if reads.causal else ""
    return f"{causal}softmax attention of exchangeable tokens, of the correlation {reads.token_c:.2g} as measured"


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
