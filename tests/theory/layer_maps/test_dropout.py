"""Dropout: second moments and gradients grow by 1/keep, covariances stay."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from standard_deviations import deviations

import meanfield as mf
from meanfield.networks.layers.dropout import Dropout
from meanfield.networks.layers.residual import Residual
from meanfield.theory.layer_maps import one_point, two_points
from meanfield.theory.states import Pair, Point

NODES = np.linspace(-9, 9, 361)  # the trapezoidal rule converges exponentially for what is analytic
WEIGHTS = 0.05 * np.exp(-(NODES**2) / 2) / np.sqrt(2 * np.pi)


def network(name, keep, sigma_w, sigma_b=0.0):
    return mf.Network(name, Dropout(1 - keep), mf.Dense(sigma_w, sigma_b))


def tanh_kernel(q, c):
    u, v = np.sqrt(q) * NODES[:, None], np.sqrt(q) * (c * NODES[:, None] + np.sqrt(1 - c * c) * NODES)
    return float(WEIGHTS @ (np.tanh(u) * np.tanh(v)) @ WEIGHTS)


@pytest.mark.parametrize(
    ("sigma_w2", "keep", "q_star", "c_star"),
    [
        (1.76, 0.9, 0.6928365048415154, 0.356736741999),
        (1.76, 0.5, 1.8218839498393975, 0.0485021098215),
        (1.5, 0.99, 0.42636977372413784, 0.886546234282),
        (2.5, 0.8, 1.5214707654937038, 0.109765925650),
    ],
)
def test_tanh_settles_where_schoenholz_says(sigma_w2, keep, q_star, c_star):
    t = mf.propagate(network("tanh", keep, sigma_w2**0.5, 0.05**0.5), 400, c=0.9)
    assert t.q[-1] == pytest.approx(q_star, rel=1e-12)
    assert t.c[-1] == pytest.approx(c_star, abs=2e-12)
    chi = mf.analyze(network("tanh", keep, sigma_w2**0.5, 0.05**0.5)).chi_1
    (plain,) = mf.propagate(mf.mlp("tanh", sigma_w2**0.5), 1, q=q_star).chi[:1]
    assert chi == pytest.approx(plain / keep, rel=1e-12)


def test_the_fixed_points_by_a_solve_of_their_own():
    keep, sigma_w2, sigma_b2 = 0.7, 1.9, 0.3
    q = brentq(lambda q: sigma_w2 / keep * float(WEIGHTS @ np.tanh(np.sqrt(q) * NODES) ** 2) + sigma_b2 - q, 0.1, 9)
    c = brentq(lambda c: (sigma_w2 * tanh_kernel(q, c) + sigma_b2) / q - c, 0.0, 0.999)
    t = mf.propagate(network("tanh", keep, sigma_w2**0.5, sigma_b2**0.5), 500, c=1.0)
    assert (t.q[-1], t.c[-1]) == pytest.approx((q, c), rel=1e-9)


@pytest.mark.parametrize(
    ("keep", "c_star", "chi"),
    [
        (0.5, 0.21723362821122166, 0.28485167343789862),
        (0.6, 0.28390865354987543, 0.35497874869179141),
        (0.8, 0.47279934721349607, 0.52540516530274292),
        (0.9, 0.62714588494920679, 0.64419931802356985),
        (0.95, 0.74481708688453209, 0.72909011644153074),
        (0.99, 0.90293259911632339, 0.85000444388249093),
    ],
)
def test_relu_keeps_its_second_moment_at_two_keep(keep, c_star, chi):
    """Pretorius et al. 2018 (arXiv:1811.00293)."""
    t = mf.propagate(network("relu", keep, (2 * keep) ** 0.5), 300, q=0.7, c=1.0)
    assert t.q == pytest.approx(0.7, rel=1e-12)
    assert t.gradient == pytest.approx(1.0, rel=1e-12)
    assert t.c[-1] == pytest.approx(relu_fixed_point(keep), abs=1e-13)
    assert t.c[-1] == pytest.approx(c_star, abs=1e-13)
    block = network("relu", keep, (2 * keep) ** 0.5)
    below, above = mf.correlation_map(block, [c_star - 1e-5, c_star + 1e-5], q=0.7).value
    assert (above - below) / 2e-5 == pytest.approx(chi, rel=1e-8)
    assert mf.critical_line(block, 0.0).sigma_w == pytest.approx([(2 * keep) ** 0.5], rel=1e-13)


def relu_fixed_point(keep):
    def excess(c):
        return keep * (np.sqrt(1 - c * c) + (np.pi - np.arccos(c)) * c) / np.pi - c

    return brentq(excess, 0.0, 1.0, xtol=1e-16)


def test_equal_inputs_part():
    after = two_points(Dropout(0.25), Pair.at(2.0, 0.0))
    assert (after.q1, after.q2) == pytest.approx((8 / 3, 8 / 3))
    assert after.covariance.value == pytest.approx(2.0)  # the covariance
    unequal = two_points(Dropout(0.25), Pair.of(1.0, 4.0, 0.7))
    assert unequal.covariance.value == pytest.approx(0.5 * 5 - 0.7)


@settings(max_examples=30)
@given(deviations(0.99), st.floats(0.01, 10), st.floats(0.01, 10), st.floats(-1, 1))
def test_psd_in_psd_out(rate, q, q2, c):
    d = 0.5 * (q + q2) - c * np.sqrt(q * q2)
    after = two_points(Dropout(rate), Pair.of(q, q2, d))
    assert np.abs(after.covariance.value) <= np.sqrt(after.q1 * after.q2) * (1 + 1e-12)
    assert one_point(Dropout(rate), Point.at(q)).q.value == pytest.approx(q / (1 - rate))


def test_a_rate_of_zero_is_not_there():
    plain, dropped = mf.mlp("gelu", 1.4, 0.3), network("gelu", 1.0, 1.4, 0.3)
    for field in ("q", "one_minus_c", "chi"):
        a, b = (getattr(mf.propagate(block, 60, c=0.3), field) for block in (plain, dropped))
        np.testing.assert_allclose(a, b, rtol=1e-12)


@pytest.mark.sweep(5)
@pytest.mark.parametrize("name", ["relu", "erf", "sign"])
@pytest.mark.parametrize("rate", [1e-6, 0.1])
@pytest.mark.parametrize("c", [1.0, 0.3, -1.0])
def test_long_orbits_are_those_of_layer_by_layer(name, rate, c):
    block = mf.Network(name, Dropout(rate), mf.Dense((2 * (1 - rate)) ** 0.5, 0.0 if name == "relu" else 0.1))
    q = np.asarray(mf.analyze(block).q_star)
    pair, gaps = Pair.at(q, q * (1 - c)), []
    for _ in range(300):
        gaps.append(pair.one_minus_c)
        pair = two_points(block, pair)
    t = mf.propagate(block, 299, q=q, c=c)
    np.testing.assert_allclose(t.one_minus_c, gaps, rtol=1e-10)


def test_before_an_activation_it_is_refused():
    with pytest.raises(mf.InvalidInput, match="tanh needs Gaussian units, and the output of Dropout is not"):
        mf.fixed_points(mf.Network(Dropout(0.1), "tanh", mf.Dense()))
    block = Residual("tanh", mf.Dense(0.8, 0.1), Dropout(0.2), skip_scale=0.5)
    with pytest.raises(mf.InvalidInput, match="Dropout"):
        mf.analyze(block)


def test_at_the_end_of_a_branch_it_keeps_the_zero_mean():
    block = Residual(mf.Dense(0.8, 0.1), "relu", mf.Dense(1.1), Dropout(0.2), skip_scale=0.5)
    q = 0.64 * 1.7 + 0.01
    assert mf.variance_map(block, 1.7).value == pytest.approx(0.25 * 1.7 + 1.21 * q / 2 / 0.8, rel=1e-13)
    assert mf.analyze(block).phase == "vanishing"
