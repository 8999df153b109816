"""The signal at layer 0: random directions with prescribed second moments, exactly."""

import math

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Floats, RealType
from meanfield.arguments import number, real
from meanfield.errors import InvalidInput, shown
from meanfield.montecarlo.draws import Array


def input_root(q: float, c: float | None, inputs: ArrayLike | None, batch: int | None = None) -> Floats:
    """A matrix square root A of the inputs' second moments: A Aᵀ = (h_a · h_b / units), one row for each input.

    Parameters
    ----------
    q : float
        Second moment of each of the one or two inputs, > 0.
    c : float or None
        Correlation of two inputs, −1 ≤ c ≤ 1; None for one input.
    batch : int or None
        Number of inputs, if not one or two; every pair has the correlation c, 0 by default.
    inputs : array_like or None
        Shape (N, d), finite: their second moments x_a · x_b / d replace `q` and `c`, which must keep their defaults.
        Images have shape (N, channels, *pixels) and one row for each pixel, in the order of `as_points`.

    Raises
    ------
    InvalidInput
        If an argument is outside its range or of the wrong shape.

    Examples
    --------
    >>> A = input_root(2.0, 0.6, None)
    >>> A @ A.T
    array([[2. , 1.2],
           [1.2, 2. ]])
    """
    if inputs is None:
        of_q, of_c = "a second moment and a finite number > 0", "a correlation and a number from −1 to 1"
        if not 0 < (q := number(q, "q", of_q)) < math.inf:
            raise InvalidInput(f"q must be {of_q}, not {shown(q)}")
        if batch is not None:
            return math.sqrt(q) * _batch_root(0.0 if c is None else number(c, "c", of_c), batch)
        if c is None:
            return np.array([[math.sqrt(q)]])
        if not -1 <= (c := number(c, "c", of_c)) <= 1:
            raise InvalidInput(f"c must be {of_c}, not {shown(c)}")
        return math.sqrt(q) * np.array([[1.0, 0.0], [c, math.sqrt((1 - c) * (1 + c))]])
    if q != 1.0 or c is not None:
        raise InvalidInput("give either inputs or q and c: the inputs have their own second moments")
    x = real(inputs, "inputs", "an (N, d) array of real numbers, one row an input")
    if x.ndim > 2:
        x = as_points(x)
    if x.ndim != 2 or not x.size or not np.isfinite(x).all() or not x.any(axis=1).all():
        raise InvalidInput(
            "inputs must be a finite (N, d) array one row an input, or (N, channels, *pixels), without "
            f"rows or pixels of zeros, not of shape {np.shape(inputs)}"
        )
    triangle: Floats = np.linalg.qr(x.T)[1]
    return triangle.T / math.sqrt(x.shape[1])


def as_points(images: Floats) -> Floats:
    """Reshape (N, channels, *pixels) to (N · pixels, channels); the pixels of the first image come first."""
    return np.moveaxis(images, 1, -1).reshape(-1, images.shape[1])


def sequence_root(root: Floats, tokens: int, token_c: float) -> Floats:
    """`root` of one or two sequences, with a row for each token; any two tokens of a sequence have this correlation.

    Examples
    --------
    >>> A = sequence_root(input_root(2.0, 0.5, None), 2, 0.2)
    >>> np.round(A @ A.T, 12)
    array([[2. , 0.4, 1. , 0.2],
           [0.4, 2. , 0.2, 1. ],
           [1. , 0.2, 2. , 0.4],
           [0.2, 1. , 0.4, 2. ]])
    """
    return np.asarray(np.kron(root, _exchangeable_root(token_c, tokens)), dtype=np.float64)


def _batch_root(c: float, batch: int) -> Floats:
    """The symmetric square root of the second moments of a batch."""
    if not -1 / (batch - 1) <= c < 1:
        raise InvalidInput(
            f"c is the correlation of any two inputs of a batch of {batch} and must be a number from −1/{batch - 1} to "
            f"less than 1, not {shown(c)}"
        )
    return _exchangeable_root(c, batch)


def _exchangeable_root(c: float, number: int) -> Floats:
    """The symmetric square root of the matrix with diagonal 1 and off-diagonal entries c."""
    apart, together = math.sqrt(1 - c), math.sqrt(max(1 + (number - 1) * c, 0.0))
    return apart * np.eye(number) + (together - apart) / number


def draw_state(root: Floats, width: int, rng: np.random.Generator, dtype: RealType, pixels: int = 1) -> Array:
    """Draw a signal ``(inputs · pixels, width)`` with exactly the second moments A Aᵀ, in random directions.

    The inputs have these moments at every pixel. Different pixels are orthogonal if `width` suffices, else independent.
    """
    if pixels > 1 and pixels * root.shape[1] <= width:
        at_each = np.asarray(np.kron(root, np.eye(pixels)), dtype=np.float64)
        return draw_state(at_each, width, rng, dtype)
    if pixels > 1:
        images = [draw_state(root, width, rng, dtype) for _ in range(pixels)]
        return np.stack(images, axis=1).reshape(-1, width)
    basis, triangle = np.linalg.qr(rng.standard_normal((width, root.shape[1])))
    basis *= np.sign(np.diagonal(triangle)) * math.sqrt(width)
    state: Array = (root @ basis.T).astype(dtype)
    return state
