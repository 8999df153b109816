"""One test over many correlated sample means: how large the largest z may be."""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from meanfield._types import Floats

DRAWS = 20_000
BLOCK = 1_000  # of them held at once


def z_beyond(sample: Floats, slack: ArrayLike, rounding: float) -> Floats:
    """Standard errors by which the mean over the first axis lies beyond ±`slack`; 0 inside.

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
    """What the largest |z| of several columns exceeds by chance, allowing for their correlations.

    The z of a column alone follows Student's t with n − 1 degrees of freedom. Which p-value the smallest of all
    columns falls below in a share `alpha` of cases is read off Gaussian vectors that have the sample's correlations;
    a share 1/(n − 1) of each is made independent, because correlations from few rows look stronger than they are.
    That keeps the rate for independent columns and makes it smaller than `alpha` for strongly correlated ones.

    Parameters
    ----------
    sample : ndarray, shape (n, columns)
        Independent rows; columns that vary by less than `rounding` count as constant.
    largest : float
        The largest |z| found, ≥ 0.
    alpha : float
        False-alarm rate of the whole.
    rounding : float
        Differences below it mean nothing.

    Returns
    -------
    threshold, p_value : float
        The |z| exceeded in a share `alpha` of cases, and the share of cases in which `largest` is.

    Examples
    --------
    Twenty copies of one column are one test, twenty independent columns are twenty:

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
