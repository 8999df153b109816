"""Concatenation at finite width: units that are whole numbers, transposed passes, agreement with the theory."""

import numpy as np
import pytest

import meanfield as mf
from meanfield.montecarlo.draws import Draw
from meanfield.montecarlo.layer_passes import forward
from meanfield.montecarlo.materialized import Materialized
from meanfield.networks.layers.concatenation import Concatenate
from meanfield.networks.layers.dropout import Dropout
from meanfield.networks.layers.normalisation import LayerNorm, RMSNorm
from meanfield.theory.layer_maps import one_point, two_points

BLOCKS = {
    "pre-activation": mf.Network(Concatenate("relu", mf.Dense(1.4, 0.2), growth=0.5), mf.Dense(1.2, 0.1)),
    "post-activation": mf.Network(Concatenate(mf.Dense(1.4, 0.2), "relu", growth=2.0), mf.Dense(1.0, 0.1)),
    "normalised": mf.Network(Concatenate(mf.Dense(1.4, 0.2), "relu"), LayerNorm(), mf.Dense(1.2, 0.1)),
    "dropped": mf.Network(
        "sigmoid", Concatenate(mf.Dense(1.4, 0.2), "relu", Dropout(0.1), growth=0.25), LayerNorm(), mf.Dense(1.2, 0.1)
    ),
    "without weights": mf.Network(Concatenate("relu"), mf.Dense(1.2, 0.1)),
    "nested": mf.Network(
        Concatenate(mf.Dense(0.9, 0.2), "tanh", Concatenate(mf.Dense(), "gelu", growth=0.5), RMSNorm(), mf.Dense(0.9)),
        mf.Dense(1.2, 0.1),
    ),
}
blocks = pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)


class Frozen(Draw):
    """The same weights and biases however often the layers are run."""

    def __init__(self):
        super().__init__(np.random.default_rng(0), 8, np.dtype(np.float64))

    def product(self, x, sigma_w):
        W = sigma_w * self.rng.standard_normal((self.width, x.shape[1])) / x.shape[1] ** 0.5
        return x @ W.T, lambda g: g @ W


@pytest.mark.parametrize("name", ["pre-activation", "post-activation", "normalised", "without weights", "nested"])
def test_the_pullback_is_the_transpose_of_the_linearised_map(name):
    rng, step = np.random.default_rng(3), 1e-6
    x, g, direction = rng.standard_normal((3, 2, 8))
    _, pullback = forward(BLOCKS[name], x, Frozen())
    ahead, behind = (forward(BLOCKS[name], x + s * step * direction, Frozen())[0] for s in (1, -1))
    assert np.sum(pullback(g) * direction) == pytest.approx(np.sum(g * (ahead - behind)) / (2 * step), rel=1e-6)


def test_it_is_the_input_and_the_branch_beside_it():
    x = np.random.default_rng(1).standard_normal((2, 8))
    draw = Frozen()
    y, pullback = forward(Concatenate("tanh", mf.Dense(1.5, 0.3), growth=1.5), x, draw)
    assert y.shape == (2, 20)
    assert draw.width == 8
    assert np.array_equal(y[:, :8], x)
    own = Frozen()
    own.width = 12
    branch, back = forward(mf.mlp("tanh", 1.5, 0.3), x, own)
    assert np.array_equal(y[:, 8:], branch)
    np.testing.assert_allclose(pullback(y), x + back(branch), rtol=1e-14)


def test_a_growth_of_nothing_is_the_identity():
    x = np.ones((2, 8))
    y, pullback = forward(Concatenate("tanh", mf.Dense(), growth=0.0), x, Frozen())
    assert y is x
    assert pullback(x) is x


def test_what_makes_no_whole_number_of_units_is_refused():
    with pytest.raises(mf.InvalidInput, match=r"makes 2\.4 units of 8: growth times units must be a whole number"):
        mf.simulate(mf.Network(Concatenate(mf.Dense(), growth=0.3), mf.Dense()), 2, 8, networks=2, rng=0)
    with pytest.raises(mf.InvalidInput, match="must make 8 units of 8, as its growth says, not 16"):
        forward(Concatenate(mf.Dense(), Concatenate("relu")), np.ones((1, 8)), Frozen())


def test_single_precision_stays_single_precision():
    draw = Materialized(np.random.default_rng(0), 8, np.dtype("float32"), "gaussian")
    y, pullback = forward(BLOCKS["nested"], np.ones((1, 8), dtype="float32"), draw)
    assert y.dtype == pullback(y).dtype == np.float32


@blocks
def test_simulation_and_theory_agree(block):
    assert mf.crosscheck(block, 8, 512, networks=32, c=0.3, rng=0, method="exact_law")
    assert mf.crosscheck(block, 5, 96, networks=12, c=-0.4, rng=1)


def test_a_network_that_grows_by_k_units_a_layer_agrees():
    units, k, depth = 256, 64, 6
    network = [Concatenate(mf.Dense(1.4, 0.2), "relu", growth=k / (units + k * l)) for l in range(depth)]
    widths = [units + k * l for l in range(depth + 1)]
    assert mf.crosscheck(network, depth, widths, networks=32, c=0.2, rng=0)
    with pytest.raises(mf.InvalidInput, match="layer 1 cannot have 256 units after 256: its block makes 320 of them"):
        mf.crosscheck(network, depth, 256, networks=32, c=0.2, rng=0)


class Wrong(Concatenate):
    """Concatenation whose theory has 3 % too much second moment in it."""


@one_point.register
def _(layer: Wrong, signal):
    right = one_point(Concatenate(*layer.inner, growth=layer.growth), signal)
    return type(right)(1.03 * right.q, right.error, 1.03 * right.slope, right.chi)


@two_points.register
def _(layer: Wrong, signal):
    right = two_points(Concatenate(*layer.inner, growth=layer.growth), signal)
    return type(right)(1.03 * right.q1, 1.03 * right.q2, 1.03 * right.d, right.error)


@pytest.mark.parametrize("name", ["pre-activation", "post-activation", "nested", "without weights"])
def test_a_map_that_is_wrong_by_three_percent_is_found(name):
    right, dense = BLOCKS[name]
    wrong = mf.Network(Wrong(*right.inner, growth=right.growth), dense)
    arguments = {"depth": 12, "width": 512, "networks": 64, "c": 0.3, "rng": 0, "method": "exact_law"}
    assert mf.crosscheck(mf.Network(right, dense), **arguments)
    assert not mf.crosscheck(wrong, **arguments)
