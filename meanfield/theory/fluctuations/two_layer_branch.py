"""Streams with branches of two Dense layers: x′ = g x + a(W₂ φ(W₁ x + b₁) + b₂).

The first Dense layer makes the units of the branch independent Gaussians given s = |x|²/n, so that s and T = |t|²/n of
the stream and its derivative t, realised and not conditional ones, form a Markov chain. The stream's width is n, the
branch's m.
"""

from collections.abc import Sequence

import numpy as np

from meanfield._types import Floats
from meanfield.theory.fluctuations.families import TwoLayerBranch, within_floats
from meanfield.theory.fluctuations.one_gaussian_moments import moments_at
from meanfield.theory.fluctuations.plain import FirstOrder


def two_layer_branches(layers: Sequence[TwoLayerBranch], q: float, per_unit: Floats) -> FirstOrder:
    """The expansion before each layer and after the last; `per_unit` is 1/width, of stream and branch alike."""
    within_floats(np.array([q]))
    s, covariance = q, np.zeros((2, 2))  # of s and T; T is scaled to 1 at every layer
    rows = [(s, 0.0, 0.0, 0.0)]
    for layer, share in zip(layers, per_unit, strict=True):
        w1, b1 = float(layer.first.sigma_w) ** 2, float(layer.first.sigma_b) ** 2
        a, b = (layer.scale**2 * float(x) ** 2 for x in (layer.second.sigma_w, layer.second.sigma_b))
        g = layer.skip**2
        (m,) = moments_at(layer.phi, np.array([w1 * s + b1]))
        branch, chi, slope = a * m.v + b, g + a * w1 * m.d, a * w1 * m.d
        turn = np.array([[g + a * w1 * m.v1, 0.0], [a * w1**2 * m.d1, chi]])
        noise_s = a**2 * (m.ffff - m.v**2) + 2 * branch**2 + 4 * g * s * branch
        noise_t = (a * w1) ** 2 * (3 * m.dddd - m.d**2) + 2 * slope**2 + 4 * g * slope
        noise_st = a**2 * w1 * (m.ffdd - m.v * m.d)
        noise = np.array([[noise_s, noise_st], [noise_st, noise_t]])
        scale = np.array([1.0, chi])
        covariance = (turn @ covariance @ turn.T + share * noise) / np.outer(scale, scale)
        s = g * s + branch
        spread = float(np.sqrt(covariance[0, 0]) * np.sqrt(covariance[1, 1]))
        rows.append((s, covariance[0, 0] / s**2, covariance[1, 1], covariance[0, 1] / spread if spread > 0 else 0.0))
    found, var_s, var_t, correlation = np.array(rows).T
    unknown = np.full(found.shape, np.nan)
    return FirstOrder(
        q=found,
        var_log_q=var_s,
        shift_log_q=-var_s / 2,
        var_log_gradient=var_t,
        shift_log_gradient=unknown,
        var_log_jacobian=unknown,
        correlation=correlation,
    )
