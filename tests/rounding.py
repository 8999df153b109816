"""What rounding allows: a computed sum is only as exact as its terms are large, whatever they add up to."""

import numpy as np
from numpy.typing import ArrayLike

EPS = float(np.finfo(float).eps)


def assert_equal_sums(
    found: ArrayLike, expected: ArrayLike, terms: ArrayLike, count: float, factor: float = 4.0
) -> None:
    """Two computations of a sum differ by no more than 4·count·eps·Σ|terms|.

    Parameters
    ----------
    found, expected : array_like
        The two.
    terms : array_like
        Σ|terms|, which broadcasts with them.
    count : float
        Operations behind each, which bounds the roundings that enter one after the other (Higham 2002, section 4.2).
    """
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    np.testing.assert_array_less(np.abs(found - expected), 4.0 * count * EPS * np.asarray(terms) + 1e-300)


def assert_equal_covariances(found: ArrayLike, expected: ArrayLike, rtol: float) -> None:
    """Two covariance matrices differ by no more than rtol·√(q_a q_b), the size of the terms that an entry sums.

    By Cauchy and Schwarz, Σ|u v| ≤ √(Σu² Σv²): an entry may be as small as it likes, its rounding error is not.
    """
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    root = np.sqrt(np.diagonal(expected))
    assert np.all(np.abs(found - expected) <= rtol * np.outer(root, root))
