"""One-dimensional moments: thirteen digits over ten decades of q, with errors that are upper bounds."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paths import REFERENCE_FILES
from scipy import special

from meanfield.activations.resolve import activation
from meanfield.errors import BadActivation, DivergentExpectation, InfiniteDerivative
from meanfield.numerics.quadrature.one_gaussian import moment
from meanfield.numerics.quadrature.piecewise_smooth import PiecewiseSmooth

REFERENCE = json.loads((REFERENCE_FILES / "kernels.json").read_text())
NAMES = {"gauss": "gaussian"}  # where the catalogue's name differs from the file's

CASES = [
    (name, field, float(q), float(value))
    for name, fields in REFERENCE.items()
    for field in ("V", "X")
    for q, value in fields.get(field, {}).items()
]


def pieces_of(name):
    return activation(NAMES.get(name, name)).pieces


def assert_honest(estimate, truth, slack=0.0):
    """The reported error never understates; `slack` is the error of the truth itself."""
    assert np.all(np.abs(estimate.value - truth) <= estimate.error + slack)


@pytest.mark.parametrize(("name", "field", "q", "truth"), CASES)
def test_moments_agree_with_25_digits(name, field, q, truth):
    estimate = moment(pieces_of(name), {"V": "ff", "X": "dd"}[field], q)
    assert estimate.value == pytest.approx(truth, rel=1e-13)
    assert estimate.converged
    assert_honest(estimate, truth, 1e-16 * truth)


# Closed forms, written out here as the literature has them: (E f² or E f′² at q, product, f, f′, breakpoints).
CLOSED = {
    "erf": (lambda q: 2 / np.pi * np.arcsin(2 * q / (1 + 2 * q)), "ff", special.erf, None, ()),
    "erf'": (
        lambda q: 4 / np.pi / np.sqrt(1 + 4 * q),
        "dd",
        special.erf,
        lambda x: 2 / np.sqrt(np.pi) * np.exp(-x * x),
        (),
    ),
    "sin": (lambda q: -0.5 * np.expm1(-2 * q), "ff", np.sin, np.cos, ()),
    "relu": (lambda q: q / 2, "ff", lambda x: np.maximum(x, 0), lambda x: 1.0 * (x > 0), (0.0,)),
    "exp": (lambda q: np.exp(2 * q), "ff", np.exp, np.exp, ()),
    "cube": (lambda q: 15 * q**3, "ff", lambda x: x**3, lambda x: 3 * x**2, ()),
    "hardtanh'": (
        lambda q: special.erf(1 / np.sqrt(2 * q)),
        "dd",
        lambda x: np.clip(x, -1, 1),
        lambda x: 1.0 * (np.abs(x) < 1),
        (-1.0, 1.0),
    ),
    "elu'": (
        lambda q: 0.5 + special.erfcx(np.sqrt(2 * q)) / 2,
        "dd",
        lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
        lambda x: np.where(x > 0, 1.0, np.exp(np.minimum(x, 0))),
        (0.0,),
    ),
}
PIECES = {name: PiecewiseSmooth(f, d, b) for name, (_, _, f, d, b) in CLOSED.items()}


@given(name=st.sampled_from(sorted(CLOSED)), exponent=st.floats(-6, 4))
@settings(max_examples=120)
def test_moments_agree_with_closed_forms_from_q_1e_minus_6_to_1e4(name, exponent):
    q = 10.0**exponent
    if name == "exp" and q > 150:
        q /= 1e3  # e^{2q} must be a float
    if name == "sin" and q > 300:
        q /= 1e2  # sin on a scale of 100 has 10⁴ oscillations
    exact, product, *_ = CLOSED[name]
    estimate = moment(PIECES[name], product, q)
    assert estimate.value == pytest.approx(exact(q), rel=1e-13 if name != "exp" else 2e-13 + 4e-16 * q)
    assert_honest(estimate, exact(q), 4e-16 * max(q, 1) * abs(exact(q)))


def test_many_q_are_the_same_as_one_at_a_time():
    q = np.geomspace(1e-3, 1e3, 12).reshape(3, 4)
    together = moment(pieces_of("tanh"), "ff", q)
    one_by_one = [[moment(pieces_of("tanh"), "ff", x).value for x in row] for row in q]
    np.testing.assert_allclose(together.value, one_by_one, rtol=1e-14)
    assert together.value.shape == together.error.shape == (3, 4)


def test_a_second_look_evaluates_nothing():
    pieces = PiecewiseSmooth(np.tanh, None, ())
    assert moment(pieces, "ff", 1.3).evaluations > 0
    assert moment(pieces, "ff", 1.2).evaluations == 0  # the same scale


def test_derivative_moment_of_a_callable_needs_no_derivative():
    estimate = moment(PiecewiseSmooth(np.tanh, None, ()), "dd", 1.0)
    assert estimate.value == pytest.approx(0.46440290244826824, rel=1e-12)
    assert_honest(estimate, 0.46440290244826824)


def test_slope_of_the_second_moment_by_both_forms():
    q = np.array([0.3, 2.0, 40.0])
    for name in ("tanh", "gelu", "relu6", "silu"):
        pieces = pieces_of(name)
        by_derivative = moment(pieces, "xfd", q).value / q
        by_weight = (moment(pieces, "xxff", q).value / q - moment(pieces, "ff", q).value) / (2 * q)
        np.testing.assert_allclose(by_derivative, by_weight, rtol=1e-11)


class TestDivergence:
    def test_exp_of_a_square_has_a_mean_only_below_one_half(self):
        pieces = PiecewiseSmooth(lambda x: np.exp(x * x), None, ())
        for q in (0.1, 0.4, 0.45):
            estimate = moment(pieces, "f", q)
            assert estimate.value == pytest.approx((1 - 2 * q) ** -0.5, rel=1e-11)
            assert_honest(estimate, (1 - 2 * q) ** -0.5)
        for q in (0.49, 0.5, 0.7, 3.0):  # at 0.49 the mean is finite, but exp(x²) is no float where it still counts
            with pytest.raises(DivergentExpectation):
                moment(pieces, "f", q)

    def test_too_large_for_a_float_is_said(self):
        with pytest.raises(DivergentExpectation, match="exceeds the range"):
            moment(PiecewiseSmooth(np.exp, np.exp, ()), "ff", 1000.0)

    def test_a_heavy_but_finite_exponential_is_found_far_out(self):
        assert moment(PiecewiseSmooth(np.exp, np.exp, ()), "ff", 100.0).value == pytest.approx(np.exp(200.0), rel=1e-12)

    def test_integrable_and_other_singularities_are_told_apart(self):
        def power(a):
            return PiecewiseSmooth(lambda x: np.abs(x) ** a, lambda x: a * np.sign(x) * np.abs(x) ** (a - 1), (0.0,))

        def absolute_moment(p):  # E|Z|^p
            return 2 ** (p / 2) * special.gamma((p + 1) / 2) / np.sqrt(np.pi)

        estimate = moment(power(0.75), "dd", 1.0)
        assert estimate.value == pytest.approx(0.75**2 * absolute_moment(-0.5), rel=1e-11)
        assert_honest(estimate, 0.75**2 * absolute_moment(-0.5))
        for a in (0.5, 0.3):
            with pytest.raises(DivergentExpectation, match="near x = 0"):
                moment(power(a), "dd", 1.0)

    def test_singularity_away_from_zero(self):
        pieces = PiecewiseSmooth(lambda x: np.abs(x - 0.3) ** 0.2, None, (0.3,))
        with pytest.raises(DivergentExpectation, match=r"near x = 0\.3"):
            moment(pieces, "dd", 1.0)


class TestRefusals:
    def test_derivative_of_a_jump(self):
        with pytest.raises(InfiniteDerivative, match=r"jumps at x = 0\.5"):
            moment(PiecewiseSmooth(lambda x: 1.0 * (x > 0.5), None, (0.5,)), "dd", 1.0)

    def test_second_derivative_of_a_kink(self):
        with pytest.raises(InfiniteDerivative, match="kink at x = 0"):
            moment(pieces_of("relu"), "ss", 1.0)

    def test_second_derivative_without_a_kink(self):
        estimate = moment(pieces_of("tanh"), "ss", 1.0)
        assert estimate.value == pytest.approx(0.3002038120041874, rel=1e-11)
        assert moment(pieces_of("elu"), "ss", 1.0).value == pytest.approx(0.16810200122317062, rel=1e-11)

    def test_nan_names_its_x(self):
        with pytest.raises(BadActivation, match="NaN at x = -"):
            moment(PiecewiseSmooth(np.sqrt, None, (0.0,)), "ff", 1.0)


def test_rounding_noise_is_reported_not_hidden():
    truth = 0.39429449039784115
    coarse = PiecewiseSmooth(lambda x: np.tanh(x.astype(np.float32)).astype(float), None, ())
    estimate = moment(coarse, "ff", 1.0)
    assert not estimate.converged
    assert 1e-12 < estimate.error < 1e-5
    assert_honest(estimate, truth)


def test_cancellation_in_the_function_shows_in_the_error():
    naive = PiecewiseSmooth(lambda x: x - np.tanh(x), None, ())
    truth = 15 * 1e-18 / 9  # E (x³/3)² at q = 1e-6, to six digits
    estimate = moment(naive, "ff", 1e-6)
    assert not estimate.converged
    assert_honest(estimate, truth, 1e-5 * truth)


def test_an_unresolvable_function_ends_and_says_so():
    rough = PiecewiseSmooth(lambda x: sum(0.7**k * np.cos(7.0**k * np.pi * x) for k in range(12)), None, ())
    estimate = moment(rough, "ff", 1.0)
    truth = 0.5 * sum(0.49**k for k in range(12))  # the waves are orthogonal under so wide a weight, to 1e-2 or so
    assert not estimate.converged
    assert_honest(estimate, truth, 0.02)


@pytest.mark.parametrize("function", [lambda x: np.maximum(x, 0), lambda x: np.abs(x) + 0.5 * x, np.sign])
@pytest.mark.parametrize("q", [1e-290, 1e-60, 1e-20])
def test_a_breakpoint_at_0_is_exact_on_every_scale(function, q):
    pieces = PiecewiseSmooth(function)
    if function is not np.sign:
        estimate = moment(pieces, "dd", q)
        assert estimate.error < 1e-9 * estimate.value
    assert moment(pieces, "f", q).error < 1e-9 * (moment(pieces, "ff", q).value) ** 0.5


def slope_of_tanh(x):
    return np.cosh(np.minimum(np.abs(x), 700.0)) ** -2


@pytest.mark.parametrize("slope", [slope_of_tanh, None])
@pytest.mark.parametrize("q", [1e20, 1e160, 1.7e308])
def test_a_transition_far_below_the_scale_of_q(q, slope):
    f = PiecewiseSmooth(np.tanh, slope, ())
    s = np.sqrt(2 / np.pi) / np.sqrt(q)  # twice the density at 0, to 1/q
    for product, truth in (("dd", 2 / 3 * s), ("d", s), ("ff", 1 - s), ("xfd", s / 2)):
        found = moment(f, product, q)
        assert abs(found.value - truth) <= found.error + 5 / q * truth, product
        assert product == "xfd" or found.error < 1e-8 * truth, product


@pytest.mark.parametrize("given", [True, False])
def test_derivatives_of_a_step_narrower_than_the_nodes_see(given):
    k = 1e15
    f = PiecewiseSmooth(lambda x: np.tanh(k * x) + x, (lambda x: 1 + k * slope_of_tanh(k * x)) if given else None, ())
    s = np.sqrt(2 / np.pi)
    for product, truth in (("d", 1 + s), ("dd", 1 + 2 * s + 2 / 3 * k * s)):
        found = moment(f, product, 1.0)
        assert abs(found.value - truth) <= found.error < 1e-10 * truth, product
