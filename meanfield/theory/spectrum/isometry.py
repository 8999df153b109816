"""Dynamical isometry: the orthogonal weights at which all singular values of a deep Jacobian stay near 1."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from meanfield._types import Axes, Floats
from meanfield.activations.activation import Activation
from meanfield.activations.resolve import activation
from meanfield.arguments import number, whole
from meanfield.error_state import own_error_state
from meanfield.errors import DivergentExpectation, InvalidInput
from meanfield.networks.block import mlp
from meanfield.reports.numbers import number as shown_number
from meanfield.reports.report import Report, Table
from meanfield.reports.result import Result
from meanfield.theory.spectrum.law import Spectrum
from meanfield.theory.spectrum.spectrum import DEEPEST, spectrum

__all__ = ["Isometry", "isometry"]

GRID = np.geomspace(1e-12, 1e4, 65)  # second moments that are tried
BIAS = 1e-12  # negative sigma_b²/q up to which it is rounding
ROUNDS = 60
ROUNDING = 1e-9  # of the spread a layer, below which an activation is isometric at this q


@dataclass(frozen=True, repr=False)
class Isometry(Result):
    """Orthogonal weights at which the squared singular values λ of a deep Jacobian have mean 1 and a given spread.

    Attributes
    ----------
    reachable : bool
        Whether there are such weights.
    sigma_w, sigma_b, q : float
        Standard deviations of weights and biases and the second moment that they keep; nan if not reachable.
    spread : float
        Var λ/(E λ)² there, at most the spread asked for; nan if not reachable.
    chi_parallel : float
        dq′/dq at q; above 1 q moves away from there, slowly if it is close to 1.
    depth : int
        Number of layers.
    reason : str
        Why not reachable, or what to heed; "" if there is nothing.
    """

    reachable: bool
    sigma_w: float
    sigma_b: float
    q: float
    spread: float
    chi_parallel: float
    depth: int
    reason: str
    _phi: Activation = field(repr=False)

    @property
    def spectrum(self) -> Spectrum:
        """The spectrum at these weights; InvalidInput if not reachable."""
        if not self.reachable:
            raise InvalidInput(f"there is no spectrum: {self.reason}")
        return spectrum(mlp(self._phi, self.sigma_w, self.sigma_b), self.depth, q=self.q, weights="orthogonal")

    def report(self) -> Report:
        """The weights, or why there are none."""
        what = f"{self._phi.name}, orthogonal weights, depth {self.depth}"
        if not self.reachable:
            return [f"{what}: not reachable, {self.reason}"]
        names = ("sigma_w", "sigma_b", "q", "spread", "chi_parallel")
        rows = tuple((name, shown_number(getattr(self, name), 12)) for name in names)
        return [what, Table((), rows), *([self.reason] if self.reason else [])]

    def plot(self, ax: Axes = None, *, label: str | None = None, title: str | None = None) -> Axes:
        """Draw the spectrum at these weights."""
        return self.spectrum.plot(ax, label=label or f"{self._phi.name}, depth {self.depth}", title=title)


@own_error_state
def isometry(spec: Any, depth: int, *, spread: float = 0.25) -> Isometry:
    """Orthogonal weights at which λ of `depth` layers has mean 1 and Var λ ≤ `spread`, with the largest such q.

    With μ_k = E φ′^2k the variance is depth·(μ₂/μ₁² − 1) at sigma_w² = 1/μ₁, which q must make small; sigma_b² =
    q − E φ²/μ₁ then keeps q, and must not be negative.

    Parameters
    ----------
    spec : str, callable, Activation
        The activation.
    depth : int
        Number of layers, ≥ 1.
    spread : float
        Largest Var λ/(E λ)², > 0.

    Returns
    -------
    Isometry
        `reachable` says whether there are such weights, and `reason` why not. Slopes that differ on both sides of 0
        (ReLU, leaky ReLU) stay different at every q; activations with a mean (sigmoid, softplus) need sigma_b² < 0.

    Raises
    ------
    InvalidInput
        If an argument is out of range.
    InfiniteDerivative
        If the activation jumps.

    References
    ----------
    Pennington, Schoenholz & Ganguli 2017 (arXiv:1711.04735), section 2.5; 2018 (arXiv:1802.09979), section 4.

    Examples
    --------
    >>> import meanfield as mf
    >>> found = mf.isometry("tanh", 32)
    >>> print(f"{found.sigma_w**2:.9f} {found.sigma_b**2:.12f} {found.q:.12f}")
    1.069497701 0.000053292445 0.036517114465
    >>> mf.isometry("relu", 32).reachable
    False
    """
    phi, depth = activation(spec), whole(depth, "depth", DEEPEST)
    allowed = number(spread, "spread")
    if not (math.isfinite(allowed) and allowed > 0):
        raise InvalidInput(f"spread must be one finite number > 0, not {allowed:g}")
    if phi.surrogate is not None:
        raise InvalidInput(f"isometry knows no surrogate gradients, such as {phi.surrogate.name}")
    wanted = allowed / depth
    grid, each, bias = _along(phi)
    within = np.flatnonzero(each <= wanted + ROUNDING * wanted)
    if not within.size:
        least = depth * float(each.min())
        return _unreachable(
            phi,
            depth,
            f"Var λ is at least {least:.4g} at every q, since φ′² varies however small the signal is"
            if each.argmin() == 0 or each.max() <= each.min() * (1 + 1e-6)
            else f"Var λ is at least {least:.4g} at every q",
        )
    usable = within[bias[within] >= -BIAS * grid[within]]
    if not usable.size:
        return _unreachable(
            phi, depth, "sigma_b² would be negative: the activations have a mean at every q in question"
        )
    whole_line = bool(np.all(each <= max(ROUNDING * wanted, 1e-14)))
    i = int(usable[-1])
    q = 1.0 if whole_line and _bias(phi, 1.0)[1] >= -BIAS else float(grid[i])
    if not whole_line and i + 1 < grid.size:
        low, high = math.log(grid[i]), math.log(grid[i + 1])
        for _ in range(ROUNDS):  # within the spread and with a bias up to here
            middle = 0.5 * (low + high)
            one, b = _bias(phi, math.exp(middle))
            low, high = (middle, high) if one <= wanted and b >= -BIAS * math.exp(middle) else (low, middle)
        q = math.exp(low)
    return _at(phi, depth, q)


def _along(phi: Activation) -> tuple[Floats, Floats, Floats]:
    """The q that are tried, as far as moments are finite, with μ₂/μ₁² − 1 and sigma_b² at each."""
    rows = []
    for q in GRID.tolist():
        try:
            rows.append((q, *_bias(phi, q)))
        except DivergentExpectation:
            break
    if not rows:
        raise InvalidInput(f"the moments of the slope of {phi.name} are infinite at every q")
    grid, each, bias = np.array(rows).T
    return grid, each, bias


def _bias(phi: Activation, q: float) -> tuple[float, float]:
    """μ₂/μ₁² − 1 and the sigma_b² that keeps q."""
    first = float(phi.moments.derivative_moment(q)[0])
    if first == 0:
        return math.inf, -math.inf
    at = np.array([q])
    second = float(phi.moments.mixed("dddd", at)[0])
    return max(second / first**2 - 1, 0.0), q - float(phi.moments.second_moment(q)[0]) / first


def _at(phi: Activation, depth: int, q: float) -> Isometry:
    each, bias = _bias(phi, q)
    first = float(phi.moments.derivative_moment(q)[0])
    slope = float(phi.moments.second_moment_slope(q)[0]) / first
    reason = ""
    if slope > 1 + 1e-12:
        reason = f"q is unstable: dq′/dq = {slope:.6f} exceeds 1, so that it moves away by {slope - 1:.2g} a layer"
    return Isometry(True, first**-0.5, math.sqrt(max(bias, 0.0)), q, depth * each, slope, depth, reason, phi)


def _unreachable(phi: Activation, depth: int, reason: str) -> Isometry:
    return Isometry(False, math.nan, math.nan, math.nan, math.nan, math.nan, depth, reason, phi)
