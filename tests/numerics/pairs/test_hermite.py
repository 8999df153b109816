"""Hermite expansions: the known coefficients, and a remainder that Parseval bounds."""

from math import factorial

import numpy as np
import pytest

from meanfield.activations.resolve import activation
from meanfield.numerics.pairs.hermite import GRID, AlongVariance, EachVariance, expand, hermite_coefficients


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
    expansion = expand(activation("sin").pieces, np.array([q]))
    n = np.arange(1, 40)
    signs = np.where(n % 2, (-1.0) ** ((n - 1) // 2), 0.0)
    expected = signs * np.exp(
        -q / 2 + n / 2 * np.log(q) - 0.5 * np.array([float(np.log(float(factorial(k)))) for k in n])
    )
    np.testing.assert_allclose(expansion.coefficients[0, :39], expected, atol=5e-14)


@pytest.mark.parametrize("name", ["tanh", "relu", "step", "gelu", "relu6"])
def test_coefficients_and_rest_add_up_to_the_variance(name):
    expansion = expand(activation(name).pieces, np.array([1.0]))
    total = np.sum(expansion.coefficients**2) + expansion.rest[0]
    assert total == pytest.approx(expansion.variance[0], rel=2e-14)
    assert expansion.rest[0] >= 0


@pytest.mark.parametrize("order", [100, 300])
def test_coefficients_along_ln_q_are_those_made_at_each_q(order):
    """Also for kinks far out, where coefficients of high order oscillate along ln q, within the errors."""
    q = np.array([0.3, 1.7, 9.0])
    pieces = activation(lambda x: np.clip(x, -1, 1) + 0.2 * np.clip(x, 0, 3)).pieces
    along, each = AlongVariance(pieces, order).at(q), EachVariance(pieces, order).at(q)
    np.testing.assert_allclose(along.coefficients[:, :15], each.coefficients[:, :15], atol=1e-13)
    np.testing.assert_allclose(along.mean, each.mean, atol=1e-13)
    np.testing.assert_allclose(along.variance, each.variance, rtol=1e-13)
    c, n = np.linspace(0, 1, GRID + 1), np.arange(1, order + 1)[:, None]
    off = (along.coefficients - each.coefficients) ** 2
    assert np.all(np.sqrt(off @ c ** (2 * n)) <= along.sum_error + each.sum_error)
    assert np.all(np.sqrt(off @ (n * c ** (n - 1)) ** 2) <= along.slope_error + each.slope_error)


def test_what_is_made_once_is_not_missing():
    pieces, q = activation("tanh").pieces, np.array([0.5, 2.0, 3.0])
    each, along = EachVariance(pieces, 50), AlongVariance(pieces, 50)
    assert (each.missing(q), along.missing(q)) == (3, 2)
    each.at(q[:2])
    along.at(q[:1])
    assert (each.missing(q), along.missing(q)) == (1, 1)


def test_a_panel_that_reaches_beyond_the_largest_variance_has_no_error():
    along = AlongVariance(activation(lambda x: np.exp(0.2 * x * x)).pieces, 20)  # E f² is finite for q < 5/4
    assert np.all(np.isinf(along.at(np.array([1.1])).sum_error))


TABULATED = {
    "tanh": np.tanh,
    "kinks": lambda x: np.clip(x, -1, 1) + 0.3 * np.abs(x - 2.2),
    "jump": lambda x: np.where(x > 0.4, np.exp(-x), 0.0),
    "steep": lambda x: np.tanh(50 * (x - 0.3)),
    "exponential": np.exp,
}


@pytest.mark.parametrize("name", TABULATED)
def test_coefficients_at_many_variances_are_those_at_each(name):
    pieces, q = activation(TABULATED[name]).pieces, np.array([0.5, 0.7, 2.0, 3.9])
    together = expand(pieces, q, 200)
    for k, one in enumerate(q):
        alone = expand(pieces, np.array([one]), 200)
        bound = together.mean_error[k] + alone.mean_error[0]
        assert np.all(np.abs(together.coefficients[k] - alone.coefficients[0]) <= bound)
        assert abs(together.variance[k] - alone.variance[0]) <= together.variance_error[k] + alone.variance_error[0]


def test_high_coefficients_of_a_kink_have_the_errors_that_are_stated():
    pieces = activation(lambda x: np.maximum(x, 0.0)).pieces
    for q in (np.array([1.99]), np.array([1.2, 1.99])):
        rows = expand(pieces, q, 120)
        for n in (20, 40, 80, 120):
            truth = relu_coefficient(n) * np.sqrt(q)
            assert np.all(np.abs(rows.coefficients[:, n - 1] - truth) <= rows.mean_error)
