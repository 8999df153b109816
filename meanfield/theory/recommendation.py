"""What weights to draw for an activation, why, and the line of code that does it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from meanfield.activations.activation import Activation
from meanfield.activations.specs import activation
from meanfield.arguments import whole
from meanfield.errors import DivergentExpectation, InfiniteDerivative
from meanfield.estimates import Estimate
from meanfield.networks.network import mlp
from meanfield.theory.criticality import CriticalPoint, critical_line, critical_point
from meanfield.theory.fixed_points import fixed_points
from meanfield.theory.gains import gains
from meanfield.theory.propagation import DEEPEST, propagate
from meanfield.theory.stability import analyze

__all__ = ["Recommendation", "recommend"]

BIASES = np.r_[0.0, np.geomspace(0.01, 3.0, 40)]  # sigma_b tried where no critical point exists
WIDEST = 10**9
FAR = 1e3  # how far up what repels a decaying q is looked for
TRAINABLE = 6.0  # layers that train, in units of xi_c (Schoenholz et al. 2017, section 5)


@dataclass(frozen=True)
class Recommendation:
    """How to draw the weights of a network with a given activation.

    Attributes
    ----------
    sigma_w, sigma_b : float
        Standard deviation of the weights times √fan_in, and of the biases.
    gain : float
        The forward gain 1/√E φ(Z)² at q = 1, for layers whose input is scaled to q = 1; `gains` has the other
        definitions.
    gains : mapping
        By definition, with errors.
    q : float
        Second moment of the pre-activations at the recommended point: scale the first layer's output to it. 0 where q
        decays more slowly than exponentially, 1 where every q does.
    xi_c : float
        Depth scale of the correlation there, in layers; inf at criticality.
    max_depth : float
        Layers that train: 6·xi_c, or where that is infinite, as many as fluctuations of a finite width allow.
    growth : float
        Mean squared gradient at layer 0 relative to the last of `depth` layers, from q = `start`.
    start : float
        Second moment that `growth` begins at: `q`, or where that is 0, 1 or less, so that q does decay.
    universality : str
        Class of the activation's critical point, see `meanfield.critical_point`.
    reason : str
        One sentence.
    snippets : mapping
        Code for "torch", "jax", "keras" and "numpy" that runs as it is.
    """

    sigma_w: float
    sigma_b: float
    gain: float
    gains: Mapping[str, Estimate]
    q: float
    xi_c: float
    max_depth: float
    growth: float
    start: float
    universality: str
    reason: str
    snippets: Mapping[str, str]

    def __reduce__(self) -> tuple[Any, ...]:
        values = (dict(v) if isinstance(v, MappingProxyType) else v for v in vars(self).values())
        return type(self), tuple(values)


def recommend(spec: Any, *, depth: int = 50, width: int = 1024) -> Recommendation:
    """Weights for a fully connected network of an activation: critical if there is a stable way to be.

    Parameters
    ----------
    spec : str, callable, Activation
        The activation.
    depth, width : int
        The network's, ≥ 1; they set `growth` and `max_depth`, not the weights.

    Returns
    -------
    Recommendation

    Raises
    ------
    InvalidInput
        If `depth` or `width` is out of range, or the activation is 0 everywhere.
    UnknownActivation, BadActivation
        If `spec` is not usable.

    References
    ----------
    Roberts, Yaida & Hanin 2022 (arXiv:2106.10165), section 5.3; Hanin 2018 (arXiv:1801.03744) on depth over width.

    Examples
    --------
    >>> import meanfield as mf
    >>> advice = mf.recommend("tanh")
    >>> advice.sigma_w, advice.sigma_b
    (1.0, 0.0)
    >>> print(advice.reason)
    tanh has phi(0) = 0: sigma_w = 1 keeps the gradients of small signals, and q decays, but not exponentially.
    """
    depth, width = whole(depth, "depth", DEEPEST), whole(width, "width", WIDEST)
    phi = activation(spec)
    every = gains(phi)
    point = critical_point(phi)
    sigma_w, sigma_b, q, reason = _choose(phi, point, float(every["forward"]))
    block = mlp(phi, sigma_w, sigma_b)
    start = q
    if q == 0:  # where q decays: from 1, unless something repels it upwards from below 1
        ceiling = next((p.q for p in fixed_points(block, q_max=FAR) if p.q > 0 and not p.stable), np.inf)
        start = min(1.0, 0.5 * ceiling)
        if np.isfinite(ceiling):
            reason = f"{reason[:-1]}, as long as it starts below {ceiling:.6g}."
    if point.universality == "none":
        at = analyze(block)
        xi_c = float(at.xi_c)
    else:
        xi_c = np.inf
    try:
        growth = float(propagate(block, depth, q=start).gradient[0])
    except DivergentExpectation:  # the signal itself outgrows a float
        growth = np.inf
    max_depth = max(TRAINABLE * xi_c, 1.0) if np.isfinite(xi_c) else _fluctuation_depth(phi, q, width)
    return Recommendation(
        sigma_w,
        sigma_b,
        float(every["forward"]),
        every,
        q,
        xi_c,
        max_depth,
        growth,
        start,
        point.universality,
        reason,
        _snippets(sigma_w, sigma_b, phi.name),
    )


def _choose(phi: Activation, point: CriticalPoint, forward: float) -> tuple[float, float, float, str]:
    name = phi.name
    if point.universality == "scale_invariant":
        why = (
            f"{name} is scale-invariant: at sigma_w² = {point.sigma_w**2:.6g}, sigma_b = 0 signal and gradient "
            "keep their size at every q."
        )
    elif point.universality == "k_star_zero":
        why = (
            f"{name} has phi(0) = 0: sigma_w = {point.sigma_w:.6g} keeps the gradients of small signals, "
            "and q decays, but not exponentially."
        )
    elif point.universality == "half_stable":
        why = (
            f"{name} is critical in signal and gradient at once only at q = {point.q:.6g}, "
            f"which needs biases of sigma_b = {point.sigma_b:.6g}."
        )
    else:
        return _without_point(phi, forward)
    return point.sigma_w, point.sigma_b, point.q, why


def _without_point(phi: Activation, forward: float) -> tuple[float, float, float, str]:
    try:
        line = critical_line(phi, BIASES, stable_only=True)
    except (InfiniteDerivative, DivergentExpectation):
        line = None
    if line is not None and len(line):
        nearest = int(np.argmin(np.abs(np.log(np.maximum(line.q, 1e-300)))))
        sigma_w, sigma_b, q = (float(a[nearest]) for a in (line.sigma_w, line.sigma_b, line.q))
        why = (
            f"{phi.name} has no point where signal and gradient are critical at once: this is the point of its "
            f"critical line with a stable q ({q:.6g}) nearest 1."
        )
        return sigma_w, sigma_b, q, why
    cause = "jumps, so its gradients are infinite" if phi.jumps else "has no critical point with a stable q"
    return forward, 0.0, 1.0, f"{phi.name} {cause}: this is the forward gain, which keeps q = 1 but not the gradient."


def _fluctuation_depth(phi: Activation, q: float, width: int) -> float:
    """Depth at which the relative variance of |h|² over networks, E φ⁴/(E φ²)² − 1 a layer over the width, is 1."""
    at = q if q > 0 else 1.0
    fourth = phi.moments.fourth_moment(at)[0]
    second = phi.moments.second_moment(at)[0]
    return float(width / max(float(fourth / second**2) - 1.0, 1e-3))


def _snippets(sigma_w: float, sigma_b: float, name: str) -> Mapping[str, str]:
    w, b = f"{sigma_w:.15g}", f"{sigma_b:.15g}"
    torch = (
        "import torch\n\n\n"
        f"def init_weights(module):  # for {name}; use: model.apply(init_weights)\n"
        "    if isinstance(module, torch.nn.Linear):\n"
        f"        torch.nn.init.normal_(module.weight, std={w} / module.in_features**0.5)\n"
        "        if module.bias is not None:\n"
        f"            torch.nn.init.normal_(module.bias, std={b})\n"
    )
    jax = (
        "import jax\n\n"
        f"# for {name}\n"
        f"kernel_init = jax.nn.initializers.variance_scaling({w}**2, 'fan_in', 'normal')\n"
        f"bias_init = jax.nn.initializers.normal({b})\n"
    )
    keras = (
        "import keras\n\n"
        f"# for {name}; VarianceScaling's 'untruncated_normal' is a plain normal law\n"
        "kernel_initializer = keras.initializers.VarianceScaling(\n"
        f"    scale={w}**2, mode='fan_in', distribution='untruncated_normal')\n"
        f"bias_initializer = keras.initializers.RandomNormal(stddev={b})\n"
    )
    numpy = (
        "import numpy as np\n\n\n"
        f"def init_layer(rng, fan_in, fan_out):  # for {name}\n"
        f"    weight = rng.normal(0.0, {w} / fan_in**0.5, size=(fan_out, fan_in))\n"
        f"    bias = rng.normal(0.0, {b}, size=fan_out)\n"
        "    return weight, bias\n"
    )
    return MappingProxyType({"torch": torch, "jax": jax, "keras": keras, "numpy": numpy})
