"""Gaussian layers sampled in law: forward and backward pass with their exact distribution, without a matrix."""

import math

import numpy as np

from meanfield.montecarlo.draws import Array, Draw, Pullback


class ExactLaw(Draw):
    """Forward and backward pass of a Gaussian layer in law, from O(points · width) normal numbers instead of width².

    With the QR decomposition xᵀ = Q R the forward pass is x Wᵀ = Rᵀ (W Q)ᵀ. It depends on W only through W Q, whose
    entries are independent N(0, sigma_w²/fan_in); the covariance of every unit of x Wᵀ is sigma_w² x xᵀ/fan_in. Given
    W Q, W has the law of W Q Qᵀ + W̃ (1 − Q Qᵀ), where W̃ is an independent copy of W. The backward pass g W depends on W̃
    only through g W̃, which is Gaussian with covariance proportional to g gᵀ. QR instead of Gram matrices resolves
    nearly equal points to full precision.
    """

    def product(self, x: Array, sigma_w: float) -> tuple[Array, Pullback]:
        """Sample x Wᵀ, and the pullback g ↦ g W conditional on it."""
        fan_in = x.shape[1]
        scale = self.dtype.type(sigma_w / math.sqrt(fan_in))
        basis, coordinates = np.linalg.qr(x.T)
        seen = self.normal(len(coordinates), self.width)  # (W Q)ᵀ / scale

        def pullback(gradient: Array) -> Array:
            root = np.asarray(np.linalg.qr(gradient.T, mode="r")).T
            fresh: Array = root @ self.normal(root.shape[1], fan_in)  # g W̃ / scale
            fresh += (gradient @ seen.T - fresh @ basis) @ basis.T
            fresh *= scale
            return fresh

        return scale * (coordinates.T @ seen), pullback
