"""Laws of a random weight matrix: named laws with entry variance sigma_w²/fan_in, or any sampler."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import RealType
from meanfield.errors import InvalidInput, shown
from meanfield.montecarlo.draws import Array

#: A user's function of (rng, fan_out, fan_in) that returns an array.
Sampler = Callable[[np.random.Generator, int, int], ArrayLike]
WeightLaw = str | Sampler

SPARSE_DENSITY = 0.1
DEGREES_OF_FREEDOM = 5  # of Student's t: the smallest integer with a finite fourth moment (kurtosis 9)


def gaussian(rng: np.random.Generator, shape: tuple[int, int], dtype: RealType) -> Array:
    """Independent N(0, 1)."""
    return rng.standard_normal(shape, dtype=dtype)


def uniform(rng: np.random.Generator, shape: tuple[int, int], dtype: RealType) -> Array:
    """Independent and uniform on ±√3."""
    sample: Array = (rng.random(shape, dtype=dtype) - dtype.type(0.5)) * dtype.type(math.sqrt(12.0))
    return sample


def truncated_normal(rng: np.random.Generator, shape: tuple[int, int], dtype: RealType) -> Array:
    """N(0, 1) conditioned on |x| < 2, divided by its standard deviation 0.8796…, so that the variance is 1."""
    sample: Array = rng.standard_normal(shape, dtype=dtype)
    while (outside := np.abs(sample) >= 2).any():
        sample[outside] = rng.standard_normal(np.count_nonzero(outside), dtype=dtype)
    variance = 1.0 - 4.0 * math.exp(-2.0) / math.sqrt(2.0 * math.pi) / math.erf(math.sqrt(2.0))
    sample /= dtype.type(math.sqrt(variance))
    return sample


def orthogonal(rng: np.random.Generator, shape: tuple[int, int], dtype: RealType) -> Array:
    """Haar measure: orthonormal rows or columns, scaled to entry variance 1 (Saxe et al. 2014, arXiv:1312.6120)."""
    basis, triangle = np.linalg.qr(rng.standard_normal((max(shape), min(shape)), dtype=dtype))
    basis *= np.sign(np.diagonal(triangle)) * dtype.type(math.sqrt(max(shape)))  # the signs make it Haar: Mezzadri 2007
    return basis if shape[0] >= shape[1] else basis.T


def sparse(rng: np.random.Generator, shape: tuple[int, int], dtype: RealType) -> Array:
    """Independent entries, zero with probability 0.9, else N(0, 10)."""
    kept = rng.random(shape, dtype=np.float32) < SPARSE_DENSITY
    sample: Array = rng.standard_normal(shape, dtype=dtype)
    sample *= kept * dtype.type(1.0 / math.sqrt(SPARSE_DENSITY))
    return sample


def student_t(rng: np.random.Generator, shape: tuple[int, int], dtype: RealType) -> Array:
    """Student's t with 5 degrees of freedom, divided by its standard deviation: heavy tails, excess kurtosis 6."""
    scale = math.sqrt((DEGREES_OF_FREEDOM - 2) / DEGREES_OF_FREEDOM)
    sample: Array = (scale * rng.standard_t(DEGREES_OF_FREEDOM, shape)).astype(dtype)
    return sample


#: The named laws, scaled to entry variance 1.
LAWS = {law.__name__: law for law in (gaussian, uniform, truncated_normal, orthogonal, sparse, student_t)}


def check_law(weights: WeightLaw | Sequence[WeightLaw], matrices: int) -> None:
    """Raise InvalidInput unless `weights` is the name of a law, a callable, or a list of `matrices` of these."""
    laws = weights if isinstance(weights, list | tuple) else [weights] * matrices
    if len(laws) != matrices:
        raise InvalidInput(f"a list of weights needs one law for each dense layer, here {matrices}, not {len(laws)}")
    if not all(callable(law) or (isinstance(law, str) and law in LAWS) for law in laws):
        raise InvalidInput(
            f"weights must be {', '.join(map(repr, LAWS))} or a callable (rng, fan_out, fan_in) -> array, or a list of "
            f"those, not {shown(weights)}"
        )


def draw_weights(
    weights: WeightLaw, rng: np.random.Generator, fan_out: int, fan_in: int, sigma_w: float, dtype: RealType
) -> Array:
    """Draw one weight matrix.

    Parameters
    ----------
    weights : str or callable
        A key of `LAWS`, or a sampler ``(rng, fan_out, fan_in) -> array``, whose output is used without rescaling. A
        sampler should draw from `rng` only; otherwise results are not reproducible.
    rng : numpy.random.Generator
        Source of randomness.
    fan_out, fan_in : int
        Shape of the matrix.
    sigma_w : float
        Named laws have entry variance sigma_w²/fan_in; a sampler ignores it.
    dtype : numpy.dtype
        float32 or float64.

    Returns
    -------
    ndarray, shape (fan_out, fan_in)
        The matrix W of h = W x.

    Raises
    ------
    InvalidInput
        If a sampler raises, or returns a wrong shape or an entry that is not real and finite.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> W = draw_weights("orthogonal", rng, 4, 4, 2.0, np.dtype("float64"))
    >>> np.allclose(W @ W.T, 4 * np.eye(4))
    True
    """
    if isinstance(weights, str):
        matrix = LAWS[weights](rng, (fan_out, fan_in), dtype)
        matrix *= dtype.type(sigma_w / math.sqrt(fan_in))
        return matrix
    return _drawn(weights, "weights", rng, (fan_out, fan_in), (fan_out, fan_in), dtype)


def draw_biases(sampler: Sampler, rng: np.random.Generator, fan_out: int, fan_in: int, dtype: RealType) -> Array:
    """Draw the biases of one layer, shape ``(fan_out,)``, from a sampler ``(rng, fan_out, fan_in) -> array``."""
    return _drawn(sampler, "bias", rng, (fan_out, fan_in), (fan_out,), dtype)


def _drawn(
    sampler: Sampler,
    what: str,
    rng: np.random.Generator,
    fans: tuple[int, int],
    shape: tuple[int, ...],
    dtype: RealType,
) -> Array:
    """Call a user's sampler; raise InvalidInput unless it returns finite real numbers of the given shape."""
    fan_out, fan_in = fans
    try:
        drawn = np.asarray(sampler(rng, fan_out, fan_in))
    except Exception as error:
        raise InvalidInput(f"{what}({fan_out=}, {fan_in=}) raised {type(error).__name__}: {error}") from error
    if drawn.shape != shape:
        raise InvalidInput(f"{what}({fan_out=}, {fan_in=}) must return an array of shape {shape}, not {drawn.shape}")
    if drawn.dtype.kind not in "fiu" or not (np.isfinite(np.sum(drawn)) or np.isfinite(drawn).all()):
        raise InvalidInput(f"{what} must return finite real numbers; it returned {drawn.dtype} with NaN or infinities")
    return drawn.astype(dtype, copy=False)
