"""Statistics of the entries of a weight matrix: scale, mean and tail, each with a standard error."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy import special

from meanfield._types import AnyArray, Floats

CHUNK = 2**20  # entries converted to float64 at once
FEWEST_CLUSTERS = 10
FEWEST_FOR_TAIL = 20
HEAVY = 2.576  # z-score of the kurtosis beyond which the error of the scale includes the tail


@dataclass(frozen=True)
class Statistic:
    """A measured number, its standard error, and a test against independent entries of mean 0.

    Attributes
    ----------
    value, standard_error : float
        The number and its standard error over repeated draws.
    z : float or None
        Deviation from its expectation for independent entries of mean 0, in standard deviations; None if there is no
        expectation or the tensor is too small.
    p_value : float or None
        p-value of that deviation.
    """

    value: float
    standard_error: float
    z: float | None = None
    p_value: float | None = None

    def __float__(self) -> float:
        return self.value


@dataclass(frozen=True)
class Entries:
    """Statistics of single entries.

    Attributes
    ----------
    n : int
        Number of entries.
    square : float
        Mean of W².
    largest : float
        Largest |W|.
    zeros : float
        Share of exact zeros.
    sigma_w, mean, tail : Statistic
        √(fan_in · mean W²), the mean, and the excess kurtosis.
    dominance : float
        Share of the largest entry in the sum of squares.
    effective : float
        Effective sample size of the scale, as a share of `n`; at most 1.
    """

    n: int
    square: float
    largest: float
    zeros: float
    sigma_w: Statistic
    mean: Statistic
    tail: Statistic
    dominance: float
    effective: float


def entries(matrix: AnyArray) -> Entries:
    """Scale, mean and tail of the entries of a finite matrix (units, fan_in).

    The standard error of a mean is the largest of three: for independent entries, for independent rows, and for
    independent columns (rows and columns only if there are at least ten). Equal rows or columns therefore do not count
    as many observations.

    For a heavy tail the largest entries dominate the scale, and larger entries may be missing from the sample. For a
    tail of index a (estimator of Hill 1975, Annals of Statistics 3, 1163) the expected sum of squares beyond the
    largest entry is a/(a − 2) times its square. It is added to the standard error of `sigma_w`, which is infinite if
    a ≤ 2: the law then has no variance.
    """
    rows, columns = matrix.shape
    n = rows * columns
    largest = max(float(np.max(block)) for block in row_blocks(matrix, np.abs))
    if largest == 0.0:
        nothing = Statistic(0.0, 0.0)
        return Entries(n, 0.0, 0.0, 1.0, nothing, nothing, nothing, 0.0, 1.0)
    zeros = sum(int(np.count_nonzero(block == 0.0)) for block in row_blocks(matrix)) / n

    def unit(x: Floats) -> Floats:
        return x / largest

    mean, mean_error, _ = _mean(matrix, unit)
    square, square_error, effective = _mean(matrix, lambda x: unit(x) ** 2)
    sigma = largest * math.sqrt(columns * square)
    dominance = 1.0 / (n * square)
    variance = max(square - mean**2, 0.0)
    if n < 2 or math.sqrt(variance) <= 1e-7 * abs(mean):  # a constant, up to rounding in float32
        location = Statistic(mean * largest, 0.0, *((math.copysign(math.inf, mean), 0.0) if n > 1 else ()))
        tail = Statistic(0.0, 0.0)
    else:
        z = mean / mean_error if mean_error > 0 else 0.0
        location = Statistic(mean * largest, mean_error * largest, z, float(2 * special.stdtr(n - 1, -abs(z))))
        tail = _tail(matrix, lambda x: (unit(x) - mean) / math.sqrt(variance), n)
    if tail.z is not None and tail.z > HEAVY:
        index = _tail_index(matrix)
        square_error = math.hypot(square_error, 1.0 / (1.0 - 2.0 / index) / n) if index > 2.0 else math.inf
    scale = Statistic(sigma, 0.5 * sigma * square_error / square)
    return Entries(n, square * largest**2, largest, zeros, scale, location, tail, dominance, effective)


def kurtosis_z(kurtosis: float, n: int) -> float:
    """z-score of the sample kurtosis of `n` ≥ 20 Gaussian numbers (Anscombe & Glynn 1983, Biometrika 70, 227).

    Examples
    --------
    >>> round(kurtosis_z(3.0, 10**6), 2), round(kurtosis_z(3.5, 1000), 1)
    (0.0, 2.8)
    """
    expected = 3.0 * (n - 1) / (n + 1)
    variance = 24.0 * n * (n - 2) * (n - 3) / ((n + 1) ** 2 * (n + 3) * (n + 5))
    x = (kurtosis - expected) / math.sqrt(variance)
    skewness = 6.0 * (n * n - 5 * n + 2) / ((n + 7) * (n + 9))
    skewness *= math.sqrt(6.0 * (n + 3) * (n + 5) / (n * (n - 2) * (n - 3)))
    a = 6.0 + 8.0 / skewness * (2.0 / skewness + math.sqrt(1.0 + 4.0 / skewness**2))
    cubed = (1.0 - 2.0 / a) / (1.0 + x * math.sqrt(2.0 / (a - 4.0)))
    return (1.0 - 2.0 / (9.0 * a) - math.copysign(abs(cubed) ** (1 / 3), cubed)) / math.sqrt(2.0 / (9.0 * a))


def _tail(matrix: AnyArray, standard: Callable[[Floats], Floats], n: int) -> Statistic:
    """Excess kurtosis; the standard error follows from its influence function, for any law with 8 moments."""
    powers = np.zeros(9)
    for block in row_blocks(matrix, standard):
        square = block * block
        cube = square * block
        powers[2] += square.sum()
        powers[3] += cube.sum()
        powers[4] += (square**2).sum()
        powers[5] += np.vdot(cube, square)
        powers[6] += np.vdot(cube, cube)
        powers[8] += np.sum(square**4)
    powers[0] = n
    m = powers / n
    kurtosis, skew = m[4] / m[2] ** 2, m[3]
    # variance of x⁴ − 2κ(x² − 1) − 4γx − κ for standardised x of skewness γ
    influence = (
        m[8] - 4 * kurtosis * (m[6] - m[4]) - 8 * skew * m[5] - 2 * kurtosis * m[4] + kurtosis**2
        + 4 * kurtosis**2 * (m[4] - m[2]) + 16 * kurtosis * skew * m[3] + 16 * skew**2 * m[2]
    )  # fmt: skip
    error = math.sqrt(max(influence, 0.0) / n)
    if n < FEWEST_FOR_TAIL:
        return Statistic(float(kurtosis - 3.0), error)
    z = kurtosis_z(float(kurtosis), n)
    return Statistic(float(kurtosis - 3.0), error, z, float(2 * special.ndtr(-abs(z))))


def _tail_index(matrix: AnyArray) -> float:
    """Hill's estimate of a in P(|W| > w) ~ w⁻ᵃ from the √n largest entries."""
    k = math.isqrt(matrix.size) + 1
    top = np.empty(0)
    for block in row_blocks(matrix, np.abs):
        top = np.concatenate([top, block.ravel()])
        top = np.partition(top, -k)[-k:] if top.size > k else top
    top = np.sort(top)
    spread = float(np.mean(np.log(top[1:] / top[0]))) if top[0] > 0 else math.inf
    return 1.0 / spread if spread > 0 else math.inf


def _mean(matrix: AnyArray, of: Callable[[Floats], Floats]) -> tuple[float, float, float]:
    """Mean over all entries, its standard error, and the effective sample size as a share of the entries."""
    rows, columns = matrix.shape
    n = rows * columns
    by_row, by_column, squares = np.empty(rows), np.zeros(columns), 0.0
    start = 0
    for block in row_blocks(matrix, of):
        by_row[start : start + len(block)] = block.mean(axis=1)
        by_column += block.sum(axis=0)
        squares += float(np.vdot(block, block))
        start += len(block)
    mean = float(by_row.mean())
    alone = max(squares / n - mean**2, 0.0) / max(n - 1, 1)
    groups = [alone]
    for group in (by_row, by_column / rows):
        if len(group) >= FEWEST_CLUSTERS:
            groups.append(float(np.sum((group - mean) ** 2)) / (len(group) * (len(group) - 1)))
    return mean, math.sqrt(max(groups)), alone / max(groups) if max(groups) > 0 else 1.0


def row_blocks(matrix: AnyArray, of: Callable[[Floats], Floats] = lambda x: x) -> Iterator[Floats]:
    """Apply `of` to the rows in float64, a block of rows at a time."""
    step = max(1, CHUNK // matrix.shape[1])
    for start in range(0, len(matrix), step):
        yield of(matrix[start : start + step].astype(np.float64))
