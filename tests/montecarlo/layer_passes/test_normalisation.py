"""Normalisation at finite width: exact moments, transposed passes, agreement with the theory."""

import numpy as np
import pytest
from frozen_draw import Frozen
from layer_cases import NORMALISATION

import meanfield as mf
from meanfield.montecarlo.layer_passes import forward
from meanfield.networks.layers.normalisation import LayerNorm, RMSNorm

norms = pytest.mark.parametrize("norm", [LayerNorm(), RMSNorm()])


@norms
def test_each_input_is_normalised_by_itself(norm):
    x = np.random.default_rng(1).standard_normal((3, 50)) * [[1e-200], [1.0], [1e200]] + [[1e-200], [5.0], [0.0]]
    y, _ = forward(norm, x, Frozen())
    assert np.mean(y**2, axis=1) == pytest.approx(np.ones(3), rel=1e-13)
    if isinstance(norm, LayerNorm):
        assert np.mean(y, axis=1) == pytest.approx(np.zeros(3), abs=1e-14)
    np.testing.assert_allclose(forward(norm, 7 * x[1:2], Frozen())[0], y[1:2], rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize(("norm", "value"), [(LayerNorm(), 0.0), (LayerNorm(), 0.1), (RMSNorm(), 0.0)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_units_that_are_all_the_same_are_refused(norm, value, dtype):
    with pytest.raises(mf.InvalidInput, match="would divide by zero"):
        forward(norm, np.full((2, 1000), value, dtype=dtype), Frozen(dtype=dtype))


def test_inputs_of_different_sizes_agree_too():
    x = np.random.default_rng(3).standard_normal((3, 7)) * [[1.0], [0.3], [2.0]]
    for name in ("pre-activation", "post-activation", "after a skip"):
        assert mf.crosscheck(NORMALISATION[name].block, 5, 256, networks=24, inputs=x, rng=1, method="exact_law")
