"""The law of the squared singular values as a distribution: density, mass and quantiles over all bands and atoms."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from meanfield._types import Bools, Floats
from meanfield.theory.spectrum.free_products.assembly import Assembly
from meanfield.theory.spectrum.free_products.atoms import atoms_above_zero
from meanfield.theory.spectrum.free_products.bands import Band, Edge, bands
from meanfield.theory.spectrum.free_products.factors import Slopes
from meanfield.theory.spectrum.free_products.path import LEFT, Path, Points
from meanfield.theory.spectrum.free_products.single_layer import SingleLayer

ROUNDS = 60
ABOVE = 1e-14  # mass at which Newton's method for a quantile stops
EPS = float(np.finfo(float).eps)
POINT = 1e-12  # mass of a continuous part that is none
LOWEST = -1e5  # logarithm at which an eigenvalue counts as 0


class Values(NamedTuple):
    """Values at several points, bounds on their errors and whether each was reached."""

    value: Floats
    error: Floats
    converged: Bools


@dataclass(frozen=True, eq=False)
class Distribution:
    """The law of an assembled Jacobian.

    Parameters
    ----------
    assembly : Assembly
        Its curve.
    mean : float
        Its mean, or another value in the middle of it.
    """

    assembly: Assembly
    mean: float

    def __reduce__(self) -> tuple[type["Distribution"], tuple[Assembly, float]]:
        return Distribution, (self.assembly, self.mean)

    @cached_property
    def atoms(self) -> Mapping[float, float]:
        """Locations and masses of values that have a mass, ascending."""
        share = self.assembly.share
        found = {0.0: self.assembly.at_zero} if self.assembly.at_zero > 0 else {}
        for place, mass in atoms_above_zero(self.assembly.curve, self.assembly.gaussian).items():
            found[place] = found.get(place, 0.0) + share * mass
        return found

    @cached_property
    def single(self) -> bool:
        """Whether the law is that of one layer's slopes, which no matrix mixes."""
        curve = self.assembly.curve
        plain = len(curve.members) == 1 and isinstance(curve.members[0].factor, Slopes) and curve.members[0].times == 1
        return plain and not curve.rational

    @cached_property
    def bands(self) -> tuple[Band, ...]:
        """The bands of the continuous part, ascending."""
        if 1 - sum(self.atoms.values()) <= POINT:
            return ()
        if self.single:
            support, log = self.assembly.curve.members[0].factor.law.support, self.assembly.curve.constant
            return tuple(
                Band(_end(a, log), _end(b, log)) for a, b in zip(support.low, support.high, strict=True) if b > a
            )
        return bands(self.assembly.curve)

    @cached_property
    def edges(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """The ends of the support, atoms included, each with a bound on its error."""
        ends = [(place, 8 * EPS * place) for place in self.atoms]
        for band in self.bands:
            ends += [_value(band.low), _value(band.high)]
        return min(ends), max(ends)

    @cached_property
    def paths(self) -> tuple[Path | SingleLayer, ...]:
        """The solution on each band."""
        curve = self.assembly.curve
        found: list[Path | SingleLayer] = []
        lowest = self.assembly.at_zero / self.assembly.share + 1 - 1 / self.assembly.share
        for band in self.bands:
            if self.single:
                found.append(SingleLayer(curve.members[0].factor.law, curve.constant))
            else:
                found.append(Path(curve, band, lowest, math.log(self.mean)))
        return tuple(found)

    def at(self, log: Floats) -> tuple[Values, Values]:
        """Density of the logarithm of the eigenvalue, and mass above it, at each logarithm, shape (n,)."""
        share = self.assembly.share
        density, error = np.zeros_like(log), np.zeros_like(log)
        above, above_error = np.zeros_like(log), np.full_like(log, 64 * EPS)
        converged = np.ones(log.shape, dtype=bool)
        for band, path in zip(self.bands, self.paths, strict=True):
            inside = np.flatnonzero((band.low.log < log) & (log < band.high.log))
            if inside.size:
                found = self._reached(path, log[inside])
                density[inside], error[inside] = share * found.log_density, share * found.error
                above[inside] = share * found.above
                above_error[inside] += share * found.error * np.maximum(1.0, np.abs(log[inside]))
                converged[inside] = found.converged
        for k, log_one in enumerate(log):  # between the bands the mass is that of what lies above
            if not any(band.low.log < log_one < band.high.log for band in self.bands):
                above[k] = self._mass_of_bands_above(log_one) + sum(
                    mass for place, mass in self.atoms.items() if place > 0 and math.log(place) > log_one
                )
        density[~converged], error[~converged] = np.nan, np.inf
        above[~converged], above_error[~converged] = np.nan, np.inf
        return Values(density, error, converged), Values(above, above_error, converged)

    def _reached(self, path: Path | SingleLayer, log: Floats) -> Points:
        """The points of a path; beyond its ends nothing is left."""
        found = path.at(log)
        beyond = ~found.converged & ((log < path.log[-1]) | (log > path.log[0])) & path.complete
        above = np.where(log > path.log[0], 0.0, 1.0 - self.assembly.at_zero / self.assembly.share)
        return Points(
            np.where(beyond, 0.0, found.log_density),
            np.where(beyond, LEFT, found.error),
            np.where(beyond, above, found.above),
            found.converged | beyond,
        )

    @cached_property
    def masses(self) -> tuple[float, ...]:
        """The mass of each band."""
        whole = 1 - self.assembly.at_zero / self.assembly.share
        bottoms = [whole][: len(self.bands)]  # mass above the lower end of each band
        for band, path in list(zip(self.bands, self.paths, strict=True))[1:]:
            if band.low.state is not None:
                bottoms.append(self.assembly.curve.mass_above_gap(band.low.state))
            else:
                bottoms.append(float(path.at(np.array([path.log[-1]])).above[0]))
        found, above = [], 0.0
        share = self.assembly.share
        for band, bottom in reversed(list(zip(self.bands, bottoms, strict=True))):
            atoms = sum(mass for place, mass in self.atoms.items() if place > 0 and math.log(place) >= band.high.log)
            found.append(share * bottom - above - atoms)
            above += found[-1]
        return tuple(reversed(found))

    def _mass_of_bands_above(self, log: float) -> float:
        return sum(mass for band, mass in zip(self.bands, self.masses, strict=True) if band.low.log >= log)

    def quantiles(self, u: Floats) -> Values:
        """Logarithms of the quantiles at each u in [0, 1], shape (n,), −inf for an eigenvalue 0."""
        value, error, converged = (np.empty(u.shape) for _ in range(3))
        for k, one in enumerate(u.tolist()):
            value[k], error[k], converged[k] = self._quantile(one)
        return Values(value, error, converged.astype(bool))

    def _quantile(self, u: float) -> tuple[float, float, bool]:
        pieces: list[tuple[float, float, int | None]] = [  # where, mass, number of the band
            (math.log(place) if place > 0 else -math.inf, mass, None) for place, mass in self.atoms.items()
        ]
        pieces += [(band.high.log, mass, k) for k, (band, mass) in enumerate(zip(self.bands, self.masses, strict=True))]
        pieces.sort(key=lambda piece: piece[0])
        below = 0.0
        for n, (log, mass, k) in enumerate(pieces):
            if u <= below + mass or n == len(pieces) - 1:
                if k is None:
                    return log, 8 * EPS, True
                band, path = self.bands[k], self.paths[k]
                if u <= below:
                    return band.low.log, band.low.error, True
                if u >= below + mass * (1 - 4 * EPS):
                    return band.high.log, band.high.error, True
                return self._inside(path, (1 - u) / self.assembly.share)
            below += mass
        raise AssertionError

    def _inside(self, path: Path | SingleLayer, above: float) -> tuple[float, float, bool]:
        """The logarithm with a given mass above it, as a share of the curve, by Newton's method in a bracket."""
        low, high = path.log[-1], path.log[0]
        log = 0.5 * (low + high)
        if isinstance(path, Path):
            known = path.above
            i = int(np.searchsorted(known, above))
            if i == known.size or i == 0:
                end = path.band.high.log if i == 0 else path.band.low.log
                if not math.isfinite(end):
                    return path.log[-1 if i else 0], math.inf, False
                low, high = (path.log[0], end) if i == 0 else (end, path.log[-1])
            else:
                low, high = path.log[i], path.log[i - 1]
            log = (
                0.5 * (low + high)
                if i in (0, known.size)
                else high + (low - high) * (above - known[i - 1]) / max(known[i] - known[i - 1], 1e-300)
            )
        for _ in range(ROUNDS):
            found = path.at(np.array([log]))
            missing = float(found.above[0]) - above  # > 0: too far down
            density = float(found.log_density[0])
            if missing > 0:
                low = log
            else:
                high = log
            step = missing / density if density > 0 else math.inf
            new = log + step
            if not low < new < high:
                new = 0.5 * (low + high)
            if abs(new - log) <= 4 * EPS * max(1.0, abs(log)) or abs(missing) < ABOVE:
                break
            log = new
        error = (64 * EPS + float(found.error[0])) / max(density, 1e-300)
        return log, error + 4 * EPS * abs(log), bool(found.converged[0])


def _end(t: float, log: float) -> Edge:
    return Edge(
        math.log(t) + log if 0 < t < math.inf else (-math.inf if t == 0 else math.inf), 4 * EPS, None, math.nan, None
    )


def _value(edge: Edge) -> tuple[float, float]:
    """An edge and a bound on its error, from its logarithm."""
    if not math.isfinite(edge.log):
        return (0.0 if edge.log < 0 else math.inf), 0.0
    value = math.exp(edge.log)
    return value, value * (math.expm1(edge.error) + 4 * EPS)
