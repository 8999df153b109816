"""Measurements of given weights: numbers, findings, a sentence and a table."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from scipy import special

from meanfield._types import Floats
from meanfield.json_types import json_types
from meanfield.weights.entry_statistics import Statistic
from meanfield.weights.scheme_recognition import Recognised
from meanfield.weights.singular_values import Spectrum

__all__ = ["Measurement", "Measurements"]

COLUMNS = ("name", "shape", "sigma_w", "sigma_b", "mean z", "kurtosis", "correl. z", "outliers", "scheme")
DOMINANT = 0.1  # share of the sum of squares of a single entry that is a finding


@dataclass(frozen=True, repr=False)
class Measurement:
    """Statistics of a weight with standard errors, and its most likely initialisation scheme.

    Attributes
    ----------
    name : str
        Name of the weight.
    shape : tuple of int
        Original shape.
    fan_in, fan_out : int
        Inputs of a unit and outputs of an input; for a convolution both times the size of the kernel.
    sigma_w : Statistic
        √(fan_in · mean W²). For a heavy tail, its standard error allows for larger entries outside the sample.
    sigma_b : Statistic or None
        Root mean square of the bias; None without a bias.
    mean : Statistic
        Mean of the entries, tested against 0.
    tail : Statistic
        Excess kurtosis, tested against the normal law. Its standard error requires a finite eighth moment.
    spectrum : Spectrum
        Singular values, compared with independent entries and with an orthogonal matrix.
    scheme : Recognised
        The most likely named scheme.
    zeros : float
        Share of exact zeros.
    dominance : float
        Share of the largest entry in the sum of squares.
    alpha : float
        False-alarm rate of each test behind `findings`: one sixth of the requested rate.
    copied : str or None
        What the weight has in common with an earlier one among several: it is equal, scaled, transposed, permuted, has
        other signs, or is correlated with it.
    """

    name: str
    shape: tuple[int, ...]
    fan_in: int
    fan_out: int
    sigma_w: Statistic
    sigma_b: Statistic | None
    mean: Statistic
    tail: Statistic
    spectrum: Spectrum
    scheme: Recognised
    zeros: float
    dominance: float
    alpha: float
    copied: str | None = None

    @property
    def singular_values(self) -> Floats:
        """Singular values of the matrix (units, fan_in), largest first, on the scale of sigma_w."""
        return self.spectrum.singular_values

    @property
    def correlation(self) -> Statistic | None:
        """Contribution of correlated entries to tr((W Wᵀ)²), relative to its value for independent entries."""
        return self.spectrum.correlation

    @property
    def tail_kind(self) -> str | None:
        """Whether the tail is "heavy", "light" or "normal"; None if there are too few entries to test."""
        if self.tail.p_value is None or self.tail.z is None:
            return None
        return "normal" if self.tail.p_value >= self.alpha else "heavy" if self.tail.z > 0 else "light"

    @property
    def findings(self) -> tuple[str, ...]:
        """Significant deviations from independent entries of mean 0 without a heavy tail, a phrase each."""
        return tuple(self._findings())

    @property
    def summary(self) -> str:
        """The measurement in one sentence."""
        shape = " × ".join(map(str, self.shape))
        sigma_b = "" if self.sigma_b is None else f", sigma_b = {with_error(self.sigma_b)}"
        found = "; ".join(self.findings) or "nothing speaks against independent entries of mean 0"
        if self.scheme.law in ("orthogonal", "constant") and not self.findings:
            found = f"{self.scheme.law} entries" if self.scheme.law == "constant" else "orthogonal"
        sampled = "" if self.spectrum.sampled is None else f" (spectrum of {self.spectrum.sampled} rows or columns)"
        return f"{self.name} ({shape}): sigma_w = {with_error(self.sigma_w)}{sigma_b}, {self.scheme}: {found}{sampled}"

    def to_dict(self) -> dict[str, Any]:
        """All numbers in JSON types; of the singular values the extremes and the median; infinities are None."""
        spectrum = {f.name: getattr(self.spectrum, f.name) for f in fields(self.spectrum)}
        values, correlation = spectrum.pop("singular_values"), spectrum.pop("correlation")
        extremes = {"smallest": values[-1], "median": np.median(values), "largest": self.spectrum.spectral_norm}
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "spectrum"}
        described = {name: getattr(self, name) for name in ("tail_kind", "findings", "summary")}
        converted: dict[str, Any] = json_types(
            {**own, **described, "correlation": correlation, "singular_values": extremes, "spectrum": spectrum}
        )
        return converted

    def _findings(self) -> Iterator[str]:
        s, correlation, pair = self.spectrum, self.correlation, self.spectrum.parallel
        orthogonal = self.scheme.law == "orthogonal"
        if self.copied is not None:
            yield self.copied
        if self.mean.p_value is not None and self.mean.p_value < self.alpha:
            yield f"the mean, {with_error(self.mean)}, is not 0"
        if pair is not None and pair.p_value < self.alpha:
            yield f"{pair.axis} {pair.first} and {pair.second} are alike (cosine {pair.cosine:.3g})"
        threshold = -float(special.ndtri(self.alpha))
        if correlation is not None and correlation.z is not None and not orthogonal:
            if correlation.z > threshold:
                yield f"entries are correlated (z = {correlation.z:.1f})"
            elif correlation.z < -threshold:
                yield f"rows and columns are closer to orthogonal than by chance (z = {correlation.z:.1f})"
        if s.outliers and not orthogonal:
            plural = "s are" if s.outliers > 1 else " is"
            yield f"{s.outliers} singular value{plural} beyond the edge {s.edges[1]:.4g} of independent entries"
        if not s.random and not orthogonal and s.distance is not None and s.allowed is not None:
            distance = f"distance {s.distance:.3f}, {s.allowed:.3f} allowed"
            yield f"singular values do not follow the law of independent entries ({distance})"
        if self.tail_kind == "heavy" and self.scheme.law not in ("sparse", "orthogonal"):
            yield f"the tail is heavier than normal (excess kurtosis {with_error(self.tail)})"
        if (
            self.dominance > DOMINANT
            and math.prod(self.shape) >= 100
            and self.scheme.law not in ("sparse", "orthogonal")
        ):
            yield f"one entry carries {100 * self.dominance:.0f} % of the sum of squares"

    def __repr__(self) -> str:
        return "\n".join([_table([self]), *(f"- {finding}" for finding in self.findings)])


@dataclass(frozen=True, repr=False)
class Measurements(Sequence[Measurement]):
    """Measurements of several weights, by position or by name.

    Attributes
    ----------
    items : tuple of Measurement
        One for each weight.
    skipped : mapping of str to str
        Skipped entries and the reasons.
    """

    items: tuple[Measurement, ...]
    skipped: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Names in order."""
        return tuple(item.name for item in self.items)

    @property
    def summary(self) -> str:
        """The number of weights and of those with findings."""
        found = [item.name for item in self.items if item.findings]
        which = "in none" if not found else f"in {len(found)}: {', '.join(found[:5])}{', …' if len(found) > 5 else ''}"
        skipped = f", {len(self.skipped)} entries skipped" if self.skipped else ""
        return f"{len(self.items)} weights; something speaks against independent entries of mean 0 {which}{skipped}"

    def to_dict(self) -> dict[str, Any]:
        """All measurements in JSON types."""
        return {
            "summary": self.summary,
            "weights": [item.to_dict() for item in self.items],
            "skipped": dict(self.skipped),
        }

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            if key not in self.names:
                raise KeyError(key)
            return self.items[self.names.index(key)]
        return self.items[key]

    def __repr__(self) -> str:
        notes = [f"- {item.name}: {finding}" for item in self.items for finding in item.findings]
        skipped = [f"skipped {name}: {why}" for name, why in self.skipped.items()]
        return "\n".join([_table(self.items), *notes, *skipped])


def with_error(statistic: Statistic) -> str:
    """A value rounded to the digits of its error, and the error.

    Examples
    --------
    >>> with_error(Statistic(1.41385, 0.0039)), with_error(Statistic(2.0, 0.0))
    ('1.4139 ± 0.0039', '2')
    """
    value, error = statistic.value, statistic.standard_error
    if not 0.0 < error < math.inf:
        return f"{value:.6g}" if error == 0.0 else f"{value:.3g} ± inf"
    exponent = math.floor(math.log10(error))
    if exponent < -7 or exponent > 5:
        digits = math.floor(math.log10(max(abs(value), error))) - exponent + 1
        return f"{value:.{min(digits, 15)}e} ± {error:.1e}"
    places = max(1 - exponent, 0)
    return f"{value:.{places}f} ± {error:.{places}f}"


def _table(items: Sequence[Measurement]) -> str:
    rows = [COLUMNS]
    for m in items:
        z = None if m.correlation is None else m.correlation.z
        numbers = (_score(m.mean.z), f"{m.tail.value:.2f}", _score(z), str(m.spectrum.outliers))
        sigma_b = "-" if m.sigma_b is None else with_error(m.sigma_b)
        shape = "×".join(map(str, m.shape))
        rows.append((m.name, shape, with_error(m.sigma_w), sigma_b, *numbers, str(m.scheme)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join(lines)


def _score(z: float | None) -> str:
    return "-" if z is None else f"{z:.1f}"
