"""Stochastic depth: means over all ways in which coins can fall, closed forms, and networks that are drawn."""

import itertools

import numpy as np
import pytest

import meanfield as mf
from meanfield.montecarlo.layer_passes import forward
from meanfield.montecarlo.materialized import Materialized
from meanfield.networks.text.text import written

PRE_LN = [mf.LayerNorm(), mf.Dense(), "gelu", mf.Dense(1.5)]


def test_a_branch_whose_signal_and_gradient_are_both_1():
    """L = 12, rate 0.2, V = G = q₀ = 1: E q = E T = 16, and 13 without dropping."""
    run = mf.propagate(mf.StochasticDepth(mf.LayerNorm(), mf.Dense(), rate=[0.2, 0.0]), 12)
    np.testing.assert_allclose(run.q[-1], [16, 13], rtol=1e-13)
    np.testing.assert_allclose(run.gradient[0], [16, 13], rtol=1e-13)


def test_all_ways_in_which_five_coins_can_fall():
    rate, depth, q0 = 0.3, 5, 0.7
    kept = mf.Residual(*PRE_LN, branch_scale=1 / (1 - rate))
    q, t = np.zeros(depth + 1), np.zeros(depth + 1)
    for coins in itertools.product((0, 1), repeat=depth):
        chance = np.prod([1 - rate if coin else rate for coin in coins])
        path, factors = [q0], []
        for coin in coins:
            one = mf.propagate(kept, 1, q=path[-1])
            path.append(one.q[1] if coin else path[-1])
            factors.append(one.chi[0] if coin else 1.0)
        q += chance * np.array(path)
        t += chance * np.append(np.cumprod(factors[::-1])[::-1], 1.0)
    run = mf.propagate(mf.StochasticDepth(*PRE_LN, rate=rate), depth, q=q0)
    np.testing.assert_allclose(run.q, q, rtol=1e-12)
    np.testing.assert_allclose(run.gradient, t, rtol=1e-12)
    np.testing.assert_allclose(np.cumprod(run.chi[-2::-1])[::-1], t[:-1], rtol=1e-12)


def test_relu_branches_grow_by_one_plus_one_over_the_share_that_is_kept():
    run = mf.propagate(mf.StochasticDepth("relu", mf.Dense(2**0.5), rate=0.3), 6)
    np.testing.assert_allclose(run.q, (1 + 1 / 0.7) ** np.arange(7), rtol=1e-12)
    np.testing.assert_allclose(run.gradient, run.q[::-1], rtol=1e-12)


def test_without_dropping_it_is_a_skip_connection():
    for use in (mf.analyze, lambda block: mf.correlation_map(block, 0.3, 1.0).value):
        block = mf.Network(mf.StochasticDepth("tanh", mf.Dense(0.9), rate=0.0), mf.Dense(0.8))
        assert use(block) == use(mf.Network(mf.Residual("tanh", mf.Dense(0.9)), mf.Dense(0.8)))


def test_drawn_networks_agree_and_show_another_rate():
    block = mf.StochasticDepth(mf.LayerNorm(), "relu", mf.Dense(2.0), rate=0.3)
    drawn = mf.simulate(block, 4, 64, networks=300, method="exact_law", rng=0)
    right, other = (mf.propagate(mf.StochasticDepth(*block.inner, rate=rate), 4) for rate in (0.3, 0.1))
    for found, name in ((drawn.q, "q"), (drawn.gradient, "gradient")):
        at = -1 if name == "q" else 0
        z = [(found.mean[at] - getattr(run, name)[at]) / found.standard_error[at] for run in (right, other)]
        assert abs(z[0]) < 3.5
        assert abs(z[1]) > 3.5


def test_all_tokens_of_an_input_have_one_coin():
    layer = mf.StochasticDepth("linear", rate=0.5)
    draw = Materialized(np.random.default_rng(0), 4, np.dtype(float), "gaussian", pixels=(3,))
    y, back = forward(layer, np.ones((60, 4)), draw)
    factors = y[:, 0].reshape(20, 3)
    assert np.array_equal(factors, np.repeat(factors[:, :1], 3, axis=1))
    assert set(factors.ravel()) == {1.0, 3.0}
    np.testing.assert_array_equal(back(np.ones((60, 4))), y)


@pytest.mark.parametrize(
    "use",
    [
        lambda block: mf.analyze(block),
        lambda block: mf.variance_map(block, 1.0),
        lambda block: mf.propagate(block, 3, c=0.5),
        lambda block: mf.propagate(mf.Network(block, block), 3),
        lambda block: mf.propagate([block, block], 2),
        lambda block: mf.propagate(mf.Network(block, mf.Dense()), 3),
        lambda block: mf.propagate(mf.StochasticDepth(block, mf.Dense(), rate=0.1), 3),
        lambda block: mf.propagate(block, 5000),
        lambda block: mf.recommend(block),
        lambda block: mf.kernel(block, np.eye(2), 2),
    ],
)
def test_what_is_not_followed_is_refused(use):
    with pytest.raises(mf.InvalidInput, match=r"random|at most 4000"):
        use(mf.StochasticDepth("relu", mf.Dense(), rate=0.2))


def test_the_description():
    block = mf.StochasticDepth(*PRE_LN, rate=0.2)
    assert written(block) == "stochastic_depth(layernorm, dense(1.0), gelu, dense(1.5), rate=0.2)"
    assert repr(mf.network(written(block))) == f"Network({block!r})"
    for wrong in ((), ("relu",)):
        with pytest.raises(mf.InvalidInput):
            mf.StochasticDepth(*wrong, rate=1.0)
