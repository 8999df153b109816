"""Noise at finite width: drawn for each input, used again on the way back."""

import numpy as np
import pytest

from meanfield.montecarlo.layer_passes import forward
from meanfield.montecarlo.materialized import Materialized
from meanfield.networks.layers.noise import AdditiveNoise, MultiplicativeNoise


def run(layer, x):
    return forward(layer, x, Materialized(np.random.default_rng(0), 4, x.dtype, "gaussian"))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_units_are_multiplied_and_gradients_by_the_same_factors(dtype):
    x = np.full((2, 200_000), 3.0, dtype=dtype)
    y, pullback = run(MultiplicativeNoise(0.5), x)
    assert y.dtype == pullback(x).dtype == dtype
    np.testing.assert_array_equal(pullback(x), y)
    assert y.mean(axis=1) == pytest.approx([3.0, 3.0], abs=0.02)
    assert np.cov(y / 3.0) == pytest.approx(0.25 * np.eye(2), abs=0.004)  # independent for each input


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_something_is_added_to_units_and_gradients_pass(dtype):
    x = np.full((2, 200_000), 3.0, dtype=dtype)
    y, pullback = run(AdditiveNoise(0.5), x)
    assert y.dtype == pullback(x).dtype == dtype
    np.testing.assert_array_equal(pullback(x), x)
    assert y.mean(axis=1) == pytest.approx([3.0, 3.0], abs=0.01)
    assert np.cov(y) == pytest.approx(0.25 * np.eye(2), abs=0.004)


@pytest.mark.parametrize("kind", [AdditiveNoise, MultiplicativeNoise])
def test_no_noise_leaves_signals_and_gradients_as_they_are(kind):
    x = np.random.default_rng(1).standard_normal((3, 50))
    y, pullback = run(kind(0.0), x)
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(pullback(x), x)
