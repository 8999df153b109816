"""The half-line rule: exact for polynomials, and its coefficients are those of the orthonormal expansion."""

from math import gamma

import numpy as np
import pytest

from meanfield.numerics.quadrature.half_line import NODES, half_line


@pytest.mark.parametrize("degree", [0, 1, 2, 5, 12, 31, 44])
def test_integrates_polynomials_exactly(degree):
    exact = 2 ** ((degree - 2) / 2) * gamma((degree + 1) / 2) / np.sqrt(np.pi)  # half of E|Z|^degree
    assert half_line().weights @ half_line().nodes ** degree == pytest.approx(exact, rel=1e-12)


def test_coefficients_are_orthonormal():
    line = half_line()
    gram = (line.coefficients / line.weights) @ line.coefficients.T
    np.testing.assert_allclose(gram, np.eye(NODES), atol=2e-11)


def test_a_smooth_function_is_resolved_to_rounding():
    line = half_line()
    coefficients = line.coefficients @ np.cos(line.nodes)
    assert np.abs(coefficients[-4:]).max() < 1e-13
    assert line.weights @ np.cos(line.nodes) == pytest.approx(0.5 * np.exp(-0.5), abs=1e-15)
