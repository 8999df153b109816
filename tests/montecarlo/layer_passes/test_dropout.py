"""Dropout at finite width: one mask an input, used again on the way back."""

import numpy as np
import pytest

import meanfield as mf
from meanfield.montecarlo.layer_passes import forward
from meanfield.montecarlo.materialized import Materialized
from meanfield.networks.layers.dropout import Dropout
from meanfield.networks.layers.residual import Residual


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


@pytest.mark.parametrize(
    "block",
    [
        mf.Network("tanh", Dropout(0.1), mf.Dense(1.4, 0.2)),
        mf.Network("relu", Dropout(0.5), mf.Dense(1.0)),
        Residual(mf.Dense(0.9), "relu", Dropout(0.3), mf.Dense(1.0, 0.1), skip_scale=0.8),
    ],
)
@pytest.mark.parametrize("c", [1.0, 0.3])
def test_simulation_and_theory_agree(block, c):
    assert mf.crosscheck(block, 6, 512, networks=32, c=c, rng=0, method="exact_law")


def test_a_rate_that_is_wrong_by_three_percent_of_what_is_kept_is_found():
    described, run = mf.Network("relu", Dropout(0.2), mf.Dense(1.6**0.5)), {}
    for rate in (0.2, 1 - 0.8 / 1.03):
        drawn = mf.Network("relu", Dropout(rate), mf.Dense(1.6**0.5))
        sample = mf.simulate(drawn, 12, 512, networks=64, c=0.5, rng=0, method="exact_law")
        theory = mf.propagate(described, 12, c=0.5)
        run[rate] = abs(sample.q.mean[-1] - theory.q[-1]) / sample.q.standard_error[-1]
    right, wrong = run.values()
    assert right < 4 < 5 < wrong
