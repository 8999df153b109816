"""Attention at finite width: points are sequences × tokens, and gradients go back through values, queries and keys."""

import numpy as np
import pytest

import meanfield as mf
from meanfield.montecarlo.draws import Draw
from meanfield.montecarlo.layer_passes import forward
from meanfield.montecarlo.materialized import Materialized
from meanfield.networks.layers.attention import Attention
from meanfield.networks.layers.convolution import Conv
from meanfield.networks.layers.gated import Gated
from meanfield.networks.layers.normalisation import LayerNorm, RMSNorm
from meanfield.networks.layers.residual import Residual
from meanfield.theory.depth.pixels import propagate_pixels
from meanfield.theory.layer_maps.covariance import Points, all_points
from meanfield.theory.states import TwoPoints

FLOAT = np.dtype(np.float64)
both = pytest.mark.parametrize("scores", ["uniform", "gaussian"])


class Frozen(Draw):
    """The same weights and biases however often the layers are run, on sequences of 4 tokens."""

    def __init__(self, tokens=4, width=6):
        super().__init__(np.random.default_rng(0), width, FLOAT, (tokens,))
        self.matrices = []

    def product(self, x, sigma_w):
        W = sigma_w * self.rng.standard_normal((self.width, x.shape[1])) / x.shape[1] ** 0.5
        self.matrices.append(W)
        return x @ W.T, lambda g: g @ W


@both
@pytest.mark.parametrize("around", [lambda layer: layer, lambda layer: Residual(RMSNorm(), layer, branch_scale=0.4)])
def test_the_pullback_is_the_transpose_of_the_linearised_map(scores, around):
    rng, step = np.random.default_rng(3), 1e-6
    x, g, direction = rng.standard_normal((3, 8, 6))
    layer = around(Attention(1.3, 0.2, scores, 0.7))
    _, pullback = forward(layer, x, Frozen())
    ahead, behind = (forward(layer, x + s * step * direction, Frozen())[0] for s in (1, -1))
    assert np.sum(pullback(g) * direction) == pytest.approx(np.sum(g * (ahead - behind)) / (2 * step), rel=1e-7)


@both
def test_it_is_the_sum_over_tokens_written_out(scores):
    x, draw = np.random.default_rng(1).standard_normal((2, 4, 6)), Frozen()
    y, _ = forward(Attention(1.3, 0.0, scores, 0.7), x.reshape(8, 6), draw)
    V, *QK, O = draw.matrices
    expected = np.zeros_like(x)
    for sequence, i, j, head in np.ndindex(2, 4, 4, 6):
        a = 1.0 if scores == "uniform" else (QK[0][head] @ x[sequence, i]) * (QK[1][head] @ x[sequence, j])
        expected[sequence, i] += O[:, head] * a * (V[head] @ x[sequence, j]) / 4
    np.testing.assert_allclose(y.reshape(2, 4, 6), expected, rtol=1e-12)


@both
def test_tokens_in_another_order(scores):
    x, order = np.random.default_rng(1).standard_normal((8, 6)), np.r_[6, 4, 5, 7, 1, 3, 2, 0]
    layer = Attention(1.3, 0.2, scores, 0.7)
    (y, back), (moved, back_moved) = (forward(layer, x[which], Frozen()) for which in (slice(None), order))
    np.testing.assert_allclose(moved, y[order], rtol=1e-12)
    np.testing.assert_allclose(back_moved(x[order]), back(x)[order], rtol=1e-12, atol=1e-14)


@both
def test_single_precision_stays_single_precision(scores):
    draw = Materialized(np.random.default_rng(0), 8, np.dtype("float32"), "gaussian", pixels=(4,))
    y, pullback = forward(Attention(1.2, 0.3, scores, 0.7), np.ones((8, 8), dtype="float32"), draw)
    assert y.dtype == pullback(y).dtype == np.float32


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


BLOCKS = {
    "uniform": Attention(1.2, 0.2),
    "gaussian": Attention(0.9, 0.3, "gaussian"),
    "uniform, residual": Residual(Attention(1.1), branch_scale=0.7),
    "gaussian, residual": Residual(Attention(1.0, 0.0, "gaussian"), skip_scale=0.8),
    "gaussian, normalised": mf.Network(RMSNorm(), Attention(1.0, 0.2, "gaussian", 1.2)),
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


@blocks
def test_simulation_and_theory_agree(block):
    for tokens in (1, 4):
        assert mf.crosscheck(block, 3, 512, networks=24, c=0.3, rng=tokens, method="exact_law", pixels=tokens)
    assert mf.crosscheck(block, 3, 96, networks=12, c=-0.4, rng=1, pixels=3)


def test_uniform_scores_over_many_tokens():
    assert mf.crosscheck(BLOCKS["transformer"], 3, 512, networks=12, c=0.3, rng=0, method="exact_law", pixels=32)


@blocks
def test_sequences_that_are_given(block):
    """(N, channels, tokens), of tokens that differ in length and are correlated within and between sequences."""
    x = np.random.default_rng(0).standard_normal((2, 20, 3)) * [0.6, 1.0, 1.3] + 0.4
    assert mf.crosscheck(block, 3, 512, networks=32, inputs=x, rng=0, method="exact_law")


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


class Wrong(Attention):
    """Attention whose theory has 3 % too much second moment in it."""


@all_points.register
def _(layer: Wrong, state):
    after, back = all_points(Attention(layer.sigma_w, layer.sigma_b, layer.scores, layer.sigma_qk), state)
    pair = after.pair
    return Points(TwoPoints(1.03 * pair.q1, 1.03 * pair.q2, 1.03 * pair.d, pair.error), after.images), back


def mistaken(layer):
    if isinstance(layer, Attention):
        return Wrong(layer.sigma_w, layer.sigma_b, layer.scores, layer.sigma_qk)
    return layer.rebuilt(tuple(mistaken(inner) for inner in layer.inner))


@pytest.mark.parametrize("name", BLOCKS)
def test_a_map_that_is_wrong_by_three_percent_is_found(name):
    """Without a norm q is cubed, with its fluctuations, and scores add chance overlaps: that takes a wider network."""
    block, cubic = BLOCKS[name], name in ("gaussian", "gaussian, residual")
    size = {"depth": 2, "width": 2048, "networks": 48} if cubic else {"depth": 3, "width": 512, "networks": 128}
    if name in ("gaussian, normalised", "gated transformer"):
        size = {"depth": 4, "width": 4096, "networks": 64}
    arguments = size | {"c": 0.3, "rng": 0, "method": "exact_law", "pixels": 3 if cubic else 2}
    assert mf.crosscheck(block, **arguments)
    assert not mf.crosscheck(mistaken(block), **arguments)
