"""Tests for dependent entries of a weight matrix: products around rectangles, and parallel pairs of rows.

Both condition on the magnitudes |W| and test for independent signs. They are therefore valid for every symmetric law of
the entries, including heavy tails and rows or columns of different scale.
"""

import math
from typing import NamedTuple

import numpy as np
from scipy import special

from meanfield._types import Floats, Ints
from meanfield.weights.entry_statistics import Statistic


class Parallel(NamedTuple):
    """The two rows or columns of a matrix whose angle has the smallest p-value.

    Attributes
    ----------
    axis : {"rows", "columns"}
        Whether they are rows or columns.
    first, second : int
        Their indices.
    cosine : float
        Cosine of the angle between them, after subtraction of the mean of all entries.
    p_value : float
        Upper bound on the p-value of such a pair among all tested pairs.
    """

    axis: str
    first: int
    second: int
    cosine: float
    p_value: float


def rectangles(gram: Floats, squares: Floats, fourth: float, columns: int) -> Statistic | None:
    """Contribution of correlated entries to tr((W Wᵀ)²).

    The trace is a sum of products W_ij W_kj W_il W_kl. Products with i = k or j = l follow from the magnitudes; the sum
    of the others, R, is over rectangles of four different entries. For independent entries of mean 0 these products
    have mean 0 and are uncorrelated, so that Var R is 4 times the same sum over V = W∘W for any law. For equal
    variances the skewness of R is 2(m + n − 4)/√(C(m,2) C(n,2)). z is the normal score of
    R/√Var R under the gamma law of that skewness (cube root of Wilson & Hilferty 1931, PNAS 17, 684).

    Parameters
    ----------
    gram, squares : ndarray, shape (m, m)
        W Wᵀ and V Vᵀ of an m × n matrix.
    fourth : float
        Σ over i ≠ k and j of V_ij² V_kj².
    columns : int
        n.

    Returns
    -------
    Statistic or None
        R divided by tr((W Wᵀ)²) of independent entries. z > 0 means correlated entries, z < 0 rows and columns closer
        to orthogonal than independent ones. `p_value` is one-sided, for large z. None if m or n is 1, or if no two
        rows have a common nonzero column.
    """
    m, n = len(gram), columns
    if m < 2 or n < 2:
        return None
    known = np.trace(squares)
    off = float(squares.sum() - known)
    R = float(np.vdot(gram, gram) - np.vdot(np.diagonal(gram), np.diagonal(gram))) - off
    variance = 4.0 * (float(np.vdot(squares, squares) - np.vdot(np.diagonal(squares), np.diagonal(squares))) - fourth)
    if not variance > 1e-12 * off**2 / (m * n) ** 2:
        return None
    independent = float(np.vdot(np.diagonal(gram), np.diagonal(gram))) + off
    score = R / math.sqrt(variance)
    shape = m * (m - 1) * n * (n - 1) / (4.0 * (m + n - 4) ** 2) if m + n > 4 else math.inf
    z = score
    if shape < 1e12:
        z = 3.0 * math.sqrt(shape) * (max(1.0 + score / math.sqrt(shape), 0.0) ** (1 / 3) - 1.0 + 1.0 / (9.0 * shape))
    return Statistic(R / independent, math.sqrt(variance) / independent, z, float(special.ndtr(-z)))


def parallel_rows(
    gram: Floats, squares: Floats, columns: int, axis: str, index: Ints, kurtosis: float | None
) -> Parallel | None:
    """The pair of rows whose angle has the smallest p-value.

    For independent signs |W_i · W_k|/√(Σ_j W_ij² W_kj²) exceeds t with probability at most 2 exp(−t²/2) (Hoeffding
    1963, theorem 2), a weak bound for short rows. For normal entries the squared cosine has the beta law
    (1/2, (n − 1)/2). For other light-tailed entries of fourth moment κ its mean is still 1/n, and the excess kurtosis
    of the cosine is (κ² − 6κ + 3)/n to first order instead of −6/n; the p-value is then from the beta law with
    n' = 6n/(6κ − κ² − 3), scaled by n'/n. All p-values are multiplied by the number of pairs.

    Parameters
    ----------
    gram, squares : ndarray, shape (m, m)
        W Wᵀ and V Vᵀ, V = W∘W, of an m × n matrix.
    columns : int
        n.
    axis : str
        Name of the rows in the result.
    index : ndarray of int, shape (m,)
        Index of each row in the result.
    kurtosis : float or None
        κ − 3, if the law of the entries is continuous and its tail not heavier than normal; None: Hoeffding's bound.
    """
    m = len(gram)
    if m < 2 or columns < 2:
        return None
    norms = np.sqrt(np.diagonal(gram))
    lengths = norms[:, None] * norms
    cosines = np.divide(gram, lengths, out=np.zeros_like(gram), where=lengths > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = np.nan_to_num(gram**2 / squares, nan=0.0, posinf=0.0)
    np.fill_diagonal(cosines, 0.0)
    np.fill_diagonal(scores, 0.0)
    best = np.unravel_index(np.argmax(scores if kurtosis is None else np.abs(cosines)), gram.shape)
    if kurtosis is None:
        one = 2.0 * math.exp(-0.5 * float(scores[best]))
    else:
        fourth = min(max(kurtosis + 3.0, 1.0), 3.0)
        ratio = 6.0 / (6.0 * fourth - fourth**2 - 3.0)
        sine = max(1.0 - float(cosines[best]) ** 2 / ratio, 0.0)
        one = float(special.betainc(0.5 * (ratio * columns - 1.0), 0.5, sine))
    p = m * (m - 1) / 2 * one
    i, k = sorted(map(int, best))
    return Parallel(axis, int(index[i]), int(index[k]), float(cosines[best]), min(p, 1.0))
