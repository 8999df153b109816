"""The exponents of infinitely deep networks: the law of λ^{1/L} for L → ∞."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Axes
from meanfield.arguments import choice, number, real
from meanfield.error_state import own_error_state
from meanfield.errors import InvalidInput
from meanfield.estimates import Estimate
from meanfield.networks.layers.network import Network
from meanfield.networks.stack import as_blocks
from meanfield.reports.numbers import number as shown_number
from meanfield.reports.report import Report, Table
from meanfield.reports.result import Result
from meanfield.theory.assumptions.block import check_gaussian
from meanfield.theory.spectrum.free_products.assembly import Assembly, assembled
from meanfield.theory.spectrum.free_products.exponents import exponents
from meanfield.theory.spectrum.free_products.jacobian import LAWS, NotFree, Weights, parts_of
from meanfield.theory.spectrum.free_products.log_mean import log_mean
from meanfield.theory.spectrum.start import start

__all__ = ["Lyapunov", "lyapunov"]

ERROR = 1e-11  # relative to 1 + |exponent| + |log of its distance from the ends|
SHOWN = (0.1, 0.25, 0.5, 0.75, 0.9)


@dataclass(frozen=True, repr=False, eq=False)
class Lyapunov(Result):
    """The limiting law of the exponents ln λ/L of the squared singular values λ of L blocks.

    Attributes
    ----------
    log_mean : Estimate
        Mean exponent, E ln λ/L at every depth; −inf where φ′ vanishes with positive probability.
    mass_at_zero : float
        Share of the λ that are 0.
    weights : str
        "gaussian" or "orthogonal".
    label : str
        The block, in a few words.
    """

    log_mean: Estimate
    mass_at_zero: float
    weights: str
    label: str
    _assembly: Assembly = field(repr=False)

    @own_error_state
    def quantile(self, u: ArrayLike) -> Estimate:
        """The exponent ln λ/L below which a share u of them lies, for u in (0, 1); −inf up to `mass_at_zero`.

        Finite depths come close slowly at the top: largest exponents lie higher by a term of order ln(L)/L.
        """
        u = real(u, "u")
        if not np.all((u > 0) & (u < 1)):
            raise InvalidInput("u must be above 0 and below 1, the share of exponents below the quantile")
        flat = u.ravel()
        value, error = np.full(flat.shape, -math.inf), np.zeros(flat.shape)
        inside = flat > self.mass_at_zero + 1e-14
        if inside.any():
            value[inside] = exponents(self._assembly.curve, flat[inside] - 1)
            error[inside] = ERROR * (1 + np.abs(value[inside]) + np.abs(np.log(1 - flat[inside])))
        if u.ndim == 0:
            return Estimate(float(value[0]), float(error[0]))
        return Estimate(value.reshape(u.shape), error.reshape(u.shape))

    def report(self) -> Report:
        """The mean exponent and some quantiles."""
        rows = [("mean", shown_number(float(self.log_mean)))]
        rows += [(f"{u:.0%}", shown_number(float(self.quantile(u)))) for u in SHOWN]
        return [f"exponents ln λ/L of deep {self.label}, {self.weights} weights", Table((), tuple(rows))]

    def plot(self, ax: Axes = None, *, label: str | None = None, title: str | None = None) -> Axes:
        """Draw the quantiles of the exponents; see `meanfield.plotting.plot_lyapunov`."""
        from meanfield.plotting.axes import named
        from meanfield.plotting.lyapunov import plot_lyapunov

        return named(plot_lyapunov(self, ax, label=label), None, title)


@own_error_state
def lyapunov(block: Any, *, q: float | None = None, weights: Weights = "gaussian") -> Lyapunov:
    """The law of ln λ/L of the squared singular values λ of L repetitions of a block, for L → ∞.

    Parameters
    ----------
    block : Network or activation
        As `spectrum` takes it.
    q : float, optional
        Second moment at every layer, > 0; by default the fixed point q* reached from q = 1.
    weights : {"gaussian", "orthogonal"}
        Law of the weight matrices.

    Returns
    -------
    Lyapunov

    Raises
    ------
    InvalidInput
        If an argument is out of range or the block's spectrum is not known.

    References
    ----------
    Newman 1986, Commun. Math. Phys. 103, 121, for Gaussian matrices; Pennington, Schoenholz & Ganguli 2018
    (arXiv:1802.09979) for the S-transforms.

    Examples
    --------
    Exponents of linear Gaussian layers are uniform: λ^(1/L) = u.

    >>> import meanfield as mf
    >>> print(f"{mf.lyapunov('linear').quantile(0.5):.12f}")  # ln 1/2
    -0.693147180560
    """
    weights = choice(weights, "weights", LAWS)
    blocks = as_blocks(block, 1)
    if (shape := Network(*blocks).shape) != ():
        raise InvalidInput(f"lyapunov takes one sigma_w and sigma_b, not arrays of shape {shape}")
    check_gaussian(*blocks)
    at = start(blocks) if q is None else number(q, "q")
    if not (math.isfinite(at) and at > 0):
        raise InvalidInput(f"q must be one finite number > 0, not {at:g}")
    try:
        assembly = assembled([(parts_of(blocks[0], at)[0], 1)], weights, (2, 2))
    except NotFree as error:
        raise InvalidInput(f"no exponents can be given: {error}") from None
    mean = -math.inf if assembly.at_zero > 0 else log_mean(assembly.curve)
    error_of_mean = 0.0 if math.isinf(mean) else 1e-12 * (1 + abs(mean))
    return Lyapunov(Estimate(mean, error_of_mean), assembly.at_zero, weights, repr(blocks[0]), assembly)
