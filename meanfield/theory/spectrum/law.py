"""The law of the squared singular values of a Jacobian, as users hold it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Axes
from meanfield.arguments import flag, positive, real
from meanfield.error_state import own_error_state
from meanfield.errors import InvalidInput
from meanfield.estimates import Estimate
from meanfield.reports.numbers import number as shown_number
from meanfield.reports.report import Report, Table
from meanfield.reports.result import Result
from meanfield.theory.spectrum.free_products.distribution import Distribution, Values

__all__ = ["Spectrum"]

SHOWN = (0.05, 0.5, 0.95)  # shares of the quantiles that a report shows


@dataclass(frozen=True, repr=False, eq=False)
class Spectrum(Result):
    """The law of the squared singular values λ of a Jacobian, at infinite width.

    Attributes
    ----------
    edges : tuple of two Estimate
        The smallest and the largest λ, atoms included; the largest is inf where φ′ is unbounded.
    atoms : mapping of float to float
        Values of λ with a mass, and the mass.
    bands : tuple of (float, float)
        The intervals on which λ has a density, ascending.
    moments : tuple of Estimate
        E λ … E λ⁴, or the first two; see `reason`.
    log_mean : Estimate
        E ln λ; −inf where λ = 0 has a mass.
    depth : int
        Number of blocks.
    weights : str
        "gaussian" or "orthogonal".
    label : str
        The block, in a few words.
    reason : str
        Why only E λ and E λ² are known, and edges and E ln λ are nan; "" where all is known. Density and quantiles are
        then refused.
    """

    edges: tuple[Estimate, Estimate]
    atoms: Mapping[float, float]
    bands: tuple[tuple[float, float], ...]
    moments: tuple[Estimate, ...]
    log_mean: Estimate
    depth: int
    weights: str
    label: str
    reason: str
    _law: Distribution | None = field(repr=False)

    more = ("spread", "condition")

    @property
    def _known(self) -> Distribution:
        if self._law is None:
            raise InvalidInput(self.reason)
        return self._law

    @property
    def spread(self) -> Estimate:
        """Var λ/(E λ)²: below about 1/4 gradients of all directions keep their size (dynamical isometry)."""
        return self.moments[1] / self.moments[0] ** 2 - 1.0

    @property
    def condition(self) -> Estimate:
        """Largest over smallest λ, the squared condition number of the Jacobian; inf where λ comes down to 0."""
        low, high = self.edges
        if float(low) == 0 or math.isinf(float(high)):
            return Estimate(math.inf, 0.0)
        return high / low

    @own_error_state
    def density(self, x: ArrayLike, *, log: bool = False) -> Estimate:
        """The density of λ, or of ln λ, at each x > 0, without the atoms; shape of `x`.

        Parameters
        ----------
        x : float or array_like
            Values of λ, > 0.
        log : bool
            Whether the density is of ln λ: x times the density of λ.

        Returns
        -------
        Estimate
            `converged` is False, and the value nan, where the path along the spectrum did not reach x.
        """
        x, log = positive(x, "x"), flag(log, "log")
        flat = np.log(x.ravel())
        found, _ = self._known.at(flat)
        scale = np.ones_like(flat) if log else np.exp(-flat)
        return _estimate(Values(found.value * scale, found.error * scale, found.converged), x.shape)

    @own_error_state
    def cdf(self, x: ArrayLike) -> Estimate:
        """The mass of λ ≤ x at each x ≥ 0, atoms included; shape of `x`."""
        x = positive(x, "x", zero=True)
        flat = x.ravel()
        _, above = self._known.at(np.log(np.maximum(flat, 1e-300)))
        value = np.clip(1.0 - above.value, 0.0, 1.0)
        zero = flat == 0
        value[zero] = self.atoms.get(0.0, 0.0)
        return _estimate(Values(value, above.error, above.converged), x.shape)

    @own_error_state
    def quantile(self, u: ArrayLike, *, log: bool = False) -> Estimate:
        """The λ, or ln λ, below which a share u of the squared singular values lies, for u in [0, 1].

        Parameters
        ----------
        u : float or array_like
            Shares from 0 to 1.
        log : bool
            Whether to give ln λ, which also tells apart what underflows.
        """
        u, log = real(u, "u"), flag(log, "log")
        if not np.all((u >= 0) & (u <= 1)):
            raise InvalidInput("u must be from 0 to 1, the share of squared singular values below the quantile")
        found = self._known.quantiles(u.ravel())
        if not log:
            with np.errstate(over="ignore"):
                value = np.exp(found.value)
                found = Values(value, value * np.expm1(found.error), found.converged)
        return _estimate(found, u.shape)

    def plot(self, ax: Axes = None, *, label: str | None = None, title: str | None = None) -> Axes:
        """Draw the density of ln λ; see `meanfield.plotting.plot_spectrum`."""
        from meanfield.plotting.axes import named
        from meanfield.plotting.spectrum import plot_spectrum

        return named(plot_spectrum(self, ax, label=label), None, title)

    def report(self) -> Report:
        """Edges, mean, spread, quantiles and atoms."""
        what = f"squared singular values of the Jacobian, {self.weights} weights, {self.depth} blocks {self.label}"
        if self._law is None:
            rows = [
                ("mean", shown_number(float(self.moments[0]))),
                ("spread Var/mean²", shown_number(float(self.spread))),
            ]
            return [what, Table((), tuple(rows)), self.reason]
        low, high = (shown_number(float(edge)) for edge in self.edges)
        quantiles = ", ".join(shown_number(float(one)) for one in self.quantile(SHOWN).value)
        rows = [
            ("range", f"{low} to {high}"),
            ("mean", shown_number(float(self.moments[0]))),
            ("spread Var/mean²", shown_number(float(self.spread))),
            ("mean of ln λ", shown_number(float(self.log_mean))),
            ("quantiles 5, 50, 95 %", quantiles),
            *((f"mass at {shown_number(place)}", shown_number(mass)) for place, mass in self.atoms.items()),
        ]
        return [what, Table((), tuple(rows))]


def _estimate(found: Values, shape: tuple[int, ...]) -> Estimate:
    reached = bool(found.converged.all())
    if shape == ():
        return Estimate(float(found.value[0]), float(found.error[0]), reached)
    return Estimate(found.value.reshape(shape), found.error.reshape(shape), reached)
