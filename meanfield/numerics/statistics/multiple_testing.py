"""The multiple-testing threshold for the largest |z| of many correlated sample means."""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from meanfield._types import Floats

DRAWS = 20_000  # Gaussian vectors of the simulation
BLOCK = 1_000  # vectors a block, to limit memory


def z_beyond(sample: Floats, slack: ArrayLike, rounding: float) -> Floats:
    """Distance of the mean over the first axis from [−slack, slack], with its sign, in standard errors; 0 inside.

    Parameters
    ----------
    sample : ndarray, shape (n, ...)
        Independent rows.
    slack : float or ndarray, shape (...)
        Half width of the interval, ≥ 0.
    rounding : float
        Rounding error of the mean, added in quadrature to the standard error.

    Examples
    --------
    >>> import numpy as np
    >>> z_beyond(np.array([1.0, 2.0, 3.0]), 0.5, 0.0).round(3)
    np.float64(2.598)
    """
    mean = sample.mean(axis=0)
    standard_error = np.hypot(sample.std(axis=0, ddof=1) / math.sqrt(len(sample)), rounding)
    z: Floats = np.sign(mean) * np.maximum(np.abs(mean) - slack, 0.0) / standard_error
    return z


def largest_z(sample: Floats, largest: float, alpha: float, rounding: float) -> tuple[float, float]:
    """Threshold for the largest |z| of several columns at a given false-alarm rate, and the p-value of `largest`.

    The z of one column follows Student's t with n − 1 degrees of freedom. The smallest p-value of all columns has a
    distribution that depends on their correlations. Its `alpha`-quantile is simulated with Gaussian vectors that have
    the correlations of the sample. A share 1/(n − 1) of the variance of each component is independent noise, because
    sample correlations from few rows are too strong. The false-alarm rate is `alpha` for independent columns and
    smaller for strongly correlated columns.

    Parameters
    ----------
    sample : ndarray, shape (n, columns)
        Independent rows. A column whose standard deviation is at most `rounding` counts as constant.
    largest : float
        The largest |z| found, ≥ 0.
    alpha : float
        False-alarm rate of the test over all columns.
    rounding : float
        Rounding error of the entries of `sample`.

    Returns
    -------
    threshold, p_value : float
        The value that the largest |z| exceeds with probability `alpha`, and the probability that it exceeds `largest`.

    Examples
    --------
    Twenty copies of one column count as one test, twenty independent columns as twenty:

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> threshold, _ = largest_z(np.repeat(rng.standard_normal((200, 1)), 20, axis=1), 3.0, 0.01, 0.0)
    >>> bool(2.5 < threshold < 2.8)
    True
    >>> threshold, _ = largest_z(rng.standard_normal((200, 20)), 3.0, 0.01, 0.0)
    >>> bool(3.4 < threshold < 3.7)
    True
    """
    n, columns = sample.shape
    centred = sample - sample.mean(axis=0)
    norm = np.linalg.norm(centred, axis=0)
    varies = norm > rounding * math.sqrt(n)
    directions = np.where(varies, centred / np.where(varies, norm, 1.0), 0.0)
    doubt = 1.0 / (n - 1)
    rng = np.random.default_rng(0)
    maxima = np.empty(DRAWS)
    for start in range(0, DRAWS, BLOCK):
        common, own = rng.standard_normal((BLOCK, n)), rng.standard_normal((BLOCK, columns))
        z = math.sqrt(1.0 - doubt) * (common @ directions) + math.sqrt(doubt) * varies * own
        maxima[start : start + BLOCK] = np.abs(z).max(axis=1)
    level = min(2.0 * float(special.ndtr(-np.quantile(maxima, 1.0 - alpha))), alpha)
    alone = 2.0 * float(special.stdtr(n - 1, -largest))
    p_value = max(float(np.mean(maxima >= -special.ndtri(alone / 2.0))), alone)
    return -float(special.stdtrit(n - 1, level / 2.0)), p_value
