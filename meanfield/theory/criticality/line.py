"""Where gradients neither vanish nor explode: the critical line χ₁ = 1, and the point on it where q is marginal too."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from meanfield.activations.activation import Activation
from meanfield.activations.resolve import activation
from meanfield.arguments import positive
from meanfield.errors import InvalidInput
from meanfield.networks.block import as_block
from meanfield.networks.layers.batchnorm import BatchNorm
from meanfield.networks.layers.network import Network
from meanfield.numerics.solve.sign_changes import sign_changes
from meanfield.theory.assumptions.gaussian_units import check_gaussian
from meanfield.theory.criticality.by_sweep import swept
from meanfield.theory.criticality.by_variance import FLAT, Profile, profiled
from meanfield.theory.criticality.deepest import Deepest, correlation_scale, deepest
from meanfield.theory.criticality.no_critical_line import carries_whole, noise, why_no_rows
from meanfield.theory.criticality.solutions import Rows, critical_rows, dies_out
from meanfield.theory.fixed_points.mlp_response import response

__all__ = ["CriticalLine", "CriticalPoint", "critical_line", "critical_point", "point_of"]

Floats = NDArray[np.float64]

HOMOGENEOUS = 1e-11  # relative change of φ(s·x)/s with the scale s, below which φ is scale-invariant


@dataclass(frozen=True)
class CriticalLine:
    """Solutions of χ₁ = 1, one row each; ascending in sigma_b, then in q.

    Attributes
    ----------
    sigma_b, sigma_w : ndarray, shape (rows,)
        Standard deviations of biases and of weights (times √fan_in).
    q : ndarray
        Second moment that the block reproduces there; 0 where the critical signal dies out more slowly than
        exponentially.
    chi_parallel : ndarray
        dq′/dq there.
    stable : ndarray of bool
        Whether q returns to that value, so that a deep network settles there.
    error : ndarray
        Bound on the error of `sigma_w`.
    xi_c : ndarray
        Depth scale of the correlation there, in layers: inf, unless noise parts equal inputs.
    reason : str
        One sentence that says why this is no critical line, for want of rows or because correlations decay in spite of
        χ₁ = 1; "" if it is one.
    deepest : Deepest or None
        Where there is a reason: the sigma_w for each sigma_b asked for at which signals carry deepest, computed when it
        is first looked at. None where there is no reason, and where gradients only grow.
    """

    sigma_b: Floats
    sigma_w: Floats
    q: Floats
    chi_parallel: Floats
    stable: NDArray[np.bool_]
    error: Floats
    reason: str = ""
    _asked: "_Asked | None" = field(default=None, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.q)

    @cached_property
    def xi_c(self) -> Floats:
        """Depth scale of the correlation at each row."""
        if self._asked is None or not self._asked.noisy or not len(self):
            return np.full(len(self), np.inf)
        networks = self._asked.block.at(sigma_w=self.sigma_w, sigma_b=self.sigma_b)
        return correlation_scale(networks, self.q, np.ones(len(self)))

    @cached_property
    def deepest(self) -> Deepest | None:
        """Where signals carry deepest, if nowhere without limit."""
        if self._asked is None or not self.reason or carries_whole(self._asked.block):
            return None
        critical = [self.sigma_w[self.sigma_b == bias] for bias in self._asked.sigma_b]
        return deepest(self._asked.block, self._asked.sigma_b, critical)

    def __getstate__(self) -> dict[str, Any]:  # the block may hold functions that cannot be pickled
        return {**vars(self), "xi_c": self.xi_c, "deepest": self.deepest, "_asked": None}


@dataclass(frozen=True)
class _Asked:
    """What a critical line was asked for."""

    block: Network
    sigma_b: Floats
    noisy: bool


@dataclass(frozen=True)
class CriticalPoint:
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
    """

    sigma_w: float
    sigma_b: float
    q: float
    universality: str


NOWHERE = CriticalPoint(np.nan, np.nan, np.nan, "none")


def critical_line(spec_or_block: Any, sigma_b: ArrayLike, *, stable_only: bool = False) -> CriticalLine:
    """Every sigma_w at which gradients keep their size, for given sigma_b.

    Parameters
    ----------
    spec_or_block : str, callable, Activation or Network
        An activation, or a block, whose weighted layers all take the same sigma_w and sigma_b; what they have is not
        used.
    sigma_b : float or array_like
        Standard deviations of the biases, ≥ 0.
    stable_only : bool
        Whether to leave out solutions whose q runs away.

    Returns
    -------
    CriticalLine
        One row per solution; a sigma_b can have none, one or several. Of a block whose last layer is its only Dense
        one they are all solutions, of any other those whose q is reached from q = 1.

    Raises
    ------
    InvalidInput
        If `sigma_b` is out of range, the block has no weights or other parameters that are arrays, second moments do
        not determine what it does, or it has a BatchNorm, behind which gradients do not depend on sigma_w.
    InfiniteDerivative
        If the activation jumps.

    References
    ----------
    Hayou, Doucet & Rousseau 2019 (arXiv:1902.06853), proposition 1, for σ_w² E φ′² = 1 with q = σ_b² + V(q)/E φ′².

    Examples
    --------
    >>> import meanfield as mf
    >>> line = mf.critical_line("tanh", 0.05**0.5)
    >>> print(f"{line.sigma_w[0]**2:.10f} {line.q[0]:.10f} {line.stable[0]}")
    1.7609546396 0.5700478816 True

    GELU's critical points have a q that runs away while sigma_b² < 0.1729:

    >>> mf.critical_line("gelu", [0.2, 0.5]).stable
    array([False,  True])

    Under dropout correlations decay even where gradients keep their size; they last longest at another sigma_w:

    >>> line = mf.critical_line(mf.Network("tanh", mf.Dropout(0.1), mf.Dense()), 0.05**0.5)
    >>> print(f"{line.sigma_w[0]:.4f} {line.xi_c[0]:.4f}")
    1.2589 4.5711
    >>> print(f"{line.deepest.sigma_w[0]:.4f} {line.deepest.xi_c[0]:.4f} {line.deepest.depth[0]:.2f}")
    1.3597 4.6763 28.06
    """
    block = as_block(spec_or_block)
    if any(isinstance(layer, BatchNorm) for layer in block.walk()):
        raise InvalidInput(
            "behind batch normalisation chi_1 does not depend on sigma_w, so there is no critical line: "
            "analyze(block).chi_1 says by what factor gradients grow"
        )
    check_gaussian(block)
    biases = np.sort(positive(sigma_b, "sigma_b", zero=True), axis=None)
    if (shape := block.at(sigma_w=1.0, sigma_b=0.0).shape) != ():
        raise InvalidInput(f"critical_line takes one value of each other parameter, not arrays of shape {shape}")
    if not any("sigma_w" in layer.parameters for layer in block.walk()):
        raise InvalidInput("a critical line is of a block with weights: put a Dense layer into it")
    profile = profiled(block)
    if profile is not None:
        columns = critical_rows(profile, biases)
    else:
        rows = [] if carries_whole(block) else [row for bias in biases for row in swept(block, float(bias))]
        columns = Rows(*(np.array([row[i] for row in rows], dtype=bool if i == 4 else float) for i in range(6)))
    kept = columns.stable if stable_only else np.full(columns.q.shape, True)
    noisy = "" if response(block) else noise(block)
    if columns.q.size == 0:
        why = why_no_rows(block, profile)
        reason = f"{noisy} parts equal inputs, and {why}" if noisy else why
    elif noisy:
        reason = (
            f"{noisy} parts equal inputs, so nothing is critical: where chi_1 = 1 gradients keep their size, but "
            "correlations settle at c* < 1 within the depth scale xi_c."
        )
    else:
        reason = "" if kept.any() else "every solution of chi_1 = 1 has a q that does not return to it."
    shown = {name: column[kept] for name, column in columns._asdict().items()}
    return CriticalLine(**shown, reason=reason, _asked=_Asked(block, biases, bool(noisy)))


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
        * "half_stable", E φφ″ = 0 at some q > 0 where sigma_b² = q − E φ²/E φ′² ≥ 0.
        * "none": no such point; the other attributes are nan.

    Raises
    ------
    UnknownActivation, BadActivation
        If `spec` is not usable.

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
    if phi.jumps:
        return NOWHERE
    return point_of(Profile(as_block(phi)), scale_invariant=_scale_invariant(phi))


def point_of(profile: Profile, *, scale_invariant: bool) -> CriticalPoint:
    """The critical point of the block that has this profile."""
    if scale_invariant:
        return CriticalPoint(float(profile(1.0).chi) ** -0.5, 0.0, 1.0, "scale_invariant")
    origin = profile(0.0)
    if origin.q == 0 and FLAT < origin.chi < 1 / FLAT and dies_out(profile):
        return CriticalPoint(float(origin.chi) ** -0.5, 0.0, 0.0, "k_star_zero")
    for q in sign_changes(profile.excess_slope, profile.grid[profile.grid > 1e-6]):
        variance = float(profile.bias_variance(q)[0])
        if variance >= 0:
            return CriticalPoint(float(profile(q).chi) ** -0.5, float(np.sqrt(variance)), q, "half_stable")
    return NOWHERE


def _scale_invariant(phi: Activation) -> bool:
    x = np.array([-2.3, -1.0, -0.4, 0.4, 1.0, 2.3])
    at_one = phi(x)
    if not np.any(at_one):
        return False
    return all(np.allclose(phi(s * x) / s, at_one, rtol=HOMOGENEOUS, atol=0) for s in (1e-4, 0.1, 7.0, 1e4))
