"""What is recommended for blocks: weights that are critical where they can be, and honest numbers where not."""

import ast

import numpy as np
import pytest

import meanfield as mf
from meanfield.networks.layers.batchnorm import BatchNorm
from meanfield.networks.layers.convolution import Conv
from meanfield.networks.layers.dropout import Dropout
from meanfield.networks.layers.noise import AdditiveNoise
from meanfield.networks.layers.normalisation import LayerNorm, RMSNorm
from meanfield.networks.layers.residual import Residual
from meanfield.networks.text.text import written

NORMALISED = {  # √(E φ′² − E φ²) at q = 1; Doshi, He & Gromov 2021 (arXiv:2111.12143)
    "erf": 0.32380701094355827,
    "gelu": 0.17501252263477733,
    "tanh": 0.26477993135890618,
    "silu": 0.15397023028974514,
}
BLOCKS = {
    "dropout": mf.Network("relu", Dropout(0.2), mf.Dense()),
    "additive": mf.Network("relu", AdditiveNoise(0.3), mf.Dense()),
    "pre-norm": mf.Network(LayerNorm(), "erf", mf.Dense()),
    "post-norm": mf.Network(Residual("tanh", mf.Dense()), LayerNorm()),
    "norm behind": mf.Network("relu", LayerNorm(), mf.Dense()),
    "skip": Residual("gelu", mf.Dense(), skip_scale=0.6),
    "whole skip": Residual("relu", mf.Dense()),
    "transformer": mf.Network(
        Residual(RMSNorm(), "relu", mf.Dense()), Residual(LayerNorm(), "gelu", mf.Dense(), "gelu", mf.Dense())
    ),
    "two layers": mf.Network("relu", mf.Dense(), "relu", mf.Dense()),
    "batch norm": mf.Network(BatchNorm(8), "relu", mf.Dense()),
    "batch norm, skip": Residual(BatchNorm(8), "relu", mf.Dense()),
    "batch norm, short skip": Residual(BatchNorm(8), "relu", mf.Dense(), skip_scale=0.5),
    "concatenation": mf.Network(mf.Concatenate("relu", mf.Dense()), mf.Dense()),
    "linear": mf.Dense(),
    "convolution": Residual("erf", Conv(kernel_size=3), skip_scale=0.5),
    "jump": mf.Network(LayerNorm(), "sign", mf.Dense()),
}


@pytest.mark.sweep(2)
@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
def test_every_block_has_numbers_a_sentence_and_code(block):
    advice = mf.recommend(block)
    assert np.isfinite([advice.sigma_w, advice.sigma_b, advice.gain, advice.q, advice.start]).all()
    assert advice.sigma_w > 0
    assert min(advice.sigma_b, advice.q) >= 0
    assert min(advice.max_depth, advice.start) > 0
    assert not np.isnan([advice.xi_c, advice.growth, advice.max_depth]).any()
    assert advice.reason.endswith(".")
    assert ". " not in advice.reason
    assert "\n" not in advice.reason
    for code in advice.snippets.values():
        ast.parse(code)
    network = mf.Network(block).at(sigma_w=advice.sigma_w, sigma_b=advice.sigma_b)
    assert f"for {written(block)[:12]}" in advice.snippets["numpy"]
    if np.isfinite(advice.growth):
        assert mf.propagate(network, 50, q=advice.start).gradient[0] == pytest.approx(advice.growth, rel=1e-9)


@pytest.mark.parametrize(
    "name", ["pre-norm", "post-norm", "norm behind", "skip", "two layers", "concatenation", "convolution"]
)
def test_what_can_be_critical_is(name):
    advice = mf.recommend(BLOCKS[name])
    network = mf.Network(BLOCKS[name]).at(sigma_w=advice.sigma_w, sigma_b=advice.sigma_b)
    a = mf.analyze(network, q=max(advice.q, 1e-3))
    assert a.chi_1 == pytest.approx(1, abs=1e-9)
    assert a.q_star == pytest.approx(advice.q, rel=1e-4, abs=1e-9)  # q is marginal at a half-stable point
    assert advice.xi_c == np.inf


def test_a_block_that_is_a_plain_layer_is_recommended_what_its_activation_is():
    for name in ("gelu", "tanh", "relu", "sign"):
        spec, block = mf.recommend(name), mf.recommend(mf.Network(name, mf.Dense(7.0, 3.0)))
        assert vars(spec) == vars(block)


@pytest.mark.parametrize("keep", [0.5, 0.9])
def test_relu_under_dropout(keep):
    advice = mf.recommend(mf.Network("relu", Dropout(1 - keep), mf.Dense()), depth=200)
    assert (advice.sigma_w**2, advice.sigma_b, advice.q) == (pytest.approx(2 * keep), 0.0, 1.0)
    assert advice.universality == "scale_invariant"
    assert advice.growth == pytest.approx(1, rel=1e-12)
    assert advice.max_depth == pytest.approx(6 * {0.5: 0.79631359155550961, 0.9: 2.2740343218819391}[keep], rel=1e-9)
    assert advice.reason.startswith("Dropout parts equal inputs")


def test_an_odd_activation_under_noise_carries_deepest_without_biases():
    advice = mf.recommend(mf.Network("erf", Dropout(0.1), mf.Dense()))
    assert advice.sigma_b == 0
    assert advice.sigma_w**2 == pytest.approx(0.9 * np.pi / 4, rel=1e-9)
    assert advice.max_depth == pytest.approx(-6 / np.log(0.9), rel=1e-9)
    for sigma_b in (0.05, 0.4):
        a = mf.analyze(mf.Network("erf", Dropout(0.1), mf.Dense(np.linspace(0.5, 2, 16), sigma_b)))
        assert np.all(6 * a.xi_c < advice.max_depth)


@pytest.mark.long
@pytest.mark.slow
def test_larger_weights_than_recommended_do_not_make_q_run_away():
    block = mf.Network("gelu", Dropout(0.1), mf.Dense())
    advice = mf.recommend(block)
    beyond = mf.analyze(block.at(sigma_w=1.01 * advice.sigma_w, sigma_b=advice.sigma_b)).q_star
    assert beyond < 2 * advice.q


@pytest.mark.parametrize("mu", [0.0, 0.6])
@pytest.mark.parametrize(("name", "ratio"), NORMALISED.items())
def test_normalised_pre_activations_are_critical_at_the_q_of_one(name, ratio, mu):
    advice = mf.recommend(Residual(LayerNorm(), name, mf.Dense(), skip_scale=mu))
    assert advice.sigma_b / advice.sigma_w == pytest.approx(ratio, rel=1e-12)
    assert advice.q == 1.0
    block = Residual(LayerNorm(), name, mf.Dense(advice.sigma_w, advice.sigma_b), skip_scale=mu)
    assert mf.variance_map(block, 1.0).value == pytest.approx(1.0, rel=1e-12)


@pytest.mark.long
@pytest.mark.slow
def test_without_a_critical_point_a_q_that_grows_slowly_is_better_than_gradients_that_vanish():
    advice = mf.recommend(Residual("squareplus", mf.Dense(), skip_scale=0.5))  # (x + √(x² + 4))/2
    assert "negative sigma_b²" in advice.reason
    assert advice.sigma_w**2 == pytest.approx(2 * (1 - 0.5**2), rel=1e-9)  # what it is at large q is ReLU
    q = mf.propagate(Residual("squareplus", mf.Dense(advice.sigma_w), skip_scale=0.5), 200).q
    assert 1 < q[200] / q[100] < 8


@pytest.mark.parametrize("mu", [0.1, 0.6, 0.95])
def test_relu_beside_a_skip_weight(mu):
    advice = mf.recommend(Residual("relu", mf.Dense(), skip_scale=mu))
    assert advice.sigma_w**2 == pytest.approx(2 * (1 - mu**2), rel=1e-12)
    assert (advice.sigma_b, advice.universality, advice.growth) == (0, "scale_invariant", pytest.approx(1, rel=1e-12))


def test_gelu_beside_a_skip_weight_has_the_point_of_gelu():
    point, advice = mf.critical_point("gelu"), mf.recommend(Residual("gelu", mf.Dense(), skip_scale=0.6))
    assert advice.universality == "half_stable"
    assert (advice.sigma_w, advice.sigma_b) == pytest.approx((0.8 * point.sigma_w, 0.8 * point.sigma_b), rel=1e-9)
    assert advice.q == pytest.approx(point.q, rel=1e-9)


@pytest.mark.parametrize("depth", [10, 50])
def test_a_whole_skip_is_told_its_growth_and_the_cure(depth):
    """ReLU: 2 a layer, and (1 + 1/L)^L with a branch of 1/√L (Hayou et al. 2021)."""
    advice = mf.recommend(Residual("relu", mf.Dense()), depth=depth)
    assert advice.sigma_w**2 == pytest.approx(2)
    assert advice.growth == pytest.approx(2.0**depth, rel=1e-12)
    assert f"{depth**-0.5:.4g}" in advice.reason
    assert f"{(1 + 1 / depth) ** depth:.4g}" in advice.reason
    assert "exponentially with a factor 2" in advice.reason
    assert advice.max_depth == pytest.approx(6 / np.log(2), rel=1e-9)
    cured = mf.recommend(Residual("relu", mf.Dense(), branch_scale=depth**-0.5), depth=depth)
    assert cured.growth == pytest.approx((1 + 1 / depth) ** depth, rel=1e-12)
    assert "short enough" in cured.reason


def test_a_normalised_branch_grows_like_depth():
    """J ~ l^ζ with ζ = 1 where the branch is critical (Doshi, He & Gromov 2021): (1 + 1/1)(1 + 1/2)… = 1 + L."""
    for name in ("relu", "erf"):
        advice = mf.recommend(Residual(LayerNorm(), name, mf.Dense()), depth=30)
        assert advice.growth == pytest.approx(31, rel=1e-10)
        assert advice.max_depth == pytest.approx(np.exp(6), abs=1)
        assert "more slowly than exponentially" in advice.reason


def test_trainable_layers_beyond_those_followed_go_by_how_their_rate_goes_on():
    advice = mf.recommend(Residual(LayerNorm(), "relu", mf.Dense(), branch_scale=0.1))
    assert advice.max_depth == pytest.approx(100 * np.expm1(6), rel=1e-3)  # 1 + L/100 = e⁶


def test_a_skip_of_more_than_one_is_the_first_thing_to_mend():
    assert "skip_scale of 1" in mf.recommend(Residual("tanh", mf.Dense(), skip_scale=1.1)).reason


@pytest.mark.slow
def test_behind_batch_normalisation_gradients_explode_whatever_the_weights():
    advice = mf.recommend(BLOCKS["batch norm"], depth=20)
    assert advice.growth == pytest.approx(1.7881899766587481**20, rel=1e-9)
    assert "chi_1 = 1.78819" in advice.reason
    assert "skip_scale" in advice.reason
    skipped = mf.recommend(BLOCKS["batch norm, skip"], depth=20)
    assert skipped.growth < advice.growth**0.5
    assert "slowly" in skipped.reason
    for name in ("batch norm", "batch norm, short skip"):
        advice = mf.recommend(BLOCKS[name])
        block = mf.Network(BLOCKS[name]).at(sigma_w=advice.sigma_w, sigma_b=0.0)
        assert mf.analyze(block).q_star == pytest.approx(1, rel=1e-10)


def test_the_torch_snippet_of_convolutions_counts_their_taps():
    code = mf.recommend(BLOCKS["convolution"]).snippets["torch"]
    assert "Conv2d" in code
    assert "weight[0].numel()" in code
    assert "Conv" not in mf.recommend("tanh").snippets["torch"]


@pytest.mark.parametrize(
    ("block", "why"),
    [
        (["relu", "tanh"], "one block"),
        (mf.Network(LayerNorm()), "has some"),
        (mf.Network("relu", Dropout([0.1, 0.2]), mf.Dense()), "arrays"),
        (mf.Network("sin", "tanh", mf.Dense()), "not Gaussian"),
        (Residual(mf.Dense(), "relu"), "mean"),
        (mf.Network(lambda x: 0.0 * x, Dropout(0.1), mf.Dense()), "0"),
        (mf.Network("sign", mf.Dense(), AdditiveNoise(2.0)), "keeps q = 1 either"),
    ],
    ids=["list", "no weights", "arrays", "not Gaussian", "mean", "zero", "nothing"],
)
def test_what_cannot_be_advised_is_refused(block, why):
    with pytest.raises(mf.InvalidInput, match=why):
        mf.recommend(block)


def test_behind_batch_norm_the_gradient_alone_limits_depth():
    advice = mf.recommend(mf.Network(BatchNorm(16), "relu", mf.Dense()))
    assert advice.max_depth == pytest.approx(6 / np.log(1.5899504167651655), rel=1e-9)  # Yang et al. 2019, theorem 8
    assert "batchnorm(16), relu, dense" in advice.snippets["torch"]


@pytest.mark.parametrize("text", ["residual(dense, gelu, dense), layernorm", "layernorm, relu, dense"])
def test_no_weights_are_singled_out_where_chi_is_close_to_1_in_a_whole_range(text):
    """Small weights make GELU linear, and a norm gradients of size 1: chi_1 then nears 1 without a solution."""
    advice = mf.recommend(text)
    assert 0.5 < advice.sigma_w < 2
    assert advice.growth == pytest.approx(1.0, abs=1e-9)
    assert ("with any sigma_w" in advice.reason) == ("relu" in text)
