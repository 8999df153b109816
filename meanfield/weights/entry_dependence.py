"""Whether the entries of a weight matrix depend on each other: products around rectangles, and pairs of parallel rows.

Both hold the magnitudes |W| fixed and ask what independent signs would give. So they hold for every law with symmetric
entries, heavy tails and different scales of rows and columns included.
"""

import math
from typing import NamedTuple

import numpy as np
from scipy import special

from meanfield._types import Floats, Ints
from meanfield.weights.entry_statistics import Statistic


class Parallel(NamedTuple):
    """The two rows or columns of a matrix whose angle is least explained by chance.

    Attributes
    ----------
    axis : {"rows", "columns"}
        Which of them.
    first, second : int
        Their indices.
    cosine : float
        Of the angle between them, the mean of all entries taken off.
    p_value : float
        Bound on the chance of such a pair among all that were looked at.
    """

    axis: str
    first: int
    second: int
    cosine: float
    p_value: float


def rectangles(gram: Floats, squares: Floats, fourth: float, columns: int) -> Statistic | None:
    """What correlated entries add to tr((W Wᵀ)²).

    That trace is a sum of W_ij W_kj W_il W_kl. Its terms with i = k or j = l are known from the magnitudes; the others,
    R, go around rectangles of four different entries. For independent entries of mean 0 those terms have mean 0 and
    are pairwise uncorrelated, so Var R is 4 times the same sum over V = W∘W, whatever the law; and for equal variances
    the skewness of R is 2(m + n − 4)/√(C(m,2) C(n,2)). The z is the normal score of R/√Var R under the gamma law with
    that skewness, by the cube root of Wilson & Hilferty 1931 (PNAS 17, 684).

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
        R relative to what tr((W Wᵀ)²) is for independent entries; z > 0 means correlated and z < 0 more orthogonal
        than chance. `p_value` is the chance of so large a z. None if m or n is 1, or no two rows share a column.
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
    """The pair of rows whose angle is least explained by chance.

    For independent signs |W_i · W_k|/√(Σ_j W_ij² W_kj²) is beyond t with probability at most 2 exp(−t²/2) (Hoeffding
    1963, theorem 2). That is blunt for short rows. Where the entries are normal, the squared cosine has the beta law
    (1/2, (n − 1)/2). For other light-tailed entries of fourth moment κ its mean stays 1/n and the cosine's excess
    kurtosis is (κ² − 6κ + 3)/n to first order instead of −6/n, so a beta law with n' = 6n/(6κ − κ² − 3) is used, scaled
    by n'/n. Either is multiplied by the number of pairs.

    Parameters
    ----------
    gram, squares : ndarray, shape (m, m)
        W Wᵀ and V Vᵀ, V = W∘W, of an m × n matrix.
    columns : int
        n.
    axis : str
        What to call the rows.
    index : ndarray of int, shape (m,)
        What to call each of them.
    kurtosis : float or None
        κ − 3, if the law of the entries is continuous and not heavier than normal; None calls for Hoeffding's bound.
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
