"""Noise: second moments grow by a factor or a summand, covariances stay, gradients see the factors alone."""

from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rounding import assert_equal_covariances
from scipy.optimize import brentq
from standard_deviations import deviations

import meanfield as mf
from meanfield.bounded import Bounded
from meanfield.networks.layers.dropout import Dropout
from meanfield.networks.layers.noise import AdditiveNoise, MultiplicativeNoise
from meanfield.networks.layers.normalisation import LayerNorm, RMSNorm
from meanfield.networks.layers.residual import Residual
from meanfield.theory.layer_maps import one_point, pair_slope, two_points
from meanfield.theory.states import Pair, Point, Spread

KINDS = pytest.mark.parametrize("kind", [AdditiveNoise, MultiplicativeNoise])
NODES = np.linspace(-9, 9, 361)  # the trapezoidal rule converges exponentially for what is analytic
WEIGHTS = 0.05 * np.exp(-(NODES**2) / 2) / np.sqrt(2 * np.pi)


def second_moment(q):
    return float(WEIGHTS @ np.tanh(np.sqrt(q) * NODES) ** 2)


def squared_slope(q):
    return float(WEIGHTS @ np.cosh(np.sqrt(q) * NODES) ** -4.0)


def covariance(q, k, phi=np.tanh):
    c = k / q
    return float(WEIGHTS @ (phi(np.sqrt(q) * NODES[:, None]) * phi(_second(q, c))) @ WEIGHTS)


def _second(q, c):
    return np.sqrt(q) * (c * NODES[:, None] + np.sqrt(1 - c * c) * NODES)


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
def test_relu_keeps_its_second_moment_at_two_over_that_of_the_factor(keep, c_star, chi):
    """Pretorius et al. 2018 (arXiv:1811.00293): noise of variance 1/keep − 1 does what dropout does."""
    std = (1 / keep - 1) ** 0.5
    block = mf.Network("relu", MultiplicativeNoise(std), mf.Dense((2 / (1 + std**2)) ** 0.5))
    a = mf.analyze(block)
    assert (a.q_star, a.chi_1, a.chi_parallel) == pytest.approx((1, 1, 1), rel=1e-14)
    assert (a.c_star, a.chi_c, a.phase) == (pytest.approx(c_star, rel=1e-12), pytest.approx(chi, rel=1e-12), "balanced")
    assert a.xi_c == pytest.approx(-1 / np.log(chi), rel=1e-12)
    assert mf.propagate(block, 300, q=0.7, c=1.0).c[-1] == pytest.approx(c_star, rel=1e-12)
    assert mf.critical_line(block, 0.0).sigma_w == pytest.approx([(2 * keep) ** 0.5], rel=1e-13)


def test_multiplicative_noise_is_dropout_of_the_same_second_moment():
    rate = np.array([1e-9, 0.1, 0.5, 0.99])
    noise = MultiplicativeNoise(np.sqrt(rate / (1 - rate)))
    dense = mf.Dense([[0.8], [1.5]], 0.2)
    for activation in ("tanh", "gelu"):
        a, b = (mf.analyze(mf.Network(activation, layer, dense)) for layer in (noise, Dropout(rate)))
        for one, other in zip(astuple(a)[:-1], astuple(b)[:-1], strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12)
        assert (a.phase == b.phase).all()


@KINDS
def test_where_tanh_settles_by_a_solve_of_its_own(kind):
    std2, sigma_w2, sigma_b2 = 0.4, 1.9, 0.3
    factor, summand = (1 + std2, 0.0) if kind is MultiplicativeNoise else (1.0, std2)
    q = brentq(lambda q: sigma_w2 * (factor * second_moment(q) + summand) + sigma_b2 - q, 0.1, 9, xtol=1e-15)
    c = brentq(lambda c: (sigma_w2 * covariance(q, q * c) + sigma_b2) / q - c, 0.0, 0.999, xtol=1e-15)
    slope = sigma_w2 * covariance(q, q * c, lambda x: np.cosh(x) ** -2.0)
    a = mf.analyze(mf.Network("tanh", kind(std2**0.5), mf.Dense(sigma_w2**0.5, sigma_b2**0.5)))
    assert (a.q_star, a.c_star, a.chi_c) == pytest.approx((q, c, slope), rel=1e-11)
    assert a.chi_1 == pytest.approx(sigma_w2 * factor * squared_slope(q), rel=1e-12)


def test_what_is_added_before_an_activation_is_read_by_it():
    std2, sigma_w2, sigma_b2 = 0.4, 1.9, 0.3
    block = mf.Network(AdditiveNoise(std2**0.5), "tanh", mf.Dense(sigma_w2**0.5, sigma_b2**0.5))
    q = brentq(lambda q: sigma_w2 * second_moment(q + std2) + sigma_b2 - q, 0.1, 9, xtol=1e-15)
    c = brentq(lambda c: (sigma_w2 * covariance(q + std2, q * c) + sigma_b2) / q - c, 0.0, 0.999, xtol=1e-15)
    a = mf.analyze(block)
    assert (a.q_star, a.c_star) == pytest.approx((q, c), rel=1e-11)
    assert a.chi_1 == pytest.approx(sigma_w2 * squared_slope(q + std2), rel=1e-12)


def test_what_is_added_to_the_state_is_the_same_network_read_elsewhere():
    before = mf.analyze(mf.Network(AdditiveNoise(0.6), "gelu", mf.Dense(1.2, 0.3)))
    after = mf.analyze(mf.Network("gelu", mf.Dense(1.2, 0.3), AdditiveNoise(0.6)))
    assert after.q_star == pytest.approx(before.q_star + 0.36, rel=1e-12)
    assert after.c_star * after.q_star == pytest.approx(before.c_star * before.q_star, rel=1e-10)
    for name in ("chi_1", "chi_c", "chi_parallel"):
        assert getattr(after, name) == pytest.approx(getattr(before, name), rel=1e-10)


def test_added_noise_leaves_relu_no_critical_weights():
    block = mf.Network("relu", AdditiveNoise(0.3), mf.Dense())
    for sigma_b in (0.0, 0.5):
        assert len(mf.critical_line(block, sigma_b)) == 0
    ordered, unbounded = mf.analyze(block.at(sigma_w=[1.4, 2**0.5])).q_star
    assert ordered == pytest.approx(1.96 * 0.09 / (1 - 0.98), rel=1e-12)
    assert unbounded == np.inf
    assert mf.propagate(block.at(sigma_w=2**0.5), 100).q == pytest.approx(1 + 0.18 * np.arange(101), rel=1e-12)


def test_added_noise_leaves_tanh_weights_that_keep_gradients_but_not_correlations():
    block = mf.Network("tanh", AdditiveNoise(0.5), mf.Dense())
    line = mf.critical_line(block, 0.2)
    (q,), (sigma_w2,) = line.q, line.sigma_w**2
    assert sigma_w2 * squared_slope(q) == pytest.approx(1, rel=1e-11)
    assert sigma_w2 * (second_moment(q) + 0.25) + 0.04 == pytest.approx(q, rel=1e-11)
    a = mf.analyze(block.at(sigma_w=line.sigma_w[0], sigma_b=0.2))
    assert (a.phase, a.c_star < 0.1) == ("balanced", True)


def test_equal_inputs_part_and_covariances_stay():
    for unequal in (Pair.at(2.0, 0.0), Pair.of(1.0, 4.0, 0.7), Pair.of(3.0, 1.0, 3.5)):
        k = unequal.covariance.value
        multiplied, added = (two_points(kind(0.5), unequal) for kind in (MultiplicativeNoise, AdditiveNoise))
        assert (multiplied.q1, multiplied.q2) == pytest.approx((1.25 * unequal.q1, 1.25 * unequal.q2), rel=1e-15)
        assert (added.q1, added.q2) == pytest.approx((unequal.q1 + 0.25, unequal.q2 + 0.25), rel=1e-15)
        for after in (multiplied, added):
            assert after.covariance.value == pytest.approx(k, abs=1e-15)


@settings(max_examples=50)
@given(
    st.sampled_from([AdditiveNoise, MultiplicativeNoise]),
    deviations(100),
    st.floats(0.01, 10),
    st.floats(0.01, 10),
    st.floats(-1, 1),
)
def test_psd_in_psd_out_and_the_slope_is_that_of_the_map(kind, std, q, q2, c):
    d = 0.5 * (q + q2) - c * np.sqrt(q * q2)
    before = Pair.of(q, q2, d)
    after = two_points(kind(std), before)
    assert np.abs(after.covariance.value) <= np.sqrt(after.q1 * after.q2) * (1 + 1e-12)
    assert one_point(kind(std), Point.at(q)).q.value == after.q1
    farther = two_points(kind(std), Pair.of(q, q2, d + 0.25))
    difference = (farther.d.value - after.d.value) / 0.25
    assert pair_slope(kind(std), before).value == pytest.approx(difference, abs=1e-9 * after.d.value)


@KINDS
def test_the_slope_of_the_second_moment_and_the_errors_follow_the_map(kind):
    before = Point(q=Bounded(0.8, 1e-9), slope=Bounded(0.7, 2e-9), chi=Bounded(0.6, 3e-9))
    after, farther = (one_point(kind(1.5), one) for one in (before, Point.at(0.8 + 1e-9)))
    assert after.slope.value == pytest.approx(0.7 * (farther.q.value - after.q.value) / 1e-9, rel=1e-6)
    factor = 1 + 1.5**2 if kind is MultiplicativeNoise else 1.0
    errors = (after.q.error, after.chi.value, after.slope.error, after.chi.error)
    assert errors == pytest.approx(factor * np.array([1e-9, 0.6, 2e-9, 3e-9]), rel=1e-14)


@KINDS
def test_no_noise_is_the_plain_network_exactly(kind):
    plain = mf.mlp("gelu", [1.0, 1.4], 0.3)
    quiet = mf.Network("gelu", kind(0.0), mf.Dense([1.0, 1.4], 0.3))
    for a, b in zip(astuple(mf.analyze(plain)), astuple(mf.analyze(quiet)), strict=True):
        np.testing.assert_array_equal(a, b)
    for field in ("q", "one_minus_c", "chi", "gradient"):
        a, b = (getattr(mf.propagate(block, 60, c=0.3), field) for block in (plain, quiet))
        np.testing.assert_array_equal(a, b)


@KINDS
def test_arrays_of_noise_are_networks_side_by_side(kind):
    stds, biases = np.array([0.0, 0.1, 0.7]), np.array([0.0, 0.2, 0.4])
    block = mf.Network("tanh", kind(stds), mf.Dense())
    diagram = mf.phase_diagram(block, [0.5, 1.0, 1.5, 2.0, 3.0], biases)
    assert diagram.q_star.shape == (5, 3)
    trajectory = mf.propagate(block.at(sigma_w=2.0, sigma_b=biases), 20, c=[[0.9], [-0.4]])
    for i, (std, sigma_b) in enumerate(zip(stds, biases, strict=True)):
        one = mf.Network("tanh", kind(std), mf.Dense(2.0, sigma_b))
        alone = mf.analyze(one)
        assert diagram.phase[3, i] == alone.phase
        for field in ("q_star", "c_star", "chi_1", "chi_c"):
            assert getattr(diagram, field)[3, i] == pytest.approx(getattr(alone, field), rel=1e-13, abs=1e-14)
        for row, c in enumerate((0.9, -0.4)):
            gaps = mf.propagate(one, 20, c=c).one_minus_c
            np.testing.assert_allclose(trajectory.one_minus_c[:, row, i], gaps, rtol=1e-12)


@KINDS
def test_a_kernel_has_the_noise_on_its_diagonal_alone(kind):
    inputs = np.random.default_rng(0).standard_normal((4, 3))
    inputs[3] = inputs[0]
    noisy = mf.kernel(kind(0.5), inputs, 1)
    clean = inputs @ inputs.T / 3
    added = 0.25 * (np.diag(clean) if kind is MultiplicativeNoise else np.ones(4))
    assert_equal_covariances(noisy, clean + np.diag(added), rtol=1e-14)
    deep = mf.kernel(mf.Network("relu", kind(0.5), mf.Dense(1.2, 0.1)), inputs, 5)
    assert np.linalg.eigvalsh(deep)[0] > 0
    pair = mf.propagate(
        mf.Network("relu", kind(0.5), mf.Dense(1.2, 0.1)),
        5,
        q=clean[0, 0],
        q2=clean[1, 1],
        c=clean[0, 1] / np.sqrt(clean[0, 0] * clean[1, 1]),
    )
    assert deep[0, 1] / np.sqrt(deep[0, 0] * deep[1, 1]) == pytest.approx(pair.c[-1], rel=1e-12)
    assert deep[0, 3] < deep[0, 0]


@pytest.mark.sweep(5)
@KINDS
@pytest.mark.parametrize("std", [1e-7, 1e-3, 0.5, 30.0])
@pytest.mark.parametrize("c", [1.0, 0.3, -1.0])
def test_long_orbits_are_those_of_layer_by_layer(kind, std, c):
    sigma_w = 1.3 / (1 + std**2 if kind is MultiplicativeNoise else 1.0) ** 0.5
    block = mf.Network("erf", kind(std), mf.Dense(sigma_w, 0.1))
    q = np.asarray(mf.analyze(block).q_star)
    pair, gaps = Pair.at(q, q * (1 - c)), []
    for _ in range(300):
        gaps.append(pair.one_minus_c)
        pair = two_points(block, pair)
    np.testing.assert_allclose(mf.propagate(block, 299, q=q, c=c).one_minus_c, gaps, rtol=1e-10)


@KINDS
def test_norms_see_the_mean_that_noise_leaves(kind):
    q, c, std2 = 1.7, 0.3, 0.49
    sigmoid, slope = mf.activation("sigmoid"), mf.activation("sigmoid").derivative
    x = np.sqrt(q) * NODES
    mean, second, chi = WEIGHTS @ sigmoid(x), WEIGHTS @ sigmoid(x) ** 2, WEIGHTS @ slope(x) ** 2
    factor, summand = (1 + std2, 0.0) if kind is MultiplicativeNoise else (1.0, std2)
    total, k = factor * second + summand, covariance(q, q * c, sigmoid)
    for norm, expected, scale in (
        (LayerNorm(), (k - mean**2) / (total - mean**2), total - mean**2),
        (RMSNorm(), k / total, total),
    ):
        block = mf.Network("sigmoid", kind(std2**0.5), norm)
        assert mf.correlation_map(block, c, q=q).value == pytest.approx(expected, rel=1e-11)
        assert one_point(block, Point.at(q)).chi.value == pytest.approx(factor * chi / scale, rel=1e-11)


@KINDS
def test_what_a_norm_is_told_of_means_and_variances(kind):
    mean, variance = np.array([3.0, -0.1]), np.array([2.0, 0.5])
    old = Spread(mean=Bounded(mean, 1e-9), variance=Bounded(variance, 2e-9))
    q = variance + mean**2
    after = one_point(kind(0.7), Point.at(q, spread=lambda: old))
    spread = after.spread()
    np.testing.assert_array_equal(spread.mean.value, mean)
    np.testing.assert_allclose(spread.variance.value + spread.mean.value**2, after.q.value, rtol=1e-15)
    moved = Spread(mean=Bounded(mean + 1e-9), variance=Bounded(variance + 2e-9))
    there = one_point(kind(0.7), Point.at(q, spread=lambda: moved)).spread()
    assert np.all(np.abs(there.variance.value - spread.variance.value) <= spread.variance.error + 1e-15)


def test_residual_networks_add_noise_like_any_branch():
    q, s2 = 1.7, 0.09
    ends = Residual(
        mf.Dense(0.8, 0.1), "relu", mf.Dense(1.1), MultiplicativeNoise(0.3), AdditiveNoise(0.2), skip_scale=0.5
    )
    branch = 1.21 * (0.64 * q + 0.01) / 2
    assert mf.variance_map(ends, q).value == pytest.approx(0.25 * q + (1 + s2) * branch + 0.04, rel=1e-13)
    begins = Residual(AdditiveNoise(0.3), "relu", mf.Dense(1.1), skip_scale=0.5)
    assert mf.variance_map(begins, q).value == pytest.approx(0.25 * q + 1.21 * (q + s2) / 2, rel=1e-13)
    around = mf.Network(AdditiveNoise(0.3), Residual("relu", mf.Dense(1.1), skip_scale=0.5))
    assert mf.variance_map(around, q).value == pytest.approx((0.25 + 0.605) * (q + s2), rel=1e-13)


@pytest.mark.parametrize(
    ("block", "named"),
    [
        (
            mf.Network(MultiplicativeNoise(0.1), "tanh", mf.Dense()),
            "tanh needs Gaussian units, and the output of MultiplicativeNoise is not",
        ),
        (
            mf.Network("relu", AdditiveNoise(0.1), "tanh", mf.Dense()),
            "tanh needs Gaussian units, and the output of relu is not",
        ),
        (Residual("tanh", mf.Dense(0.8), MultiplicativeNoise(0.2), skip_scale=0.5), "MultiplicativeNoise"),
        (mf.Network(mf.BatchNorm(8), AdditiveNoise(0.1), mf.Dense()), "must follow it"),
    ],
)
def test_what_second_moments_do_not_tell_is_refused(block, named):
    for use in (mf.analyze, lambda block: mf.propagate(block, 3)):
        with pytest.raises(mf.InvalidInput, match=named):
            use(block)


def test_noise_beyond_floats_is_said_to_be():
    block = mf.Network("tanh", MultiplicativeNoise(1e150), mf.Dense(1e-150))
    assert mf.variance_map(block, 1.0).value == pytest.approx(second_moment(1.0), rel=1e-12)
    for use in (
        lambda: one_point(MultiplicativeNoise(1e150), Point.at(1e10)),
        lambda: _pair(1e10, 1.0),
        lambda: _pair(1.0, 1e10),
    ):
        with pytest.raises(mf.DivergentExpectation, match="noise exceeds the range of a float"):
            use()


def _pair(q1, q2):
    return two_points(MultiplicativeNoise(1e150), Pair.of(q1, q2, 0.5 * (q1 + q2)))


@pytest.mark.parametrize("nothing", [Dropout(0.0), MultiplicativeNoise(0.0), Dropout([0.0, 0.0])])
def test_noise_of_no_size_may_stand_before_an_activation(nothing):
    block = mf.Network(nothing, "tanh", mf.Dense(1.3, 0.2))
    np.testing.assert_allclose(mf.analyze(block).q_star, mf.analyze(mf.mlp("tanh", 1.3, 0.2)).q_star, rtol=1e-13)
    some = mf.Network(Dropout([0.0, 0.1]), "tanh", mf.Dense())
    with pytest.raises(mf.InvalidInput, match="tanh needs Gaussian units, and the output of Dropout is not"):
        mf.analyze(some)
