"""Concatenation at finite width: units that are whole numbers, transposed passes, agreement with the theory."""

import numpy as np
import pytest
from frozen_draw import Frozen
from rounding import assert_equal_sums

import meanfield as mf
from meanfield.montecarlo.layer_passes import forward
from meanfield.networks.layers.concatenation import Concatenate


def test_it_is_the_input_and_the_branch_beside_it():
    x = np.random.default_rng(1).standard_normal((2, 8))
    draw = Frozen(8)
    y, pullback = forward(Concatenate("tanh", mf.Dense(1.5, 0.3), growth=1.5), x, draw)
    assert y.shape == (2, 20)
    assert draw.width == 8
    assert np.array_equal(y[:, :8], x)
    own = Frozen(8)
    own.width = 12
    branch, back = forward(mf.mlp("tanh", 1.5, 0.3), x, own)
    assert np.array_equal(y[:, 8:], branch)
    gradient = back(branch)
    assert_equal_sums(pullback(y), x + gradient, np.abs(x) + np.abs(gradient), 2)


def test_a_growth_of_nothing_is_the_identity():
    x = np.ones((2, 8))
    y, pullback = forward(Concatenate("tanh", mf.Dense(), growth=0.0), x, Frozen(8))
    assert y is x
    assert pullback(x) is x


def test_what_makes_no_whole_number_of_units_is_refused():
    with pytest.raises(mf.InvalidInput, match=r"turns 8 units into 2\.4: growth times units must be a whole number"):
        mf.simulate(mf.Network(Concatenate(mf.Dense(), growth=0.3), mf.Dense()), 2, 8, networks=2, rng=0)
    with pytest.raises(mf.InvalidInput, match="must turn 8 units into 8, its growth times as many, not 16"):
        forward(Concatenate(mf.Dense(), Concatenate("relu")), np.ones((1, 8)), Frozen(8))


def test_a_network_that_grows_by_k_units_a_layer_agrees():
    units, k, depth = 256, 64, 6
    network = [Concatenate(mf.Dense(1.4, 0.2), "relu", growth=k / (units + k * l)) for l in range(depth)]
    widths = [units + k * l for l in range(depth + 1)]
    assert mf.crosscheck(network, depth, widths, networks=32, c=0.2, rng=0)
    with pytest.raises(mf.InvalidInput, match="layer 1 cannot have 256 units after 256: its block gives 320 units"):
        mf.crosscheck(network, depth, 256, networks=32, c=0.2, rng=0)
