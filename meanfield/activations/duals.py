"""The dual kernel of an activation as an expression, and its Hermite expansion."""

from typing import Any

import numpy as np

from meanfield.activations.closed_forms.symbolic import dual_expression
from meanfield.activations.resolve import activation
from meanfield.arguments import positive, whole
from meanfield.error_state import own_error_state
from meanfield.errors import InvalidInput
from meanfield.estimates import Estimate
from meanfield.numerics.pairs import hermite

__all__ = ["dual", "hermite_coefficients"]


@own_error_state
def dual(spec: Any) -> Any:
    """E φ(U) φ(V) as a sympy expression, where a closed form is known.

    Parameters
    ----------
    spec : str, callable, Activation
        The activation, as `meanfield.activation` takes it.

    Returns
    -------
    sympy.Expr or None
        In the symbols ``q1`` = Var U, ``q2`` = Var V and ``k`` = E UV, or None where no closed form is known.

    Raises
    ------
    UnknownActivation, BadActivation
        If `spec` is not usable.

    References
    ----------
    Daniely, Frostig & Singer 2016 (arXiv:1602.05897), definition 4; each form has its own source in
    `meanfield.activations.closed_forms`.

    Examples
    --------
    >>> import meanfield as mf
    >>> mf.dual("erf")
    2*asin(2*k/(sqrt(2*q1 + 1)*sqrt(2*q2 + 1)))/pi
    """
    phi = activation(spec)
    return dual_expression(phi.entry, phi.parameters) if phi.entry else None


@own_error_state
def hermite_coefficients(spec: Any, n: int, q: float = 1.0) -> Estimate:
    """The first `n` coefficients of φ(√q·z) in the orthonormal Hermite polynomials.

    Parameters
    ----------
    spec : str, callable, Activation
        The activation.
    n : int
        How many, from 1 to 300.
    q : float
        Variance of the argument, > 0.

    Returns
    -------
    Estimate
        Values aₘ = E φ(√q·Z) heₘ(Z)/√m! for m = 0 … n − 1 and a bound on their error. E φ(U)φ(V) at correlation c is
        Σ aₘ² cᵐ.

    Raises
    ------
    InvalidInput
        If `n` or `q` is out of range.
    UnknownActivation, BadActivation
        If `spec` is not usable.

    References
    ----------
    Daniely, Frostig & Singer 2016 (arXiv:1602.05897), section 4.2.

    Examples
    --------
    >>> import meanfield as mf
    >>> mf.hermite_coefficients("relu", 3).value  # 1/√2π, 1/2, 1/√4π
    array([0.39894228, 0.5       , 0.28209479])
    """
    n = whole(n, "n", hermite.ORDER)
    variance = positive(q, "q")
    if variance.ndim:
        raise InvalidInput(f"q must be one number, not an array of shape {variance.shape}")
    phi = activation(spec)
    before = phi.pieces.evaluations
    value, error = hermite.hermite_coefficients(phi.pieces, n, float(variance))
    size = float(np.sqrt(np.sum(value**2)))
    evaluations, resolution = phi.pieces.evaluations - before, phi.pieces.resolution(variance)
    return Estimate(value, np.full(n, error), error <= 1e-12 * size, evaluations, resolution=resolution)
