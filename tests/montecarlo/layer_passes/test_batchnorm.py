"""Batch normalisation at finite width: moments over the batch, transposed passes, agreement with the theory."""

import numpy as np
import pytest

import meanfield as mf
from meanfield.montecarlo.input_states import input_root
from meanfield.montecarlo.layer_passes import forward
from meanfield.montecarlo.materialized import Materialized
from meanfield.networks.layers.batchnorm import BatchNorm
from meanfield.networks.layers.residual import Residual
from meanfield.theory.layer_maps import one_point, two_points

BLOCKS = {
    "relu": mf.Network(BatchNorm(8), "relu", mf.Dense(1.3, 0.4)),
    "tanh": mf.Network(BatchNorm(16), "tanh", mf.Dense(1.3)),
    "linear": mf.Network(BatchNorm(8), mf.Dense(1.3, 0.4)),
    "two activations": mf.Network(BatchNorm(8), "relu", mf.Dense(1.3, 0.4), "tanh", mf.Dense(1.1, 0.1)),
    "dropout": mf.Network(
        BatchNorm(8), "relu", mf.Dropout(0.3), mf.Dense(1.2, 0.3), "gelu", mf.Dropout(0.2), mf.Dense()
    ),
    "noise": mf.Network(mf.Residual(BatchNorm(8), "tanh", mf.AdditiveNoise(0.5), mf.Dense(1.2), skip_scale=0.8)),
    "behind weights": mf.Network(mf.Dense(2.0), BatchNorm(8), "gelu", mf.Dense(1.3)),
    "residual": Residual(BatchNorm(8), "relu", mf.Dense(1.0, 0.4)),
    "two in a branch": Residual(
        BatchNorm(8), "gelu", mf.Dense(), BatchNorm(8), "gelu", mf.Dense(1.2, 0.3), skip_scale=0.8, branch_scale=0.6
    ),
    "mixed": mf.Network(
        BatchNorm(8),
        "relu",
        mf.Dense(1.2, 0.2),
        Residual("tanh", mf.Dense(0.9, 0.1)),
        Residual(BatchNorm(8), "relu", mf.Dense(0.8), "gelu", mf.Dense(1.1)),
    ),
}
blocks = pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)


def drawn(width=6, dtype="float64"):
    return Materialized(np.random.default_rng(0), width, np.dtype(dtype), "gaussian")


def test_each_unit_is_normalised_by_itself():
    x = np.random.default_rng(1).standard_normal((8, 3)) * [1e-200, 1.0, 1e200] + [1e-200, 5.0, 0.0]
    y, _ = forward(BatchNorm(8), x, drawn())
    assert np.mean(y**2, axis=0) == pytest.approx(np.ones(3), rel=1e-13)
    assert np.mean(y, axis=0) == pytest.approx(np.zeros(3), abs=1e-14)
    order = np.random.default_rng(2).permutation(8)
    np.testing.assert_allclose(forward(BatchNorm(8), x[order], drawn())[0], y[order], rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("block", [BatchNorm(8), *(b for k, b in BLOCKS.items() if k != "tanh")])
def test_the_pullback_is_the_transpose_of_the_linearised_map(block):
    rng, step = np.random.default_rng(3), 1e-6
    x, g, direction = rng.standard_normal((3, 8, 6))
    _, pullback = forward(block, x, drawn())
    ahead, behind = (forward(block, x + s * step * direction, drawn())[0] for s in (1, -1))
    assert np.sum(pullback(g) * direction) == pytest.approx(np.sum(g * (ahead - behind)) / (2 * step), rel=1e-6)


def test_single_precision_stays_single_precision():
    y, pullback = forward(BatchNorm(8), np.arange(16, dtype="float32").reshape(8, 2), drawn(2, "float32"))
    assert y.dtype == pullback(y).dtype == np.float32


@pytest.mark.parametrize("value", [0.0, 0.1])
def test_a_unit_that_is_the_same_for_all_inputs_is_refused(value):
    with pytest.raises(mf.InvalidInput, match="would divide by zero"):
        forward(BatchNorm(8), np.full((8, 3), value), drawn())


@pytest.mark.parametrize("c", [-1 / 7, 0.0, 0.3, 0.999])
def test_a_batch_of_any_correlation(c):
    root = input_root(2.0, c, None, 8)
    np.testing.assert_allclose(root @ root.T, 2 * ((1 - c) * np.eye(8) + c), atol=1e-14)


def test_batches_that_cannot_be_are_refused():
    block = BLOCKS["relu"]
    for c in (-0.2, 1.0, np.nan):
        with pytest.raises(mf.InvalidInput, match="any two inputs of a batch of 8"):
            mf.simulate(block, 2, 32, c=c)
    with pytest.raises(mf.InvalidInput, match="needs a batch of 8 inputs, not 3"):
        mf.simulate(block, 2, 32, inputs=np.eye(3))
    with pytest.raises(mf.InvalidInput, match="finite batch"):
        mf.simulate(mf.Network(BatchNorm(float("inf")), "relu", mf.Dense()), 2, 32)
    with pytest.raises(mf.InvalidInput, match="width must be at least 8"):
        mf.simulate(block, 2, 6)
    with pytest.raises(mf.InvalidInput, match="the same correlation"):
        mf.crosscheck(block, 2, 32, networks=4, inputs=np.diag([1, 2, 3, 4, 5, 6, 7, 8.0]))


@blocks
def test_simulation_and_theory_agree(block):
    assert mf.crosscheck(block, 5, 512, networks=32, c=0.3, rng=0, method="exact_law")
    assert mf.crosscheck(block, 4, 96, networks=16, rng=2)


def test_a_batch_may_be_given():
    assert mf.crosscheck(BLOCKS["relu"], 4, 512, networks=24, inputs=np.eye(8) + 0.2, rng=1, method="exact_law")


class Wrong(mf.Network):
    """A block whose theory has 3 % too much in it."""


@one_point.register
def _(layer: Wrong, signal):
    right = one_point(mf.Network(*layer), signal)
    return type(right)(1.03 * right.q, right.error, right.slope, 1.03 * right.chi)


@two_points.register
def _(layer: Wrong, signal):
    right = two_points(mf.Network(*layer), signal)
    return type(right)(1.03 * right.q1, 1.03 * right.q2, 1.03 * right.d, right.error)


@blocks
def test_a_map_that_is_wrong_by_three_percent_is_found(block):
    width = 1024 if block is BLOCKS["dropout"] else 512  # masks make q of one input vary
    arguments = {"depth": 8, "width": width, "networks": 64, "c": 0.3, "rng": 0, "method": "exact_law"}
    assert mf.crosscheck(block, **arguments)
    assert not mf.crosscheck(Wrong(block), **arguments)
