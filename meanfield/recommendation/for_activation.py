"""Weights for a fully connected network of one activation: its critical point, or the nearest to one."""

import numpy as np

from meanfield.activations.activation import Activation
from meanfield.errors import DivergentExpectation, InfiniteDerivative
from meanfield.networks.block import mlp
from meanfield.recommendation.choice import Choice, nearest_one
from meanfield.theory.criticality.line import critical_line
from meanfield.theory.criticality.point import NOWHERE, critical_point
from meanfield.theory.fixed_points.analysis import analyze

BIASES = np.r_[0.0, np.geomspace(0.01, 3.0, 40)]  # sigma_b tried where no critical point exists


def weights_for_activation(phi: Activation, forward: float) -> Choice:
    """The weights of φ, whose forward gain at q = 1 is `forward`."""
    name, point = phi.name, NOWHERE if phi.surrogate else critical_point(phi)
    if point.universality == "scale_invariant":
        why = (
            f"{name} is scale-invariant: at sigma_w² = {point.sigma_w**2:.6g}, sigma_b = 0 signal and gradient "
            "keep their size at every q"
        )
    elif point.universality == "k_star_zero":
        why = (
            f"{name} has phi(0) = 0: sigma_w = {point.sigma_w:.6g} keeps the gradients of small signals, "
            "and q decays, but not exponentially"
        )
    elif point.universality == "half_stable":
        why = (
            f"{name} is critical in signal and gradient at once only at q = {point.q:.6g}, "
            f"which needs biases of sigma_b = {point.sigma_b:.6g}"
        )
    else:
        sigma_w, sigma_b, q, why = _without_point(phi, forward)
        return Choice(sigma_w, sigma_b, q, "none", why, float(analyze(mlp(phi, sigma_w, sigma_b)).xi_c))
    return Choice(point.sigma_w, point.sigma_b, point.q, point.universality, why)


def _without_point(phi: Activation, forward: float) -> tuple[float, float, float, str]:
    """sigma_w, sigma_b, q and the reason for an activation without a critical point."""
    try:
        line = critical_line(phi, BIASES, stable_only=True)
    except (InfiniteDerivative, DivergentExpectation):
        line = None
    if line is not None and len(line):
        sigma_w, sigma_b, q = (float(a[nearest_one(line.q)]) for a in (line.sigma_w, line.sigma_b, line.q))
        if phi.surrogate:
            keeps = f"here they keep their size, and q settles at {q:.6g}"
            return sigma_w, sigma_b, q, f"the gradients of {phi.name} pass through a surrogate: {keeps}"
        why = (
            f"{phi.name} has no point where signal and gradient are critical at once: this is the point of its "
            f"critical line with a stable q ({q:.6g}) nearest 1"
        )
        return sigma_w, sigma_b, q, why
    infinite = phi.jumps and not phi.surrogate
    cause = "jumps, so its gradients are infinite" if infinite else "has no critical point with a stable q"
    return forward, 0.0, 1.0, f"{phi.name} {cause}: this is the forward gain, which keeps q = 1 but not the gradient"
