"""Hermite expansions: the known coefficients, and a remainder that Parseval bounds."""

from math import factorial

import numpy as np
import pytest

from meanfield.activations.resolve import activation
from meanfield.numerics.pairs.hermite import expand, hermite_coefficients


def relu_coefficient(n):
    """Daniely et al. 2016, section 8: 1/√2π, 1/2, then (−1)^{m+1} (2m − 3)!!/√(2π (2m)!) for n = 2m."""
    if n == 0:
        return 1 / np.sqrt(2 * np.pi)
    if n == 1:
        return 0.5
    if n % 2:
        return 0.0
    m = n // 2
    double_factorial = float(np.prod(np.arange(2 * m - 3, 0, -2, dtype=float)))
    return (-1) ** (m + 1) * double_factorial / np.sqrt(2 * np.pi * factorial(2 * m))


def test_relu_coefficients_are_those_of_the_literature():
    found, error = hermite_coefficients(activation("relu").pieces, 21, 1.0)
    expected = np.array([relu_coefficient(n) for n in range(21)])
    np.testing.assert_allclose(found, expected, atol=1e-14)
    assert np.all(np.abs(found - expected) <= error + 1e-16)


@pytest.mark.parametrize("q", [0.01, 1.0, 25.0])
def test_sine_coefficients_are_those_of_its_generating_function(q):
    """E sin(√q Z) heₙ(Z) = ±e^{−q/2} q^{n/2}/√n! for odd n."""
    expansion = expand(activation("sin").pieces, q)
    n = np.arange(1, 40)
    signs = np.where(n % 2, (-1.0) ** ((n - 1) // 2), 0.0)
    expected = signs * np.exp(
        -q / 2 + n / 2 * np.log(q) - 0.5 * np.array([float(np.log(float(factorial(k)))) for k in n])
    )
    np.testing.assert_allclose(expansion.coefficients[:39], expected, atol=5e-14)


@pytest.mark.parametrize("name", ["tanh", "relu", "step", "gelu", "relu6"])
def test_coefficients_and_rest_add_up_to_the_variance(name):
    expansion = expand(activation(name).pieces, 1.0)
    total = float(expansion.coefficients @ expansion.coefficients) + expansion.rest
    assert total == pytest.approx(expansion.variance, rel=1e-14)
    assert expansion.rest >= 0
