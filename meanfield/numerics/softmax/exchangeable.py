"""Moments of softmax rows over exchangeable tokens.

Tokens have the second moment q and the covariance p. With random queries and keys the scores S_ij of token i for
token j are Gaussian with covariances s²Σ_ii′Σ_jj′. A softmax row does not change if all its scores move alike, so only
two numbers matter: the variance b² = s²q(q − p) of the scores in a row and the covariance c² = s²p(q − p) between the
scores of two rows for the same token. Then

    E A_i·Σ·A_iᵀ = p + (q − p) E ΣA²,    E A_i·Σ·A_i′ᵀ = p + (q − p) E ΣAA′.

c² is negative where p is. Slopes follow from the heat equation: ∂E ΣAA′/∂c² = E tr JJ′ with J = diag(A) − AAᵀ (Price's
theorem), ∂E ΣA²/∂b² = E ΣA² − 4E ΣA³ + 3E(ΣA²)², and ∂E ΣAA′/∂b² = 2E ΣAA′ΣA² − 2E ΣA²A′.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from meanfield._types import Floats
from meanfield.bounded import Bounded
from meanfield.errors import InvalidInput
from meanfield.numerics.softmax.laplace import CLOSE, Steps
from meanfield.numerics.softmax.one_row import OneRow, one_row
from meanfield.numerics.softmax.two_rows import TwoRows, two_rows

WIDEST = 100.0  # largest variance of scores: the integrals over two rows then take seconds
MOST = 10**9  # tokens
BEYOND = 1e-12  # by which a covariance may exceed what the variances allow, relatively

Moments = TypeVar("Moments", OneRow, TwoRows)


@dataclass(frozen=True, kw_only=True)
class SoftmaxMoments:
    """Moments of two rows A and A′, A = softmax(S), over T exchangeable tokens; sums are over the tokens.

    Attributes
    ----------
    squares, cubes, squared_squares : Bounded
        E ΣA², E ΣA³ and E (ΣA²)².
    overlap, mixed_cubes, squared_overlap, with_squares : Bounded
        E ΣAA′, E ΣAA′², E (ΣAA′)² and E ΣAA′·ΣA².
    """

    squares: Bounded
    cubes: Bounded
    squared_squares: Bounded
    overlap: Bounded
    mixed_cubes: Bounded
    squared_overlap: Bounded
    with_squares: Bounded

    @classmethod
    def of(cls, row: OneRow, rows: TwoRows) -> "SoftmaxMoments":
        """From the moments of one row and of two rows that are alike."""
        return cls(
            **row._asdict(),
            overlap=rows.overlap,
            mixed_cubes=rows.second_squared,
            squared_overlap=rows.squared_overlap,
            with_squares=rows.with_squares,
        )

    @property
    def own_jacobian(self) -> Bounded:
        """E tr J² = E[ΣA² − 2ΣA³ + (ΣA²)²], J = diag(A) − AAᵀ: α of the gradient through the scores of one token."""
        return self.squares - 2 * self.cubes + self.squared_squares

    @property
    def pair_jacobian(self) -> Bounded:
        """E tr JJ′ = E[ΣAA′ − 2ΣAA′² + (ΣAA′)²]: β of the gradient through the scores of two tokens; ∂overlap/∂c²."""
        return self.overlap - 2 * self.mixed_cubes + self.squared_overlap

    @property
    def squares_slope(self) -> Bounded:
        """∂E ΣA²/∂b²."""
        return self.squares - 4 * self.cubes + 3 * self.squared_squares

    @property
    def overlap_slope(self) -> Bounded:
        """∂E ΣAA′/∂b² at constant c²."""
        return 2 * (self.with_squares - self.mixed_cubes)


def softmax_moments(tokens: int, b2: float | Floats, c2: float | Floats) -> SoftmaxMoments:
    """The moments of two rows over `tokens` exchangeable tokens, to a relative error of 1e-12.

    Parameters
    ----------
    tokens : int
        Number of tokens T, from 1 to 10⁹.
    b2 : float or ndarray
        Variance of the scores in a row, from 0 to 100.
    c2 : float or ndarray
        Covariance between the scores of both rows for the same token, at most b² in size.

    Returns
    -------
    SoftmaxMoments
        Of the broadcast shape of b2 and c2; floats for two floats.

    Raises
    ------
    InvalidInput
        If a number is out of range.

    Examples
    --------
    Sixteen tokens with q = 1, p = 0.2 and s² = 1:

    >>> moments = softmax_moments(16, 0.8, 0.16)
    >>> print(f"{0.2 + 0.8 * moments.squares.value:.13f} {0.2 + 0.8 * moments.overlap.value:.12f}")
    0.2940282839199 0.257029252607
    """
    row, pair = row_moments(tokens, b2), pair_moments((tokens, tokens), (b2, b2), c2)
    shape = np.broadcast_shapes(np.shape(b2), np.shape(c2))
    own = row if np.shape(b2) == shape else OneRow(*(moment.broadcast(*shape) for moment in row))
    return SoftmaxMoments.of(own, pair)


def row_moments(tokens: int, b2: float | Floats) -> OneRow:
    """The moments of one row, of the shape of `b2`; ranges as in `softmax_moments`."""
    _check_tokens(tokens)
    variance = _in_range(b2)
    if tokens == 1:
        return OneRow(*(_certain(variance) for _ in OneRow._fields))
    return _elementwise(OneRow, lambda v: one_row(tokens, v), variance)


def pair_moments(
    tokens: tuple[int, int],
    b2: tuple[float | Floats, float | Floats],
    c2: float | Floats,
    steps: Steps = CLOSE,
) -> TwoRows:
    """The moments of two rows that differ, as in causal attention or in two sequences.

    Parameters
    ----------
    tokens : pair of int
        Tokens that the first and the second row read, the second at least as many; both read those of the first row.
    b2 : pair of float or ndarray
        Variances of the scores of each row, from 0 to 100.
    c2 : float or ndarray
        Covariance between the scores of both rows for the same token, of a size of at most √(b²b′²).
    steps : Steps
        Steps of the trapezoidal rules.

    Returns
    -------
    TwoRows
        Of the broadcast shape of all variances.
    """
    one, other, covariance = checked(tokens, b2, c2)
    if tokens[1] == 1:
        return TwoRows(*(_certain(one + other + covariance) for _ in TwoRows._fields))
    return _elementwise(TwoRows, lambda v, w, c: two_rows(tokens, (v, w), c, steps), one, other, covariance)


def checked(
    tokens: tuple[int, int], b2: tuple[float | Floats, float | Floats], c2: float | Floats
) -> tuple[Floats, Floats, Floats]:
    """Both variances and the covariance as arrays, if they and the numbers of tokens are in range.

    Raises
    ------
    InvalidInput
        If they are not.
    """
    _check_tokens(tokens[0])
    _check_tokens(tokens[1])
    if tokens[0] > tokens[1]:
        raise InvalidInput(f"the first row reads {tokens[0]} tokens, more than the second with {tokens[1]}; swap them")
    one, other = (_in_range(variance) for variance in b2)
    covariance = np.asarray(c2, dtype=np.float64)
    if not (np.abs(covariance) <= np.sqrt(one) * np.sqrt(other) * (1 + BEYOND)).all():
        raise InvalidInput("the covariance c2 of scores must be at most the root of the product of their variances b2")
    return one, other, covariance


def _elementwise(kind: type[Moments], moments: Callable[..., Moments], *numbers: Floats) -> Moments:
    """The moments of each element of arrays, computed once for elements that are equal."""
    arrays = np.broadcast_arrays(*numbers)
    points, at = np.unique(np.stack([array.ravel() for array in arrays]), axis=1, return_inverse=True)
    shape, found = arrays[0].shape, [moments(*point) for point in points.T.tolist()]
    gathered = []
    for field in range(len(kind._fields)):
        parts = np.array([(one[field].value, one[field].error) for one in found]).reshape(-1, 2)
        value, error = (part[at.ravel()].reshape(shape)[()] for part in parts.T)
        gathered.append(Bounded(value, error))
    return kind(*gathered)


def _certain(like: Floats) -> Bounded:
    """1 without error, of the shape of an array: the only token has the whole weight."""
    return Bounded(np.ones(like.shape)[()], np.zeros(like.shape)[()])


def _check_tokens(tokens: int) -> None:
    if not 1 <= tokens <= MOST:
        raise InvalidInput(f"softmax needs between 1 and {MOST:.0e} tokens, not {tokens}")


def _in_range(b2: float | Floats) -> Floats:
    variance = np.asarray(b2, dtype=np.float64)
    if not ((variance >= 0.0) & (variance <= WIDEST)).all():
        raise InvalidInput(f"the variance b2 of the scores in a row must be from 0 to {WIDEST:g}")
    return variance
