"""Singular values of a weight matrix against the Marchenko–Pastur law and against orthogonality."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from scipy import sparse, special

from meanfield._types import AnyArray, Floats, Ints
from meanfield.numerics.statistics.marchenko_pastur import MarchenkoPastur, largest_eigenvalue
from meanfield.weights.entry_dependence import Parallel, parallel_rows, rectangles
from meanfield.weights.entry_statistics import Entries, Statistic

LIMIT = 2048  # largest number of rows or columns of which all products are formed
PAIRED = 1024  # the same along the longer axis, which is tested for parallel pairs only
RUNS = 8  # runs of consecutive rows in a sample of a larger matrix
CHUNK = 2**21  # entries converted to float64 at once
FEWEST = 8  # smallest number of singular values for a comparison with a law
COPIES = 6  # copies with random signs, for the edge of heavy-tailed entries
MANY = 64  # distinct magnitudes whose law counts as continuous
NEARLY = 0.02  # largest relative spread of the singular values of an orthogonal matrix


@dataclass(frozen=True)
class Spectrum:
    """Singular values of a weight matrix W (units, fan_in), compared with independent entries.

    Attributes
    ----------
    singular_values : ndarray, shape (min(units, fan_in),)
        Singular values of W, largest first. For independent entries of standard deviation sigma_w/√fan_in they lie
        between the `edges`; for an orthogonal matrix they are equal. Values below 1e-8 of the largest are rounding
        errors. Beyond 2048 rows (or columns, if fewer), the values are of eight evenly spaced runs of 256 rows.
    edges : tuple of float
        sigma_w |1 ∓ √(units/fan_in)|, the edges of the Marchenko–Pastur law.
    outliers : int
        Number of singular values beyond the upper edge and its Tracy–Widom fluctuation, which independent entries
        exceed with probability `alpha`. For a heavy tail, outliers must also exceed the largest singular value of the
        same entries with random signs.
    spectral_norm : float
        The largest singular value of the whole matrix.
    distance : float or None
        Largest difference between the distribution functions of the squared singular values and of the Marchenko–Pastur
        law; None for fewer than 8 values.
    allowed : float or None
        The distance that independent entries exceed with probability `alpha`: see Notes.
    spread : float
        Standard deviation of the singular values relative to their mean: 0 for an orthogonal matrix.
    orthogonal : bool
        Whether rows or columns (the fewer of the two) are orthogonal and of equal length within 2 %, beyond chance.
    correlation : Statistic or None
        Contribution of correlated entries to the second spectral moment: see `rectangles`.
    parallel : Parallel or None
        The most nearly parallel rows or columns.
    sampled : int or None
        Number of rows or columns used, if not all.

    Notes
    -----
    Eigenvalues of random matrices repel each other; the distance is therefore O(log m/m), not O(1/√m), for m singular
    values. `allowed` was fitted to simulations of 8 ≤ m ≤ 256, for aspect ratios from 1 to 16 and laws from uniform to
    Student's t: (1.2 + 0.42 ln m + 0.17 (1 + 8/m) κ + 0.18 ln(0.01/alpha))/m, κ the excess kurtosis where positive.
    """

    singular_values: Floats = field(repr=False)
    edges: tuple[float, float]
    outliers: int
    spectral_norm: float
    distance: float | None
    allowed: float | None
    spread: float
    orthogonal: bool
    correlation: Statistic | None
    parallel: Parallel | None
    sampled: int | None

    @property
    def random(self) -> bool:
        """Whether the singular values follow the law of independent entries; true if there are too few to test."""
        return self.distance is None or self.allowed is None or self.distance <= self.allowed


def spectrum(matrix: AnyArray, found: Entries, alpha: float) -> Spectrum:
    """The spectrum of a finite matrix (units, fan_in) with entry statistics `found`."""
    units, fan_in = matrix.shape
    if found.square == 0.0:
        zeros = np.zeros(min(units, fan_in, LIMIT))
        return Spectrum(zeros, (0.0, 0.0), 0, 0.0, None, None, 0.0, False, None, None, None)
    scale = math.sqrt(found.square)
    wide = matrix if units <= fan_in else matrix.T
    index = _runs(len(wide), LIMIT)
    mean = found.mean.value / scale if (found.mean.p_value or 0.0) < 0.01 else 0.0  # 0 if insignificant
    products = _Products.of(wide, index, scale, mean)
    m, n = len(index), wide.shape[1]
    eigenvalues = np.maximum(np.linalg.eigvalsh(products.gram), 0.0)[::-1]
    values = scale * np.sqrt(eigenvalues)
    kurtosis = max(found.tail.value, 0.0)
    heavy = found.tail.z is not None and found.tail.z > 2.0

    edge = largest_eigenvalue(m, n, alpha)
    if heavy and eigenvalues[0] > edge:
        edge = max(edge, _with_random_signs(wide, index, scale))
    outliers, norm = int(np.count_nonzero(eigenvalues > edge)), float(values[0])
    if m < len(wide):
        norm = _norm(wide)
        outliers = max(outliers, int(not heavy and (norm / scale) ** 2 > largest_eigenvalue(len(wide), n, alpha)))

    distance = allowed = None
    if m >= FEWEST:
        cdf = MarchenkoPastur(m / n).cdf(eigenvalues[::-1] * m / eigenvalues.sum())
        distance = kolmogorov_distance(cdf)
        level = 1.2 + 0.42 * math.log(m) + 0.17 * (1.0 + 8.0 / m) * kurtosis + 0.18 * math.log(0.01 / alpha)
        allowed = min(level / m, 1.0)
    spread = float(np.std(values) / np.mean(values))
    by_chance = float(special.gammainc(m * (m - 1) / 4.0, n * m * spread**2)) if m > 1 else 1.0
    some = np.abs(matrix.flat[:PAIRED])
    ordinary = not heavy and found.zeros == 0.0 and len(np.unique(some)) > min(0.5 * len(some), MANY)
    fourth = found.tail.value if ordinary else None
    axes = ("rows", "columns") if units <= fan_in else ("columns", "rows")
    others = _runs(n, PAIRED)
    across = _Products.of(wide.T, others, scale, mean)
    pairs = [
        pair
        for p, length, axis, i in ((products, n, axes[0], index), (across, len(wide), axes[1], others))
        if (pair := parallel_rows(p.centred, p.squares, length, axis, i, fourth)) is not None
    ]
    sigma = found.sigma_w.value
    ratio = math.sqrt(units / fan_in)
    return Spectrum(
        singular_values=values,
        edges=(sigma * abs(1.0 - ratio), sigma * (1.0 + ratio)),
        outliers=outliers,
        spectral_norm=norm,
        distance=distance,
        allowed=allowed,
        spread=spread,
        orthogonal=spread < NEARLY and by_chance < 1e-3,
        correlation=rectangles(products.centred, products.squares, products.fourth, n),
        parallel=_less_likely(pairs),
        sampled=m if m < len(wide) else None,
    )


def kolmogorov_distance(cdf: Floats) -> float:
    """Kolmogorov–Smirnov distance of a sample from a law, whose distribution function at the sorted sample is `cdf`."""
    steps = np.arange(len(cdf) + 1) / len(cdf)
    return float(max(np.max(steps[1:] - cdf), np.max(cdf - steps[:-1])))


def _less_likely(pairs: list[Parallel]) -> Parallel | None:
    """The pair with the smaller p-value, corrected for the two axes."""
    if not pairs:
        return None
    least = min(pairs, key=lambda pair: pair.p_value)
    return least._replace(p_value=min(1.0, len(pairs) * least.p_value))


@dataclass(frozen=True)
class _Products:
    """Products of rows: W Wᵀ, the same without the mean, V Vᵀ with V = W∘W, and Σ_{i≠k} Σ_j V_ij² V_kj²."""

    gram: Floats
    centred: Floats
    squares: Floats
    fourth: float

    @staticmethod
    def of(wide: AnyArray, index: Ints, scale: float, mean: float) -> "_Products":
        m, n = len(index), wide.shape[1]
        gram, squares, sums, fourth = np.zeros((m, m)), np.zeros((m, m)), np.zeros(m), 0.0
        for block in _columns(wide, index, scale):
            gram += block @ block.T
            sums += block.sum(axis=1)
            block -= mean
            block *= block
            squares += block @ block.T
            block *= block
            fourth += float(np.sum(block.sum(axis=0) ** 2) - np.vdot(block, block))
        centred = gram - mean * (sums[:, None] + sums) + n * mean**2
        return _Products(gram, centred, squares, fourth)


def _columns(wide: AnyArray, index: Ints, scale: float) -> Iterator[Floats]:
    """The rows `index` in float64, divided by `scale`, a block of columns at a time."""
    step = max(1, CHUNK // len(index))
    for start in range(0, wide.shape[1], step):
        part = wide[:, start : start + step]
        yield (part if len(index) == len(wide) else part[index]).astype(np.float64) / scale


def _runs(size: int, limit: int) -> Ints:
    """All indices, or evenly spaced runs of consecutive ones, which preserve correlations of neighbours."""
    if size <= limit:
        return np.arange(size)
    starts = np.linspace(0, size - limit // RUNS, RUNS).astype(np.intp)
    return (starts[:, None] + np.arange(limit // RUNS)).ravel()


def _with_random_signs(wide: AnyArray, index: Ints, scale: float) -> float:
    """Mean plus four standard deviations of the largest eigenvalue of the same magnitudes with random signs."""
    rng = np.random.default_rng(0)
    largest = []
    for _ in range(COPIES):
        gram = np.zeros((len(index), len(index)))
        for block in _columns(wide, index, scale):
            block *= rng.integers(0, 2, block.shape, dtype=np.int8) * 2.0 - 1.0
            gram += block @ block.T
        largest.append(_top(gram))
    return float(np.mean(largest) + 4.0 * np.std(largest, ddof=1))


def _top(gram: Floats) -> float:
    """Largest eigenvalue; by Lanczos iteration with relative error 1e-3 for a large matrix."""
    if len(gram) < 256:
        return float(np.linalg.eigvalsh(gram)[-1])
    start = np.random.default_rng(0).standard_normal(len(gram))
    return float(sparse.linalg.eigsh(gram, k=1, v0=start, tol=1e-3, return_eigenvectors=False)[0])


def _norm(wide: AnyArray) -> float:
    """Largest singular value by Lanczos iteration, with relative error 1e-4 of its square."""
    start = np.random.default_rng(0).standard_normal(len(wide))
    floats = wide if wide.dtype in (np.float32, np.float64) else wide.astype(np.float32)
    squared = sparse.linalg.LinearOperator(
        (len(wide), len(wide)), matvec=lambda x: floats @ (x.astype(floats.dtype) @ floats), dtype=np.float64
    )
    return math.sqrt(sparse.linalg.eigsh(squared, k=1, v0=start, tol=1e-4, return_eigenvectors=False)[0])
