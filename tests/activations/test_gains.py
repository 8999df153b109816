"""Gains: their definitions, errors and the drop-in for torch."""

import re

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import meanfield as mf

KINDS = ("forward", "centered", "backward")


@pytest.mark.parametrize("name", ["tanh", "relu", "gelu", "elu", "sigmoid", "hardtanh", "sin", "softsign"])
@pytest.mark.parametrize("q", [1e-4, 0.3, 1.0, 50.0])
def test_gains_restore_what_they_are_named_for(name, q):
    phi, gains = mf.activation(name), mf.gains(name, q)
    second, mean = mf.expectation(lambda x: phi(x) ** 2, q).value, mf.expectation(phi, q).value
    slope = mf.expectation(lambda x: phi.derivative(x) ** 2, q).value
    assert gains["forward"].value ** 2 * second == pytest.approx(1, rel=1e-11)
    assert gains["backward"].value ** 2 * slope == pytest.approx(1, rel=1e-11)
    assert gains["centered"].value ** 2 * (second - mean**2) == pytest.approx(1, rel=1e-7)


@pytest.mark.parametrize("kind", KINDS)
def test_an_array_of_variances_gives_an_array(kind):
    q = np.array([[0.1, 1.0, 4.0]])
    estimate = mf.gain("gelu", kind=kind, q=q)
    assert estimate.value.shape == estimate.error.shape == (1, 3)
    for i in range(3):
        alone = mf.gain("gelu", kind=kind, q=q[0, i])
        assert type(alone.value) is float
        assert estimate.value[0, i] == pytest.approx(alone.value, rel=1e-13)


def test_an_estimate_is_a_number():
    assert float(mf.gain("relu")) == mf.gain("relu").value


@pytest.mark.parametrize("q", [1e-2, 1e-4, 1e-6, 1e-8])
@pytest.mark.parametrize("name", ["sigmoid", "cos", "softplus"])
def test_the_centred_gain_knows_what_cancellation_costs(name, q):
    function = {"sigmoid": lambda x: 1 / (1 + mp.exp(-x)), "cos": mp.cos, "softplus": lambda x: mp.log1p(mp.exp(x))}[
        name
    ]
    with mp.workdps(40):
        z = [mp.mpf(k) / 4 for k in range(-56, 57)]  # the trapezoidal rule converges like exp(−2π²/h²): 1e-137
        weights = [mp.npdf(x) / 4 for x in z]
        values = [function(mp.sqrt(mp.mpf(q)) * x) for x in z]
        mean, second = (mp.fdot(weights, [v**k for v in values]) for k in (1, 2))
        truth = 1 / mp.sqrt(second - mean**2)
        estimate = mf.gain(name, kind="centered", q=q)
        assert abs(mp.mpf(estimate.value) - truth) <= estimate.error


def test_jumps_have_no_backward_gain():
    with pytest.raises(mf.InfiniteDerivative):
        mf.gain("sign", kind="backward")
    assert set(mf.gains("sign")) == {"forward", "centered"}


def test_constants_have_no_centred_gain_and_zero_has_none():
    one = lambda x: np.ones_like(x)  # noqa: E731
    assert "centered" not in mf.gains(one)
    with pytest.raises(mf.InvalidInput, match="centered"):
        mf.gain(one, kind="centered")
    with pytest.raises(mf.InvalidInput, match="forward"):
        mf.gains(lambda x: 0 * x)


def test_infinite_moments_are_errors():
    with pytest.raises(mf.DivergentExpectation):
        mf.gain("exp(x**2)")
    with pytest.raises(mf.MeanFieldError):
        mf.gain("exp(x)", q=1e3)


def test_gains_is_read_only():
    with pytest.raises(TypeError):
        mf.gains("relu")["forward"] = 1


@pytest.mark.parametrize(("name", "param"), [("tanh", 0.5), ("relu", 0.1), ("selu", 1.0)])
def test_a_parameter_for_an_activation_without_one(name, param):
    with pytest.raises(mf.InvalidInput, match="leaky_relu"):
        mf.calculate_gain(name, param)


@pytest.mark.parametrize("param", ["a", np.nan, np.inf, [1.0, 2.0], object()])
def test_a_bad_slope(param):
    with pytest.raises(mf.InvalidInput, match="negative_slope"):
        mf.calculate_gain("leaky_relu", param)


@pytest.mark.parametrize("name", ["unconvinced", "conv", "conv(x)", "deconvolve", "conv9d", "convolutional relu"])
def test_only_torchs_own_names_of_linear_layers_are_linear(name):
    with pytest.raises(mf.MeanFieldError):
        mf.calculate_gain(name)


def test_calculate_gain_takes_anything():
    assert mf.calculate_gain(np.tanh) == pytest.approx(mf.calculate_gain("tanh"), rel=1e-12)
    assert mf.calculate_gain("x*tanh(log(1 + exp(x)))") == pytest.approx(mf.calculate_gain("mish"), rel=1e-12)
    assert type(mf.calculate_gain("gelu")) is float


@settings(max_examples=30)
@given(st.floats(-3, 3), st.floats(-3, 3), st.floats(0.01, 100))
def test_gains_of_piecewise_linear_functions(a, b, q):
    second = q * (a * a + b * b) / 2
    if second < 1e-6:
        return
    phi = mf.activation(f"where(x > 0, {a!r}*x, {b!r}*x)")
    gains = mf.gains(phi, q)
    mean = (q / (2 * np.pi)) ** 0.5 * (a - b)
    assert gains["forward"].value == pytest.approx(second**-0.5, rel=1e-12)
    assert gains["backward"].value == pytest.approx((second / q) ** -0.5, rel=1e-10)
    assert gains["centered"].value == pytest.approx((second - mean**2) ** -0.5, rel=1e-10)


@pytest.mark.parametrize("value", [3.0, 0.1, 1e8 / 3])
@pytest.mark.parametrize("q", [1e-6, 1.0, 2.0, 300.0])
def test_a_constant_callable_has_no_centered_gain_however_its_values_are_rounded(value, q):
    with pytest.raises(mf.InvalidInput, match="the moment that it should keep is 0"):
        mf.gain(lambda x: 0 * x + value, kind="centered", q=q)


@pytest.mark.parametrize("size", [1e92, 1e140, 1e-120])
@pytest.mark.parametrize("ripple", [1.0, 1e-4, 1e-6])
def test_the_centered_gain_of_very_large_and_very_small_functions(size, ripple):
    """The variance cancels against the mean, and its square exceeds the range of a float."""
    gain = mf.gain(lambda x: size * (1 + ripple * np.tanh(x)), kind="centered")
    truth = float(mf.gain("tanh")) / size / ripple
    assert abs(gain.value - truth) <= gain.error
    assert gain.error <= 1e-8 * truth


def test_a_variance_below_the_range_of_a_float_is_refused_as_such():
    with pytest.raises(mf.InvalidInput, match="below the range of a float"):
        mf.gain(lambda x: 1e-150 * (1 + 1e-4 * x), kind="centered")


@pytest.mark.parametrize("m", [0.0, 0.3, -1.1, 2.0, 0.5478467492858172])
@pytest.mark.parametrize("kind", ["forward", "centered"])
def test_a_pole_is_named_wherever_it_is(m, kind):
    with pytest.raises(mf.BadActivation, match=re.escape(f"infinite at x = {m:.5g}"[:22])):
        mf.gain(lambda x: np.log(np.abs(x - m)), kind=kind)


@pytest.mark.parametrize("m", [0.5478467492858172, -1.8361059042552212])
def test_the_centered_gain_of_a_logarithm_that_is_finite_at_its_pole(m):
    """log|x − m| with one float replaced; the truth in y = x − m, on panels that shrink towards 0."""
    edges = np.unique(np.r_[0.0, 2.0 ** np.arange(-120, 0), np.arange(0.25, 12, 0.25)])
    nodes, weights = np.polynomial.legendre.leggauss(20)
    half, middle = 0.5 * np.diff(edges), 0.5 * (edges[1:] + edges[:-1])
    y, w = (middle[:, None] + half[:, None] * nodes).ravel(), (half[:, None] * weights).ravel()
    density = w * (np.exp(-((m + y) ** 2) / 2) + np.exp(-((m - y) ** 2) / 2)) / np.sqrt(2 * np.pi)
    truth = (density @ np.log(y) ** 2 - (density @ np.log(y)) ** 2) ** -0.5
    for floor in (1e-300, 1e-18):
        gain = mf.gain(lambda x, floor=floor: np.log(np.abs(x - m) + floor), kind="centered")
        assert abs(gain.value - truth) <= gain.error + 1e-14
        assert gain.error < 1e-9


def test_the_centered_gain_of_ten_thousand_waves():
    gain = mf.gain(lambda x: np.sin(30 * (np.abs(x) + 1) * x), kind="centered", q=9.0)
    edges = np.linspace(0.0, 30.0, 20001)
    nodes, weights = np.polynomial.legendre.leggauss(20)
    x = 0.5 * (edges[1:] + edges[:-1])[:, None] + 0.5 * np.diff(edges)[:, None] * nodes
    square = np.sin(30 * (x + 1) * x) ** 2 * np.exp(-(x**2) / 18)
    truth = (2 * 0.5 * np.diff(edges) @ (square @ weights) / np.sqrt(18 * np.pi)) ** -0.5
    assert abs(gain.value - truth) <= gain.error + 1e-15
    assert gain.converged
