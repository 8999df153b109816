"""Softmax rows over tokens of any covariance: published numbers, laws, and a NumPy attention layer."""

import json
from pathlib import Path

import numpy as np
import pytest
from attention_layer import simulated

from meanfield.errors import InvalidInput
from meanfield.numerics.softmax.any_covariance import softmax_tokens
from meanfield.numerics.softmax.by_sobol import SobolMeans
from meanfield.numerics.softmax.exchangeable import pair_moments, softmax_moments
from meanfield.numerics.softmax.token_scores import TokenScores

TARGETS = json.loads((Path(__file__).parents[2] / "reference" / "softmax_attention.json").read_text())
UNEVEN = np.array([[1.5, 0.4, 0.1], [0.4, 0.8, -0.2], [0.1, -0.2, 1.0]])


def decaying(rho, tokens):
    """ρ^|i − j|."""
    at = np.arange(tokens)
    return rho ** np.abs(at[:, None] - at)


def alike(q, p, tokens):
    return (q - p) * np.eye(tokens) + p


def drawn(points, seed):
    """A covariance without structure."""
    factor = np.random.default_rng(seed).normal(size=(points, points + 1))
    return factor @ factor.T / points


@pytest.mark.parametrize("point", TARGETS["T2"])
def test_two_tokens(point):
    sigma, s2 = json.loads(point.split("|")[0]), float(point.split("=")[1])
    found = softmax_tokens(np.array(sigma), s2, tokens=2)
    np.testing.assert_allclose(found.covariance, TARGETS["T2"][point], rtol=0, atol=1e-12)
    assert found.error.max() < 1e-12
    assert not found.sampled


@pytest.mark.parametrize("point", TARGETS["T3"])
def test_three_tokens(point):
    target, s2 = TARGETS["T3"][point], float(point.split("s2=")[1].split("|")[0])
    found = softmax_tokens(np.array(target["Sigma"]), s2, tokens=3, causal=point.endswith("True"))
    np.testing.assert_allclose(found.covariance, target["K"], rtol=0, atol=2 * target["err"] + 1e-12)
    assert found.error.max() < 1e-12


@pytest.mark.parametrize("point", TARGETS["qmc"])
def test_eight_and_sixteen_tokens_agree_with_other_samples(point):
    target, tokens = TARGETS["qmc"][point], int(point.split("T=")[1].split("|")[0])
    sigma, causal = decaying(0.6, tokens), point.endswith("True")
    found = softmax_tokens(sigma, 1.0, tokens=tokens, causal=causal, samples=512)
    spread = np.hypot(found.error, target["se"]) + 1e-12
    assert np.abs(found.covariance - target["K"]).max() < 6 * spread.max()
    assert np.sqrt(np.mean(((found.covariance - target["K"]) / spread) ** 2)) < 2
    assert np.linalg.eigvalsh(found.covariance).min() > 0
    if causal:
        assert found.covariance[0, 0] == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("tokens", [2, 3])
def test_exchangeable_tokens_agree_with_the_laplace_integral(tokens):
    q, p, s2, pi, rho = 1.3, 0.4, 1.7, 0.9, 0.25
    found = softmax_tokens(alike(q, p, tokens), s2, tokens=tokens)
    moments = softmax_moments(tokens, s2 * q * (q - p), s2 * p * (q - p))
    squares, overlap = moments.squares.value, moments.overlap.value
    np.testing.assert_allclose(
        found.covariance, alike(p + (q - p) * squares, p + (q - p) * overlap, tokens), atol=1e-12
    )
    own, pair = moments.own_jacobian.value, moments.pair_jacobian.value
    others = (tokens - 1) * rho
    value = pi * squares + others * overlap
    key = s2 * (q - p) * (q * pi * own + p * others * pair)
    gradient = value + s2 * (q - p) ** 2 * pi * own + key
    between = (pi + others - value) / (tokens - 1) + s2 * (q - p) ** 2 * rho * pair - key / (tokens - 1)
    np.testing.assert_allclose(found.gradients(alike(pi, rho, tokens))[0], alike(gradient, between, tokens), atol=1e-12)


def test_two_sequences_agree_with_the_laplace_integral():
    """Sequences with (q, p) = (1, .3) and (1.4, .5), covariance .6 at the same position and .2 elsewhere."""
    s2, tokens = 1.2, 3
    r, u = 0.6, 0.2
    one, other, cross = alike(1.0, 0.3, tokens), alike(1.4, 0.5, tokens), alike(r, u, tokens)
    found = softmax_tokens(np.block([[one, cross], [cross, other]]), s2, tokens=tokens).covariance[:tokens, tokens:]
    variances = (s2 * 1.0 * 0.7, s2 * 1.4 * 0.9)
    same, apart = (
        u + (r - u) * pair_moments((tokens, tokens), variances, s2 * k * (r - u)).overlap.value for k in (r, u)
    )
    np.testing.assert_allclose(found, alike(same, apart, tokens), atol=1e-12)


@pytest.mark.parametrize("causal", [False, True])
def test_integrals_agree_with_samples(causal):
    """Two sequences of three tokens; gradients with a covariance without structure."""
    sigma, pi = drawn(6, 1), drawn(6, 2)
    exact = softmax_tokens(sigma, 0.8, tokens=3, causal=causal)
    sampled = SobolMeans(TokenScores(sigma, 0.8, 3, causal), seed=5, samples=1024)
    for (value, error), (wanted, bound) in (
        (sampled.covariance(), (exact.covariance, exact.error)),
        (sampled.gradients(pi), exact.gradients(pi)),
    ):
        z = (value - wanted) / (error + 1e-12)
        assert np.sqrt(np.mean(z**2)) < 2
        assert np.max(bound) < 1e-11


@pytest.mark.parametrize("tokens", [3, 4])
def test_laws(tokens):
    rng = np.random.default_rng(tokens)
    sigma, pi, order = drawn(tokens, 7), drawn(tokens, 8), rng.permutation(tokens)
    moved = np.ix_(order, order)
    one = softmax_tokens(sigma, 0.9, tokens=tokens, samples=256)
    other = softmax_tokens(sigma[moved], 0.9, tokens=tokens, samples=256)
    spread = 6 * np.hypot(one.error[moved], other.error) + 1e-12
    assert (np.abs(one.covariance[moved] - other.covariance) < spread).all()
    assert np.linalg.eigvalsh(one.covariance).min() > -1e-12
    assert np.linalg.eigvalsh(one.gradients(pi)[0]).min() > -1e-12
    uniform = softmax_tokens(sigma, 0.0, tokens=tokens, samples=256)
    np.testing.assert_allclose(uniform.covariance, np.full((tokens, tokens), sigma.mean()), atol=1e-12)
    np.testing.assert_allclose(uniform.gradients(pi)[0], np.full((tokens, tokens), pi.mean()), atol=1e-12)
    # scores do not see what all keys share: the gradient of their sum goes through values and queries alone
    queries_only = softmax_tokens(alike(1.0, 1.0, tokens), 0.9, tokens=tokens, samples=256)
    np.testing.assert_allclose(queries_only.covariance, 1.0, atol=1e-12)
    np.testing.assert_allclose(queries_only.gradients(pi)[0], np.full((tokens, tokens), pi.mean()), atol=1e-12)


def test_a_first_causal_token_copies():
    sigma = drawn(3, 11)
    found = softmax_tokens(sigma, 2.0, tokens=3, causal=True)
    assert found.covariance[0, 0] == pytest.approx(sigma[0, 0], abs=1e-13)
    assert found.covariance[0, 1] == pytest.approx((sigma[0, 0] + sigma[0, 1]) / 2, abs=1e-12)
    one = softmax_tokens(drawn(4, 12), 2.0, tokens=1)  # four sequences of one token
    np.testing.assert_allclose(one.covariance, drawn(4, 12), atol=1e-13)


@pytest.mark.parametrize("causal", [False, True])
def test_a_layer_of_finite_width(causal):
    """Real heads and weights; `tests/long/softmax_layer.py` does the same within 2 %."""
    pi = alike(1.0, 0.4, 3) + 0.3 * UNEVEN
    mean, error = simulated(UNEVEN, pi, 1.5, causal=causal, width=192, heads=8, networks=50)
    found = softmax_tokens(UNEVEN, 1.5, tokens=3, causal=causal)
    for number, wanted in enumerate((found.covariance, found.gradients(pi)[0])):
        allowed = 4 * error[number] + np.abs(wanted).max() / 50  # 1/d_k = 1/24 moves the scores
        assert (np.abs(mean[number] - wanted) < allowed).all()
        assert allowed.max() < np.abs(wanted).max() / 4  # without the scores, gradients are half as large


@pytest.mark.parametrize(
    ("sigma", "s2", "tokens"),
    [
        (np.eye(3), 1.0, 2),
        (np.eye(2), -1.0, 2),
        (np.array([[1.0, 2.0], [2.0, 1.0]]), 1.0, 2),
        (np.ones((2, 3)), 1.0, 2),
        (np.eye(128), 1.0, 128),
        (np.full((2, 2), np.nan), 1.0, 2),
    ],
)
def test_refusals(sigma, s2, tokens):
    with pytest.raises(InvalidInput):
        softmax_tokens(sigma, s2, tokens=tokens)
