"""The critical point, at which gradient and q are both marginal, and the universality class of an activation."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from meanfield._types import Axes, Floats
from meanfield.activations.activation import Activation
from meanfield.activations.resolve import activation
from meanfield.error_state import own_error_state
from meanfield.errors import DivergentExpectation, InvalidInput
from meanfield.networks.block import mlp
from meanfield.numerics.solve.sign_changes import sign_changes
from meanfield.reports.nonfinite import Explained, Reasons
from meanfield.reports.report import Report
from meanfield.theory.assumptions.block import checked
from meanfield.theory.criticality.curve import FLAT, CriticalCurve
from meanfield.theory.criticality.line_from_curve import dies_out
from meanfield.theory.fixed_points.depth_scales import CRITICAL
from meanfield.theory.fixed_points.stability import stability
from meanfield.theory.fixed_points.variance import fixed_points

__all__ = ["CriticalPoint", "critical_point"]

SCALES = (1.0, 1e-8, 1e8)  # q at which a scale-invariant activation is one
LEAST = 1e-6  # q of a half-stable point
WHOLE = "every q has such a point, with its own sigma_w and sigma_b, and q = {:.6g} is a convention: "


@dataclass(frozen=True, repr=False)
class CriticalPoint(Explained):
    """Where both χ₁ and χ_∥ are 1.

    Attributes
    ----------
    sigma_w, sigma_b : float
        Standard deviations of weights (times √fan_in) and biases; nan where there is no such point.
    q : float
        Second moment there: 0 for "k_star_zero"; 1 for "scale_invariant", where every q will do; nan where there is
        none.
    universality : str
        "scale_invariant", "k_star_zero", "half_stable" or "none".
    whole_line : bool
        Whether every q has such a point, with its own sigma_w and sigma_b, so that q = 1 is a convention.
    remark : str
        A clause about a half-stable point: whether it is one of a whole line, and what each fixed point with its
        sigma_w and sigma_b does to q. "" for other classes.
    not_finite : dict of str to ndarray of str
        Why fields are nan, by field; empty where there is a point.
    """

    sigma_w: float
    sigma_b: float
    q: float
    universality: str
    whole_line: bool = False
    remark: str = ""

    def reasons(self) -> Mapping[str, Reasons]:
        """Why numbers may be nan, by field."""
        nowhere = [(True, "chi_1 and chi_parallel are 1 at no common q")]
        return {"sigma_w": nowhere, "sigma_b": nowhere, "q": nowhere}

    def report(self) -> Report:
        """The class and the parameters, and the remark."""
        where = f", sigma_w = {self.sigma_w:.12g}, sigma_b = {self.sigma_b:.12g}, q = {self.q:.10g}"
        none = self.universality == "none"
        said = f"critical point {self.universality}{'' if none else where}"
        return [said, f"{self.remark}."] if self.remark else [said]

    def plot(self, ax: Axes = None, *, label: str | None = None, title: str | None = None) -> Axes:
        """Draw the point into the plane of sigma_w and sigma_b; returns the Axes.

        Raises
        ------
        InvalidInput
            If there is no critical point.
        """
        if self.universality == "none":
            raise InvalidInput("there is no critical point to draw: chi_1 and chi_parallel are 1 at no common q")
        from meanfield.plotting.axes import axes_for, named

        ax = axes_for(ax)
        ax.plot(self.sigma_w, self.sigma_b, "k*", markersize=12, label=label, clip_on=False, zorder=3)
        ax.set(xlabel=r"$\sigma_w$", ylabel=r"$\sigma_b$")
        return named(ax, label, title)


NOWHERE = CriticalPoint(np.nan, np.nan, np.nan, "none")


@own_error_state
def critical_point(spec: Any) -> CriticalPoint:
    """The parameters at which both the gradient and q itself are marginal, and the universality class of an activation.

    Parameters
    ----------
    spec : str, callable, Activation
        The activation.

    Returns
    -------
    CriticalPoint
        * "scale_invariant", φ(s·x) = s·φ(x) for s > 0: sigma_w² = 2/(a₊² + a₋²) of the two slopes, sigma_b = 0, any q.
        * "k_star_zero", φ(0) = 0 and q decays more slowly than exponentially at sigma_w² = 1/φ′(0)², sigma_b = 0.
        * "half_stable", E φφ″ = 0 at some q > 0 where sigma_b² = q − E φ²/E φ′² ≥ 0. Where φφ″ vanishes, as for
          softshrink and max(x − b, 0), every q has such a point; the one with q = 1 is given by convention.
        * "none": no such point; the other attributes are nan.

    Raises
    ------
    UnknownActivation, BadActivation
        If `spec` is not usable.
    InvalidInput
        If it has a surrogate derivative.

    References
    ----------
    Roberts, Yaida & Hanin 2022 (arXiv:2106.10165), section 5.3. Code in circulation has sigma_b² = 0.0555 for SWISH,
    a tenth of the true value.

    Examples
    --------
    >>> import meanfield as mf
    >>> point = mf.critical_point("gelu")
    >>> print(f"{point.sigma_w**2:.12f} {point.sigma_b**2:.12f} {point.universality}")
    1.983058257438 0.172922390756 half_stable
    """
    phi = activation(spec)
    if phi.surrogate is not None:
        raise InvalidInput(
            f"a critical point is one of correlations and gradients at once, and the gradients of {phi.name} pass "
            f"through {phi.surrogate.name}: critical_line(phi, sigma_b) has the sigma_w that keep them"
        )
    if phi.jumps:
        return NOWHERE
    point = point_of(CriticalCurve(checked(mlp(phi))), scale_invariant=_scale_invariant(phi))
    if point.universality != "half_stable":
        return point
    sides = stability(fixed_points(mlp(phi, point.sigma_w, point.sigma_b)))
    return replace(point, remark=WHOLE.format(point.q) * point.whole_line + sides)


def point_of(curve: CriticalCurve, *, scale_invariant: bool) -> CriticalPoint:
    """The critical point of the block that has this critical curve."""
    if scale_invariant:
        return CriticalPoint(float(curve.at(1.0).chi) ** -0.5, 0.0, 1.0, "scale_invariant")
    origin = curve.at(0.0)
    if origin.q == 0 and FLAT < origin.chi < 1 / FLAT and dies_out(curve):
        return CriticalPoint(float(origin.chi) ** -0.5, 0.0, 0.0, "k_star_zero")
    grid = curve.grid[curve.grid > LEAST]
    along = curve.at(grid)
    exists = np.flatnonzero(np.isfinite(along.slope_error) & (along.bias > along.bias_error))
    whole = exists.size > 1 and bool(np.all(np.abs(along.slope[exists] - 1) <= CRITICAL + along.slope_error[exists]))
    if whole:
        candidates = [float(np.clip(1.0, grid[exists[0]], grid[exists[-1]]))]
    else:
        candidates = sign_changes(lambda q: _excess(curve, q), grid)
    for q in candidates:
        at = curve.at(q)
        if at.bias >= 0:
            sigmas = float(at.chi) ** -0.5, float(np.sqrt(at.bias))
            return CriticalPoint(*sigmas, q, "half_stable", whole)
    return NOWHERE


def _excess(curve: CriticalCurve, q: Floats) -> tuple[Floats, Floats]:
    """χ_∥ − 1 along the curve, and a bound on its error."""
    at = curve.at(q)
    return at.slope - 1.0, at.slope_error


def _scale_invariant(phi: Activation) -> bool:
    """Whether φ(s·x) = s·φ(x) for s > 0 at small, middle and large x, and φ is not 0."""
    with suppress(DivergentExpectation):
        alike = all(phi.looks_scale_invariant(q) for q in SCALES)
        return alike and bool(phi.moments.second_moment(1.0)[0] > 0)
    return False
