"""Attention over tokens of any covariance (Noci et al. 2022, arXiv:2206.03126; Hron et al. 2020, arXiv:2006.10540).

Uniform scores: Σ′ = σ_b² + σ_w² P Σ Pᵀ, where P is the mean over the tokens of a sequence. Gaussian scores of many
heads have the covariances σ_qk² Σ_ii′ Σ_jj′ and are independent of the values, so Σ′_ii′ = σ_b² + σ_w² σ_qk² Σ_ii′ W
with W = (1/n²) Σ_jj′ Σ_jj′² over the tokens j, j′ of two sequences. If all tokens of a sequence are equal, the maps are
those of a Dense layer for uniform scores, and k → σ_b² + σ_w² σ_qk² k³ for Gaussian scores. Softmax of scores with the
same covariances makes Σ′ = σ_b² + σ_w² E A Σ Aᵀ (`numerics.softmax`).
"""

from dataclasses import replace

import numpy as np

from meanfield._types import Floats
from meanfield.bounded import Bounded
from meanfield.networks.layers.attention import Attention
from meanfield.networks.layers.dense import Dense
from meanfield.numerics.softmax.any_covariance import softmax_tokens
from meanfield.theory.layer_maps.covariance import Covariance, Points, Pullback, all_points
from meanfield.theory.layer_maps.dispatch import finite, one_point, pair_slope, two_points
from meanfield.theory.layer_maps.exchangeable_attention import exchangeable
from meanfield.theory.layer_maps.pooling import averaged
from meanfield.theory.layer_maps.tokens import Tokens
from meanfield.theory.states import LazySpread, Pair, Point

EPS = float(np.finfo(float).eps)


@one_point.register
def _(layer: Attention, x: Point) -> Point:
    if layer.scores == "gaussian":
        s = np.asarray(layer.sigma_qk) ** 2
        cube = finite(s * x.q**3, "attention", x.q.value)
        x = x.through(cube, slope=3 * s * x.q**2, chi=3 * s * x.q**2)
    return one_point(_output(layer), x)


@two_points.register
def _(layer: Attention, x: Pair) -> Pair:
    if layer.scores == "gaussian":
        s, d = np.asarray(layer.sigma_qk) ** 2, x.d.value
        m, h = 0.5 * (x.q1 + x.q2), 0.5 * (x.q1 - x.q2)
        k = m - d
        with np.errstate(over="ignore", invalid="ignore"):
            distance = s * (d * (m**2 + m * k + k**2) + 3 * m * h**2)  # ½(q₁³ + q₂³) − k³
            error = 3 * s * m**2 * x.d.error + 8 * EPS * distance

        def one(q: Floats, _: LazySpread) -> tuple[Floats, LazySpread]:
            return np.asarray(finite(s * Bounded(q) ** 3, "attention", q).value), None

        x = x.through(one, d=Bounded(distance, error))
    return two_points(_output(layer), x)


@pair_slope.register
def _(layer: Attention, x: Pair) -> Bounded:
    slope = Bounded(np.asarray(layer.sigma_w) ** 2)
    if layer.scores == "gaussian":
        slope = slope * 3 * np.asarray(layer.sigma_qk) ** 2 * x.covariance**2
    return slope


@all_points.register
def _(layer: Attention, state: Points) -> tuple[Points, Pullback]:
    if isinstance(state, Tokens):
        read, back = exchangeable(layer, state)
        return read.of(*(two_points(_output(layer), pair) for pair in read.pairs)), lambda g: back(
            np.asarray(layer.sigma_w) ** 2 * g
        )
    assert isinstance(state, Covariance)
    if layer.scores == "softmax":
        mixed, back = _averaged_by_softmax(layer, state)
    elif layer.scores == "uniform":
        reads = np.tril(np.ones((state.pixels,) * 2)) if layer.causal else np.ones((state.pixels,) * 2)
        mixed, back = averaged(reads / reads.sum(axis=1, keepdims=True), state, state.images)
    else:
        mixed, back = _weighed(layer.sigma_qk**2, state)
    after = two_points(_output(layer), mixed.pair)
    return Covariance.of_pair(after, state.images), lambda g: back(layer.sigma_w**2 * g)


def _averaged_by_softmax(layer: Attention, state: Covariance) -> tuple[Covariance, Pullback]:
    """Tokens of any covariance; standard errors of what is sampled count as errors of the distances."""
    found = softmax_tokens(state.covariance, float(layer.sigma_qk) ** 2, tokens=state.pixels, causal=layer.causal)
    q = np.diagonal(found.covariance).copy()
    after = Covariance.of(q, found.covariance, state.images)
    own = np.diagonal(found.error)
    error = found.error + 0.5 * (own[:, None] + own)
    return replace(after, d=Bounded(after.d.value, error)), lambda g: found.gradients(g)[0]


def _weighed(s: float, state: Covariance) -> tuple[Covariance, Pullback]:
    """Tokens with Gaussian scores, Σ_ii′ → s Σ_ii′ W; d is computed without cancellation."""
    n, k, q = state.pixels, state.covariance, state.q
    blocks = k.reshape(state.inputs, n, state.inputs, n)

    def of_tokens(values: Floats) -> Floats:
        """An array (inputs, inputs) repeated to (points, points)."""
        return np.asarray(np.kron(values, np.ones((n, n))), dtype=np.float64)

    finite(s * Bounded(np.max(q)) ** 3, "attention", q)
    with np.errstate(over="ignore", invalid="ignore"):
        weight = np.einsum("iajb,iajb->ij", blocks, blocks) / n**2
        own, mean = np.diagonal(weight), 0.5 * (q[:, None] + q)
        spread = of_tokens(weight)
        d = spread * state.d.value + mean * of_tokens(_between(state))
        d += 0.25 * (q[:, None] - q) * of_tokens(own[:, None] - own)
        scale = s * np.max(q) ** 2
        error = scale * (3 * np.max(state.d.error) + 16 * EPS * (np.max(state.d.value) + np.ptp(q)))
        after = s * q * np.repeat(own, n)

    def back(g: Floats) -> Floats:
        """The gradient through queries, plus twice the equal ones through values and keys."""
        values = np.einsum("iajb,iajb->ij", g.reshape(blocks.shape), blocks) / n**2
        return np.asarray(s * (g * spread + 2 * k * of_tokens(values)))

    return Covariance(q=after, d=Bounded(np.maximum(s * d, 0.0), error), images=state.images), back


def _between(state: Covariance) -> Floats:
    """½(W_aa + W_bb) − W_ab of all sequences a and b, by ¼((S − T)(S + T) + (A − B)² − (C − D)²) over their tokens."""
    shape = (state.inputs, state.pixels) * 2
    d, k = (np.moveaxis(values.reshape(shape), 2, 1) for values in (np.asarray(state.d.value), state.covariance))
    a, b, c, c_back = _corners(k)  # d and k by (a, b, j, j′)
    d_a, d_b, d_c, d_back = _corners(d)
    apart = ((d_c + d_back) - (d_a + d_b)) * ((a + b) + (c + c_back)) + (a - b) ** 2 - (c - c_back) ** 2
    half = 0.25 * apart.mean(axis=(2, 3))
    return np.asarray(np.maximum(0.5 * (half + half.T), 0.0))


def _corners(values: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """The entries of tokens j, j′: both in a, both in b, j in a and j′ in b, and the reverse."""
    within = np.moveaxis(np.diagonal(values), 2, 0)
    return within[:, None], within[None], values, np.swapaxes(values, 2, 3)


def _output(layer: Attention) -> Dense:
    return Dense(layer.sigma_w, layer.sigma_b)
