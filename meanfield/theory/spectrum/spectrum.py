"""The spectrum of the input-output Jacobian of a deep random network, for users."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Axes
from meanfield.arguments import choice, flag, number, positive, real, whole
from meanfield.bounded import Bounded
from meanfield.error_state import own_error_state
from meanfield.errors import InvalidInput
from meanfield.estimates import Estimate
from meanfield.networks.layers.network import Network
from meanfield.networks.stack import as_blocks, as_widths, check_widths
from meanfield.reports.numbers import number as shown_number
from meanfield.reports.report import Report, Table
from meanfield.reports.result import Result
from meanfield.theory.assumptions.block import check_gaussian
from meanfield.theory.spectrum.free_products.assembly import assembled
from meanfield.theory.spectrum.free_products.distribution import Distribution, Values
from meanfield.theory.spectrum.free_products.jacobian import LAWS, NotFree, Weights, repeated
from meanfield.theory.spectrum.free_products.log_mean import log_mean
from meanfield.theory.spectrum.free_products.moments import moments
from meanfield.theory.spectrum.start import start

__all__ = ["Spectrum", "spectrum"]

DEEPEST = 10_000
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
    moments : tuple of four Estimate
        E λ … E λ⁴.
    log_mean : Estimate
        E ln λ; −inf where λ = 0 has a mass.
    depth : int
        Number of blocks.
    weights : str
        "gaussian" or "orthogonal".
    label : str
        The block, in a few words.
    """

    edges: tuple[Estimate, Estimate]
    atoms: Mapping[float, float]
    bands: tuple[tuple[float, float], ...]
    moments: tuple[Estimate, ...]
    log_mean: Estimate
    depth: int
    weights: str
    label: str
    _law: Distribution = field(repr=False)

    more = ("spread", "condition")

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
        found, _ = self._law.at(flat)
        scale = np.ones_like(flat) if log else np.exp(-flat)
        return _estimate(Values(found.value * scale, found.error * scale, found.converged), x.shape)

    @own_error_state
    def cdf(self, x: ArrayLike) -> Estimate:
        """The mass of λ ≤ x at each x ≥ 0, atoms included; shape of `x`."""
        x = positive(x, "x", zero=True)
        flat = x.ravel()
        _, above = self._law.at(np.log(np.maximum(flat, 1e-300)))
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
        found = self._law.quantiles(u.ravel())
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
        what = f"squared singular values of the Jacobian, {self.weights} weights, {self.depth} blocks {self.label}"
        return [what, Table((), tuple(rows))]


@own_error_state
def spectrum(
    block: Any,
    depth: int,
    *,
    q: float | None = None,
    weights: Weights = "gaussian",
    widths: Sequence[int] | None = None,
) -> Spectrum:
    """The law of the squared singular values of the input-output Jacobian of `depth` blocks, at infinite width.

    Parameters
    ----------
    block : Network, activation, or list of them
        With scalar sigmas: activations, Dense layers and residual layers whose branch starts and ends in a Dense layer.
        A bare activation means ``mlp(activation)``; a list gives one block a layer.
    depth : int
        Number of blocks, ≥ 1.
    q : float, optional
        Second moment of the units at layer 0, > 0; it is followed from layer to layer. By default every layer is at
        the fixed point q* of the block that is reached from q = 1.
    weights : {"gaussian", "orthogonal"}
        Law of the weight matrices, with entries of variance sigma_w²/fan_in. "orthogonal" matrices are
        sigma_w times Haar-distributed ones.
    widths : sequence of int, optional
        Units of layers 0 … depth, whose ratios count; by default all equal.

    Returns
    -------
    Spectrum

    Raises
    ------
    InvalidInput
        If an argument is out of range, q* is 0 or infinite, or the spectrum of the block is not known: slopes of
        ``Residual(activation, Dense)`` read one stream at all depths and are not free of each other.
    InfiniteDerivative
        If an activation jumps.

    References
    ----------
    Pennington, Schoenholz & Ganguli 2017 (arXiv:1711.04735), eqs. 11–16, and 2018 (arXiv:1802.09979); Tarnowski et al.
    2019 (arXiv:1809.08848) for residual blocks.

    Examples
    --------
    >>> import meanfield as mf
    >>> s = mf.spectrum(mf.mlp("relu", 2**0.5), 8, weights="orthogonal")
    >>> print(f"{s.edges[1]:.9f} {s.spread:.6f} {s.atoms}")  # 8⁸/7⁷
    20.371997576 8.000000 {0.0: 0.5}
    """
    depth = whole(depth, "depth", DEEPEST)
    weights = choice(weights, "weights", LAWS)
    blocks = as_blocks(block, depth)
    sizes = as_widths(2 if widths is None else widths, depth)
    check_widths(blocks, sizes)
    if (shape := Network(*blocks).shape) != ():
        raise InvalidInput(f"spectrum takes one sigma_w and sigma_b, not arrays of shape {shape}")
    check_gaussian(*blocks)
    settled = q is None
    begin = start(blocks) if q is None else number(q, "q")
    if not (math.isfinite(begin) and begin > 0):
        raise InvalidInput(f"q must be one finite number > 0, not {begin:g}")
    try:
        assembly = assembled(repeated(blocks, depth, begin, settled and len(set(sizes)) == 1), weights, sizes)
    except NotFree as error:
        raise InvalidInput(f"no spectrum can be given: {error}") from None
    found = moments(assembly.curve)
    share = assembly.share
    law = Distribution(assembly, float(found[0].value))
    low, high = law.edges
    exponent = -math.inf if assembly.at_zero > 0 else log_mean(assembly.curve)
    return Spectrum(
        edges=(Estimate(*low), Estimate(*high)),
        atoms=law.atoms,
        bands=tuple((_exp(band.low.log), _exp(band.high.log)) for band in law.bands),
        moments=tuple(_scaled(share, one) for one in found),
        log_mean=Estimate(exponent, 0.0 if math.isinf(exponent) else 1e-13 * (depth + abs(exponent))),
        depth=depth,
        weights=weights,
        label=_label(blocks),
        _law=law,
    )


def _exp(log: float) -> float:
    return math.inf if log == math.inf else math.exp(log)


def _scaled(share: float, one: Bounded) -> Estimate:
    return Estimate(float(share * one.value), float(share * one.error))


def _label(blocks: tuple[Network, ...]) -> str:
    return repr(blocks[0]) if len(set(map(repr, blocks))) == 1 else f"{len(blocks)} different blocks"


def _estimate(found: Values, shape: tuple[int, ...]) -> Estimate:
    reached = bool(found.converged.all())
    if shape == ():
        return Estimate(float(found.value[0]), float(found.error[0]), reached)
    return Estimate(found.value.reshape(shape), found.error.reshape(shape), reached)
