"""Mehler's sums: those of the definition, and pairs of many variances within the errors claimed."""

import numpy as np
import pytest

import meanfield as mf
from meanfield.numerics.pairs import by_quadrature, mehler
from meanfield.numerics.pairs.hermite import EachVariance, expand
from meanfield.numerics.pairs.pair_map import PairMap
from meanfield.numerics.pairs.representations import LONG_ORDER
from meanfield.numerics.pairs.two_functions import ProductMap

FUNCTIONS = {
    "tanh": np.tanh,
    "kinked": lambda x: np.where(x > -0.3, x + 0.3, np.expm1(np.minimum(x + 0.3, 0.0))),
    "bent": lambda x: np.clip(x, -1, 1) + 0.2 * np.clip(x, 0, 3),
    "jump": lambda x: (x > 0.5) * 1.0,
    "square": lambda x: x * x,
}


@pytest.mark.sweep(2)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_pairs_of_unequal_variances(name):
    rng = np.random.default_rng(1)
    pieces = mf.activation(FUNCTIONS[name]).pieces
    q1, q2, c = np.exp(rng.uniform(-1, 1, 600)), np.exp(rng.uniform(-1, 1, 600)), rng.uniform(-0.85, 0.85, 600)
    value, error = PairMap(pieces).distance(q1, q2, 0.5 * (q1 + q2) - c * np.sqrt(q1 * q2))
    assert np.all(error <= 1e-11 * value)
    for k in range(0, 600, 60):
        truth, bound = by_quadrature.distance(pieces, q1[k], q2[k], 1 - c[k])
        assert abs(value[k] - truth) <= error[k] + bound


def test_near_to_one_the_series_is_longer():
    rng = np.random.default_rng(2)
    pieces = mf.activation(FUNCTIONS["kinked"]).pieces
    q = np.exp(rng.uniform(0, 1, 5))
    first, second, c = rng.integers(5, size=60), rng.integers(5, size=60), rng.uniform(0.87, 0.98, 60)
    rows = EachVariance(pieces, LONG_ORDER).at(q)
    for name in ("distance", "slope"):
        value, error = getattr(mehler, name)(rows, first, second, 1 - c)
        assert np.all(error <= 1e-10 * value)
        for k in range(0, 60, 12):
            truth, bound = getattr(by_quadrature, name)(pieces, q[first[k]], q[second[k]], 1 - c[k])
            assert abs(value[k] - truth) <= error[k] + bound


def test_sums_take_the_terms_they_need():
    """Against sums term by term, with and without one pair of rows for all."""
    rng = np.random.default_rng(0)
    rows = expand(mf.activation("selu").pieces, np.array([0.5, 1.0, 2.0]))
    a = rows.coefficients
    for first, second in (
        (rng.integers(3, size=300), rng.integers(3, size=300)),
        (np.zeros(300, int), np.ones(300, int)),
    ):
        c = rng.uniform(-0.9, 0.9, 300)
        c[:2] = 0.0
        n = np.arange(1, a.shape[1] + 1)
        products = [a[i] * a[j] for i, j in zip(first, second, strict=True)]
        sums = np.array([p @ x**n for p, x in zip(products, c, strict=True)]) + rows.mean[first] * rows.mean[second]
        slopes = np.array([(n * p) @ x ** (n - 1) for p, x in zip(products, c, strict=True)])
        assert mehler.product(rows, rows, first, second, c)[0] == pytest.approx(sums, abs=1e-13)
        scale = np.sqrt(rows.q[first] * rows.q[second])
        assert mehler.slope(rows, first, second, 1 - c)[0] == pytest.approx(slopes / scale, abs=1e-12)
    assert mehler.product(rows, rows, first[:0], second[:0], c[:0])[0].size == 0


def test_products_of_two_functions_by_the_rule_are_those_of_the_quadrature():
    """Few and many pairs, of many variances and of one pair of them, where a series in the angle serves the ends."""
    rng = np.random.default_rng(3)
    f, g = mf.activation("relu").pieces, mf.activation(np.tanh).pieces
    gap = np.r_[10 ** rng.uniform(-9, -1, 60), 2 - 10 ** rng.uniform(-9, -1, 60), rng.uniform(0, 2, 60)]
    for q1, q2 in ((np.full(180, 0.7), np.full(180, 1.9)), np.exp(rng.uniform(-1, 1, (2, 180)))):
        for some in (slice(0, 180, 50), slice(None)):
            value, error = ProductMap(f, g)(q1[some], q2[some], gap[some])
            assert np.all(error <= 1e-12)
            for k in range(0, value.size, 40):
                truth, bound = by_quadrature.product(f, g, q1[some][k], q2[some][k], gap[some][k])
                assert abs(value[k] - truth) <= error[k] + bound
