"""Gains: factors on the weights that preserve the second moment, the variance or the squared gradient."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from meanfield.activations.activation import Activation
from meanfield.activations.random_activation import RandomActivation, activation_or_random
from meanfield.activations.resolve import activation
from meanfield.arguments import choice, number, positive
from meanfield.error_state import own_error_state
from meanfield.errors import InfiniteDerivative, InvalidInput, NotConverged, shown
from meanfield.estimates import Estimate
from meanfield.read_only import ReadOnly

__all__ = ["calculate_gain", "gain", "gains"]

RESOLVED = 1e-9  # a larger error, relative to E φ², means that φ is not resolved, not that the moment is 0
# torch's names of layers without an activation
WEIGHTED = ("linear", *(f"conv{kind}{n}d" for kind in ("", "_transpose") for n in (1, 2, 3)))
MOMENTS = {"forward": "second_moment", "centered": "variance", "backward": "derivative_moment"}
KINDS = tuple(MOMENTS)


@own_error_state
def gain(spec: Any, *, kind: str = "forward", q: ArrayLike = 1.0) -> Estimate:
    """The gain of an activation: weights of standard deviation gain/√fan preserve the moment that `kind` names.

    Parameters
    ----------
    spec : str, callable, Activation
        The activation, as `meanfield.activation` takes it. A torch module is taken in its own mode: in training mode,
        the gain makes up for its dropout too.
    kind : {"forward", "centered", "backward"}
        ``"forward"`` 1/√E φ² keeps the second moment (He et al. 2015), ``"centered"`` 1/√Var φ the variance about
        the mean (Brock et al. 2021), ``"backward"`` 1/√E φ′² the squared gradient (Glorot & Bengio 2010), with
        the surrogate in place of φ′ if there is one.
    q : float or array_like
        Second moment of the pre-activation, > 0. The forward gain makes the next one 1: at q = 1 it keeps it. The
        sigma_w that keeps another q is √q times the forward gain at q.

    Returns
    -------
    Estimate
        The gain, of the shape of `q`. Its `mode` names the mode of a torch module whose values depend on it.

    Raises
    ------
    InfiniteDerivative
        For the backward gain of an activation that jumps.
    DivergentExpectation
        If the moment is infinite.
    InvalidInput
        If `kind` or `q` is out of range, or the moment is 0 so that no gain restores it.
    NotConverged
        If the activation cannot be resolved well enough to tell.

    References
    ----------
    He et al. 2015 (arXiv:1502.01852), eq. 10; Brock et al. 2021 (arXiv:2102.06171), section 3; Glorot & Bengio 2010,
    eq. 11.

    Examples
    --------
    >>> import meanfield as mf
    >>> mf.gain("gelu").value
    1.533530441195535...
    """
    kind = choice(kind, "kind", KINDS)
    phi, variance = activation_or_random(spec), positive(q, "q")
    function, asked = _integrand(phi, kind)
    before = function.evaluations
    value, error = getattr(function.moments, asked)(variance)
    lost = np.argmax((value <= 2 * error) | (value <= np.finfo(float).tiny))
    moment, uncertain = float(value.flat[lost]), float(error.flat[lost])
    if moment <= 2 * uncertain or moment <= np.finfo(float).tiny:
        at = f"{phi.name} has no {kind} gain at q = {float(variance.flat[lost]):g}"
        if uncertain > RESOLVED * max(float(phi.moments.second_moment(variance.flat[lost])[0]), 1e-200):
            raise NotConverged(f"{at} that can be told: the moment to keep is {moment:g} ± {uncertain:g}", moment)
        size = "below the range of a float" if 0 < moment <= np.finfo(float).tiny else "0"
        raise InvalidInput(f"{at}: the moment that it should keep is {size}")
    result = 1.0 / np.sqrt(value)
    error = 0.75 * result * error / value + 2 * np.finfo(float).eps * result
    functions, product = [part for _, part in function.parts], "dd" if asked == "derivative_moment" else "ff"
    known = product == "ff" or all(one.derivative_function for one in functions)
    converged = bool(np.all(error <= (1e-12 if known else 1e-10) * result))
    certified = function.moments.certified(asked, variance)
    searched = [one.resolution(variance) for one in functions]
    resolution = max((width for width in searched if width is not None), default=None)
    number, bound = (float(result), float(error)) if result.ndim == 0 else (result, error)
    evaluations = function.evaluations - before
    return Estimate(number, bound, converged, evaluations, resolution=resolution, mode=phi.mode, certified=certified)


def _integrand(phi: Activation | RandomActivation, kind: str) -> tuple[Activation | RandomActivation, str]:
    """The function, and the name of its moment, that the gain is made of."""
    if kind == "backward" and isinstance(phi, Activation) and phi.surrogate is not None:
        return phi.surrogate, "second_moment"
    return phi, MOMENTS[kind]


@own_error_state
def gains(spec: Any, q: ArrayLike = 1.0) -> Mapping[str, Estimate]:
    """All gains of an activation that are finite.

    Parameters
    ----------
    spec : str, callable, Activation
        The activation.
    q : float or array_like
        Second moment of the pre-activation, > 0.

    Returns
    -------
    mapping
        From ``"forward"``, ``"centered"``, ``"backward"`` to `Estimate`; the backward one is missing for an
        activation that jumps, the centred one for a constant.

    Raises
    ------
    As `gain`.

    Examples
    --------
    >>> import meanfield as mf
    >>> for kind, estimate in mf.gains("relu").items():
    ...     print(f"{kind:8} {float(estimate):.12f}")
    forward  1.414213562373
    centered 1.712858550450
    backward 1.414213562373
    """
    phi, found = activation_or_random(spec), {}
    for kind in KINDS:
        try:
            found[kind] = gain(phi, kind=kind, q=q)
        except (InvalidInput, InfiniteDerivative):
            if kind == "forward":
                raise
    return ReadOnly(found)


@own_error_state
def calculate_gain(nonlinearity: Any, param: float | None = None) -> float:
    """Drop-in for ``torch.nn.init.calculate_gain`` that takes any activation and returns the exact forward gain at q
    = 1.

    Parameters
    ----------
    nonlinearity : str, callable, Activation
        torch's names (``"linear"``, ``"conv2d"``, ``"relu"``, ``"leaky_relu"``, …) or anything
        `meanfield.activation` takes.
    param : float, optional
        The negative slope of ``"leaky_relu"``, as in torch.

    Returns
    -------
    float
        1/√E φ(Z)². torch's values for tanh (5/3), SELU (3/4) and the sigmoid (1) are heuristics and differ.

    Raises
    ------
    InvalidInput
        If `param` is given for an activation that takes none.
    UnknownActivation, BadActivation
        If `nonlinearity` is not usable.

    Examples
    --------
    >>> import meanfield as mf
    >>> mf.calculate_gain("leaky_relu", 0.2)
    1.386750490563072...
    """
    if isinstance(nonlinearity, str):
        key = nonlinearity.lower()
        if key in WEIGHTED:
            nonlinearity = "linear"
        if key in ("leaky_relu", "leakyrelu") and param is not None:
            slope = number(param, "param", "one number, the negative_slope of 'leaky_relu'")
            return float(gain(activation("leaky_relu", negative_slope=slope)))
    if param is not None:
        raise InvalidInput(f"param is the negative slope of 'leaky_relu'; {shown(nonlinearity)} takes none")
    return float(gain(nonlinearity))
