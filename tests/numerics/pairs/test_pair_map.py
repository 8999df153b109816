"""Two dimensions: twelve digits at every correlation, and *relative* accuracy of differences down to 1 − c = 1e-25."""

import json

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paths import REFERENCE_FILES

from meanfield.activations.resolve import activation
from meanfield.numerics.pairs.by_quadrature import distance, product, slope
from meanfield.numerics.pairs.pair_map import PairMap, correlation_gap
from meanfield.numerics.pairs.representations import SHORT_SERIES, SURFACE, TOLERANCE, Pairs
from meanfield.numerics.quadrature.one_gaussian import moment
from meanfield.numerics.quadrature.piecewise_smooth import PiecewiseSmooth

REFERENCE = json.loads((REFERENCE_FILES / "kernels.json").read_text())
NAMES = {"gauss": "gaussian"}


def gap_of(c):
    """1 − c of a decimal c, rounded once."""
    with mpmath.workdps(40):
        return float(1 - mpmath.mpf(c))


GAPS = [2.0, 1.999, 1.5, 1.0, 0.5, 0.1, 1e-2, 1e-4, 1e-6, 1e-8, 0.99e-8, 1e-10, 1e-12, 1e-14, 1e-18, 1e-25]


def pieces_of(name):
    return activation(NAMES.get(name, name)).pieces


@pytest.mark.parametrize("name", sorted(REFERENCE))
def test_products_agree_with_25_digits_at_every_correlation(name):
    pieces = pieces_of(name)
    for c, truth in REFERENCE[name]["D"].items():
        value, error = product(pieces, pieces, 1.0, 1.0, gap_of(c))
        assert value == pytest.approx(float(truth), abs=1e-12 * max(1.0, abs(float(truth))))
        assert abs(value - float(truth)) <= error + 2e-16 * max(1.0, abs(float(truth)))


@pytest.mark.parametrize("name", sorted(n for n in REFERENCE if "Dd" in REFERENCE[n]))
def test_slopes_agree_with_25_digits(name):
    pieces = pieces_of(name)
    for c, truth in REFERENCE[name]["Dd"].items():
        value, error = slope(pieces, 1.0, 1.0, gap_of(c))
        assert value == pytest.approx(float(truth), abs=1e-12 * max(1.0, abs(float(truth))))
        assert abs(value - float(truth)) <= error + 2e-15


def relu_truth(q, gap):
    """Cho & Saul 2009, eq. 6 for n = 1, in 60 digits: ½E(φ(U) − φ(V))² and E φ′(U)φ′(V) at 1 − c = gap."""
    with mpmath.workdps(60):
        c = 1 - mpmath.mpf(gap)
        angle = mpmath.acos(c)
        kernel = (mpmath.sin(angle) + (mpmath.pi - angle) * c) / mpmath.pi
        return float(q / 2 * (1 - kernel)), float((1 - angle / mpmath.pi) / 2)


@pytest.mark.parametrize("derivative", [lambda x: 1.0 * (x > 0), None], ids=["given", "found"])
@pytest.mark.parametrize("gap", GAPS)
def test_relu_distance_keeps_its_digits_near_correlation_one(gap, derivative):
    pieces = PiecewiseSmooth(lambda x: np.maximum(x, 0), derivative, (0.0,))
    truth, slope_truth = relu_truth(2.0, gap)
    value, error = distance(pieces, 2.0, 2.0, gap)
    assert value == pytest.approx(truth, rel=2e-13)
    assert abs(value - truth) <= error + 1e-15 * truth
    assert slope(pieces, 2.0, 2.0, gap)[0] == pytest.approx(slope_truth, abs=2e-14)


@settings(max_examples=60)
@given(gap=st.floats(-14, 0.3), q1=st.floats(-2, 2), q2=st.floats(-2, 2))
def test_erf_pairs_of_unequal_variance_agree_with_williams(gap, q1, q2):
    """Williams 1997, eq. 11: E erf(U)erf(V) = (2/π) asin(2k/√((1+2q₁)(1+2q₂)))."""
    q1, q2, gap = 10.0**q1, 10.0**q2, min(10.0**gap, 2.0)
    pieces = activation("erf").pieces
    k = (1 - gap) * np.sqrt(q1 * q2)
    truth = 2 / np.pi * np.arcsin(2 * k / np.sqrt((1 + 2 * q1) * (1 + 2 * q2)))
    value, error = product(pieces, pieces, q1, q2, gap)
    assert value == pytest.approx(truth, abs=1e-12)
    assert abs(value - truth) <= error + 1e-15


def test_different_functions_exchange_their_places():
    f, g = pieces_of("relu"), pieces_of("tanh")
    there, back = product(f, g, 2.0, 0.5, 0.3), product(g, f, 0.5, 2.0, 0.3)
    assert there[0] == pytest.approx(back[0], abs=1e-14)


def test_opposite_correlation_reflects_the_second_argument():
    f = pieces_of("elu")
    reflected = PiecewiseSmooth(lambda x: f(-x), None, (0.0,))
    assert product(f, f, 1.0, 1.0, 1.7)[0] == pytest.approx(product(f, reflected, 1.0, 1.0, 0.3)[0], abs=1e-14)


def test_slope_of_a_jump_counts_its_delta():
    """Sign: E φ(U)φ(V) = (2/π) asin c, so its slope in the covariance is 2/(π√(1 − c²))."""
    for gap in (1.4, 1.0, 0.3, 1e-3, 1e-8):
        expected = 2 / np.pi / np.sqrt(gap * (2 - gap))
        assert slope(pieces_of("sign"), 1.0, 1.0, gap)[0] == pytest.approx(expected, rel=1e-13)


def test_slope_of_a_jump_beside_a_smooth_part():
    """φ = x + step: E φφ = k + 2·√q·p(0)… in closed form: k + √(q/2π)·(1 + c) + ¼ + asin(c)/2π."""
    f = PiecewiseSmooth(lambda x: x + (x > 0), lambda x: np.ones_like(x), (0.0,), (0.0,))
    for gap in (1.2, 0.5, 1e-3):
        c = 1 - gap
        expected = 1 + 2 / np.sqrt(2 * np.pi) + 1 / (2 * np.pi * np.sqrt(gap * (2 - gap)))
        assert slope(f, 1.0, 1.0, gap)[0] == pytest.approx(expected, rel=1e-12)
        exact = c + np.sqrt(2 / np.pi) * c + 0.25 + np.arcsin(c) / (2 * np.pi)
        assert product(f, f, 1.0, 1.0, gap)[0] == pytest.approx(exact, abs=1e-13)


@pytest.mark.sweep(3)
@pytest.mark.parametrize("name", ["relu", "tanh", "hard_tanh", "gelu", "selu", "relu6", "step"])
@pytest.mark.parametrize("q", [1e-6, 1.0, 25.0, 1e4])
def test_series_and_quadrature_agree(name, q):
    pieces = pieces_of(name)
    pair_map = PairMap(pieces)
    d = q * np.linspace(0.16, 1.84, 6)
    series, bound = pair_map.distance(np.full(6, q), np.full(6, q), d)
    direct = np.array([distance(pieces, q, q, g) for g in d / q])
    np.testing.assert_allclose(series, direct[:, 0], rtol=5e-14)
    assert np.all(np.abs(series - direct[:, 0]) <= bound + direct[:, 1])


@pytest.mark.parametrize("name", ["relu", "tanh", "selu", "sign"])
def test_slope_by_series_and_by_quadrature_agree(name):
    pieces = pieces_of(name)
    q1, q2, d = np.full(6, 0.7), np.full(6, 1.9), np.linspace(0.4, 1.6, 6)
    series, bound = PairMap(pieces).slope(q1, q2, d)
    direct = np.array([slope(pieces, 0.7, 1.9, float(g)) for g in correlation_gap(q1, q2, d)])
    np.testing.assert_allclose(series, direct[:, 0], rtol=1e-12)
    assert np.all(np.abs(series - direct[:, 0]) <= bound + direct[:, 1])


def test_series_for_unequal_variances_agrees_with_quadrature():
    pieces = pieces_of("selu")
    q1, q2, d = np.full(5, 0.7), np.full(5, 1.9), np.linspace(0.4, 1.6, 5)
    series, _ = PairMap(pieces).distance(q1, q2, d)
    gaps = correlation_gap(q1, q2, d)
    direct = [distance(pieces, 0.7, 1.9, float(g))[0] for g in gaps]
    np.testing.assert_allclose(series, direct, rtol=5e-14)


@pytest.mark.parametrize("name", ["relu", "hard_tanh", "tanh"])
def test_pairs_asked_for_again_and_again_get_a_surface(name):
    pieces = pieces_of(name)
    pair_map = PairMap(pieces)
    gaps = np.r_[1e-16, 1e-9, 1e-4, 0.01, 0.1, 1.9, 1.999]
    ones = np.ones(gaps.size)
    direct = np.array([distance(pieces, 1.0, 1.0, float(g)) for g in gaps])
    first, first_bound = pair_map.distance(ones, ones, gaps)
    assert not pair_map.surface.made(0, opposite=False)
    for _ in range(SURFACE.pays):
        value, bound = pair_map.distance(ones, ones, gaps)
    assert pair_map.surface.made(0, opposite=True)
    np.testing.assert_allclose(value, direct[:, 0], rtol=2e-11)
    for found, error in ((first, first_bound), (value, bound)):
        assert np.all(np.abs(found - direct[:, 0]) <= error + direct[:, 1])


def pairs_of_all_kinds(rng, n, equal):
    """Within three octaves; an eighth of them near c = ±1, where most are left to the quadrature."""
    q1 = np.exp(rng.uniform(-0.3, 2, n))
    q2 = q1 if equal else np.exp(rng.uniform(-0.3, 2, n))
    near = 10 ** rng.uniform(-7, -1, n)
    gap = np.select([np.arange(n) % 16 == 0, np.arange(n) % 16 == 8], [near, 2 - near], rng.uniform(0.02, 1.98, n))
    return q1, q2, 0.5 * (np.sqrt(q1) - np.sqrt(q2)) ** 2 + np.sqrt(q1 * q2) * gap


@pytest.mark.slow
@pytest.mark.parametrize("equal", [True, False], ids=["equal", "unequal"])
@pytest.mark.parametrize("name", ["tanh", "kinked", "jumps"])
def test_many_pairs_by_the_rule_are_those_of_the_quadrature(name, equal):
    functions = {
        "tanh": np.tanh,
        "kinked": lambda x: np.where(x > -0.3, x + 0.3, np.expm1(np.minimum(x + 0.3, 0.0))),
        "jumps": lambda x: (x > 0) + 0.5 * (x > 1) + 0.1 * x,
    }
    pieces = activation(functions[name]).pieces
    pairs = pairs_of_all_kinds(np.random.default_rng(5), 80, equal)
    pair_map, gaps, scale = PairMap(pieces), correlation_gap(*pairs), slope(pieces, 1.0, 1.0, 1.0)[0]
    for kind, one in (("distance", distance), ("slope", slope)):
        value, error = getattr(pair_map, kind)(*pairs)
        for k in range(0, 80, 27):
            truth, bound = one(pieces, pairs[0][k], pairs[1][k], float(gaps[k]))
            assert abs(value[k] - truth) <= error[k] + bound
            assert error[k] <= max(10 * bound, TOLERANCE[kind] * max(abs(truth), scale))


@pytest.mark.sweep(3)
@pytest.mark.parametrize("name", sorted(REFERENCE))
def test_representations_agree_with_25_digits(name):
    """Each of those that serve equal variances, at all correlations of the reference, within its own bound."""
    pieces = pieces_of(name)
    pair_map = PairMap(pieces)
    for c, truth in REFERENCE[name]["D"].items():
        gap = gap_of(c)
        second = moment(pieces, "ff", 1.0)
        for row in (SURFACE, SHORT_SERIES):
            some = Pairs(np.ones(1), np.ones(1), np.array([gap]))
            if not row.serves(some)[0] or gap == 0:
                continue
            value, error, _ = pair_map.evaluate(row, "product", some)
            off = abs(float(second.value) - value[0] - float(truth))
            assert off <= error[0] + second.error + 4e-16 * max(1.0, abs(float(truth)))


@pytest.mark.sweep(3)
@pytest.mark.parametrize("name", sorted(n for n in REFERENCE if "Dd" in REFERENCE[n]))
def test_slopes_of_representations_agree_with_25_digits(name):
    pieces = pieces_of(name)
    pair_map = PairMap(pieces)
    for c, truth in REFERENCE[name]["Dd"].items():
        some = Pairs(np.ones(1), np.ones(1), np.array([gap_of(c)]))
        for row in (SURFACE, SHORT_SERIES):
            if row.serves(some)[0]:
                value, error, _ = pair_map.evaluate(row, "slope", some)
                assert abs(value[0] - float(truth)) <= error[0] + 4e-16 * max(1.0, abs(float(truth)))


def test_the_derivative_has_a_surface_where_that_of_the_function_is_too_steep():
    """Near c = −1 the slope of a series in t is divided by t; E φ′² less the distance of φ′ is not."""
    pieces = pieces_of("silu")
    q, gap = np.full(40, 1.3), 2 - np.geomspace(1e-9, 0.05, 40)
    value, error = PairMap(pieces).slope(q, q, q * gap)
    assert np.all(error <= TOLERANCE["slope"])
    for k in range(0, 40, 13):
        truth, bound = slope(pieces, 1.3, 1.3, gap[k])
        assert abs(value[k] - truth) <= error[k] + bound


def test_a_relative_error_beyond_the_tolerance_is_left_to_the_next_representation():
    """x² at c = −1 + ε: the distance vanishes, and the surface has no digits of it."""
    pieces = PiecewiseSmooth(lambda x: x * x, lambda x: 2 * x, ())
    pair_map = PairMap(pieces)
    gap = 2 - np.geomspace(1e-6, 1e-4, 40)
    value, error = pair_map.distance(np.ones(40), np.ones(40), gap)
    by_surface = pair_map.surface.distance(np.ones(40), gap)
    exact = 2 * gap * (2 - gap)  # 2(1 − c²)
    assert np.all(np.abs(value - exact) <= error + 1e-15)
    assert np.all(error < by_surface[1])


def test_distance_at_full_correlation_is_that_of_the_scales():
    """Linear φ: ½(√q₁ − √q₂)² Z² has mean ½(√q₁ − √q₂)², however near the two are."""
    linear = PiecewiseSmooth(lambda x: x, lambda x: np.ones_like(x), ())
    for ratio in (4.0, 1.01, 1 + 1e-6, 1 + 1e-12):
        truth = 0.5 * ((ratio - 1) / (np.sqrt(ratio) + 1)) ** 2
        value, error = distance(linear, 1.0, ratio, 0.0)
        assert value == pytest.approx(truth, rel=1e-8)
        assert abs(value - truth) <= error + 1e-10 * truth


def test_gap_of_equal_variances_has_no_cancellation():
    assert correlation_gap(np.array(2.0), np.array(2.0), np.array(1e-30)) == 5e-31
    assert correlation_gap(np.array(0.0), np.array(1.0), np.array(0.5)) == 0.0
