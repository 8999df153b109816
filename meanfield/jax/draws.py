"""Random kernels of every ensemble of weight matrices, as JAX arrays.

The random numbers are drawn in float32 whatever the dtype is, so that one key gives one draw in every dtype up to
rounding. Scales and orthogonal factors are computed in float64 for kernels of float64, and in float32 for others.
"""

import math
from collections.abc import Callable
from functools import singledispatch
from typing import Any

from meanfield.errors import InvalidInput, shown
from meanfield.initializers.matrix_ensembles import (
    DataDriven,
    DeltaOrthogonal,
    DiagonalPlusNoise,
    Law,
    Named,
    Scaled,
    SparseColumns,
    SparseRows,
)
from meanfield.initializers.truncated_normal import CONVENTIONS, TruncatedNormal
from meanfield.jax.framework import framework
from meanfield.montecarlo.weight_laws import DEGREES_OF_FREEDOM, SPARSE_DENSITY

Shape = tuple[int, ...]


class Source:
    """Random numbers from a key, a new part of it for each array; float32 numbers as arrays of `dtype`."""

    def __init__(self, key: Any, dtype: Any) -> None:
        self._key, self.dtype = key, dtype

    def _next(self) -> Any:
        self._key, part = framework().random.split(self._key)
        return part

    def normal(self, shape: Shape) -> Any:
        """Independent N(0, 1)."""
        jax = framework()
        return jax.random.normal(self._next(), shape, "float32").astype(self.dtype)

    def truncated(self, shape: Shape, cut: float) -> Any:
        """Independent N(0, 1) conditioned on |x| ≤ cut."""
        jax = framework()
        return jax.random.truncated_normal(self._next(), -cut, cut, shape, "float32").astype(self.dtype)

    def uniform(self, shape: Shape) -> Any:
        """Independent and uniform on [0, 1)."""
        jax = framework()
        return jax.random.uniform(self._next(), shape, "float32").astype(self.dtype)


def gaussian(source: Source, shape: Shape) -> Any:
    """Independent N(0, 1)."""
    return source.normal(shape)


def uniform(source: Source, shape: Shape) -> Any:
    """Independent and uniform on ±√3."""
    return (source.uniform(shape) - 0.5) * math.sqrt(12.0)


def orthogonal(source: Source, shape: Shape) -> Any:
    """Orthonormal rows or columns of Haar measure, scaled to entry variance 1."""
    jnp = framework().numpy
    basis, triangle = jnp.linalg.qr(source.normal((max(shape), min(shape))))
    diagonal = jnp.diagonal(triangle)
    basis = basis * (jnp.where(diagonal < 0, -1.0, 1.0) * math.sqrt(max(shape))).astype(source.dtype)
    return basis if shape[0] >= shape[1] else basis.T


def sparse(source: Source, shape: Shape) -> Any:
    """Independent entries, zero with probability 0.9, else N(0, 10)."""
    kept = source.uniform(shape) < SPARSE_DENSITY
    return framework().numpy.where(kept, source.normal(shape) / math.sqrt(SPARSE_DENSITY), 0)


def student_t(source: Source, shape: Shape) -> Any:
    """Student's t with 5 degrees of freedom, divided by its standard deviation."""
    n = DEGREES_OF_FREEDOM
    squares = (source.normal((n, *shape)) ** 2).sum(axis=0)
    return source.normal(shape) / framework().numpy.sqrt(squares / n) * math.sqrt((n - 2) / n)


#: The laws of `meanfield.montecarlo.weight_laws`, scaled to entry variance 1.
LAWS: dict[str, Callable[[Source, Shape], Any]] = {
    law.__name__: law for law in (gaussian, uniform, orthogonal, sparse, student_t)
}


def entries(law: Law, source: Source, shape: Shape, nominal: float) -> Any:
    """An array of entries of a law with the nominal standard deviation `nominal`."""
    if isinstance(law, Named):
        return nominal * LAWS[law.name](source, shape)
    if not isinstance(law, TruncatedNormal):
        raise InvalidInput(f"meanfield.jax has no draws of the law {shown(law)}")
    scale, cut = CONVENTIONS[law.convention](nominal, law.bound)
    if law.convention == "clamped":
        return scale * framework().numpy.clip(source.normal(shape), -cut, cut)
    return scale * source.truncated(shape, cut)


def fans(ensemble: Any, shape: Shape) -> tuple[int, int]:
    """(fan_out, fan_in) of a kernel (…, in, out) under an ensemble.

    Both count the taps of the kernel, except where the ensemble is of the matrix (out, taps·in), whose columns are as
    many as fan_in, and for delta-orthogonal kernels, of which only the central tap counts.
    """
    taps = math.prod(shape[:-2])
    if isinstance(ensemble, DeltaOrthogonal):
        return shape[-1], shape[-2]
    as_matrix = not isinstance(ensemble, Scaled) or ensemble.mode == "larger"
    return shape[-1] * (1 if as_matrix else taps), shape[-2] * taps


@singledispatch
def kernel(ensemble: object, source: Source, shape: Shape) -> Any:
    """A kernel (…, in, out) of an ensemble of weight matrices."""
    raise InvalidInput(f"meanfield.jax has no draws of {shown(ensemble)}")


@kernel.register
def _(ensemble: Scaled, source: Source, shape: Shape) -> Any:
    matrix = entries(ensemble.law, source, _matrix(shape), ensemble.nominal(*fans(ensemble, shape)))
    return matrix.T.reshape(shape)


@kernel.register
def _(ensemble: SparseRows, source: Source, shape: Shape) -> Any:
    units, fan_in = _matrix(shape)
    return _sparse(source, units, fan_in, min(ensemble.connections, fan_in), ensemble.entry).T.reshape(shape)


@kernel.register
def _(ensemble: SparseColumns, source: Source, shape: Shape) -> Any:
    units, fan_in = _matrix(shape)
    return _sparse(source, fan_in, units, ensemble.kept(units), ensemble.entry).reshape(shape)


def _sparse(source: Source, rows: int, columns: int, kept: int, std: float) -> Any:
    """A matrix with exactly `kept` nonzero entries in each row, at random places."""
    jnp = framework().numpy
    ranks = jnp.argsort(jnp.argsort(source.uniform((rows, columns)), axis=1), axis=1)
    return jnp.where(ranks < kept, std * source.normal((rows, columns)), 0)


@kernel.register
def _(ensemble: DeltaOrthogonal, source: Source, shape: Shape) -> Any:
    if len(shape) < 3 or any(side % 2 == 0 for side in shape[:-2]):
        raise InvalidInput(f"delta_orthogonal needs a kernel (…, in, out) with odd sides, not one of shape {shape}")
    std = ensemble.std(shape[-1], shape[-2])
    centre = tuple(side // 2 for side in shape[:-2])
    zeros = framework().numpy.zeros(shape, source.dtype)
    return zeros.at[centre].set(std * orthogonal(source, (shape[-1], shape[-2])).T)


@kernel.register
def _(ensemble: DiagonalPlusNoise, source: Source, shape: Shape) -> Any:
    if len(shape) != 2:
        raise InvalidInput(f"diagonal_plus_noise draws matrices (in, out), not kernels of shape {shape}")
    noise = entries(ensemble.law, source, shape, ensemble.noise / math.sqrt(shape[0]))
    return ensemble.diagonal * framework().numpy.eye(*shape, dtype=source.dtype) + noise


@kernel.register
def _(ensemble: DataDriven, source: Source, shape: Shape) -> Any:
    raise InvalidInput("lsuv rescales weights with data, which an initializer of JAX does not see: use 'orthogonal'")


def _matrix(shape: Shape) -> tuple[int, int]:
    """The shape (units, fan_in) of a kernel (…, in, out) as a matrix."""
    return shape[-1], math.prod(shape[:-1])
