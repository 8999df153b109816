"""Batch normalisation at finite width: moments over the batch, transposed passes, agreement with the theory."""

import numpy as np
import pytest
from frozen_draw import Frozen
from layer_cases import BATCHNORM

import meanfield as mf
from meanfield.montecarlo.input_states import input_root
from meanfield.montecarlo.layer_passes import forward
from meanfield.networks.layers.batchnorm import BatchNorm


def test_each_unit_is_normalised_by_itself():
    x = np.random.default_rng(1).standard_normal((8, 3)) * [1e-200, 1.0, 1e200] + [1e-200, 5.0, 0.0]
    y, _ = forward(BatchNorm(8), x, Frozen())
    assert np.mean(y**2, axis=0) == pytest.approx(np.ones(3), rel=1e-13)
    assert np.mean(y, axis=0) == pytest.approx(np.zeros(3), abs=1e-14)
    order = np.random.default_rng(2).permutation(8)
    np.testing.assert_allclose(forward(BatchNorm(8), x[order], Frozen())[0], y[order], rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("value", [0.0, 0.1])
def test_a_unit_that_is_the_same_for_all_inputs_is_refused(value):
    with pytest.raises(mf.InvalidInput, match="would divide by zero"):
        forward(BatchNorm(8), np.full((8, 3), value), Frozen())


@pytest.mark.parametrize("c", [-1 / 7, 0.0, 0.3, 0.999])
def test_a_batch_of_any_correlation(c):
    root = input_root(2.0, c, None, 8)
    np.testing.assert_allclose(root @ root.T, 2 * ((1 - c) * np.eye(8) + c), atol=1e-14)


def test_batches_that_cannot_be_are_refused():
    block = BATCHNORM["relu"].block
    for c in (-0.2, 1.0, np.nan):
        with pytest.raises(mf.InvalidInput, match="any two inputs of a batch of 8"):
            mf.simulate(block, 2, 32, c=c)
    with pytest.raises(mf.InvalidInput, match="needs a batch of 8 inputs, not 3"):
        mf.simulate(block, 2, 32, inputs=np.eye(3))
    with pytest.raises(mf.InvalidInput, match="finite batch"):
        mf.simulate(mf.Network(BatchNorm(float("inf")), "relu", mf.Dense()), 2, 32)
    with pytest.raises(mf.InvalidInput, match="width must be at least 8"):
        mf.simulate(block, 2, 6)
    with pytest.raises(mf.InvalidInput, match="inputs of equal length and equal pairwise correlation"):
        mf.crosscheck(block, 2, 32, networks=4, inputs=np.diag([1, 2, 3, 4, 5, 6, 7, 8.0]))


def test_a_batch_may_be_given():
    assert mf.crosscheck(
        BATCHNORM["relu"].block, 4, 512, networks=24, inputs=np.eye(8) + 0.2, rng=1, method="exact_law"
    )
