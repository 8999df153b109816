"""E λ and E λ² of streams h′ = g·h + a·W φ(h) with Gaussian W, whose slopes are correlated across depth.

With M = J Jᵀ after l layers, the diagonal of M E M for E = 1 or the squared slopes D_k² of a layer follows a linear
recursion: W mixes units, so that products with it become averages τ, while g carries diagonals on. It needs the
averages τ(D_j² D_k²) of slopes of one stream at two depths.
"""

from collections.abc import Sequence

import numpy as np

from meanfield.theory.fluctuations.families import NoExpansion, ResidualLayer
from meanfield.theory.fluctuations.one_gaussian_moments import moments_at
from meanfield.theory.fluctuations.residual import correlations, covariances, series
from meanfield.theory.spectrum.free_products.jacobian import NotFree, Part, PreActivation

MOST_LAYERS = 300  # the cost is cubic in depth


def stream_layers(sequence: Sequence[tuple[Sequence[Part], int]]) -> list[PreActivation] | None:
    """The layers, where all of them are residual layers (activation, Dense); else None."""
    found: list[PreActivation] = []
    for parts, count in sequence:
        if len(parts) != 1 or not isinstance(parts[0], PreActivation):
            return None
        found += [parts[0]] * count
    return found


def stream_moments(layers: Sequence[PreActivation]) -> tuple[float, float]:
    """E λ and E λ².

    Raises
    ------
    NotFree
        If the stream is too deep, or changes too little for the series of its correlations.
    """
    if len(layers) > MOST_LAYERS:
        raise NotFree(f"moments of a stream of residual layers are known to depth {MOST_LAYERS}")
    same = [ResidualLayer(one.slope.phi, one.matrix.variance, 0.0, one.skip, one.scale) for one in layers]
    signal = np.array([one.slope.q for one in layers])
    try:
        along = correlations(same, signal)
        _, slopes = series(same, signal, along)
    except NoExpansion as error:
        raise NotFree(f"{error}") from None
    moments = [moments_at(one.slope.phi, np.array([one.slope.q]))[0] for one in layers]
    first = np.array([1.0, *(one.d for one in moments)])  # τ of 1 and of each D²
    product = np.outer(first[1:], first)  # τ(D_l² e) of each e
    for l, one in enumerate(moments):
        product[l, l + 1] = one.dddd
        if l:
            apart = covariances(slopes[l], slopes[:l], along[l, :l])
            product[l, 1 : l + 1] += apart
            product[:l, l + 1] += apart
    diagonal, m = np.eye(first.size), 1.0  # the diagonal of M e M in terms of 1 and the D²
    for l, layer in enumerate(layers):
        g2, gain, mu = layer.skip**2, layer.scale**2 * layer.matrix.variance, first[l + 1]
        of_slope = diagonal[l + 1].copy()
        following = g2**2 * diagonal + g2 * gain * np.outer(first, of_slope)
        following[:, 0] += g2 * gain * (diagonal @ product[l]) + gain**2 * first * float(of_slope @ product[l])
        following += (2 * g2 * gain * m**2 * mu + (gain * mu * m) ** 2) * np.eye(first.size)
        diagonal, m = following, (g2 + gain * mu) * m
    return m, float(diagonal[0] @ first)
