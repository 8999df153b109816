"""Concatenation: what both parts have, averaged over the units of both."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import meanfield as mf
from meanfield.networks.block import as_block
from meanfield.networks.layers.concatenation import Concatenate
from meanfield.networks.layers.dropout import Dropout
from meanfield.networks.layers.normalisation import LayerNorm, RMSNorm
from meanfield.networks.layers.residual import Residual
from meanfield.theory.layer_maps import one_point, two_points
from meanfield.theory.states import Pair, Point

MAPS = settings(max_examples=25)
BRANCHES = {
    "pre-activation": ("erf", mf.Dense(1.3, 0.2)),
    "bottleneck": ("relu", mf.Dense(1.2, 0.1), "erf", mf.Dense(0.7, 0.3)),
    "post-activation": (mf.Dense(1.4, 0.3), "softplus"),
    "normalised": (RMSNorm(), "sin", mf.Dense(0.8, 0.5)),
    "nested": (mf.Dense(0.9), Concatenate("tanh", mf.Dense(1.1), growth=0.5), mf.Dense(1.0, 0.2)),
}
branches = pytest.mark.parametrize("branch", BRANCHES.values(), ids=BRANCHES)


@branches
@pytest.mark.parametrize("growth", [0.25, 1.0, 3.0])
def test_moments_differences_and_gradients_are_averages_over_units(branch, growth):
    one, pair = Point.at(0.8), Pair.of(0.8, 1.9, 0.7)
    layer = Concatenate(*branch, growth=growth)
    alone, both = one_point(layer.branch, one), one_point(layer, one)
    for name in ("q", "slope", "chi"):
        expected = (getattr(one, name).value + growth * getattr(alone, name).value) / (1 + growth)
        assert getattr(both, name).value == pytest.approx(expected, rel=1e-14), name
    before, alone, both = (
        (x.q1, x.q2, x.d.value) for x in (pair, two_points(layer.branch, pair), two_points(layer, pair))
    )
    for name, start, branched, found in zip(("q1", "q2", "d"), before, alone, both, strict=True):
        assert found == pytest.approx((start + growth * branched) / (1 + growth), rel=1e-14), name


def closed(branch, growth=0.5):
    return mf.Network(Concatenate(*branch, growth=growth), mf.Dense(0.9, 0.3))


@branches
def test_slopes_are_derivatives(branch):
    block, h = closed(branch), 1e-5
    a = mf.analyze(block)
    q = float(a.q_star)
    low, high = mf.variance_map(block, [q * (1 - h), q * (1 + h)]).value
    assert a.chi_parallel == pytest.approx((high - low) / (2 * h * q), rel=1e-7)
    c = float(a.c_star) if a.c_star < 1 - 1e-6 else 0.999
    below, above = mf.correlation_map(block, [c - 1e-5, c + 1e-5]).value
    if a.c_star < 1 - 1e-6:
        assert a.chi_c == pytest.approx((above - below) / 2e-5, rel=1e-6)
    assert mf.correlation_map(block, 1 - 1e-7).value == pytest.approx(1 - 1e-7 * a.chi_1, abs=1e-9)


def same(one, other):
    first, second = (mf.propagate(block, 3, q=0.7, c=0.3, q2=1.9) for block in (one, other))
    for name in ("q", "one_minus_c", "chi"):
        np.testing.assert_allclose(getattr(first, name), getattr(second, name), rtol=1e-12, err_msg=name)


def test_what_it_reduces_to():
    dense = mf.Dense(1.2, 0.3)
    same(mf.Network(Concatenate("gelu", dense, growth=0.0), "relu", dense), mf.mlp("relu", 1.2, 0.3))
    same(mf.Network(Concatenate("sign", dense, growth=0.0), "relu", dense), mf.mlp("relu", 1.2, 0.3))
    same(Concatenate(mf.Dense(1.0), growth=0.7), mf.Dense(1.0))  # as many units again with the same moments
    same(mf.Network("gelu", Concatenate(mf.Dense(1.0)), dense), mf.mlp("gelu", 1.2, 0.3))
    same(
        mf.Network(Concatenate(mf.Dense(1.2), "tanh", growth=2.0), dense),  # copy and branch as one weighted sum
        mf.Network(Residual(mf.Dense(1.2), "tanh", branch_scale=2**0.5), mf.Dense(1.2 / 3**0.5, 0.3)),
    )
    same(  # two branches of the same input, then a third of it all
        mf.Network(Concatenate("relu", mf.Dense(0.8), growth=0.5), Concatenate(mf.Dense(), growth=2.0), dense),
        mf.Network(Concatenate("relu", mf.Dense(0.8), growth=0.5), dense),
    )


def test_a_dense_network_of_growth_rate_k():
    """k units more a layer: each layer's q is the mean over all units so far."""
    units, k, depth = 64, 16, 12
    blocks = [Concatenate(mf.Dense(1.3, 0.2), "relu", growth=k / (units + k * l)) for l in range(depth)]
    widths = [units + k * l for l in range(depth + 1)]
    t = mf.propagate(blocks, depth, width=widths)
    total = [units * 1.0]
    for width in widths[:-1]:
        total.append(total[-1] + k * 0.5 * (1.3**2 * total[-1] / width + 0.2**2))
    assert t.q == pytest.approx(np.array(total) / widths, rel=1e-13)
    growth = np.array([1 + k / width * 1.3**2 / 2 for width in widths[:-1]])  # of each unit's mean squared gradient
    assert t.gradient[0] == pytest.approx(np.prod(growth), rel=1e-13)


@pytest.mark.slow
def test_the_critical_line_is_where_the_gradient_factor_is_one():
    for block in (closed(BRANCHES["pre-activation"]), Concatenate(mf.Dense(), "tanh", growth=0.5)):
        line = mf.critical_line(block, [0.1, 0.4])
        assert len(line) == 2
        for i in range(2):
            a = mf.analyze(as_block(block).at(sigma_w=line.sigma_w[i], sigma_b=line.sigma_b[i]))
            assert a.chi_1 == pytest.approx(1.0, abs=1e-9)
            assert a.q_star == pytest.approx(line.q[i], rel=1e-8)
    (only,) = mf.critical_line(mf.Network(Concatenate("relu"), mf.Dense()), 0.0).sigma_w
    assert only == pytest.approx((2 / 1.5) ** 0.5, rel=1e-13)  # q (1 + ½)/2 and χ (1 + ½)/2


def test_its_units_are_a_mixture_that_no_activation_may_read():
    for block in (Concatenate("relu", mf.Dense()), mf.Network(Concatenate(mf.Dense()), "relu", mf.Dense())):
        with pytest.raises(mf.InvalidInput, match="relu needs Gaussian units, and the output of Concatenate is not"):
            mf.analyze(block)
    with pytest.raises(mf.InvalidInput, match="tanh needs Gaussian units, and the output of relu is not"):
        mf.analyze(mf.Network("relu", Concatenate(mf.Dense()), "tanh", mf.Dense()))
    with pytest.raises(mf.InvalidInput, match="whose units have different functions"):
        mf.propagate(Residual(mf.Dense(), "relu", Concatenate(mf.Dense())), 2)


@MAPS
@given(st.sampled_from(list(BRANCHES)), st.floats(0, 4), st.floats(0.05, 5), st.floats(0.05, 5), st.floats(-0.99, 0.99))
def test_correlations_stay_correlations(name, growth, q, q2, c):
    t = mf.propagate(closed(BRANCHES[name], growth), 2, q=q, q2=q2, c=c)
    assert np.all(t.q > 0)
    assert np.all(np.abs(t.c) <= 1)


def test_the_kernel_is_positive_and_permutes_with_its_inputs():
    x = np.random.default_rng(0).standard_normal((6, 9)) * np.linspace(0.5, 2, 6)[:, None]
    block = mf.Network(Concatenate(mf.Dense(1.2), "gelu", Dropout(0.1)), LayerNorm(), mf.Dense(1.1, 0.2))
    k = mf.kernel(block, x, 3)
    assert np.linalg.eigvalsh(k).min() > 0
    order = [3, 1, 5, 0, 2, 4]
    np.testing.assert_allclose(mf.kernel(block, x[order], 3), k[np.ix_(order, order)], rtol=1e-11)


def test_parameters_may_be_arrays():
    grid = mf.Network(Concatenate("erf", mf.Dense([0.8, 1.4]), growth=[[0.0], [0.5], [2.0]]), mf.Dense(0.9, 0.3))
    a = mf.analyze(grid)
    for i, j in np.ndindex(3, 2):
        alone = mf.analyze(closed(("erf", mf.Dense([0.8, 1.4][j])), [0.0, 0.5, 2.0][i]))
        for field in ("q_star", "chi_1", "c_star", "chi_c"):
            assert getattr(a, field)[i, j] == pytest.approx(getattr(alone, field), rel=1e-10)


def test_a_jump_in_the_branch_makes_gradients_infinite():
    assert mf.propagate(closed(("sign", mf.Dense())), 2).chi[0] == np.inf
