"""Transformers at infinite width, token by token, against the recursions of FACTS verified by NumPy transformers."""

import numpy as np
import pytest

import meanfield as mf
from meanfield.theory.depth.pixels import propagate_pixels

MLP = "dense, relu, dense(sqrt(2))"
PRE = f"residual(layernorm, attention(softmax)), residual(layernorm, {MLP})"
A = 12**0.25
POST = f"residual(attention(softmax), skip={A!r}), layernorm, residual({MLP}, skip={A!r}), layernorm"
SMALL = f"scale={12**-0.5!r}"
GELU = f"residual(layernorm, attention(softmax), {SMALL}), residual(layernorm, dense, gelu, dense(sqrt(2)), {SMALL})"
PARALLEL = f"residual(layernorm, parallel(attention(softmax), network({MLP})))"


@pytest.mark.parametrize(
    ("text", "depth", "q", "p", "gradient"),
    [
        (PRE, 6, 10.73678402522, 7.953402179565, 8.590243114505),
        (POST, 6, 1.0, 0.7372498571837, 0.771364603196),
        (GELU, 6, 1.6311854694151, 0.5378788167415, None),
        (PARALLEL, 4, 7.1251322328, 4.4571101954, 6.390555583493),
    ],
    ids=["pre-LN", "post-LN", "pre-LN GELU", "parallel"],
)
def test_six_blocks_of_a_transformer(text, depth, q, p, gradient):
    run = mf.propagate(text, depth, tokens=8, token_c=0.2)
    assert run.q[-1] == pytest.approx(q, rel=1e-11)
    assert run.q[-1] * run.token_c[-1] == pytest.approx(p, rel=1e-11)
    if gradient is not None:
        assert run.gradient[0] == pytest.approx(gradient, rel=1e-10)
    np.testing.assert_allclose(run.gradient[:-1], np.cumprod(run.chi[-2::-1])[::-1], rtol=1e-13)


def test_gradients_are_no_product_of_single_blocks():
    run = mf.propagate(PRE, 6, tokens=8, token_c=0.2)
    alone = [
        mf.propagate(PRE, 1, q=q, tokens=8, token_c=t).gradient[0] for q, t in zip(run.q, run.token_c, strict=True)
    ]
    assert np.prod(alone[:6]) == pytest.approx(7.5284387, rel=1e-7)
    assert run.chi[-1] == pytest.approx(alone[6])
    assert run.gradient[0] == pytest.approx(8.5902431, rel=1e-7)


def test_arrays_of_networks_and_starts_at_once():
    block = mf.Network(
        mf.Residual(mf.RMSNorm(), mf.Attention([0.8, 1.2], 0.1, "softmax", [[0.5], [1.0]])), "tanh", mf.Dense()
    )
    run = mf.propagate(block, 2, q=1.3, tokens=4, token_c=0.3, c=0.5)
    assert run.token_c.shape == run.c.shape == run.gradient.shape == (3, 2, 2)
    one = mf.Network(mf.Residual(mf.RMSNorm(), mf.Attention(1.2, 0.1, "softmax", 0.5)), "tanh", mf.Dense())
    single = mf.propagate(one, 2, q=1.3, tokens=4, token_c=0.3, c=0.5)
    for name in ("q", "token_c", "one_minus_c", "gradient", "chi"):
        np.testing.assert_allclose(getattr(run, name)[:, 0, 1], getattr(single, name), rtol=1e-13)


def test_equal_tokens_go_as_without_tokens():
    plain, run = mf.propagate(PRE, 3, c=0.4), mf.propagate(PRE, 3, c=0.4, tokens=8, token_c=1.0)
    np.testing.assert_allclose(run.q, plain.q, rtol=1e-14)
    np.testing.assert_allclose(run.c, plain.c, rtol=1e-13)
    assert np.all(run.one_minus_token_c == 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tokens": 1}, "tokens must be"),
        ({"tokens": 4, "token_c": -0.5}, r"must lie in \[-1/3, 1\]"),
        ({"token_c": 0.5}, "give their number tokens="),
        ({"tokens": 4, "pixels": 4}, "leave out q2 and pixels"),
        ({"tokens": 4, "c": 0.5, "q2": 2.0}, "leave out q2 and pixels"),
    ],
)
def test_what_is_refused(arguments, message):
    with pytest.raises(mf.InvalidInput, match=message):
        mf.propagate(PRE, 1, **arguments)


@pytest.mark.parametrize("text", ["conv(1.0), tanh", "global_average_pool, dense", "batchnorm(8), relu, dense"])
def test_layers_that_tell_tokens_apart_are_refused(text):
    with pytest.raises(mf.InvalidInput, match="exchangeable"):
        mf.propagate(text, 1, tokens=4)


def test_causal_attention_goes_by_all_covariances():
    block = "residual(rmsnorm, attention(1.2, 0.1, softmax)), tanh, dense(1.5)"
    run = mf.propagate(block, 2, tokens=2, token_c=0.3, c=0.5)
    by_all = propagate_pixels(mf.network(block), np.array([[1.0, 0.3], [0.3, 1.0]]), 2)
    np.testing.assert_allclose(by_all.gradient.mean(axis=1), run.gradient, rtol=1e-11)
    np.testing.assert_allclose(by_all.one_minus_c[:, 0, 1], run.one_minus_token_c, rtol=1e-11)
    causal = mf.propagate(block.replace("softmax", "softmax, causal"), 2, tokens=2, token_c=0.3, c=0.5)
    first = mf.propagate(block, 2, c=0.5)  # the first token reads itself
    assert 2 * causal.q[1] - first.q[1] == pytest.approx(run.q[1], rel=1e-12)  # the second one reads both
    assert causal.gradient[-1] == 1
    assert np.isnan(causal.chi[-1])
    with pytest.raises(mf.InvalidInput, match="causal attention makes tokens unlike"):
        mf.propagate(block.replace("softmax", "softmax, causal"), 2, tokens=2, q=[1.0, 2.0])


def test_means_over_tokens_of_causal_attention():
    """Uniform causal attention over independent tokens: token i keeps 1/i of q, and shares 1/j with the ones before."""
    run = mf.propagate("attention(causal)", 1, tokens=3, token_c=0.0, c=0.5)
    assert run.q[1] == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)
    c = np.array([2**-0.5, 3**-0.5, (2 / 3) ** 0.5])
    assert run.token_c[1] == pytest.approx(c.mean())
    assert run.c[1] == pytest.approx(0.5)
