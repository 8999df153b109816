"""Ensembles of weight matrices: how large an entry is for given fans, and how a matrix is drawn."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from meanfield._types import Floats
from meanfield.errors import InvalidInput
from meanfield.montecarlo.weight_laws import LAWS

MODES = ("fan_in", "fan_out", "fan_avg")
#: What the variance is divided by, as a function of (fan_out, fan_in).
FANS: dict[str, Callable[[int, int], float]] = {
    "fan_in": lambda fan_out, fan_in: fan_in,
    "fan_out": lambda fan_out, fan_in: fan_out,
    "fan_avg": lambda fan_out, fan_in: (fan_in + fan_out) / 2,
    "larger": max,
    "fixed": lambda fan_out, fan_in: 1,
}


class Law(Protocol):
    """A law of entries, at any scale."""

    def std(self, nominal: float) -> float:
        """Standard deviation of an entry that is nominally `nominal`."""

    def draw(self, rng: np.random.Generator, shape: tuple[int, int], nominal: float) -> Floats:
        """A matrix of that law."""


@dataclass(frozen=True)
class Named:
    """A law of `meanfield.montecarlo.weight_laws`, by name."""

    name: str

    def std(self, nominal: float) -> float:
        """The nominal one: these laws have variance 1."""
        return nominal

    def draw(self, rng: np.random.Generator, shape: tuple[int, int], nominal: float) -> Floats:
        """A matrix of that law."""
        return np.asarray(nominal * LAWS[self.name](rng, shape, np.dtype(np.float64)), dtype=np.float64)


class Ensemble(Protocol):
    """A law of weight matrices of any shape."""

    def std(self, fan_out: int, fan_in: int) -> float:
        """Root of the second moment of an entry."""

    def draw(self, rng: np.random.Generator, fan_out: int, fan_in: int) -> Floats:
        """One matrix."""


@dataclass(frozen=True)
class Scaled:
    """Entries of nominal variance gain²/fan, with the fan that `mode` names."""

    law: Law
    gain: float
    mode: str

    def nominal(self, fan_out: int, fan_in: int) -> float:
        """Standard deviation that the law is asked for."""
        return self.gain / math.sqrt(FANS[self.mode](fan_out, fan_in))

    def std(self, fan_out: int, fan_in: int) -> float:
        """Standard deviation that the law then has."""
        return self.law.std(self.nominal(fan_out, fan_in))

    def draw(self, rng: np.random.Generator, fan_out: int, fan_in: int) -> Floats:
        """One matrix."""
        return self.law.draw(rng, (fan_out, fan_in), self.nominal(fan_out, fan_in))


@dataclass(frozen=True)
class SparseRows:
    """N(0, std²) in `connections` random places of each row, else 0: every unit has as many inputs."""

    connections: int
    entry: float

    def std(self, fan_out: int, fan_in: int) -> float:
        """Zeros included."""
        return self.entry * math.sqrt(min(self.connections, fan_in) / fan_in)

    def draw(self, rng: np.random.Generator, fan_out: int, fan_in: int) -> Floats:
        """One matrix."""
        return _sparse(rng, fan_out, fan_in, min(self.connections, fan_in), self.entry)


@dataclass(frozen=True)
class SparseColumns:
    """N(0, std²) but for the share `sparsity` of each column, rounded up, that is 0."""

    sparsity: float
    entry: float

    def kept(self, fan_out: int) -> int:
        """Entries of a column that are not 0."""
        return fan_out - math.ceil(self.sparsity * fan_out)

    def std(self, fan_out: int, fan_in: int) -> float:
        """Zeros included."""
        return self.entry * math.sqrt(self.kept(fan_out) / fan_out)

    def draw(self, rng: np.random.Generator, fan_out: int, fan_in: int) -> Floats:
        """One matrix."""
        return _sparse(rng, fan_in, fan_out, self.kept(fan_out), self.entry).T


def _sparse(rng: np.random.Generator, rows: int, columns: int, kept: int, std: float) -> Floats:
    """Rows with exactly `kept` entries that are not 0, at places drawn for each row."""
    places = np.argsort(rng.random((rows, columns)), axis=1)[:, :kept]
    matrix = np.zeros((rows, columns))
    np.put_along_axis(matrix, places, std * rng.standard_normal((rows, kept)), axis=1)
    return matrix


@dataclass(frozen=True)
class DeltaOrthogonal:
    """Convolution kernels ``(fan_out, fan_in, *kernel)``: gain times an orthogonal matrix at the centre, else 0.

    The fans are channels, and `std` is that of the sum over the taps.
    """

    gain: float
    kernel: tuple[int, ...]

    def std(self, fan_out: int, fan_in: int) -> float:
        """Of an entry of the sum over the taps, which is the matrix at the centre."""
        if fan_out < fan_in:
            raise InvalidInput(f"delta_orthogonal needs fan_out ≥ fan_in, not {fan_out} channels out of {fan_in}")
        return self.gain / math.sqrt(fan_out)

    def draw(self, rng: np.random.Generator, fan_out: int, fan_in: int) -> Floats:
        """One kernel."""
        kernel = np.zeros((fan_out, fan_in, *self.kernel))
        centre: tuple[Any, ...] = (..., *((size - 1) // 2 for size in self.kernel))
        kernel[centre] = Named("orthogonal").draw(rng, (fan_out, fan_in), self.std(fan_out, fan_in))
        return kernel


@dataclass(frozen=True)
class DiagonalPlusNoise:
    """`diagonal` on the diagonal, plus independent entries of nominal variance noise²/fan_in."""

    law: Law
    diagonal: float
    noise: float

    def std(self, fan_out: int, fan_in: int) -> float:
        """Root of the second moment, averaged over the entries: those on the diagonal are not like the others."""
        fixed = self.diagonal**2 * min(fan_out, fan_in) / (fan_out * fan_in)
        return math.sqrt(fixed + self.law.std(self.noise / math.sqrt(fan_in)) ** 2)

    def draw(self, rng: np.random.Generator, fan_out: int, fan_in: int) -> Floats:
        """One matrix."""
        noise = self.law.draw(rng, (fan_out, fan_in), self.noise / math.sqrt(fan_in))
        return self.diagonal * np.eye(fan_out, fan_in) + noise


@dataclass(frozen=True)
class DataDriven:
    """Orthonormal rows or columns that are to be rescaled so that sigma_w becomes what the data ask for."""

    sigma_w: float | None

    def std(self, fan_out: int, fan_in: int) -> float:
        """After the rescaling, for data of second moment 1."""
        if self.sigma_w is None:
            raise InvalidInput(
                "how large LSUV's weights become depends on the activation: give it, as initializer('lsuv', "
                "activation='relu')"
            )
        return self.sigma_w / math.sqrt(fan_in)

    def draw(self, rng: np.random.Generator, fan_out: int, fan_in: int) -> Any:
        """One matrix, not yet rescaled."""
        return Named("orthogonal").draw(rng, (fan_out, fan_in), 1 / math.sqrt(max(fan_out, fan_in)))
