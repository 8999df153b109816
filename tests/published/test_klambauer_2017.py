"""Klambauer et al. 2017 (arXiv:1706.02515): SELU keeps mean 0 and variance 1, but gradients grow."""

import math

import pytest

import meanfield as mf

ALPHA, SCALE = 1.673263242354377284817042991671652, 1.0507009873554804934193349852946064


def test_the_parameters_follow_from_the_fixed_point():
    alpha = -math.sqrt(2 / math.pi) / (math.exp(0.5) * math.erfc(0.5**0.5) - 1)
    assert alpha == pytest.approx(ALPHA, rel=1e-15)
    unscaled = mf.gain(mf.activation(f"where(x > 0, x, {alpha!r}*(exp(x) - 1))"))
    assert unscaled.value == pytest.approx(SCALE, rel=1e-13)


def test_mean_and_variance_are_a_fixed_point():
    assert mf.expectation("selu").value == pytest.approx(0, abs=1e-15)
    gains = mf.gains("selu")
    assert gains["forward"].value == pytest.approx(1, rel=1e-14)
    assert gains["centered"].value == pytest.approx(1, rel=1e-14)
    point = mf.analyze("selu")
    assert point.q_star == pytest.approx(1, rel=1e-13)
    assert point.chi_parallel == pytest.approx(0.782647883197, rel=1e-11)


def test_gradients_grow_slowly():
    point = mf.analyze("selu")
    assert point.chi_1 == pytest.approx(1.0715749924557993, rel=1e-13)
    assert point.phase == "chaotic"
    assert point.xi_gradient < 0


def test_the_published_contraction():
    phi = mf.activation("selu")
    mean_slope = mf.expectation(lambda x: phi(x) * (x * x - 1) / 2).value  # of E φ in the variance
    assert mean_slope == pytest.approx(0.0888347551069, rel=1e-11)
    variance_slope = mf.expectation(lambda x: phi(x) ** 2 * (x * x - 1) / 2).value
    assert math.hypot(mean_slope, variance_slope) == pytest.approx(0.7876733605, abs=1e-10)
    assert (mean_slope, variance_slope) == pytest.approx((0.088834, 0.782648), abs=1e-6)
