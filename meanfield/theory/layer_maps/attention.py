"""Linear attention over tokens (Noci et al. 2022, arXiv:2206.03126; Hron et al. 2020, arXiv:2006.10540).

Uniform scores: Σ′ = σ_b² + σ_w² P Σ Pᵀ with the mean over tokens P. Gaussian ones, of many heads, have the covariances
σ_qk² Σ_ii′ Σ_jj′ and do not depend on what they weigh, so Σ′_ii′ = σ_b² + σ_w² σ_qk² Σ_ii′ W with W = (1/n²) Σ_jj′
Σ_jj′² of two sequences. Where all tokens of a sequence are one vector, uniform scores make a Dense layer and Gaussian
ones take all second moments k to σ_b² + σ_w² σ_qk² k³.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from meanfield.errors import DivergentExpectation
from meanfield.networks.layers.attention import Attention
from meanfield.networks.layers.dense import Dense
from meanfield.theory.layer_maps.covariance import Points, Pullback, all_points
from meanfield.theory.layer_maps.dispatch import one_point, pair_slope, two_points
from meanfield.theory.layer_maps.pooling import averaged
from meanfield.theory.states import OnePoint, TwoPoints

__all__: list[str] = []

Floats = NDArray[np.float64]

EPS = float(np.finfo(float).eps)


@one_point.register
def _(layer: Attention, signal: OnePoint) -> OnePoint:
    if layer.scores == "gaussian":
        s, q = np.asarray(layer.sigma_qk) ** 2, np.asarray(signal.q)
        with np.errstate(over="ignore", invalid="ignore"):
            cube, factor, uncertain = s * q**3, 3 * s * q**2, 6 * s * q * signal.error
            _refuse_infinite(cube, q)
            error = (factor + uncertain) * signal.error + 4 * EPS * cube
            slope, chi = (np.where(factor == 0, 0.0, factor * one) for one in (signal.slope, signal.chi))
            slope_error, chi_error = (
                np.where(factor == 0, 0.0, factor * bound + (uncertain + 4 * EPS * factor) * np.abs(one))
                for one, bound in ((signal.slope, signal.slope_error), (signal.chi, signal.chi_error))
            )
        signal = OnePoint(cube, error, slope, chi, slope_error, chi_error)
    return one_point(_output(layer), signal)


@two_points.register
def _(layer: Attention, signal: TwoPoints) -> TwoPoints:
    if layer.scores == "gaussian":
        s, q1, q2, d = np.asarray(layer.sigma_qk) ** 2, np.asarray(signal.q1), np.asarray(signal.q2), signal.d
        m, h = 0.5 * (q1 + q2), 0.5 * (q1 - q2)
        k = m - d
        with np.errstate(over="ignore", invalid="ignore"):
            first = s * q1**3
            second = first if signal.q2 is signal.q1 else s * q2**3
            _refuse_infinite(np.maximum(first, second), np.maximum(q1, q2))
            distance = s * (d * (m**2 + m * k + k**2) + 3 * m * h**2)  # ½(q₁³ + q₂³) − k³
            error = 3 * s * m**2 * signal.error + 8 * EPS * distance
        signal = TwoPoints(first, second, distance, error)
    return two_points(_output(layer), signal)


@pair_slope.register
def _(layer: Attention, signal: TwoPoints) -> Any:
    slope: Any = np.asarray(layer.sigma_w) ** 2
    if layer.scores == "gaussian":
        slope = slope * 3 * np.asarray(layer.sigma_qk) ** 2 * (0.5 * (signal.q1 + signal.q2) - signal.d) ** 2
    return slope


@all_points.register
def _(layer: Attention, state: Points) -> tuple[Points, Pullback]:
    if layer.scores == "uniform":
        pair, back = averaged(np.full((state.pixels,) * 2, 1.0 / state.pixels), state)
    else:
        pair, back = _weighed(layer.sigma_qk**2, state)
    return Points(two_points(_output(layer), pair), state.images), lambda g: back(layer.sigma_w**2 * g)


def _weighed(s: float, state: Points) -> tuple[TwoPoints, Pullback]:
    """Tokens with Gaussian scores, Σ_ii′ → s Σ_ii′ W, of which differences keep their digits."""
    n, k, q = state.pixels, state.covariance, np.ravel(state.pair.q1)
    blocks = k.reshape(state.inputs, n, state.inputs, n)

    def of_tokens(values: Any) -> Floats:
        """(inputs, inputs) as (points, points)."""
        return np.kron(values, np.ones((n, n)))

    with np.errstate(over="ignore", invalid="ignore"):
        _refuse_infinite(s * np.max(q) ** 3, q)
        weight = np.einsum("iajb,iajb->ij", blocks, blocks) / n**2
        own, mean = np.diagonal(weight), 0.5 * (q[:, None] + q)
        spread = of_tokens(weight)
        d = spread * state.pair.d + mean * of_tokens(_between(state))
        d += 0.25 * (q[:, None] - q) * of_tokens(own[:, None] - own)
        scale = s * np.max(q) ** 2
        error = scale * (3 * np.max(state.pair.error) + 16 * EPS * (np.max(state.pair.d) + np.ptp(q)))
        after = s * q * np.repeat(own, n)

    def back(g: Floats) -> Floats:
        """Through queries, and through values and keys alike."""
        values = np.einsum("iajb,iajb->ij", g.reshape(blocks.shape), blocks) / n**2
        return np.asarray(s * (g * spread + 2 * k * of_tokens(values)))

    return TwoPoints(after[:, None], after[None, :], np.maximum(s * d, 0.0), error), back


def _between(state: Points) -> Floats:
    """½(W_aa + W_bb) − W_ab of all sequences a and b, by ¼((S − T)(S + T) + (A − B)² − (C − D)²) over their tokens."""
    shape = (state.inputs, state.pixels) * 2
    d, k = (np.moveaxis(values.reshape(shape), 2, 1) for values in (state.pair.d, state.covariance))  # (a, b, j, j′)
    a, b, c, c_back = _corners(k)
    d_a, d_b, d_c, d_back = _corners(d)
    apart = ((d_c + d_back) - (d_a + d_b)) * ((a + b) + (c + c_back)) + (a - b) ** 2 - (c - c_back) ** 2
    half = 0.25 * apart.mean(axis=(2, 3))
    return np.asarray(np.maximum(0.5 * (half + half.T), 0.0))


def _corners(values: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Of pairs of tokens j, j′: both in a, both in b, and one in each."""
    within = np.moveaxis(np.diagonal(values), 2, 0)
    return within[:, None], within[None], values, np.swapaxes(values, 2, 3)


def _refuse_infinite(cube: Any, before: Any) -> None:
    if not np.all(np.isfinite(cube)):
        raise DivergentExpectation(
            f"the second moment after attention exceeds the range of a float (it was {np.max(before):.3g} before)"
        )


def _output(layer: Attention) -> Dense:
    return Dense(layer.sigma_w, layer.sigma_b)
