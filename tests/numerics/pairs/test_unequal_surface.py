"""Pairs of unequal variances near c = 1: the series in the half difference against quadrature of one pair at a time."""

import mpmath
import numpy as np
import pytest

import meanfield as mf
from meanfield.numerics.pairs.by_quadrature import distance, slope
from meanfield.numerics.pairs.differences import Differences
from meanfield.numerics.pairs.pair_map import PairMap
from meanfield.numerics.pairs.representations import UNEQUAL, Pairs
from meanfield.numerics.pairs.unequal_surface import HalfDifference, UnequalSurface

FUNCTIONS = {
    "tanh": np.tanh,
    "smooth": lambda x: x / (1 + x * x) + np.sin(x),
    "kink": lambda x: np.abs(x - 0.3),
    "hardtanh": lambda x: np.clip(x, -1, 1),
    "kink and curve": lambda x: np.where(x > -0.3, x + 0.3, np.expm1(np.minimum(x + 0.3, 0.0))),
    "jumps": lambda x: (x > 0) + 0.5 * (x > 1) + 0.1 * x,
    "far from zero mean": lambda x: np.tanh(x) + 1000.0,
}
STEEP = {
    "step": lambda x: np.tanh(500 * (x - 0.3)),
    "bumps": lambda x: np.exp(-(((x - 0.4) / 0.01) ** 2)) + np.exp(-(((x + 0.9) / 0.01) ** 2)) + 0.1 * x,
    "rounded kink": lambda x: np.hypot(x - 0.3, 1e-4),
    "wave": lambda x: np.sin(12 * x) + x,
    "box": lambda x: np.where((x > -1.6334) & (x < -1.6334 + 0.0362), 1.0, 0.0),
    "cusp": lambda x: np.abs(x - 0.5) ** 0.3,
}


def nearly_equal(spread, number, seed):
    """Variances and 1 − c of pairs of inputs x₀ + spread·noise in 30 dimensions."""
    rng = np.random.default_rng(seed)
    base = rng.standard_normal(30)
    u, v = base + spread * rng.standard_normal((2, number, 30))
    q1, q2, d = np.mean(u * u, axis=1), np.mean(v * v, axis=1), 0.5 * np.mean((u - v) ** 2, axis=1)
    return q1, q2, (d - 0.5 * (np.sqrt(q1) - np.sqrt(q2)) ** 2) / np.sqrt(q1 * q2)


@pytest.mark.sweep(2)
@pytest.mark.parametrize("spread", [1e-3, 0.3])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_nearly_equal_inputs(name, spread):
    pieces = mf.activation(FUNCTIONS[name]).pieces
    pairs = nearly_equal(spread, 12, 3)
    value, error = UnequalSurface(pieces).distance(*pairs)
    for k in (0, 7):
        truth, bound = distance(pieces, *(float(number[k]) for number in pairs))
        assert abs(value[k] - truth) <= error[k] + bound
    if name != "far from zero mean":
        assert np.median(error / value) <= 1e-11


@pytest.mark.sweep(2)
@pytest.mark.parametrize("name", STEEP)
def test_features_that_are_not_resolved_are_in_the_error(name):
    pieces = mf.activation(STEEP[name]).pieces
    gap = np.array([3e-3])
    value, error = UnequalSurface(pieces).distance(np.array([1.1]), np.array([1.13]), gap)
    truth, bound = distance(pieces, 1.1, 1.13, float(gap[0]))
    assert np.all(np.abs(value - truth) <= error + bound)


@pytest.mark.parametrize("name", ["tanh", "kink"])
def test_slopes(name):
    pieces = mf.activation(FUNCTIONS[name]).pieces
    for spread in (1e-3, 0.3):
        pairs = nearly_equal(spread, 1, 5)
        value, error, mean_slope = UnequalSurface(pieces).slope(*pairs)
        truth, bound = np.array([slope(pieces, *pair) for pair in zip(*pairs, strict=True)]).T
        assert np.all(np.abs(value - truth) <= error + bound)
        assert np.all(error <= 1e-9)
        assert mean_slope * HalfDifference(*pairs).d == pytest.approx(UnequalSurface(pieces).distance(*pairs)[0])


def test_twenty_digits_of_a_sine_at_nearly_equal_variances():
    """½E(sin U − sin V)² = ½ − ¼(e^{−2q₁} + e^{−2q₂}) − ½(e^{−d} − e^{−q₁−q₂+d})."""
    q1, q2, gap = nearly_equal(1e-3, 30, 7)
    value, error = UnequalSurface(mf.activation(np.sin).pieces).distance(q1, q2, gap)
    with mpmath.workdps(40):
        for k in range(30):
            a, b, g = (mpmath.mpf(float(x[k])) for x in (q1, q2, gap))
            d = (a + b) / 2 - mpmath.sqrt(a * b) * (1 - g)
            squares = (2 - mpmath.exp(-2 * a) - mpmath.exp(-2 * b)) / 4
            truth = squares - (mpmath.exp(-d) - mpmath.exp(d - a - b)) / 2
            assert abs(value[k] - float(truth)) <= error[k]
            assert error[k] <= 1e-11 * value[k]


def test_terms_of_the_series_are_derivatives_of_the_pair_map_at_equal_variances():
    """D₁ = 2 s v ∂²D/∂s∂v with s = Var a and v = Var δ. For f = sin, D = ½(1 − e^{−2v})(1 + e^{−2s})."""
    s, t = np.array([0.7]), np.array([1e-3, 0.1, 0.4])
    terms = Differences(mf.activation(np.sin).pieces, s, 0.5, orders=2)(t)[:, 0]
    v = s * t**2
    np.testing.assert_allclose(terms[0], 0.5 * -np.expm1(-2 * v) * (1 + np.exp(-2 * s)), rtol=1e-11)
    np.testing.assert_allclose(terms[1], -4 * s * v * np.exp(-2 * v - 2 * s), rtol=1e-10)


def test_many_nearly_equal_inputs_are_served_without_quadrature_each():
    pair_map = PairMap(mf.activation(FUNCTIONS["kink"]).pieces)
    q1, q2, gap = nearly_equal(1e-3, 300, 9)
    d = 0.5 * (np.sqrt(q1) - np.sqrt(q2)) ** 2 + np.sqrt(q1 * q2) * gap
    before = pair_map.pieces.evaluations
    value, error = pair_map.distance(q1, q2, d)
    assert pair_map.pieces.evaluations - before < 1e6  # a quadrature of one pair takes 1e5
    assert np.all(error <= 1e-11 * value)
    assert pair_map.pays(UNEQUAL, "distance", Pairs(q1, q2, gap)).all()


def test_pairs_that_differ_in_length_alone_are_left_to_the_other_representations():
    surface = UnequalSurface(mf.activation(np.tanh).pieces)
    assert np.isinf(surface.distance(np.ones(2), np.array([1.5, 1.0001]), np.zeros(2))[1]).all()
