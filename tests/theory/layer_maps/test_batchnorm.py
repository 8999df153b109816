"""The maps of batch normalisation: fixed points, growth of gradients, the cure by skip connections, refusals."""

import math

import numpy as np
import pytest

import meanfield as mf
from meanfield.networks.layers.batchnorm import BatchNorm
from meanfield.networks.layers.dropout import Dropout
from meanfield.networks.layers.residual import Residual


def rate(name, size):
    return float(mf.analyze(mf.Network(BatchNorm(size), name, mf.Dense())).chi_1)


@pytest.mark.parametrize("name", ["relu", "gelu", "x", "abs", "sigmoid"])
def test_networks_forget_where_they_started_in_one_layer(name):
    block = mf.Network(BatchNorm(8), name, mf.Dense(1.3, 0.8))
    a, t = mf.analyze(block), mf.propagate(block, 4, q=3.0, c=0.9)
    assert t.q[1:] == pytest.approx(float(a.q_star), rel=1e-12)
    assert t.c[1:] == pytest.approx(float(a.c_star), rel=1e-11)
    assert t.chi[1:] == pytest.approx(float(a.chi_1), rel=1e-12)
    assert t.chi[0] * 0.3 == pytest.approx(a.chi_1 * a.q_star * (1 - a.c_star), rel=1e-11)  # in proportion to 1/d
    assert mf.propagate(block, 50).gradient[0] == pytest.approx(a.chi_1**50, rel=1e-10)


def test_weights_before_it_cancel():
    for name in ("relu", "gelu"):
        plain = mf.analyze(mf.Network(BatchNorm(8), name, mf.Dense(1.3, 0.2)))
        more = mf.analyze(mf.Network(mf.Dense(3.0, 1.0), BatchNorm(8), name, mf.Dense(1.3, 0.2)))
        for field in ("q_star", "chi_1", "c_star"):
            assert getattr(more, field) == pytest.approx(getattr(plain, field), rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["relu", "tanh"])
def test_a_skip_connection_makes_the_growth_polynomial(name):
    """χ of layer l is 1 + rate/(l + d₀/Δd), so the gradient grows as depth to the power of the rate."""
    block = Residual(BatchNorm(8), name, mf.Dense(1.0, 0.3))
    t = mf.propagate(block, 1000, c=0.0)
    gained = np.diff(t.q * t.one_minus_c)
    assert gained == pytest.approx(gained[0], rel=1e-8)
    depth = np.arange(1001) + 1 / gained[0]
    assert t.chi[:5] == pytest.approx(1 + rate(name, 8) / depth[:5], rel=1e-12)
    power = np.log(t.gradient[500] / t.gradient[1000]) / np.log(depth[1000] / depth[500])
    assert power == pytest.approx(rate(name, 8), rel=2e-3)
    a = mf.analyze(block)
    assert (float(a.chi_1), str(a.phase)) == (1.0, "unbounded")


@pytest.mark.parametrize(("scales", "depth"), [((0.8, 1.0), 60), ((0.5, 0.3), 20), ((0.9, -0.1), 120)])
def test_a_weighted_skip_averages_the_growth(scales, depth):
    """d* = b²σ_w²D/(1 − s²), so χ = s² + (1 − s²)·rate."""
    skip, branch = scales
    block = Residual(BatchNorm(8), "gelu", mf.Dense(1.3, 0.4), skip_scale=skip, branch_scale=branch)
    a = mf.analyze(block)
    assert a.chi_1 == pytest.approx(skip**2 + (1 - skip**2) * rate("gelu", 8), rel=1e-12)
    assert [float(a.chi_parallel), float(a.chi_c)] == pytest.approx([skip**2] * 2, rel=1e-12)
    t = mf.propagate(block, depth, c=0.3)
    ends = [float(x) for x in (a.chi_1, a.c_star, a.q_star)]
    assert [t.chi[-1], t.c[-1], t.q[-1]] == pytest.approx(ends, rel=1e-9)


def test_what_it_reduces_to():
    block = (BatchNorm(8), "gelu", mf.Dense(1.2, 0.3))
    for other in (
        mf.Network(mf.Network(*block)),
        Residual(*block, skip_scale=0),
        mf.Network(Residual(*block, branch_scale=0), *block),
        mf.Network(mf.Network(BatchNorm(8), "gelu"), mf.Dense(1.2, 0.3)),
    ):
        one, same = mf.propagate(mf.Network(*block), 3, c=0.4), mf.propagate(other, 3, c=0.4)
        for name in ("q", "c", "chi", "gradient"):
            np.testing.assert_allclose(getattr(same, name), getattr(one, name), rtol=1e-12)
    still = mf.propagate(Residual(*block, branch_scale=0), 3, c=0.4)
    np.testing.assert_allclose([still.q, still.c / 0.4, still.chi], 1, rtol=1e-14)


def test_large_batches_are_like_layer_normalisation_behind_the_activation():
    """E φ′²/Var φ at q = 1: subtracting means over the batch or over units is the same for independent inputs."""
    for name in ("relu", "tanh", "silu"):
        moments, one = mf.activation(name).moments, np.ones(1)
        expected = moments.derivative_moment(one)[0] / moments.distance(one, one, one)[0]
        assert rate(name, math.inf) == pytest.approx(float(expected[0]), rel=1e-12)
        assert rate(name, 10**6) == pytest.approx(float(expected[0]), rel=1e-5)


def test_parameters_may_be_arrays():
    grid = mf.Network(BatchNorm(8), "relu", mf.Dense([[0.5], [2.0]], [0.0, 0.3, 1.0]))
    a = mf.analyze(grid)
    assert a.chi_1 == pytest.approx(np.full((2, 3), rate("relu", 8)), rel=1e-12)
    assert a.q_star[1, 2] == pytest.approx(3.0, rel=1e-12)
    assert mf.phase_diagram(grid, [0.5, 2.0], [0.0, 0.3, 1.0]).c_star == pytest.approx(a.c_star, rel=1e-12)


def test_gradients_are_infinite_where_the_activation_jumps():
    a = mf.analyze(mf.Network(BatchNorm(8), "sign", mf.Dense(1.3, 0.9)))
    assert (float(a.q_star), float(a.chi_1)) == (pytest.approx(2.5), np.inf)


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (mf.Network("relu", mf.Dense(), BatchNorm(8)), "the output of BatchNorm is not|begin with BatchNorm"),
        (mf.Network("relu", BatchNorm(8), mf.Dense()), "begin with BatchNorm"),
        (mf.Network(BatchNorm(8), "relu", BatchNorm(8), mf.Dense()), "the output of relu is not Gaussian"),
        (mf.Network(BatchNorm(8), Residual(mf.Dense(), "tanh")), "must follow it"),
        (mf.Network(Residual(mf.Dense(), BatchNorm(8)), mf.Dense()), "must follow it"),
        (mf.Network(Residual(BatchNorm(8), "relu", mf.Dense()), "relu", mf.Dense()), "begin with BatchNorm"),
        (mf.Network(Residual(BatchNorm(8), "relu", mf.Dense()), Dropout(0.1), mf.Dense()), "Dropout comes before"),
        (mf.Network(BatchNorm(8), Dropout(0.1), mf.Dense()), "must follow it"),
        (mf.Network(BatchNorm(8), "relu", mf.Dense(), BatchNorm(9), "relu", mf.Dense()), "one batch size"),
    ],
)
def test_what_has_no_exact_map_is_refused(block, message):
    for use in (mf.analyze, mf.fixed_points, lambda b: mf.propagate(b, 2, c=0.1)):
        with pytest.raises(mf.InvalidInput, match=message):
            use(block)


@pytest.mark.parametrize("size", [4, 16, math.inf])
@pytest.mark.parametrize("std", [0.0, 0.7])
def test_noise_behind_a_linear_activation_by_hand(size, std):
    """Diagonal 1 + s² and B/(B − 1) + s² between: the factors' noise cancels from χ, a summand's is in d alone."""
    linear, apart = 1.0 + 1.0 / (size - 3.0), 1.0 + 1.0 / (size - 1.0)
    multiplied = mf.analyze(mf.Network(BatchNorm(size), "linear", mf.MultiplicativeNoise(std), mf.Dense(1.7, 0.4)))
    added = mf.analyze(mf.Network(BatchNorm(size), "linear", mf.AdditiveNoise(std), mf.Dense(1.7, 0.4)))
    assert float(multiplied.chi_1) == pytest.approx(linear, rel=1e-12)
    assert float(added.chi_1) == pytest.approx(linear * apart / (apart + std**2), rel=1e-12)
    for found in (multiplied, added):
        q = 1.7**2 * (1 + std**2) + 0.4**2
        assert float(found.q_star) == pytest.approx(q, rel=1e-13)
        assert float(found.c_star) == pytest.approx(1 - 1.7**2 * (apart + std**2) / q, abs=1e-12)


def test_dropout_of_nothing_is_not_there():
    plain, dropped = (mf.Network(BatchNorm(8), "relu", *layer, mf.Dense()) for layer in ((), (Dropout(0.0),)))
    assert float(mf.analyze(plain).chi_1) == float(mf.analyze(dropped).chi_1)


def test_batches_that_are_not_alike_are_refused():
    block = mf.Network(BatchNorm(4), "relu", mf.Dense())
    with pytest.raises(mf.InvalidInput, match="same second moment"):
        mf.propagate(block, 2, q=1.0, q2=2.0, c=0.0)
    with pytest.raises(mf.InvalidInput, match="kernel takes each input by itself"):
        mf.kernel(block, np.eye(4), 2)
    with pytest.raises(mf.InvalidInput, match="have the same signal"):
        mf.propagate(block, 2, c=1.0)
    for c in (-0.34, -1.0):
        with pytest.raises(mf.InvalidInput, match="it is at least -1/3"):
            mf.propagate(block, 2, c=c)
    assert mf.propagate(block, 2, c=-1 / 3).q[1] == pytest.approx(0.5, rel=1e-12)


@pytest.mark.parametrize(("spec", "c"), [("linear", -1 / 7), ("tanh", -0.13365)])
def test_inputs_of_a_batch_settle_at_a_negative_correlation(spec, c):
    block = mf.Network(BatchNorm(8), spec, mf.Dense(1.0))
    found = mf.analyze(block)
    assert found.c_star == pytest.approx(c, abs=5e-6)
    assert mf.propagate(block, 3, c=0.0).c[3] == pytest.approx(float(found.c_star), abs=1e-12)


@pytest.mark.parametrize("skip", [None, 0.5])
def test_no_weights_are_critical_and_the_error_says_why(skip):
    branch = (BatchNorm(8), "relu", mf.Dense(2.0, 0.3))
    block = mf.Network(*branch) if skip is None else mf.Network(Residual(*branch, skip_scale=skip))
    assert mf.analyze(block.at(sigma_w=0.7)).chi_1 == pytest.approx(float(mf.analyze(block).chi_1), rel=1e-11)
    with pytest.raises(mf.InvalidInput, match="does not depend on sigma_w"):
        mf.critical_line(block, [0.0, 0.3])


def test_pixels_of_images_make_the_batch_larger():
    """As a dense batch of B·P: 1.467720 a block for 2048 values of a ReLU."""
    assert mf.analyze("batchnorm(32, pixels=64), relu, conv(1.3)").chi_1 == pytest.approx(1.4677204258, rel=1e-9)
    texts = (
        "batchnorm(8, 64), relu, conv(1.4)",
        "batchnorm(512), relu, dense(1.4)",
        "batchnorm(8, 1), relu, conv(1.4)",
    )
    run, dense, alone = (mf.propagate(mf.network(text).at(sigma_w=1.4), 4, c=0.0).gradient for text in texts)
    assert run[0] == pytest.approx(3.12454463, rel=1e-8)
    np.testing.assert_array_equal(run, dense)
    assert alone[0] == pytest.approx(7.513872522, rel=1e-9)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("batchnorm(8), relu, conv(1.4)", "normalises over pixels too"),
        ("batchnorm(8, 64), relu, conv(1.4, padding=zeros)", "BatchNorm"),
        ("batchnorm(8, 64), relu, conv(1.4, stride=2)", "BatchNorm"),
    ],
)
def test_pixels_that_are_not_told_or_not_alike_are_refused(text, match):
    with pytest.raises(mf.InvalidInput, match=match):
        mf.propagate(text, 3, c=0.0)
