"""Linear attention over tokens (Noci et al. 2022, arXiv:2206.03126; Hron et al. 2020, arXiv:2006.10540).

Uniform scores: Σ′ = σ_b² + σ_w² P Σ Pᵀ with the mean over tokens P. Gaussian ones, of many heads, do not depend on what
they weigh, and have the covariances σ_qk² Σ_ii′ Σ_jj′: Σ′_ii′ = σ_b² + σ_w² σ_qk² Σ_ii′ (1/n²) Σ_jj′ Σ_jj′². Where
tokens are alike it is a Dense layer, or q → σ_b² + σ_w² σ_qk² q³.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from meanfield.errors import DivergentExpectation
from meanfield.networks.attention import Attention
from meanfield.networks.layers import Dense
from meanfield.theory.kernels.dispatch import one_point, pair_slope, two_points
from meanfield.theory.kernels.points import Points, Pullback, all_points, of_covariance
from meanfield.theory.kernels.pooling import averaged
from meanfield.theory.signal import OnePoint, TwoPoints

__all__: list[str] = []

Floats = NDArray[np.float64]

EPS = float(np.finfo(float).eps)


@one_point.register
def _(layer: Attention, signal: OnePoint) -> OnePoint:
    if layer.scores == "gaussian":
        signal = _cubed(layer, signal)
    return one_point(_output(layer), signal)


def _cubed(layer: Attention, signal: OnePoint) -> OnePoint:
    """q → σ_qk² q³."""
    s = np.asarray(layer.sigma_qk) ** 2
    q = np.asarray(signal.q)
    with np.errstate(over="ignore"):
        after, slope, bend = s * q**3, 3 * s * q**2, 6 * s * q
        if not np.all(np.isfinite(after)):
            raise DivergentExpectation(f"the cube of the second moment {np.max(q):.3g} exceeds the range of a float")
        uncertain = bend * signal.error
        return OnePoint(
            after,
            (slope + uncertain) * signal.error + 4 * EPS * after,
            slope * signal.slope,
            slope * signal.chi,
            slope * signal.slope_error + uncertain * np.abs(signal.slope),
            slope * signal.chi_error + uncertain * signal.chi,
        )


@two_points.register
def _(layer: Attention, signal: TwoPoints) -> TwoPoints:
    if layer.scores == "gaussian":
        s = np.asarray(layer.sigma_qk) ** 2
        q1, q2, d = signal.q1, signal.q2, signal.d
        k = 0.5 * (q1 + q2) - d
        # ½(q₁³ + q₂³) − k³, with the mean m of both and half their difference h: m³ + 3mh² − (m − d)³
        m, h = 0.5 * (q1 + q2), 0.5 * (q1 - q2)
        distance = s * (d * (m**2 + m * k + k**2) + 3 * m * h**2)
        error = s * 3 * np.maximum(k**2, m**2) * signal.error
        first = s * q1**3
        signal = TwoPoints(first, first if q2 is q1 else s * q2**3, distance, error)
    return two_points(_output(layer), signal)


@pair_slope.register
def _(layer: Attention, signal: TwoPoints) -> Any:
    slope: Any = np.asarray(layer.sigma_w) ** 2
    if layer.scores == "gaussian":
        slope = slope * 3 * np.asarray(layer.sigma_qk) ** 2 * (0.5 * (signal.q1 + signal.q2) - signal.d) ** 2
    return slope


@all_points.register
def _(layer: Attention, state: Points) -> tuple[Points, Pullback]:
    inputs, n = state.inputs, state.pixels
    if layer.scores == "uniform":
        pair, back = averaged(np.full((n, n), 1.0 / n), state)
    else:
        s, k = layer.sigma_qk**2, state.covariance
        blocks = k.reshape(inputs, n, inputs, n)
        weight = np.einsum("iajb,iajb->ij", blocks, blocks) / n**2  # of the values, between two inputs
        spread = np.kron(weight, np.ones((n, n)))
        error = 3 * s * float(np.max(np.abs(k))) ** 2 * np.max(state.pair.error)
        pair = of_covariance(s * np.diagonal(k) * np.diagonal(spread), s * k * spread, error)

        def back(g: Floats) -> Floats:
            values = np.einsum("iajb,iajb->ij", g.reshape(blocks.shape), blocks) / n**2
            return np.asarray(s * (g * spread + 2 * k * np.kron(values, np.ones((n, n)))))

    after = two_points(_output(layer), pair)
    return Points(after, state.images), lambda g: back(layer.sigma_w**2 * g)


def _output(layer: Attention) -> Dense:
    return Dense(layer.sigma_w, layer.sigma_b)
