"""Blocks by name: the layers they stand for, published standard deviations, scales of residual branches, and texts."""

import math

import numpy as np
import pytest

import meanfield as mf
from meanfield.networks.blocks.residual_scales import residual_scales

NAMES = mf.blocks.__all__


def sigmas(block, kind):
    return [layer.sigma_w for layer in block.walk() if isinstance(layer, kind)]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_a_word_of_texts_and_its_text_says_what_it_stands_for(name):
    block = getattr(mf.blocks, name)()
    assert repr(mf.network(name)) == repr(block) == repr(mf.network(mf.written(block)))
    assert np.isfinite(mf.propagate(name, 3).gradient[0])


def test_words_and_numbers_in_parentheses():
    text = "pre_ln_transformer(relu, gate=silu, sigma_qk=2, causal=True, norm=rmsnorm, residual=per_layer, layers=4)"
    same = "residual(rmsnorm, attention(softmax, causal, sigma_qk=2), scale=0.5), "
    assert repr(mf.network(text)) == repr(mf.network(same + "residual(rmsnorm, swiglu, dense, scale=0.5)"))
    assert mf.written(mf.network("llama(width=2500, hidden_ratio=4)")) == mf.written(
        mf.blocks.llama(width=2500, hidden_ratio=4.0)
    )


@pytest.mark.parametrize(
    ("residual", "layers", "branch"),
    [(0.3, None, 0.3), ("per_layer", 16, 0.25), ("per_branch", 8, 0.25), ("rezero", None, 0.0), (1, 5, 1.0)],
)
def test_residual_scales(residual, layers, branch):
    for block in (mf.blocks.pre_ln_transformer, mf.blocks.post_ln_transformer, mf.blocks.parallel_transformer):
        found = [one for one in block(residual=residual, layers=layers).walk() if isinstance(one, mf.Residual)]
        assert {(one.skip_scale, one.branch_scale) for one in found} == {(1.0, branch)}


def test_a_layer_adds_what_the_scales_allow():
    """Each of 12 layers with branches of 1/√24 adds (1 + E gelu²)/24 where tokens are equal."""
    block = mf.blocks.pre_ln_transformer(residual="per_branch", layers=12)
    second = 1 / mf.gain("gelu").value ** 2
    assert mf.propagate(block, 12).q[-1] == pytest.approx(1 + (1 + second) / 2, rel=1e-12)


def test_deepnorm_bounds_gradients_at_any_depth():
    """Wang et al. 2022, table 1: α = (2N)^¼ and β = (8N)^−¼ for an encoder alone."""
    scales = residual_scales("deepnorm", 8, post_ln=True)
    assert scales == pytest.approx((2.0, 1.0, 8**-0.5))
    for layers in (10, 1000):
        deep = mf.blocks.post_ln_transformer("relu", residual="deepnorm", layers=layers)
        assert sigmas(deep, mf.Attention) == pytest.approx([(8 * layers) ** -0.5])
        assert sigmas(deep, mf.Dense) == pytest.approx([(8 * layers) ** -0.25] * 2)
        assert mf.propagate(deep, layers).gradient[0] == pytest.approx(1.0, abs=0.2)


def test_published_standard_deviations():
    gpt2 = mf.blocks.gpt2()
    std = 0.02 * math.sqrt(768)
    assert sigmas(gpt2, mf.Attention) == pytest.approx([std * std / math.sqrt(24)])
    assert sigmas(gpt2, mf.Dense) == pytest.approx([std, 0.02 * math.sqrt(3072) / math.sqrt(24)])
    llama = mf.blocks.llama()
    assert sigmas(llama, mf.Dense) == pytest.approx([1.28, 1.28, 0.02 * math.sqrt(11008)])
    xavier = [mf.initializer("xavier_normal").sigma_w_at(*shape) for shape in ((3072, 768), (768, 3072))]
    assert sigmas(mf.blocks.vit(), mf.Dense) == pytest.approx(xavier)
    assert sigmas(mf.blocks.vit(width=400, std=0.02), mf.Dense) == pytest.approx([0.4, 0.8])
    for block, causal in ((gpt2, True), (llama, True), (mf.blocks.vit(), False)):
        (attention,) = (layer for layer in block.walk() if isinstance(layer, mf.Attention))
        assert (attention.scores, attention.causal) == ("softmax", causal)


def test_arrays_pass_and_wrong_arguments_are_refused():
    assert mf.blocks.pre_ln_transformer(sigma_1=[0.5, 1.0], residual=[[1.0], [0.5]]).shape == (2, 2)
    for call in (
        lambda: mf.blocks.pre_ln_transformer(residual="deepnorm", layers=4),
        lambda: mf.blocks.pre_ln_transformer(residual="per_layer"),
        lambda: mf.blocks.pre_ln_transformer(residual="sqrt"),
        lambda: mf.blocks.post_ln_transformer(norm="batchnorm"),
        lambda: mf.blocks.post_ln_transformer(sigma_1=-1.0),
        lambda: mf.blocks.gpt2(width=0),
        lambda: mf.blocks.gpt2(layers=1.5),
        lambda: mf.blocks.llama(hidden_ratio=0.0),
        lambda: mf.blocks.vit(std=math.nan),
        lambda: mf.written("relu"),
    ):
        with pytest.raises(mf.InvalidInput):
            call()


@pytest.mark.parametrize(
    ("name", "layers", "more", "q", "p", "pi"),
    [
        ("pre_ln", 6, {}, 10.736784025218352, 7.953402179565385, 8.590243114505068),
        ("post_ln", 6, {"skip": 12**0.25}, 1.0, 0.7372498571836669, 0.7713646031960459),
        ("parallel", 4, {}, 7.125132232776334, 4.457110195414807, 6.390555583494616),
    ],
)
def test_tokens_that_differ(name, layers, more, q, p, pi):
    """8 tokens of correlation 0.2, ReLU, unit weights but sigma_2² = 2: exact recursions of (q, p) and (π, ρ)."""
    block = getattr(mf.blocks, f"{name}_transformer")("relu", sigma_2=2**0.5)
    if more:
        block = block.with_parameters(lambda one: {"skip_scale": more["skip"]} if isinstance(one, mf.Residual) else {})
    run = mf.propagate(block, layers, tokens=8, token_c=0.2)
    assert (run.q[-1], run.q[-1] * run.token_c[-1], run.gradient[0]) == pytest.approx((q, p, pi), rel=1e-11)
