"""Dropout as a description: a share of units, which may be an array."""

import numpy as np
import pytest

import meanfield as mf
from meanfield.networks.layers.dropout import Dropout


def test_rates_are_floats_or_arrays_that_broadcast():
    assert repr(Dropout(0)) == "Dropout(rate=0.0)"
    block = mf.Network("tanh", Dropout([0.1, 0.2]), mf.Dense([[1.0], [2.0], [3.0]]))
    assert block.shape == (3, 2)
    assert block.take(np.array([3])).layers[1].rate.tolist() == [0.2]
    assert block.at(sigma_w=1.0).shape == (2,)


@pytest.mark.parametrize("rate", [-1e-9, 1.0, 2, np.nan, "a", None, [0.5, 1.0], [], 1j])
def test_what_is_no_share_is_refused(rate):
    with pytest.raises(mf.InvalidInput, match="rate"):
        Dropout(rate)
