"""Pairs of many different variances at once: every digit of the method for one pair, within the error claimed."""

import numpy as np
import pytest

import meanfield as mf
from meanfield.numerics.pairs.by_quadrature import distance
from meanfield.numerics.pairs.hermite import expand
from meanfield.numerics.pairs.hermite_unequal import Expansions, power_sums
from meanfield.numerics.pairs.pair_map import PairMap

FUNCTIONS = {
    "tanh": np.tanh,
    "kinked": lambda x: np.where(x > -0.3, x + 0.3, np.expm1(np.minimum(x + 0.3, 0.0))),
    "bent": lambda x: np.clip(x, -1, 1) + 0.2 * np.clip(x, 0, 3),
    "jump": lambda x: (x > 0.5) * 1.0,
    "square": lambda x: x * x,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_pairs_of_unequal_variances(name):
    rng = np.random.default_rng(1)
    pieces = mf.activation(FUNCTIONS[name]).pieces
    q1, q2, c = np.exp(rng.uniform(-1, 1, 600)), np.exp(rng.uniform(-1, 1, 600)), rng.uniform(-0.85, 0.85, 600)
    d = 0.5 * (q1 + q2) - c * np.sqrt(q1 * q2)
    value, error = PairMap(pieces).distance(q1, q2, d)
    assert np.all(error <= 1e-10 * value)
    for k in range(0, 600, 60):
        truth, bound = distance(pieces, q1[k], q2[k], 1 - c[k])
        assert abs(value[k] - truth) <= error[k] + bound


def test_near_to_one_the_series_is_longer():
    rng = np.random.default_rng(2)
    pieces = mf.activation(FUNCTIONS["kinked"]).pieces
    q1, q2, c = np.exp(rng.uniform(0, 1, 520)), np.exp(rng.uniform(0, 1, 520)), rng.uniform(0.87, 0.98, 520)
    pairs = PairMap(pieces)
    value, error = pairs.distance(q1, q2, 0.5 * (q1 + q2) - c * np.sqrt(q1 * q2))
    assert np.all(error <= 1e-10 * value)
    assert not pairs._calls  # none was left to the method for one pair
    for k in range(0, 520, 80):
        truth, bound = distance(pieces, q1[k], q2[k], 1 - c[k])
        assert abs(value[k] - truth) <= error[k] + bound


def test_expansions_between_the_nodes_are_those_made_there():
    pieces = mf.activation(FUNCTIONS["bent"]).pieces
    rows = Expansions(pieces, 100).at(np.array([0.3, 1.7, 9.0]))
    for i, q in enumerate((0.3, 1.7, 9.0)):
        alone = expand(pieces, q, 100)
        assert rows.coefficients[:15, i] == pytest.approx(alone.coefficients[:15], abs=1e-13)
        assert (rows.mean[i], rows.variance[i]) == pytest.approx((alone.mean, alone.variance), rel=1e-13)
        assert np.all(np.abs(rows.coefficients[:, i] - alone.coefficients) <= rows.error + alone.error)


def test_power_sums_take_the_terms_they_need():
    rng = np.random.default_rng(0)
    coefficients = rng.normal(size=(300, 5))
    first, second, c = rng.integers(5, size=200), rng.integers(5, size=200), rng.uniform(-0.9, 0.9, 200)
    c[:2] = 0.0
    expected = [
        sum(coefficients[n, a] * coefficients[n, b] * x ** (n + 1) for n in range(300))
        for a, b, x in zip(first, second, c, strict=True)
    ]
    assert power_sums(coefficients, first, second, c) == pytest.approx(expected, abs=1e-13)
    assert power_sums(coefficients, first[:0], second[:0], c[:0]).size == 0
