"""Linear attention at infinite width: means over tokens, and scores whose covariances multiply those of values."""

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rounding import assert_equal_covariances
from standard_deviations import deviations

import meanfield as mf
from meanfield.bounded import Bounded
from meanfield.networks.layers.attention import Attention
from meanfield.networks.layers.gated import Gated
from meanfield.networks.layers.normalisation import LayerNorm, RMSNorm
from meanfield.networks.layers.residual import Residual
from meanfield.theory.depth.pixels import propagate_pixels
from meanfield.theory.layer_maps import one_point, pair_slope, two_points
from meanfield.theory.layer_maps.covariance import Covariance, all_points
from meanfield.theory.states import Pair, Point

BLOCKS = {
    "uniform": Attention(1.2, 0.3),
    "gaussian": Attention(0.9, 0.2, "gaussian", 1.1),
    "residual": Residual(Attention(1.1, 0.1), branch_scale=0.5, skip_scale=0.9),
    "behind an activation": mf.Network("tanh", Attention(1.5, 0.1, "gaussian")),
    "transformer": mf.Network(
        Residual(LayerNorm(), Attention(1.2)),
        Residual(LayerNorm(), mf.Dense(1.0), "relu", mf.Dense(1.4), branch_scale=0.5),
    ),
    "gated transformer": mf.Network(
        Residual(RMSNorm(), Attention(1.0, scores="gaussian"), skip_scale=0.8),
        Residual(RMSNorm(), Gated("silu"), mf.Dense(), skip_scale=0.9),
    ),
}
blocks = pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
both = pytest.mark.parametrize("scores", ["uniform", "gaussian"])


def covariance(points, rank=9, seed=0):
    x = np.random.default_rng(seed).standard_normal((points, rank)) + 0.4
    return x @ x.T / rank


def carried(block, state, depth):
    """The state after so many blocks, and the pullback through all of them."""
    pullbacks = []
    for _ in range(depth):
        state, pullback = all_points(mf.Network(block), state)
        pullbacks.append(pullback)

    def back(g):
        for pullback in reversed(pullbacks):
            g = pullback(g)
        return g

    return state, back


def repeated(c, tokens):
    """Two sequences of one vector each."""
    d = np.kron((1 - c) * (1 - np.eye(2)), np.ones((tokens, tokens)))
    return Covariance(q=np.ones(2 * tokens), d=Bounded(d), images=(tokens,))


@pytest.mark.parametrize(("n", "a1", "a2", "s"), [(7, 0.9, 0.6, 1.3), (2, 1.0, 1.0, 0.5), (16, 0.6, 0.8, 1.0)])
def test_noci_recursion_of_q_and_rho(n, a1, a2, s):
    q, r = 1.0, 0.2
    run = propagate_pixels(Residual(Attention(s), branch_scale=a2, skip_scale=a1), (q - r) * np.eye(n) + r, 30)
    for layer in range(1, 31):
        read = a2**2 * s**2 * (q + (n - 1) * r) / n
        q, r = a1**2 * q + read, a1**2 * r + read
        np.testing.assert_allclose(run.q[layer], q, rtol=1e-13)
        np.testing.assert_allclose(run.covariance[layer][~np.eye(n, dtype=bool)], r, rtol=1e-13)
        np.testing.assert_allclose(run.one_minus_c[layer][0, 1], 0.8 * a1 ** (2 * layer) / q, rtol=1e-12)


def test_causal_uniform_scores_are_means_of_the_tokens_so_far():
    run = propagate_pixels(Attention(1.5, causal=True), np.diag([4.0, 1.0, 1.0]), 1)
    sigma = 1.5**2 * np.array([[4, 2, 4 / 3], [2, 5 / 4, 5 / 6], [4 / 3, 5 / 6, 6 / 9]])
    np.testing.assert_allclose(run.covariance[1], sigma, rtol=1e-14)
    np.testing.assert_allclose(run.gradient[0], 1.5**2 * np.array([49 / 36, 13 / 36, 1 / 9]), rtol=1e-14)


def test_softmax_of_three_tokens_by_quadrature():
    """Tokens with the correlations of an autoregressive process, and tokens of unequal size for gradients."""
    ar = 0.5 ** np.abs(np.subtract.outer(np.arange(3), np.arange(3)))
    all_read = propagate_pixels(Attention(scores="softmax"), ar, 1).covariance[1]
    np.testing.assert_allclose(all_read[0], [0.670881422659, 0.638989202641, 0.62386192479], rtol=1e-11)
    causal = propagate_pixels(Attention(scores="softmax", causal=True), ar, 1).covariance[1]
    np.testing.assert_allclose(causal[0], [1, 0.75, 0.584869308388], rtol=1e-11)
    np.testing.assert_allclose(causal[1, 1:], [0.793379035858, 0.638595270852], rtol=1e-11)
    uneven = np.array([[1.5, 0.4, 0.1], [0.4, 0.8, -0.2], [0.1, -0.2, 1.0]])
    for mask, simulated in ((False, [0.679, 0.684, 0.783]), (True, [1.496, 0.582, 0.334])):
        layer = Attention(scores="softmax", sigma_qk=0.7**0.5, causal=mask)
        np.testing.assert_allclose(propagate_pixels(layer, uneven, 1).gradient[0], simulated, atol=0.02)


def test_softmax_of_equal_tokens_is_a_dense_layer():
    layer, dense = Attention(1.3, 0.2, "softmax", 3.0), mf.Dense(1.3, 0.2)
    assert mf.analyze(mf.Network(layer, "tanh")).c_star == mf.analyze(mf.Network(dense, "tanh")).c_star


def test_ranks_collapse_unless_branches_shrink_with_depth():
    """The distance of tokens stays (1 − ρ), q grows by 1 + a²(1 + (n − 1)ρ)/n a layer."""

    def rho(depth, a2):
        block = Residual(Attention(), branch_scale=a2**0.5)
        return 1 - propagate_pixels(block, np.eye(4), depth).one_minus_c[-1, 0, 1]

    assert 1 - rho(100, 1.0) < 1e-28
    assert 0.2 < rho(64, 1 / 64) < 0.4
    # as L → ∞, q − r stays 1 and dr = (1 + 4r)/4 per unit of l/L for n = 4, so that r = (e − 1)/4 at the end
    r = (np.e - 1) / 4
    assert rho(1000, 1 / 1000) == pytest.approx(r / (1 + r), abs=5e-4)


def test_gaussian_scores_by_sums_written_out():
    """Wick: E (q_i·k_j)(q_i′·k_j′) v_j v_j′ is a product of three covariances for any head."""
    sequences, n, s, w, b = 3, 4, 0.7, 1.2, 0.3
    sigma = covariance(sequences * n)
    expected = np.full_like(sigma, b**2)
    for x, y in np.ndindex(sigma.shape):
        a, c = x // n * n, y // n * n
        for j, k in np.ndindex(n, n):
            expected[x, y] += w**2 * s**2 * sigma[x, y] * sigma[a + j, c + k] ** 2 / n**2
    run = propagate_pixels(Attention(w, b, "gaussian", s), sigma, 1, pixels=n)
    assert_equal_covariances(run.covariance[1], expected, rtol=1e-13)


def test_uniform_scores_by_means_written_out():
    sigma = covariance(12)
    means = sigma.reshape(3, 4, 3, 4).mean(axis=(1, 3))
    run = propagate_pixels(Attention(1.2, 0.3), sigma, 1, pixels=4)
    assert_equal_covariances(run.covariance[1], np.kron(0.09 + 1.44 * means, np.ones((4, 4))), rtol=1e-13)
    assert np.all(run.one_minus_c[1].reshape(3, 4, 3, 4)[[0, 1, 2], :, [0, 1, 2]] == 0)


@both
def test_forward_and_backward_against_many_heads_of_several_keys(scores):
    """A network that NumPy draws here: moments, and ‖∂y/∂x_i‖² by finite differences along random directions."""
    n, width, keys, s, w, b, scale, h = 3, 240, 2, 1.2, 0.8, 0.3, 0.7, 1e-4
    rng = np.random.default_rng(1)
    sigma = covariance(n)
    found = []

    def network(x, layers):
        for q, k, v, o, bias in layers:
            value = x @ v.T
            if scores == "uniform":
                read = np.broadcast_to(value.mean(axis=0), value.shape)
            else:
                a = sum((x @ q[i].T)[:, None] * (x @ k[i].T)[None] for i in range(keys)) / keys**0.5  # (i, j, head)
                read = np.einsum("ijh,jh->ih", a, value) / n
            x = x + scale * (read @ o.T + bias)
        return x

    for _ in range(50):
        layers = [
            (
                *(s**0.5 * rng.standard_normal((2, keys, width, width)) / width**0.5),
                rng.standard_normal((width, width)) / width**0.5,
                w * rng.standard_normal((width, width)) / width**0.5,
                b * rng.standard_normal(width),
            )
            for _ in range(2)
        ]
        x = np.linalg.cholesky(sigma) @ np.linalg.qr(rng.standard_normal((width, n)))[0].T * width**0.5
        y = network(x, layers)
        squares = []
        for token in range(n):
            u = np.zeros_like(x)
            u[token] = h * rng.standard_normal(width)
            squares.append(np.sum((network(x + u, layers) - network(x - u, layers)) ** 2) / (4 * h**2 * width))
        found.append(np.r_[np.ravel(y @ y.T / width), squares])
    run = propagate_pixels(Residual(Attention(w, b, scores, s), branch_scale=scale), sigma, 2)
    mean, error = np.mean(found, axis=0), np.std(found, axis=0) / 50**0.5
    assert np.max(error / mean) < 0.06
    assert np.all(np.abs(np.r_[run.covariance[-1].ravel(), run.gradient[0]] - mean) < 4.5 * error)


@pytest.mark.parametrize("block", [BLOCKS["uniform"], BLOCKS["gaussian"], BLOCKS["residual"]])
def test_the_pullback_is_the_transpose_of_the_linearised_map_of_covariances(block):
    rng, n, h = np.random.default_rng(0), 3, 1e-6
    sigma, (g, direction) = covariance(6), rng.standard_normal((2, 6, 6))
    g, direction = g + g.T, direction + direction.T
    ahead, behind = (propagate_pixels(block, sigma + x * direction, 1, pixels=n).covariance[1] for x in (h, -h))
    q = np.diagonal(sigma)
    state = Covariance(q=q, d=Bounded(0.5 * (q[:, None] + q) - sigma), images=(n,))
    back = carried(block, state, 1)[1]
    assert np.sum(back(g) * direction) == pytest.approx(np.sum(g * (ahead - behind)) / (2 * h), rel=1e-7)


@blocks
@pytest.mark.parametrize("c", [0.3, 1 - 1e-12, -0.5])
def test_sequences_of_one_vector_are_what_analysis_follows(block, c):
    tokens, depth, rtol = 3, 4, 1e-11 if "tanh" in repr(block) else 1e-13  # pairs of tanh are integrated
    run = mf.propagate(block, depth, c=c)
    after, back = carried(block, repeated(c, tokens), depth)
    np.testing.assert_allclose(after.q, run.q[-1], rtol=rtol)
    gaps = after.pair.one_minus_c.reshape(2, tokens, 2, tokens)
    assert np.all(gaps[0, :, 0] == 0)
    np.testing.assert_allclose(gaps[0, :, 1], run.one_minus_c[-1], rtol=rtol)
    for g in (np.eye(6), np.ones((6, 6)), covariance(6, seed=3)):  # whatever the tokens' gradients are
        assert np.sum(back(g)[:tokens, :tokens]) == pytest.approx(run.gradient[0] * np.sum(g[:3, :3]), rel=10 * rtol)


def test_how_near_two_sequences_are_keeps_its_digits():
    q1, q2, d, s = 1.3, 1.3 * (1 + 1e-7), 1e-9, 0.8
    with mpmath.workdps(50):
        k = (mpmath.mpf(q1) + mpmath.mpf(q2)) / 2 - mpmath.mpf(d)
        expected = mpmath.mpf(s) ** 2 * ((mpmath.mpf(q1) ** 3 + mpmath.mpf(q2) ** 3) / 2 - k**3)
        slope = 3 * mpmath.mpf(s) ** 2 * k**2
    layer, pair = Attention(scores="gaussian", sigma_qk=s), Pair.of(q1, q2, d)
    found = two_points(layer, pair)
    assert abs(found.d.value - expected) <= min(found.d.error, 1e-14 * expected)
    assert found.d.error <= 1e-14 * expected
    assert pair_slope(layer, pair).value == pytest.approx(float(slope), rel=1e-15)
    q = np.repeat([q1, q2], 2)
    among = np.kron(d * (1 - np.eye(2)), np.ones((2, 2)))
    tokens = all_points(layer, Covariance(q=q, d=Bounded(among), images=(2,)))[0]
    assert tokens.d.value[0, 2] == pytest.approx(float(expected), rel=1e-13)


def test_gaussian_scores_without_biases_keep_the_correlations_within_a_sequence():
    """Σ′ of one sequence is proportional to Σ, to all digits, so that no rank collapses."""
    gap = np.array([[0.0, 1e-20, 0.5], [1e-20, 0.0, 0.5], [0.5, 0.5, 0.0]])
    state = Covariance(q=np.ones(3), d=Bounded(gap), images=(3,))
    after = carried(Residual(RMSNorm(), Attention(1.3, scores="gaussian")), state, 20)[0]
    np.testing.assert_allclose(after.pair.one_minus_c, gap, rtol=1e-13)


@pytest.mark.sweep(2)
@blocks
def test_covariances_stay_covariances_and_permute_with_tokens_and_sequences(block):
    sigma = covariance(12, rank=5)
    run = propagate_pixels(block, sigma, 3, pixels=4)
    for after in run.covariance:
        np.testing.assert_allclose(after, after.T, rtol=0, atol=1e-15 * after.max())
        assert np.linalg.eigvalsh(after)[0] >= -1e-13 * np.trace(after)
    tokens = np.concatenate([np.random.default_rng(i).permutation(4) + 4 * i for i in range(3)])
    for order in (tokens, np.r_[8:12, 0:4, 4:8]):
        moved = propagate_pixels(block, sigma[np.ix_(order, order)], 3, pixels=4)
        np.testing.assert_allclose(moved.covariance[-1], run.covariance[-1][np.ix_(order, order)], rtol=1e-11)
        np.testing.assert_allclose(moved.gradient[0], run.gradient[0][order], rtol=1e-11)


def test_one_token_with_uniform_scores_is_a_dense_layer():
    sigma = covariance(5)
    x = np.linalg.cholesky(sigma + 1e-15 * np.eye(5)) * 5**0.5
    run = propagate_pixels(mf.Network("relu", Attention(1.4, 0.3)), sigma, 3, pixels=1)
    np.testing.assert_allclose(run.covariance[-1], mf.kernel(mf.mlp("relu", 1.4, 0.3), x, 3), rtol=1e-9)
    for field, expected in mf.analyze(mf.mlp("tanh", [0.8, 1.5], 0.2)).to_dict().items():
        assert mf.analyze(mf.Network("tanh", Attention([0.8, 1.5], 0.2))).to_dict()[field] == expected


@settings(max_examples=25)
@given(st.floats(0.1, 3), deviations(2), deviations(2), st.floats(-1, 1))
def test_gaussian_scores_are_cubic(a, sigma_w, sigma_qk, c):
    layer, sigma = Attention(sigma_w, 0.0, "gaussian", sigma_qk), covariance(6)
    one, other = (propagate_pixels(layer, x * sigma, 1, pixels=3).covariance[1] for x in (1.0, a))
    np.testing.assert_allclose(other, a**3 * one, rtol=1e-12)
    pair = two_points(layer, Pair.at(a, a * (1 - c)))
    size = (sigma_w * sigma_qk) ** 2 * a**3
    assert pair.covariance.value == pytest.approx(size * c**3, abs=1e-14 * size)
    with_error = one_point(layer, Point(q=Bounded(a, 1e-3 * a)))
    ends = [one_point(layer, Point.at(a * x)).q.value for x in (0.999, 1.001)]
    assert max(abs(end - with_error.q.value) for end in ends) <= with_error.q.error
    assert with_error.slope.value == with_error.chi.value == pytest.approx(3 * size / a, rel=1e-14)


@blocks
def test_slopes_are_derivatives(block):
    q, h = 0.4, 1e-5
    low, high = mf.variance_map(block, [q * (1 - h), q * (1 + h)]).value
    found = one_point(mf.Network(block), Point.at(q))
    assert found.slope.value == pytest.approx((high - low) / (2 * h * q), rel=1e-7, abs=1e-9)


def test_fixed_points_and_criticality_of_cubic_maps():
    """q′ = σ_b² + σ_w² q³: the gradient factor is 1 where 3 σ_w² q² = 1, that is at q = (3/2) σ_b²."""
    zero, other = mf.fixed_points(Attention(0.5, 0.0, "gaussian"))
    assert (zero.q, zero.stable, other.stable) == (0.0, True, False)
    assert (other.q, other.slope) == pytest.approx((2.0, 3.0), rel=1e-12)
    line = mf.critical_line(Attention(scores="gaussian"), 0.2)
    assert line.q[0] == pytest.approx(0.06, rel=1e-9)
    assert line.sigma_w[0] == pytest.approx((3 * 0.06**2) ** -0.5, rel=1e-9)
    normed = mf.analyze(mf.Network(RMSNorm(), Attention(1.0, 0.3, "gaussian")))
    assert (float(normed.q_star), float(normed.chi_1)) == pytest.approx((1.09, 3 / 1.09), rel=1e-13)
    c = float(normed.c_star)
    assert (c**3 + 0.09) / 1.09 == pytest.approx(c, rel=1e-10)
    line = mf.critical_line(mf.Network(RMSNorm(), Attention(scores="gaussian")), 0.2)  # 3 σ_w² = σ_w² + σ_b²
    assert line.sigma_w[0] == pytest.approx(0.2 / 2**0.5, rel=1e-9)


@both
def test_transformer_blocks_by_their_factors_written_out(scores):
    """Attention's branch has χ = σ_w² k/q with k = 1 or 3, the feed-forward one's ReLU σ_1²/2·σ_2²."""
    a, s = 0.7, 1.3
    block = mf.Network(
        Residual(RMSNorm(), Attention(s, 0.0, scores), skip_scale=a),
        Residual(RMSNorm(), mf.Dense(1.0), "relu", mf.Dense(1.4), skip_scale=a),
    )
    found = mf.analyze(block)
    read, fed = s**2, 1.4**2 / 2
    q = (a**2 * read + fed) / (1 - a**4)
    between = a**2 * q + read
    chi = (a**2 + (3 if scores == "gaussian" else 1) * read / q) * (a**2 + fed / between)
    assert (float(found.q_star), float(found.chi_1)) == pytest.approx((q, chi), rel=1e-12)


def test_gradients_that_are_infinite_are_hidden_by_scores_of_zero():
    for layer in (Attention(1.0, 0.3, "gaussian", 0.0), Attention(0.0, 0.3)):
        assert mf.propagate(mf.Network("sign", layer), 1, c=0.2).chi[0] == 0


def test_second_moments_beyond_the_range_of_floats_are_refused():
    layer = Attention(2.0, scores="gaussian", sigma_qk=2.0)
    for call in (
        lambda: propagate_pixels(layer, 3 * np.eye(3), 20),
        lambda: mf.propagate(layer, 20),
        lambda: mf.propagate(layer, 20, c=0.3),
        lambda: mf.variance_map(layer, 1e150),
    ):
        with pytest.raises(mf.DivergentExpectation, match="after attention exceeds the range of a float"):
            call()


def test_arrays_give_what_their_entries_give():
    block = mf.Network(RMSNorm(), Attention(np.array([0.5, 1.1]), 0.3, "gaussian", np.array([[0.6], [1.2]])))
    together = mf.propagate(block, 3, c=0.3)
    for i, j in np.ndindex(2, 2):
        layer = Attention([0.5, 1.1][j], 0.3, "gaussian", [0.6, 1.2][i])
        alone = mf.propagate(mf.Network(RMSNorm(), layer), 3, c=0.3)
        for field in ("q", "one_minus_c", "chi"):
            np.testing.assert_allclose(getattr(together, field)[:, i, j], getattr(alone, field), rtol=1e-13)
