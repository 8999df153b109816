"""Exchangeable tokens: the same maps as with all covariances of all tokens, and softmax attention between them."""

import numpy as np
import pytest

import meanfield as mf
from meanfield.numerics.softmax.row_distance import row_moments_and_distance
from meanfield.theory.layer_maps.covariance import Covariance, all_points
from meanfield.theory.layer_maps.tokens import Tokens

# T, q, p, σ_qk² to q′, p′, E ΣA² and the gradient through the scores, with 13 digits from Laplace integrals
ONE_LAYER = {
    (3, 1.0, 0.3, 1.0): (0.6138123526691, 0.5561500689163, 0.4483033609559, 0.2140137900977),
    (8, 1.0, 0.5, 1.0): (0.5902966381157, 0.5754062086486, 0.1805932762314, 0.09584386268355),
    (16, 1.0, 0.2, 4.0): (0.4210380229241, 0.2703182744594, 0.2762975286551, 0.66637823592),
    (1024, 1.0, 0.2, 1.0): (0.2017316381152, 0.2009162729637, 0.00216454764404, 0.003094136561838),
}
BLOCKS = {
    "uniform": "residual(layernorm, attention(1.2, 0.3), scale=0.7, skip=0.9)",
    "gaussian": "residual(rmsnorm, attention(0.9, 0.2, gaussian, sigma_qk=1.1)), dropout(0.1)",
    "branches": "parallel(attention(1.1), network(tanh, dense(1.3, 0.2))), relu, dense(1.4, 0.1)",
    "concatenated": "concatenate(rmsnorm, attention(gaussian), growth=0.5), rmsnorm, gated(silu), dense(2.0)",
}


@pytest.mark.parametrize(("start", "expected"), ONE_LAYER.items(), ids=str)
def test_softmax_of_exchangeable_tokens(start, expected):
    T, q, p, s2 = start
    after, back = all_points(mf.Attention(scores="softmax", sigma_qk=s2**0.5), Tokens.at(T, q, p / q))
    pi, rho = back(np.array([1.0, 0.0]))
    value = np.array(expected[2])
    np.testing.assert_allclose([after.q, after.q - after.within.d.value], expected[:2], rtol=3e-13)
    assert pi == pytest.approx(value + expected[3], rel=1e-11)
    assert pi + (T - 1) * rho == pytest.approx(1.0 + s2 * (q - p) ** 2 * (pi - value) / (s2 * (q - p) * (2 * q - p)))


@pytest.mark.parametrize("text", BLOCKS.values(), ids=BLOCKS)
def test_they_go_as_all_covariances_of_all_tokens_do(text):
    """Two sequences of T = 4 tokens, also for gradients that are correlated between tokens."""
    block, T = mf.network(text), 4
    few = Tokens.at(T, 1.3, 0.4, 0.6)
    alike = 0.6 * np.eye(T) + 0.4
    sigma = 1.3 * np.kron([[1.0, 0.6], [0.6, 1.0]], alike)
    every = Covariance.of(np.diagonal(sigma), sigma, (T,))
    backs = []
    for _ in range(3):
        few, back = all_points(block, few.anew)
        every, back_of_all = all_points(block, Covariance(q=every.q, d=every.d, images=(T,)))
        backs.append((back, back_of_all))
    np.testing.assert_allclose(every.q, few.q, rtol=1e-13)
    d = every.d.value
    found = [pair.d.value for pair in few.pairs]
    np.testing.assert_allclose(found, [d[0, 1], d[0, T], d[0, T + 1]], rtol=1e-12, atol=1e-15)
    g, whole = np.array([1.0, 0.25]), np.kron(np.eye(2), 0.75 * np.eye(T) + 0.25)
    for back, back_of_all in reversed(backs):
        g, whole = back(g), back_of_all(whole)
    np.testing.assert_allclose(g, [whole[0, 0], whole[0, 1]], rtol=1e-12)


def test_two_sequences_with_softmax_against_drawn_scores():
    """Scores of both sequences have the covariances σ_qk² Σ_ii′ Σ_jj′ of all their tokens."""
    T, s2 = 3, 1.7
    token = np.full((T, T), 0.2) + 0.8 * np.eye(T)
    sigma = np.kron([[1.0, 0.7], [0.7, 1.0]], token)
    root = np.linalg.cholesky(sigma)
    z = np.random.default_rng(0).standard_normal((100_000, 2 * T, 2 * T))
    scores = s2**0.5 * (root @ z @ root.T)
    rows = {}
    for name, sequence, i in (("one", 0, 0), ("same", 1, 0), ("other", 1, 1)):
        e = np.exp(scores[:, sequence * T + i, sequence * T : (sequence + 1) * T])
        rows[name] = e / e.sum(axis=1, keepdims=True)
    between = sigma[:T, T:]
    after, _ = all_points(mf.Attention(scores="softmax", sigma_qk=s2**0.5), Tokens.at(T, 1.0, 0.2, 0.7))
    for name, pair in (("same", after.same), ("other", after.across)):
        drawn = np.einsum("ni,ij,nj->n", rows["one"], between, rows[name])
        assert abs(drawn.mean() - pair.covariance.value) < 5 * drawn.std() / 100_000**0.5


def test_laws_of_softmax_attention():
    start = Tokens.at(5, 1.2, 0.3, 0.4)
    for wide, limit in ((mf.Attention(1.1, 0.2, "softmax", 0.0), mf.Attention(1.1, 0.2)),):
        (one, back), (other, back_of_uniform) = (all_points(layer, start) for layer in (wide, limit))
        np.testing.assert_allclose([p.d.value for p in one.pairs], [p.d.value for p in other.pairs], atol=1e-15)
        np.testing.assert_allclose(back(np.array([1.0, 0.3])), back_of_uniform(np.array([1.0, 0.3])), rtol=1e-13)
    equal, back = all_points(mf.Attention(1.1, 0.2, "softmax", 3.0), Tokens.at(5, 1.2, 1.0))
    assert equal.q == pytest.approx(1.1**2 * 1.2 + 0.2**2)
    assert equal.within.d.value == 0
    np.testing.assert_allclose(back(np.ones(2)), 1.1**2 * np.ones(2), rtol=1e-13)
    after, back = all_points(mf.Attention(scores="softmax"), Tokens.at(5, 1.2, [-0.25, 0.0, 0.9]))
    assert np.all(after.within.d.value > 0)
    pi, rho = back(np.array([1.0, -0.25])[:, None])
    assert np.all(pi >= -rho)  # the covariance of gradients stays positive semi-definite
    assert np.all(pi + 4 * rho >= -1e-15)


def test_tokens_collapse_with_the_cube_of_their_distance():
    """1 − c′ = σ²(T − 1)/T² (1 − c)³ as c → 1, with all digits."""
    T, s2, gap = 8, 1.44, np.array([1e-3, 1e-6, 1e-9])
    layer = mf.Attention(scores="softmax", sigma_qk=s2**0.5)
    after, _ = all_points(layer, Tokens.at(T, 1.0, 1.0 - gap))
    gap = 1.0 - (1.0 - gap)
    ratio = after.within.one_minus_c / (s2 * (T - 1) / T**2 * gap**3)
    np.testing.assert_allclose(ratio, 1.0, atol=4 * s2 * gap[0])
    assert abs(ratio[2] - 1) < 1e-8


def test_distances_of_rows_by_both_ways():
    b2, rest = np.full(2, 0.3), np.array([0.049999, 0.050001])
    near, far = row_moments_and_distance(6, b2, rest).distance.value
    slope = row_moments_and_distance(6, b2, rest).pair.value[0]
    assert far - near == pytest.approx(2e-6 * slope, rel=1e-6)


def test_uniform_attention_makes_independent_tokens_alike():
    """It adds a quarter of the squared gradient of each to all of four."""
    after, back = all_points(mf.Attention(), Tokens.at(4, 1.0, 0.0))
    assert float(after.q) == pytest.approx(0.25, rel=1e-14)
    assert after.within.d.value == pytest.approx(0.0, abs=1e-16)
    np.testing.assert_allclose(back(np.array([1.0, 0.0])), [0.25, 0.25], rtol=1e-14)
