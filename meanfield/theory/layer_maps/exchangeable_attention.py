"""What exchangeable tokens read by attention, and the way back of gradients through values, queries and keys.

Let the tokens of a sequence have the second moment q and the covariance p, and tokens of two sequences the covariance r
at one place and r′ elsewhere. The weights a of a token average its sequence, so with o = E Σ_j a_j a′_j of two tokens

    q ↦ p + (q − p) E Σ_j a_j²,    p ↦ p + (q − p) o,    r ↦ r′ + (r − r′) o_r,    r′ ↦ r′ + (r − r′) o_r′.

Softmax scores of a token have the variance σ_qk² q (q − p) beside a common part, and the scores of two tokens of
covariance k for the same token the covariance σ_qk² k (q − p), or σ_qk² k (r − r′) in two sequences
(`numerics.softmax`).
"""

import numpy as np

from meanfield._types import Floats
from meanfield.bounded import Bounded
from meanfield.errors import InvalidInput
from meanfield.networks.layers.attention import Attention
from meanfield.numerics.softmax.exchangeable import WIDEST
from meanfield.numerics.softmax.row_distance import row_moments_and_distance
from meanfield.theory.layer_maps.covariance import Pullback
from meanfield.theory.layer_maps.dispatch import finite
from meanfield.theory.layer_maps.tokens import Tokens, stacked
from meanfield.theory.states import Pair

EPS = float(np.finfo(float).eps)


def exchangeable(layer: Attention, x: Tokens) -> tuple[Tokens, Pullback]:
    """The tokens behind the weighted means, before the output's weights and biases, and the way back of gradients."""
    return _products(layer, x) if layer.scores == "gaussian" else _averages(layer, x)


def _averages(layer: Attention, x: Tokens) -> tuple[Tokens, Pullback]:
    """Weights that add up to 1: uniform, or softmax of scores of variance s = σ_qk² at q = 1."""
    n, s = x.count, np.asarray(layer.sigma_qk) ** 2 if layer.scores == "softmax" else np.zeros(())
    q, apart = x.q, x.within.d
    delta = np.asarray(apart.value)
    variance = s * q * delta
    if np.any(variance > WIDEST):
        raise InvalidInput(
            f"the scores of softmax attention have the variance {np.max(variance):.3g} here, and are computed up to "
            f"{WIDEST:g}: take a smaller sigma_qk, or put a norm before the attention"
        )
    p = q - delta
    rows = row_moments_and_distance(n, variance, s * delta**2)
    second = p + delta * rows.squares.value
    error = 4.0 * (apart.error + delta * (rows.distance.error + rows.squares.error)) + 8 * EPS * q
    after = [_alike(second, Bounded(delta * rows.distance.value, 4.0 * apart.error + delta * rows.distance.error))]
    if x.same is not None and x.across is not None:
        far = np.asarray(x.across.d.value)
        near = far - np.asarray(x.same.d.value)  # r − r′
        for pair in (x.same, x.across):
            own = np.asarray(pair.d.value)  # q − k for the covariance k
            of_pair = row_moments_and_distance(n, variance, s * (q * (delta - near) + own * near))
            overlap = of_pair.squares.value - of_pair.distance.value
            d = (far - delta) + delta * of_pair.distance.value + (delta - near) * overlap
            after.append(_alike(second, Bounded(np.maximum(d, 0.0), error + 4.0 * (x.same.d.error + x.across.d.error))))

    def back(g: Floats) -> Floats:
        pi, rho = g
        others = (n - 1.0) * rho
        overlap = rows.squares.value - rows.distance.value
        value = pi * rows.squares.value + others * overlap
        between = (pi + others - value) / (n - 1.0)
        own, shared = s * pi * rows.own.value, s * rho * rows.pair.value
        key = delta * (q * own + (n - 1.0) * p * shared)
        return stacked(value + delta**2 * own + key, between + delta**2 * shared - key / (n - 1.0))

    return x.of(*after), back


def _products(layer: Attention, x: Tokens) -> tuple[Tokens, Pullback]:
    """Gaussian scores over n: all covariances k become s·k times the mean square of covariances over tokens."""
    n, s = x.count, np.asarray(layer.sigma_qk) ** 2
    q, delta = x.q, np.asarray(x.within.d.value)
    p = q - delta
    finite(s * Bounded(np.max(q)) ** 3, "attention", q)
    own = (q**2 + (n - 1.0) * p**2) / n
    after = [_alike(s * q * own, s * own * x.within.d)]
    if x.same is not None and x.across is not None:
        r, far = (q - np.asarray(pair.d.value) for pair in (x.same, x.across))
        shared = (r**2 + (n - 1.0) * far**2) / n
        apart = (x.same.d * (q + r) + (n - 1.0) * (x.across.d - x.within.d) * (p + far)) / n  # own − shared
        after += [_alike(s * q * own, s * (pair.d * shared + q * apart)) for pair in (x.same, x.across)]

    def back(g: Floats) -> Floats:
        values = 2.0 * (g[0] * q + (n - 1.0) * g[1] * p) / n
        return stacked(s * (g[0] * own + q * values), s * (g[1] * own + p * values))

    return x.of(*after), back


def _alike(q: Floats, d: Bounded) -> Pair:
    """Two tokens of equal second moments."""
    return Pair.at(q, d)
