"""Gaussian expectations of anything that can be an activation: one argument, and two correlated ones."""

import threading
import types
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Floats
from meanfield.activations.activation import Activation
from meanfield.activations.resolve import activation
from meanfield.arguments import correlation, positive, tolerance
from meanfield.error_state import own_error_state
from meanfield.errors import BadActivation, InvalidInput, shown
from meanfield.estimates import Estimate
from meanfield.numerics.pairs.two_functions import ProductMap

__all__ = ["expectation", "moment", "pair_expectation"]

PLAIN = (types.FunctionType, types.BuiltinFunctionType, np.ufunc)
SAME = 8 * float(np.finfo(float).eps)  # relative difference of values that is rounding
KEPT = 8  # most functions, and most pairs of functions, that are kept
_lock = threading.Lock()
_functions: dict[int, "_Known"] = {}
_products: dict[tuple[int, int], tuple[Activation, Activation, ProductMap]] = {}


class _Known(NamedTuple):
    """A function, its activation, and points with the values there by which a changed function is known."""

    function: Any
    phi: Activation
    x: Floats
    values: Floats


@own_error_state
def expectation(f: Any, q: ArrayLike = 1.0, *, rtol: float = 1e-12, atol: float = 0.0) -> Estimate:
    """E f(√q·Z) for a standard normal Z.

    Parameters
    ----------
    f : str, callable, Activation
        The function, as `meanfield.activation` takes it. Callables need nothing declared: kinks and jumps are found.
    q : float or array_like
        Variance of the argument, ≥ 0.
    rtol, atol : float
        `converged` says whether the error is at most ``max(rtol·|value|, atol)``. The computation itself goes on to the
        limit that rounding sets, independently of both.

    Returns
    -------
    Estimate
        Value and error bound, of the shape of `q`.

    Raises
    ------
    DivergentExpectation
        If the expectation is infinite, as for exp(x²) at q ≥ 1/2.
    InvalidInput, UnknownActivation, BadActivation
        If `q` or `f` is not usable.

    Examples
    --------
    >>> import meanfield as mf
    >>> mf.expectation("exp(x)", q=2.0).value  # e^{q/2}
    2.71828182845904...
    """
    phi, variance = activation(f), positive(q, "q", zero=True)
    return phi.moments.expectation("f", variance, rtol=tolerance(rtol, "rtol"), atol=tolerance(atol, "atol"))


@own_error_state
def moment(spec: Any, product: str, q: ArrayLike = 1.0, *, rtol: float | None = None) -> Estimate:
    """E of a product of φ, its derivatives and its argument X = √q·Z.

    Parameters
    ----------
    spec : str, callable, Activation
        The activation φ, as `meanfield.activation` takes it.
    product : str
        One letter a factor: ``f`` is φ(X), ``d`` is φ′(X), ``s`` is φ″(X), ``x`` is X. So ``"ff"`` is E φ², ``"dddd"``
        is E φ′⁴, ``"ss"`` is E φ″².
    q : float or array_like
        Variance of X, ≥ 0.
    rtol : float, optional
        `converged` says whether the error is at most ``rtol·|value|``; 1e-12 by default, 1e-10 where a derivative of a
        callable is wanted that came without one, 1e-8 for its second one.

    Returns
    -------
    Estimate
        Value and error bound, of the shape of `q`.

    Raises
    ------
    InfiniteDerivative
        If ``d`` occurs twice and φ jumps, or ``s`` occurs and φ has a kink.
    DivergentExpectation
        If the expectation is infinite.
    InvalidInput, UnknownActivation, BadActivation
        If `q`, `product` or `spec` is not usable.

    References
    ----------
    Poole et al. 2016 (arXiv:1606.05340), eqs. 3, 9 and 12: E φ², E φ′² and E φ″² rule the length and the curvature of a
    manifold.

    Examples
    --------
    >>> import meanfield as mf
    >>> print(f"{mf.moment('erf', 'ss').value:.12f}")  # 16q/π·(1 + 4q)^{−3/2}
    0.455528027787
    """
    if not (isinstance(product, str) and product and set(product) <= set("fdsx")):
        raise InvalidInput(f"product must be letters f, d, s and x, as in 'ff' or 'dd', not {shown(product)}")
    phi = activation(spec)
    if rtol is None:
        order = 2 if "s" in product else 1 if "d" in product else 0
        differentiations = max(order - (phi.derivative_function is not None), 0)
        rtol = (1e-12, 1e-10, 1e-8)[differentiations]
    return phi.moments.expectation(product, positive(q, "q", zero=True), rtol=tolerance(rtol, "rtol"))


@own_error_state
def pair_expectation(
    f: Any,
    g: Any = None,
    *,
    q: ArrayLike = 1.0,
    q2: ArrayLike | None = None,
    c: ArrayLike,
    rtol: float = 1e-10,
) -> Estimate:
    """E f(U) g(V) for normal U, V with Var U = q, Var V = q2 and correlation c.

    Parameters
    ----------
    f, g : str, callable, Activation
        The functions; ``g=None`` takes `f` twice.
    q, q2 : float or array_like
        Variances, > 0; ``q2=None`` takes `q` twice.
    c : float or array_like
        Correlation in [−1, 1]. The three broadcast.
    rtol : float
        `converged` says whether the error is at most ``rtol·max(1, |value|)``.

    Returns
    -------
    Estimate
        Value and error bound, of the broadcast shape.

    Raises
    ------
    DivergentExpectation, InvalidInput, UnknownActivation, BadActivation
        As for `expectation`.

    References
    ----------
    The dual activation of Daniely, Frostig & Singer 2016 (arXiv:1602.05897), definition 4.

    Examples
    --------
    >>> import meanfield as mf
    >>> mf.pair_expectation("relu", c=0.0).value  # 1/2π
    0.15915494309189...
    """
    first = _activation(f)
    second = first if g is None else _activation(g)
    variance1 = positive(q, "q")
    variance2 = variance1 if q2 is None else positive(q2, "q2")
    correlations, rtol = correlation(c), tolerance(rtol, "rtol")
    try:
        arrays = np.broadcast_arrays(variance1, variance2, correlations)
    except ValueError:
        raise InvalidInput("q, q2 and c have shapes that do not broadcast") from None
    before = first.evaluations + (0 if second is first else second.evaluations)
    if second is first:
        value, error = first.moments.product(variance1, variance2, 1.0 - correlations)
    else:
        q_first, q_second, c_pair = arrays
        value, error = _product_map(first, second)(q_first, q_second, 1.0 - c_pair)
    _keep(f, first)
    _keep(g, second)
    after = first.evaluations + (0 if second is first else second.evaluations)
    converged = bool(np.all(error <= rtol * np.maximum(1.0, np.abs(value))))
    searched = [first.resolution(variance1), second.resolution(variance2)]
    resolution = max((one for one in searched if one is not None), default=None)
    if value.ndim == 0:
        return Estimate(float(value), float(error), converged, after - before, resolution=resolution)
    return Estimate(value, error, converged, after - before, resolution=resolution)


def _activation(spec: Any) -> Activation:
    """The activation; for a plain function that was given before the same one, with its series, if it is unchanged.

    A function may depend on more than x, and that may have changed. It is unchanged if it has the same values at every
    node of the panels on which it was integrated and beside its breakpoints.
    """
    with _lock:
        known = _functions.get(id(spec))
    if known is None or known.function is not spec:
        return activation(spec)
    try:
        values = known.phi.pieces(known.x)
    except BadActivation:
        return activation(spec)
    return known.phi if np.all(np.abs(values - known.values) <= SAME * np.abs(known.values)) else activation(spec)


def _keep(spec: Any, phi: Activation) -> None:
    """Keep the activation of a plain function, with the values that it has now."""
    if type(spec) in PLAIN:
        with _lock:
            _functions[id(spec)] = _Known(spec, phi, *phi.pieces.held())
            while len(_functions) > KEPT:
                _functions.pop(next(iter(_functions)))


def _product_map(first: Activation, second: Activation) -> ProductMap:
    """The map of two functions, the same one for the same two activations."""
    with _lock:
        one, other, products = _products.get((id(first), id(second)), (None, None, None))
        if one is first and other is second and products is not None:
            return products
        products = ProductMap(first.pieces, second.pieces)
        _products[id(first), id(second)] = first, second, products
        while len(_products) > KEPT:
            _products.pop(next(iter(_products)))
        return products
