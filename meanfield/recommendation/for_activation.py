"""Weights for a fully connected network of one activation: its critical point, or the nearest to one."""

import numpy as np

from meanfield.activations.activation import Activation
from meanfield.errors import DivergentExpectation, InfiniteDerivative
from meanfield.recommendation.choice import Choice, nearest_one
from meanfield.recommendation.critical_weights import half_stable_weights
from meanfield.recommendation.keeping_one import weights_that_keep_one
from meanfield.shaping.transformed import TransformedActivation
from meanfield.theory.assumptions.block import Block
from meanfield.theory.criticality.line import line_of
from meanfield.theory.criticality.point import critical_point
from meanfield.theory.fixed_points.analysis import at_fixed_point

BIASES = np.r_[0.0, np.geomspace(0.01, 3.0, 40)]  # sigma_b tried where no critical point exists


def weights_for_activation(block: Block, phi: Activation) -> Choice:
    """The weights of the block (φ, Dense)."""
    if isinstance(phi, TransformedActivation):
        at = at_fixed_point(block.at(sigma_w=1.0, sigma_b=0.0), np.array([1.0]))
        return Choice(
            1.0, 0.0, 1.0, "none", f"{phi.name} is made for sigma_w = 1, sigma_b = 0 and q = 1", float(at.xi_c)
        )
    if phi.surrogate:
        return _without_point(block, phi)
    name, point = phi.name, critical_point(phi)
    if point.universality == "none":
        return _without_point(block, phi)
    if point.universality == "half_stable":
        return half_stable_weights(block, point, f"{name} is critical in signal and gradient at once")
    why = (
        f"{name} has phi(0) = 0: sigma_w = {point.sigma_w:.6g} keeps the gradients of small signals, "
        "and q decays, but not exponentially"
    )
    if point.universality == "scale_invariant":
        why = (
            f"{name} is scale-invariant: at sigma_w² = {point.sigma_w**2:.6g}, sigma_b = 0 signal and gradient "
            "keep their size at every q"
        )
    return Choice(point.sigma_w, point.sigma_b, point.q, point.universality, why)


def _without_point(block: Block, phi: Activation) -> Choice:
    """The weights of an activation without a critical point."""
    try:
        line = line_of(block, BIASES, stable_only=True)
    except (InfiniteDerivative, DivergentExpectation):
        line = None
    if line is None or not len(line):
        infinite = phi.jumps and not phi.surrogate
        cause = "jumps, so its gradients are infinite" if infinite else "has no critical point with a stable q"
        kept = weights_that_keep_one(block, f"{phi.name} {cause}", "this is the forward gain, which keeps")
        return kept._replace(xi_gradient=np.inf) if infinite else kept
    sigma_w, sigma_b, q = (float(a[nearest_one(line.q)]) for a in (line.sigma_w, line.sigma_b, line.q))
    why = (
        f"{phi.name} has no point where signal and gradient are critical at once: this is the point of its "
        f"critical line with a stable q ({q:.6g}) nearest 1"
    )
    if phi.surrogate:
        keeps = f"here they keep their size, and q settles at {q:.6g}"
        why = f"the gradients of {phi.name} pass through a surrogate: {keeps}"
    at = at_fixed_point(block.at(sigma_w=sigma_w, sigma_b=sigma_b), np.array([q]))
    return Choice(sigma_w, sigma_b, q, "none", why, float(at.xi_c))
