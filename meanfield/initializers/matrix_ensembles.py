"""Ensembles of random weight matrices: the standard deviation of an entry for given fans, and sampling."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from meanfield._types import Floats
from meanfield.errors import InvalidInput
from meanfield.montecarlo.weight_laws import LAWS

MODES = ("fan_in", "fan_out", "fan_avg")
#: The fan that the variance is divided by, as a function of (fan_out, fan_in).
FANS: dict[str, Callable[[int, int], float]] = {
    "fan_in": lambda fan_out, fan_in: fan_in,
    "fan_out": lambda fan_out, fan_in: fan_out,
    "fan_avg": lambda fan_out, fan_in: (fan_in + fan_out) / 2,
    "larger": max,
    "spectral": lambda fan_out, fan_in: fan_in * max(1.0, fan_in / fan_out),
    "fan_in squared": lambda fan_out, fan_in: fan_in**2,
    "fixed": lambda fan_out, fan_in: 1,
}


class Law(Protocol):
    """A law of matrix entries of any scale."""

    def std(self, nominal: float) -> float:
        """Standard deviation of an entry of nominal standard deviation `nominal`."""

    def draw(self, rng: np.random.Generator, shape: tuple[int, int], nominal: float) -> Floats:
        """A matrix of that law."""


@dataclass(frozen=True)
class Named:
    """A law of `meanfield.montecarlo.weight_laws.LAWS`, by name."""

    name: str

    def std(self, nominal: float) -> float:
        """The nominal standard deviation, since these laws have variance 1."""
        return nominal

    def draw(self, rng: np.random.Generator, shape: tuple[int, int], nominal: float) -> Floats:
        """A matrix of that law."""
        return np.asarray(nominal * LAWS[self.name](rng, shape, np.dtype(np.float64)), dtype=np.float64)


class Ensemble(Protocol):
    """A law of weight matrices of any shape."""

    def std(self, fan_out: int, fan_in: int) -> float:
        """Square root of the second moment of an entry."""

    def draw(self, rng: np.random.Generator, fan_out: int, fan_in: int) -> Floats:
        """One matrix."""


@dataclass(frozen=True)
class Scaled:
    """Entries of nominal variance gain²/fan, with the fan that `mode` names."""

    law: Law
    gain: float
    mode: str

    def nominal(self, fan_out: int, fan_in: int) -> float:
        """Nominal standard deviation of an entry."""
        return self.gain / math.sqrt(FANS[self.mode](fan_out, fan_in))

    def std(self, fan_out: int, fan_in: int) -> float:
        """Actual standard deviation of an entry."""
        return self.law.std(self.nominal(fan_out, fan_in))

    def draw(self, rng: np.random.Generator, fan_out: int, fan_in: int) -> Floats:
        """One matrix."""
        return self.law.draw(rng, (fan_out, fan_in), self.nominal(fan_out, fan_in))


@dataclass(frozen=True)
class SparseRows:
    """N(0, entry²) at `connections` random places of each row, else 0: every unit has equally many inputs."""

    connections: int
    entry: float

    def std(self, fan_out: int, fan_in: int) -> float:
        """Standard deviation of an entry, zeros included."""
        return self.entry * math.sqrt(min(self.connections, fan_in) / fan_in)

    def draw(self, rng: np.random.Generator, fan_out: int, fan_in: int) -> Floats:
        """One matrix."""
        return _sparse(rng, fan_out, fan_in, min(self.connections, fan_in), self.entry)


@dataclass(frozen=True)
class SparseColumns:
    """N(0, entry²), except for a share `sparsity` of zeros in each column (rounded up)."""

    sparsity: float
    entry: float

    def kept(self, fan_out: int) -> int:
        """Number of nonzero entries of a column."""
        return fan_out - math.ceil(self.sparsity * fan_out)

    def std(self, fan_out: int, fan_in: int) -> float:
        """Standard deviation of an entry, zeros included."""
        return self.entry * math.sqrt(self.kept(fan_out) / fan_out)

    def draw(self, rng: np.random.Generator, fan_out: int, fan_in: int) -> Floats:
        """One matrix."""
        return _sparse(rng, fan_in, fan_out, self.kept(fan_out), self.entry).T


def _sparse(rng: np.random.Generator, rows: int, columns: int, kept: int, std: float) -> Floats:
    """A matrix with exactly `kept` nonzero entries in each row, at random places."""
    places = np.argsort(rng.random((rows, columns)), axis=1)[:, :kept]
    matrix = np.zeros((rows, columns))
    np.put_along_axis(matrix, places, std * rng.standard_normal((rows, kept)), axis=1)
    return matrix


@dataclass(frozen=True)
class DeltaOrthogonal:
    """Convolution kernels ``(fan_out, fan_in, *kernel)``: gain times an orthogonal matrix at the centre, else 0.

    The fans count channels; `std` is the standard deviation of the sum over taps.
    """

    gain: float
    kernel: tuple[int, ...]

    def std(self, fan_out: int, fan_in: int) -> float:
        """Standard deviation of an entry of the central matrix."""
        if fan_out < fan_in:
            raise InvalidInput(f"delta_orthogonal needs fan_out ≥ fan_in, not {fan_out} channels out of {fan_in}")
        return self.gain / math.sqrt(fan_out)

    def draw(self, rng: np.random.Generator, fan_out: int, fan_in: int) -> Floats:
        """One kernel."""
        kernel = np.zeros((fan_out, fan_in, *self.kernel))
        centre: tuple[slice | int, ...] = (slice(None), slice(None), *((size - 1) // 2 for size in self.kernel))
        kernel[centre] = Named("orthogonal").draw(rng, (fan_out, fan_in), self.std(fan_out, fan_in))
        return kernel


@dataclass(frozen=True)
class DiagonalPlusNoise:
    """A multiple of the identity plus independent entries of nominal variance noise²/fan_in."""

    law: Law
    diagonal: float
    noise: float

    def std(self, fan_out: int, fan_in: int) -> float:
        """Square root of the second moment, averaged over all entries, diagonal and off-diagonal."""
        fixed = self.diagonal**2 * min(fan_out, fan_in) / (fan_out * fan_in)
        return math.sqrt(fixed + self.law.std(self.noise / math.sqrt(fan_in)) ** 2)

    def draw(self, rng: np.random.Generator, fan_out: int, fan_in: int) -> Floats:
        """One matrix."""
        noise = self.law.draw(rng, (fan_out, fan_in), self.noise / math.sqrt(fan_in))
        return self.diagonal * np.eye(fan_out, fan_in) + noise


@dataclass(frozen=True)
class DataDriven:
    """Orthonormal rows or columns, to be rescaled to sigma_w with data."""

    sigma_w: float | None

    def std(self, fan_out: int, fan_in: int) -> float:
        """Standard deviation after the rescaling, for pre-activations of second moment 1."""
        if self.sigma_w is None:
            raise InvalidInput(
                "the scale of LSUV's weights depends on the activation: give it, as initializer('lsuv', "
                "activation='relu')"
            )
        return self.sigma_w / math.sqrt(fan_in)

    def draw(self, rng: np.random.Generator, fan_out: int, fan_in: int) -> Floats:
        """One matrix before the rescaling."""
        return Named("orthogonal").draw(rng, (fan_out, fan_in), 1 / math.sqrt(max(fan_out, fan_in)))
