"""Attention at finite width: points are sequences × tokens, and gradients go back through values, queries and keys."""

import numpy as np
import pytest
from frozen_draw import Frozen, assert_transposed
from layer_cases import ATTENTION
from rounding import assert_equal_sums

import meanfield as mf
from meanfield.montecarlo.layer_passes import forward
from meanfield.networks.layers.attention import Attention
from meanfield.networks.layers.convolution import Conv
from meanfield.networks.layers.normalisation import RMSNorm
from meanfield.networks.layers.residual import Residual
from meanfield.theory.depth.pixels import propagate_pixels

both = pytest.mark.parametrize("scores", ["uniform", "gaussian"])


@both
def test_it_is_the_sum_over_tokens_written_out(scores):
    x, draw = np.random.default_rng(1).standard_normal((2, 4, 6)), Frozen(6, (4,))
    y, _ = forward(Attention(1.3, 0.0, scores, 0.7), x.reshape(8, 6), draw)
    V, *QK, O = draw.matrices
    expected, size = np.zeros_like(x), np.zeros_like(x)
    for sequence, i, j, head in np.ndindex(2, 4, 4, 6):
        one, other = x[sequence, i], x[sequence, j]
        a = 1.0 if scores == "uniform" else (QK[0][head] @ one) * (QK[1][head] @ other)
        b = 1.0 if scores == "uniform" else (abs(QK[0][head]) @ abs(one)) * (abs(QK[1][head]) @ abs(other))
        expected[sequence, i] += O[:, head] * a * (V[head] @ other) / 4
        size[sequence, i] += abs(O[:, head]) * b * (abs(V[head]) @ abs(other)) / 4
    assert_equal_sums(y.reshape(2, 4, 6), expected, size, 4 * 6)


@pytest.mark.parametrize("causal", [False, True])
def test_softmax_of_several_heads_written_out(causal):
    width, heads = 16, 2
    x, draw = np.random.default_rng(1).standard_normal((2, 3, width)), Frozen(width, (3,))
    layer = Attention(1.3, 0.0, "softmax", 0.7, causal)
    y, _ = forward(layer, x.reshape(6, width), draw)
    V, Q, K, O = draw.matrices
    assert np.mean(Q**2) * width == pytest.approx(0.7, rel=0.15)
    expected = np.zeros_like(x)
    for sequence, i, head in np.ndindex(2, 3, heads):
        rows = slice(head * width // heads, (head + 1) * width // heads)
        seen = x[sequence, : i + 1] if causal else x[sequence]
        a = np.exp(seen @ K[rows].T @ (Q[rows] @ x[sequence, i]) / (width / heads) ** 0.5)
        expected[sequence, i] += O[:, rows] @ (V[rows] @ (a / a.sum() @ seen))
    np.testing.assert_allclose(y.reshape(x.shape), expected, rtol=0, atol=1e-12)
    assert_transposed(lambda x: forward(layer, x, Frozen(width, (3,))), x.reshape(6, width))


@pytest.mark.parametrize("scores", ["uniform", "gaussian", "softmax"])
def test_tokens_in_another_order(scores):
    x, order = np.random.default_rng(1).standard_normal((8, 6)), np.r_[6, 4, 5, 7, 1, 3, 2, 0]
    layer = Attention(1.3, 0.2, scores, 0.7)
    (y, back), (moved, back_moved) = (forward(layer, x[which], Frozen(6, (4,))) for which in (slice(None), order))
    assert_equal_sums(moved, y[order], np.max(np.abs(y)), 4 * 6)
    gradient, gradient_moved = back(x), back_moved(x[order])
    assert_equal_sums(gradient_moved, gradient[order], np.max(np.abs(gradient)), 4 * 6)


@both
def test_a_law_for_each_matrix_of_values_queries_keys_and_output(scores):
    seen = []

    def law(name, sigma):
        def sampler(rng, fan_out, fan_in):
            seen.append(name)
            return sigma * rng.standard_normal((fan_out, fan_in)) / fan_in**0.5

        return sampler

    scale = {"V": 1.0} | ({} if scores == "uniform" else {"Q": 0.8, "K": 0.8}) | {"O": 1.3}
    laws = [law(name, sigma) for name, sigma in scale.items()]
    layer = Attention(1.3, 0.1, scores, 0.64)
    run = mf.simulate(layer, 1, 16, networks=2, rng=0, weights=laws, pixels=3)
    assert seen[: len(laws)] == list(scale)
    assert [matrix.sigma_w for matrix in run.matrices] == pytest.approx(list(scale.values()))
    with pytest.raises(mf.InvalidInput, match=f"here {len(laws)}, not 1"):
        mf.simulate(layer, 1, 16, networks=2, rng=0, weights=laws[:1])
    assert mf.crosscheck(layer, 1, 128, networks=16, rng=0, weights=laws, pixels=3)
    laws[0] = law("V", 1.1)
    check = mf.crosscheck(layer, 1, 128, networks=16, rng=0, weights=laws, pixels=3)
    assert (check.passed, check.cause.quantity) == (False, "sigma_w")


@pytest.mark.parametrize("weights", ["uniform", "orthogonal", "sparse"])
@both
def test_matrices_of_other_laws_agree_with_the_theory(weights, scores):
    block = Residual(RMSNorm(), Attention(1.2, 0.1, scores), branch_scale=0.5)
    assert mf.crosscheck(block, 3, 128, networks=16, c=0.3, rng=2, weights=weights, pixels=3)


blocks = pytest.mark.parametrize("name", ATTENTION)


@blocks
def test_a_single_token(name):
    assert mf.crosscheck(ATTENTION[name].block, 3, 512, networks=12, c=0.3, rng=1, method="exact_law", pixels=1)


def test_uniform_scores_over_many_tokens():
    assert mf.crosscheck(
        ATTENTION["transformer"].block, 3, 512, networks=12, c=0.3, rng=0, method="exact_law", pixels=32
    )


@blocks
def test_sequences_that_are_given(name):
    """(N, channels, tokens), of tokens that differ in length and are correlated within and between sequences."""
    x = np.random.default_rng(0).standard_normal((2, 20, 3)) * [0.6, 1.0, 1.3] + 0.4
    assert mf.crosscheck(ATTENTION[name].block, 3, 512, networks=32, inputs=x, rng=0, method="exact_law")


def test_tokens_are_all_pixels_beside_a_convolution():
    block = mf.Network("tanh", Conv(1.3, 0.1, (2, 2)), Residual(Attention(1.1)))
    assert mf.crosscheck(block, 3, 256, networks=16, c=0.3, rng=0, method="exact_law", pixels=(3, 3))


def test_crowded_tokens_make_q_too_large_by_their_number_over_the_width():
    """Scores square what tokens have in common by chance: nothing at first, about (4 + 6/n)(n − 1)/width in layer 2."""
    block, n, width = mf.Network(RMSNorm(), Attention(scores="gaussian")), 12, 192
    run = mf.simulate(block, 2, width, networks=192, pixels=n, rng=0, method="exact_law")
    q = [one.mean() for one in propagate_pixels(block, np.eye(n), 2).q]
    bias, error = run.q.mean / q - 1, run.q.standard_error / q
    assert abs(bias[1]) <= 4 * error[1]
    assert 0.5 < bias[2] / ((n - 1) / width * (4 + 6 / n)) < 2
    assert mf.crosscheck(block, 2, width, networks=192, pixels=n, rng=0, method="exact_law")  # it allows for them
