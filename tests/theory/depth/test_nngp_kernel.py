"""Kernels of many inputs, in tiles of pairs, against kernels of few, which are one list of pairs."""

import numpy as np
import pytest

import meanfield as mf
from meanfield.networks.layers.gated import Gated
from meanfield.networks.layers.normalisation import LayerNorm
from meanfield.networks.layers.residual import Residual
from meanfield.theory.depth.nngp_kernel import FEW, take_inputs

BLOCKS = [
    mf.mlp("relu", 1.3, 0.2),
    mf.mlp("erf", 1.3, 0.2),
    mf.Network(Residual("relu", mf.Dense(0.7, 0.1)), LayerNorm()),
    mf.Network(Gated("relu", 1.3, 0.2), mf.Dense(1.1, 0.1)),
    mf.Network("gelu", mf.Dropout(0.2), mf.Dense(1.1, 0.3)),
]


@pytest.mark.parametrize("number", [2, FEW, FEW + 1, 3 * FEW + 5])
def test_tiles_hold_every_pair_once(number):
    count = np.zeros((number, number), dtype=int)
    x = np.random.default_rng(0).standard_normal((number, 3))
    for i, j, pair in take_inputs(x).tiles:
        np.add.at(count, (i, j), 1)
        np.testing.assert_allclose(pair.d.value, 0.5 * np.mean((x[i] - x[j]) ** 2, axis=-1), rtol=1e-12)
    assert np.array_equal(count + count.T, 1 - np.eye(number, dtype=int))


@pytest.mark.parametrize("alike", [False, True])
@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_the_kernel_of_many_inputs_has_the_kernels_of_few(block, alike):
    x = np.random.default_rng(1).standard_normal((FEW + 30, 6))
    if alike:
        x *= 2 / np.linalg.norm(x, axis=1, keepdims=True)
    few = np.r_[:4, FEW // 2 : FEW // 2 + 4, FEW : FEW + 4]
    for function in (mf.kernel, mf.ntk) if not any(isinstance(layer, Gated) for layer in block) else (mf.kernel,):
        many, alone = function(block, x, 3), function(block, x[few], 3)
        np.testing.assert_allclose(many[np.ix_(few, few)], alone, rtol=1e-11, atol=1e-12)
