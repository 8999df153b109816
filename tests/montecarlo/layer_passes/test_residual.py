"""Skip connections at finite width: passes that are each other's transpose, and agreement with the theory."""

import numpy as np
import pytest
from frozen_draw import Frozen
from rounding import assert_equal_sums

import meanfield as mf
from meanfield.montecarlo.layer_passes import forward
from meanfield.networks.layers.residual import Residual


def test_it_is_the_sum_of_both_ways():
    x = np.random.default_rng(1).standard_normal((2, 6))
    branch = ("tanh", mf.Dense(1.5, 0.3))
    alone, back = forward(mf.Network(*branch), x, Frozen())
    both, pullback = forward(Residual(*branch, branch_scale=0.4, skip_scale=-0.9), x, Frozen())
    assert_equal_sums(both, -0.9 * x + 0.4 * alone, np.abs(0.9 * x) + np.abs(0.4 * alone), 2)
    gradient = back(x)
    assert_equal_sums(pullback(x), -0.9 * x + 0.4 * gradient, np.abs(0.9 * x) + np.abs(0.4 * gradient), 2)


def test_a_branch_of_another_width_is_refused():
    with pytest.raises(mf.InvalidInput, match="keep the signal's shape"):
        forward(Residual("tanh", mf.Dense()), np.ones((1, 6)), Frozen(4))


def test_a_branch_of_scale_zero_changes_nothing():
    run = mf.simulate(Residual("relu", mf.Dense(2.0, 1.0), branch_scale=0.0), 4, 32, networks=3, c=0.3, rng=0)
    for name, values in run.raw.items():
        np.testing.assert_allclose(values, values[:, :1] * np.ones(5), rtol=1e-12, err_msg=name)


def test_without_the_skip_it_is_the_branch():
    plain, residual = (
        mf.simulate(block, 3, 24, networks=3, c=0.3, rng=0)
        for block in (mf.mlp("gelu", 1.4, 0.4), Residual("gelu", mf.Dense(1.4, 0.4), skip_scale=0.0))
    )
    for name, values in plain.raw.items():
        np.testing.assert_allclose(residual.raw[name], values, rtol=1e-12)
