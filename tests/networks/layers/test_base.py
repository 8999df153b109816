"""Layers are values: checked when made, and standard deviations, not variances."""

import numpy as np
import pytest

import meanfield as mf


def test_scalars_become_floats_and_sequences_arrays():
    dense = mf.Dense(2, [0, 1])
    assert type(dense.sigma_w) is float
    assert dense.sigma_b.dtype == np.float64
    assert type(mf.Dense(np.float32(0.5)).sigma_w) is float
    assert repr(mf.Dense()) == "Dense(sigma_w=1.0, sigma_b=0.0)"


@pytest.mark.parametrize(
    "value", [-1e-12, np.nan, np.inf, "a", None, [1.0, -1.0], np.array([np.nan]), 1j, [[1], [1, 2]]]
)
def test_what_is_no_standard_deviation_is_refused(value):
    for make in (lambda: mf.Dense(value), lambda: mf.Dense(1.0, value)):
        with pytest.raises(mf.InvalidInput, match="sigma"):
            make()


def test_sigmas_are_standard_deviations():
    assert mf.variance_map(mf.Dense(3.0, 2.0), 5.0).value == 3.0**2 * 5 + 2.0**2


def test_zero_is_a_standard_deviation():
    assert mf.variance_map(mf.Dense(0.0, 0.0), 5.0).value == 0
