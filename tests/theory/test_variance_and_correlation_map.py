"""The variance map and the correlation map against quadrature of other kinds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

import meanfield as mf

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(120)
WEIGHTS = WEIGHTS / np.sqrt(2 * np.pi)
MAPS = settings(max_examples=30)


def kinked(x):
    return np.maximum(x, 0.1 * x)


def product_rule(phi, q, c):
    """E φ(u)φ(v) of a smooth φ by a product of two Gauss–Hermite rules."""
    u = np.sqrt(q) * NODES[:, None]
    v = np.sqrt(q) * (c * NODES[:, None] + np.sqrt(1 - c * c) * NODES)
    return WEIGHTS @ (phi(u) * phi(v)) @ WEIGHTS


@pytest.mark.parametrize("name", ["tanh", "gelu", "softplus", "relu", "hardtanh", "sign", "elu"])
@pytest.mark.parametrize("q", [0.03, 1.0, 20.0])
def test_the_variance_map_is_what_quad_says(name, q):
    phi = mf.activation(name)
    cuts = [0.0, *(x / q**0.5 for x in phi.breakpoints if abs(x) < 9 * q**0.5)]
    second = quad(lambda z: phi(q**0.5 * z) ** 2 * np.exp(-z * z / 2), -12, 12, points=cuts, epsabs=1e-13, limit=200)[0]
    estimate = mf.variance_map(mf.mlp(name, 1.3, 0.4), q)
    assert estimate.value == pytest.approx(1.69 * second / np.sqrt(2 * np.pi) + 0.16, rel=1e-11)
    assert estimate.converged
    assert estimate.error < 1e-12 * estimate.value


@pytest.mark.parametrize("name", ["tanh", "erf", "sin", "cos", "gaussian"])
@pytest.mark.parametrize("c", [-1.0, -0.4, 0.0, 0.7, 0.99])
def test_the_correlation_map_is_what_a_product_rule_says(name, c):
    q, phi = 0.6, mf.activation(name)
    block = mf.mlp(name, 1.2, 0.3)
    variance = mf.variance_map(block, q).value
    expected = (1.44 * product_rule(phi, q, c) + 0.09) / variance
    assert mf.correlation_map(block, c, q=q).value == pytest.approx(expected, abs=3e-12)


def test_the_correlation_map_is_taken_at_the_fixed_point_by_default():
    block = mf.mlp("tanh", 1.5, 0.2)
    q = float(mf.analyze(block).q_star)
    assert mf.correlation_map(block, 0.3).value == pytest.approx(mf.correlation_map(block, 0.3, q=q).value, rel=1e-14)


def test_shapes_broadcast():
    block = mf.mlp("tanh", np.array([1.0, 2.0])[:, None], np.array([0.1, 0.2, 0.3]))
    variance = mf.variance_map(block, np.full((4, 1, 1), 0.5))
    assert np.shape(variance.value) == np.shape(variance.error) == (4, 2, 3)
    assert np.shape(mf.correlation_map(block, np.full((4, 1, 1), 0.5)).value) == (4, 2, 3)
    for i, j in np.ndindex(2, 3):
        alone = mf.mlp("tanh", [1.0, 2.0][i], [0.1, 0.2, 0.3][j])
        assert variance.value[0, i, j] == pytest.approx(mf.variance_map(alone, 0.5).value, rel=1e-13)


def test_scalars_in_scalars_out():
    for estimate in (mf.variance_map("tanh", 1.0), mf.correlation_map("tanh", 0.5, q=1.0)):
        assert type(estimate.value) is float
        assert type(estimate.error) is float


@pytest.mark.parametrize("spec", ["relu", "abs", kinked])
def test_equal_and_opposite_signals(spec):
    block = mf.mlp(spec, 1.1, 0.0)
    phi = mf.activation(spec)
    x = np.linspace(0, 12, 20_001)
    density = np.exp(-x * x / 2) / np.sqrt(2 * np.pi)
    opposite = np.trapezoid(phi(x) * phi(-x) * density, x) * 2
    variance = np.trapezoid((phi(x) ** 2 + phi(-x) ** 2) * density, x)
    assert mf.correlation_map(block, 1.0, q=1.0).value == 1.0
    assert mf.correlation_map(block, -1.0, q=1.0).value == pytest.approx(opposite / variance, abs=1e-7)


def test_a_variance_of_zero_is_in_range():
    assert mf.variance_map(mf.mlp("tanh", 1.0, 0.5), 0.0).value == 0.25
    assert mf.variance_map(mf.mlp("sigmoid", 1.0, 0.5), 0.0).value == pytest.approx(0.5, rel=1e-14)
    assert mf.variance_map(mf.mlp("cos", 2.0, 0.0), 0.0).value == pytest.approx(4.0, rel=1e-14)


def test_without_a_fixed_point_q_must_be_given():
    for block in (mf.mlp("relu", 2.0), mf.mlp("tanh", 0.5)):
        with pytest.raises(mf.NoFixedPoint, match="q="):
            mf.correlation_map(block, 0.5)
        assert 0 < mf.correlation_map(block, 0.5, q=1.0).value < 1


def test_an_infinite_second_moment_is_an_error():
    with pytest.raises(mf.DivergentExpectation):
        mf.variance_map("exp(x**2)", 1.0)


@MAPS
@given(
    st.sampled_from(["tanh", "relu", "gelu", "abs", "sigmoid"]),
    st.floats(0.01, 10),
    st.floats(-1, 1),
    st.floats(0.1, 5),
    st.floats(0, 2),
)
def test_correlations_stay_in_range_and_errors_bound_them(name, q, c, sigma_w, sigma_b):
    estimate = mf.correlation_map(mf.mlp(name, sigma_w, sigma_b), c, q=q)
    assert -1 - estimate.error <= estimate.value <= 1 + estimate.error
    assert abs(estimate.value) <= 1
    assert estimate.error < 1e-10


@MAPS
@given(
    st.sampled_from(["tanh", "relu", "gelu", "gaussian"]),
    st.floats(0.05, 8),
    st.floats(0, 0.96),
    st.floats(0.005, 0.02),
)
def test_the_map_rises_and_is_convex_between_0_and_1(name, q, c, h):
    left, middle, right = mf.correlation_map(mf.mlp(name), c + h * np.arange(3), q=q).value
    assert left <= middle + 1e-13
    assert middle <= right + 1e-13
    assert left + right - 2 * middle >= -1e-12


@MAPS
@given(st.sampled_from(["tanh", "softsign", "gaussian", "sigmoid"]), st.floats(1e-3, 100), st.floats(0.1, 10))
def test_the_map_falls_no_faster_than_the_root_of_q(name, q, sigma_w):
    # d ln V/d ln q = E φ²(z² − 1)/2E φ² ≥ −1/2, which excludes cycles of an MLP's variance map.
    low, high = mf.variance_map(mf.mlp(name, sigma_w), [q, q * 1.01]).value
    assert np.log(high / low) / np.log(1.01) > -0.5 - 1e-9
