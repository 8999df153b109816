"""Dropout at finite width: one mask an input, used again on the way back."""

import numpy as np
import pytest

from meanfield.montecarlo.layer_passes import forward
from meanfield.montecarlo.materialized import Materialized
from meanfield.networks.layers.dropout import Dropout


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_units_are_dropped_or_scaled_and_gradients_likewise(dtype):
    draw = Materialized(np.random.default_rng(0), 4, np.dtype(dtype), "gaussian")
    x = np.ones((2, 40_000), dtype=dtype)
    y, pullback = forward(Dropout(0.2), x, draw)
    assert y.dtype == pullback(x).dtype == dtype
    assert np.array_equal(pullback(3 * x), 3 * y)
    assert set(np.unique(y)) == {0, np.dtype(dtype).type(1.25)}
    assert (y == 0).mean(axis=1) == pytest.approx([0.2, 0.2], abs=0.01)
    assert np.mean(y[0] * y[1]) == pytest.approx(1.0, abs=0.02)  # masks are independent
