"""Gaussian layers sampled in law: what a forward and a backward pass see of a matrix, without the matrix."""

import math

import numpy as np

from meanfield.montecarlo.draws import Array, Draw, Pullback


class ExactLaw(Draw):
    """The law of a Gaussian layer's two passes at O(points · width) numbers instead of width².

    With x = Rᵀ Qᵀ (QR of xᵀ), the forward pass x Wᵀ = Rᵀ (W Q)ᵀ sees W only through W Q, whose entries are
    independent N(0, sigma_w²/fan_in): x Wᵀ has the Gram matrix sigma_w² x xᵀ/fan_in as its covariance in every unit.
    Given that, W is distributed as W Q Qᵀ + W̃ (1 − Q Qᵀ) with W̃ an independent copy, and the backward pass g W needs W̃
    only through g W̃, whose covariance is the Gram matrix g gᵀ. QR in place of the Gram matrices keeps points that
    nearly coincide apart to full precision.
    """

    def product(self, x: Array, sigma_w: float) -> tuple[Array, Pullback]:
        """Sample x Wᵀ, and with it the map g ↦ g W given x Wᵀ."""
        fan_in = x.shape[1]
        scale = self.dtype.type(sigma_w / math.sqrt(fan_in))
        basis, coordinates = np.linalg.qr(x.T)
        seen = self.normal(len(coordinates), self.width)  # (W Q)ᵀ / scale

        def pullback(gradient: Array) -> Array:
            root = np.linalg.qr(gradient.T)[1].T
            fresh: Array = root @ self.normal(root.shape[1], fan_in)  # g W̃ / scale
            fresh += (gradient @ seen.T - fresh @ basis) @ basis.T
            fresh *= scale
            return fresh

        return scale * (coordinates.T @ seen), pullback
