"""Skip connections at finite width: passes that are each other's transpose, and agreement with the theory."""

import numpy as np
import pytest

import meanfield as mf
from meanfield.montecarlo.draws import Draw
from meanfield.montecarlo.layer_passes import forward
from meanfield.montecarlo.materialized import Materialized
from meanfield.networks.layers.residual import Residual
from meanfield.theory.layer_maps import one_point, two_points

BLOCKS = {
    "full": Residual(mf.Dense(1.0, 0.1), "tanh", mf.Dense(1.0, 0.1)),
    "reduced": Residual(mf.Dense(1.2), "tanh"),
    "small branch": Residual("relu", mf.Dense(2**0.5), branch_scale=0.3),
    "leaky skip": Residual("tanh", mf.Dense(1.5, 0.2), skip_scale=0.7),
    "negative": Residual("gelu", mf.Dense(1.2, 0.3), skip_scale=-0.6, branch_scale=-0.8),
    "nested": Residual("gelu", mf.Dense(1.3), Residual("tanh", mf.Dense(1.0)), branch_scale=0.5),
    "two": mf.Network(Residual("relu", mf.Dense(1.0)), Residual("tanh", mf.Dense(1.0), branch_scale=2.0)),
}
blocks = pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)


class Frozen(Draw):
    """The same weights and biases however often the layers are run."""

    def __init__(self):
        super().__init__(np.random.default_rng(0), 6, np.dtype(np.float64))

    def product(self, x, sigma_w):
        W = sigma_w * self.rng.standard_normal((6, x.shape[1])) / x.shape[1] ** 0.5
        return x @ W.T, lambda g: g @ W


@blocks
def test_the_pullback_is_the_transpose_of_the_linearised_map(block):
    rng, step = np.random.default_rng(3), 1e-6
    x, g, direction = rng.standard_normal((3, 2, 6))
    _, pullback = forward(block, x, Frozen())
    ahead, behind = (forward(block, x + s * step * direction, Frozen())[0] for s in (1, -1))
    assert np.sum(pullback(g) * direction) == pytest.approx(np.sum(g * (ahead - behind)) / (2 * step), rel=1e-7)


def test_it_is_the_sum_of_both_ways():
    x = np.random.default_rng(1).standard_normal((2, 6))
    branch = ("tanh", mf.Dense(1.5, 0.3))
    alone, back = forward(mf.Network(*branch), x, Frozen())
    both, pullback = forward(Residual(*branch, branch_scale=0.4, skip_scale=-0.9), x, Frozen())
    np.testing.assert_allclose(both, -0.9 * x + 0.4 * alone, rtol=1e-14)
    np.testing.assert_allclose(pullback(x), -0.9 * x + 0.4 * back(x), rtol=1e-14)


def test_single_precision_stays_single_precision():
    draw = Materialized(np.random.default_rng(0), 8, np.dtype("float32"), "gaussian")
    y, pullback = forward(BLOCKS["negative"], np.ones((1, 8), dtype="float32"), draw)
    assert y.dtype == pullback(y).dtype == np.float32


def test_a_branch_of_another_width_is_refused():
    draw = Materialized(np.random.default_rng(0), 4, np.dtype("float64"), "gaussian")
    with pytest.raises(mf.InvalidInput, match="keep the signal's shape"):
        forward(Residual("tanh", mf.Dense()), np.ones((1, 6)), draw)


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


@blocks
def test_simulation_and_theory_agree(block):
    assert mf.crosscheck(block, 8, 512, networks=32, c=0.3, rng=0, method="exact_law")
    assert mf.crosscheck(block, 5, 96, networks=12, c=-0.4, rng=1)


class Wrong(Residual):
    """A residual layer whose theory has 3 % too much second moment in it."""


@one_point.register
def _(layer: Wrong, signal):
    right = one_point(Residual(*layer.inner, branch_scale=layer.branch_scale, skip_scale=layer.skip_scale), signal)
    return type(right)(1.03 * right.q, right.error, 1.03 * right.slope, right.chi)


@two_points.register
def _(layer: Wrong, signal):
    right = two_points(Residual(*layer.inner, branch_scale=layer.branch_scale, skip_scale=layer.skip_scale), signal)
    return type(right)(1.03 * right.q1, 1.03 * right.q2, 1.03 * right.d, right.error)


@pytest.mark.parametrize("name", ["full", "reduced", "small branch", "leaky skip", "nested"])
def test_a_map_that_is_wrong_by_three_percent_is_found(name):
    right = BLOCKS[name]
    wrong = Wrong(*right.inner, branch_scale=right.branch_scale, skip_scale=right.skip_scale)
    arguments = {"depth": 12, "width": 512, "networks": 64, "c": 0.3, "rng": 0, "method": "exact_law"}
    assert mf.crosscheck(right, **arguments)
    assert not mf.crosscheck(wrong, **arguments)
