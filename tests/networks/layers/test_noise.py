"""Noise as a description: a standard deviation, which may be an array."""

import numpy as np
import pytest

import meanfield as mf
from meanfield.networks.layers.noise import AdditiveNoise, MultiplicativeNoise

KINDS = pytest.mark.parametrize("kind", [AdditiveNoise, MultiplicativeNoise])


@KINDS
def test_deviations_are_floats_or_arrays_that_broadcast(kind):
    assert repr(kind(0)) == f"{kind.__name__}(std=0.0)"
    block = mf.Network("tanh", kind([0.1, 0.2]), mf.Dense([[1.0], [2.0], [3.0]]))
    assert block.shape == (3, 2)
    assert block.take(np.array([3])).layers[1].std.tolist() == [0.2]
    assert block.at(sigma_w=1.0).shape == (2,)
    with pytest.raises(mf.InvalidInput, match=r"std \(3,\)"):
        mf.Network(kind([0.1, 0.2, 0.3]), mf.Dense([1.0, 2.0]))


@KINDS
def test_what_is_given_cannot_be_changed_afterwards(kind):
    given = np.array([0.1, 0.2])
    layer = kind(given)
    given[:] = 5.0
    assert layer.std.tolist() == [0.1, 0.2]
    with pytest.raises(ValueError, match="read-only"):
        layer.std[0] = 1.0


@KINDS
@pytest.mark.parametrize("std", [-1e-9, np.inf, 1e151, np.nan, "a", None, [0.5, -1.0], [], 1j])
def test_what_is_no_deviation_is_refused(kind, std):
    with pytest.raises(mf.InvalidInput, match="std"):
        kind(std)
