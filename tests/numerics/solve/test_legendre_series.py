"""Legendre series: values and slopes against NumPy's, one series a point and one for all points."""

import numpy as np
import pytest

from meanfield.numerics.solve.legendre_series import values_and_slopes


@pytest.mark.parametrize("series", [40, 1])
def test_series_and_their_slopes(series):
    rng = np.random.default_rng(0)
    coefficients, x = rng.normal(size=(9, series)), rng.uniform(-1, 1, 40)
    value, slope = values_and_slopes(coefficients, x)
    for k in range(40):
        expected = np.polynomial.Legendre(coefficients[:, k % series])
        assert value[k] == pytest.approx(expected(x[k]), abs=1e-13)
        assert slope[k] == pytest.approx(expected.deriv()(x[k]), abs=1e-12)
