"""Batch normalisation as a description."""

import math

import numpy as np
import pytest

import meanfield as mf
from meanfield.networks.layers.batchnorm import BatchNorm, batch_size
from meanfield.networks.layers.residual import Residual


def test_it_is_shown_as_it_is_written():
    assert repr(mf.Network(BatchNorm(np.int64(8)), "gelu")) == "Network(BatchNorm(batch_size=8), 'gelu')"


@pytest.mark.parametrize("size", [1, 2, 3])
def test_small_batches_are_refused_with_the_reason(size):
    with pytest.raises(mf.InvalidInput, match=r"at least 4.*second moment of the gradient is infinite"):
        BatchNorm(size)


@pytest.mark.parametrize("size", [0, -8, 8.0, True, "8", None, math.nan, -math.inf, [8, 16]])
def test_what_is_no_batch_size_is_refused(size):
    with pytest.raises(mf.InvalidInput, match="must be an integer ≥ 4"):
        BatchNorm(size)


def test_pixels_multiply_the_batch():
    norm = BatchNorm(8, pixels=64)
    assert norm.batch == batch_size(norm) == 512
    assert (BatchNorm(1, 4).batch, BatchNorm(math.inf, 4).batch) == (4, math.inf)
    assert repr(norm) == "BatchNorm(batch_size=8, pixels=64)" == repr(mf.network(mf.written(norm)).layers[0])
    with pytest.raises(mf.InvalidInput, match="at least 4, not 3"):
        BatchNorm(1, pixels=3)
    for wrong in (0, 1.5, "8"):
        with pytest.raises(mf.InvalidInput, match="pixels must be"):
            BatchNorm(8, pixels=wrong)


def test_the_size_of_a_network():
    block = mf.Network(Residual(BatchNorm(8), "relu", mf.Dense()))
    assert (batch_size(block), batch_size(mf.mlp("relu")), batch_size(mf.mlp("relu"), block)) == (8, None, 8)
    with pytest.raises(mf.InvalidInput, match="one batch size, not 8 and 16"):
        batch_size(block, BatchNorm(16))


def test_it_stays_when_parameters_change():
    block = mf.Network(BatchNorm(8), "gelu", mf.Dense(1.4)).at(sigma_w=[1.0, 2.0])
    assert (block.shape, batch_size(block.take(np.array([1])))) == ((2,), 8)
