"""Formulas that floats cannot evaluate everywhere: removable singularities, and quotients of two overflows."""

import mpmath
import numpy as np
import pytest

from meanfield.activations.expectations import moment
from meanfield.activations.resolve import activation
from meanfield.errors import BadActivation, DivergentExpectation

SIZES = np.array([1e-12, 1e-9, 1e-5, 1e-3, 0.04, 0.3, 0.49, 0.9, 1.7, 5.0, 30.0])
X = np.concatenate([-SIZES[::-1], SIZES])


def absolute_power(s):
    """E |Z|^s."""
    return mpmath.mpf(2) ** (s / 2) * mpmath.gamma((s + 1) / 2) / mpmath.sqrt(mpmath.pi)


@pytest.mark.parametrize(
    ("text", "function", "at_zero"),
    [
        ("sin(x)/x", lambda x: mpmath.sin(x) / x, 1.0),
        ("x/(exp(x) - 1)", lambda x: x / mpmath.expm1(x), 1.0),
        ("1/tanh(x) - 1/x", lambda x: mpmath.coth(x) - 1 / x, 0.0),
        ("(tanh(x) - x)/x**3", lambda x: (mpmath.tanh(x) - x) / x**3, -1 / 3),
    ],
)
def test_beside_a_removable_singularity_function_and_derivative_have_all_their_digits(text, function, at_zero):
    phi = activation(text)
    assert phi.breakpoints == ()
    assert float(phi(0.0)) == at_zero
    with mpmath.workdps(80):
        for order, values in enumerate((phi(X), phi.derivative(X))):
            true = [mpmath.diff(function, mpmath.mpf(float(x)), order, h=mpmath.mpf(10) ** -25) for x in X]
            slope = [mpmath.diff(function, mpmath.mpf(float(x)), order + 1, h=mpmath.mpf(10) ** -20) for x in X]
            size = [abs(t) + abs(float(x) * s) for x, t, s in zip(X, true, slope, strict=True)]
            error = [abs(value - t) for value, t in zip(values.tolist(), true, strict=True)]
            assert all(e <= 4e-15 * s + 1e-20 for e, s in zip(error, size, strict=True))


def test_an_irrational_removable_singularity_is_found():
    phi = activation("(exp(x) - 2)/(x - log(2))")
    beside = np.log(2) + np.array([-1e-3, -1e-9, 0.0, 1e-12, 0.2])
    with mpmath.workdps(40):
        gap = [mpmath.mpf(float(x)) - mpmath.log(2) for x in beside]
        np.testing.assert_allclose(phi(beside), [float(2 * mpmath.expm1(d) / d) for d in gap], rtol=1e-15)
    assert phi.breakpoints == ()


@pytest.mark.parametrize(
    ("text", "centre", "value"),
    [
        ("sin(x - 0.3)/(x - 0.3)", 0.3, 1.0),
        ("(x**2 - 0.09)/(x - 0.3)", 0.3, 0.6),
        ("(1 - cos(x - pi))/tanh(x - pi) + 1", np.pi, 1.0),
        ("(x - log(2))/(exp(x) - 2)", np.log(2), 0.5),
    ],
)
def test_decimals_and_constants_are_meant_exactly(text, centre, value):
    phi = activation(text)
    assert phi.breakpoints == ()
    np.testing.assert_allclose(phi(centre + np.array([-1e-9, 0.0, 1e-12])), value, rtol=2e-9)
    around = phi.derivative(centre + np.array([-1e-12, -1e-9, 0.0, 1e-9, 1e-12]))
    np.testing.assert_allclose(around, around[2], rtol=1e-8, atol=1e-8)


def test_moments_of_removable_singularities_have_their_closed_forms():
    sinc = mpmath.sqrt(mpmath.pi / 2) * mpmath.erf(mpmath.sqrt(2)) - (1 - mpmath.exp(-2)) / 2
    assert moment("sin(x)/x", "ff", 1.0).agrees(float(sinc))
    first, second, at_two = (float(mpmath.diff(absolute_power, s, n)) for s, n in ((0, 1), (0, 2), (2, 2)))
    assert moment("abs(x)*log(abs(x))", "ff", 1.0).agrees(at_two)
    assert moment("x*log(x**2)", "ff", 1.0).agrees(4 * at_two)
    assert moment("abs(x)*log(abs(x))", "dd", 1.0).agrees(second + 2 * first + 1)
    assert moment("(x**2 - 1)/(x - 1)", "ff", 1.7).agrees(2.7)
    sinc_pi = mpmath.quad(lambda t: (1 - t / 2) * mpmath.exp(-((mpmath.pi * t) ** 2) / 2), [0, 2])
    assert moment("sin(pi*x)/(pi*x)", "ff", 1.0).agrees(float(sinc_pi))
    assert activation("x*log(x**2)").breakpoints == (0.0,)


def test_removable_singularities_without_end_have_their_limits_too():
    phi = activation("sin(3*x)/sin(x)")
    assert float(phi(0.0)) == pytest.approx(3.0, rel=1e-15)
    true = 3 + 2 * np.exp(-8) + 4 * np.exp(-2)  # E (1 + 2 cos 2Z)²
    assert moment(phi, "ff", 1.0).agrees(true)


def test_a_narrow_feature_beside_a_removable_singularity_stays():
    phi = activation("sin(x)*(1 + exp(-((x - 0.3)*1e5)**2))/x")
    assert float(phi(0.3)) == pytest.approx(2 * np.sin(0.3) / 0.3, rel=1e-15)
    assert float(phi(0.0)) == 1.0


def test_beside_a_jump_each_side_has_its_own_series():
    phi = activation("relu(x + 1)/abs(x + 1)*sigmoid(x)")
    x = -1 + np.array([-1e-3, -1e-9, 1e-12, 1e-6, 1e-4, 0.3])
    np.testing.assert_array_equal(phi(x), np.where(x > -1, activation("sigmoid")(x), 0.0))
    slope = activation("sigmoid").derivative(x)
    np.testing.assert_allclose(phi.derivative(x), np.where(x > -1, slope, 0.0), rtol=1e-14, atol=0)


def test_a_quotient_of_two_signs_jumps():
    phi = activation("abs(x)/x")
    assert phi.jumps == (0.0,)
    np.testing.assert_array_equal(phi([-2.0, 0.0, 1e-300]), [-1.0, 0.0, 1.0])


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("(exp(x) - exp(-x))/(exp(x) + exp(-x))", "tanh"),
        ("(1 - exp(-2*x))/(1 + exp(-2*x))", "tanh"),
        ("(exp(2*x) - 1)/(exp(2*x) + 1)", "tanh"),
        ("sinh(x)/cosh(x)", "tanh"),
        ("x*(exp(2*x) + 2*exp(x))/(exp(2*x) + 2*exp(x) + 2)", "mish"),
        ("x*exp(-exp(-x))", "golu"),
    ],
)
def test_quotients_that_overflow_at_both_ends_are_evaluated_there(text, name):
    phi, known = activation(text), activation(name)
    x = np.array([-1e8, -1000.0, -400.0, -30.0, -1e-9, 0.0, 1e-9, 30.0, 400.0, 1000.0, 1e8])
    with np.errstate(all="raise"):
        np.testing.assert_allclose(phi(x), known(x), rtol=1e-13, atol=1e-200)
        np.testing.assert_allclose(phi.derivative(x[1:-1]), known.derivative(x[1:-1]), rtol=1e-13, atol=1e-200)
    assert moment(text, "ff", 1e6).agrees(moment(name, "ff", 1e6))


@pytest.mark.parametrize("text", ["1/x", "log(1 + exp(x))/x", "sin(1/x)", "log(abs(x))", "exp(1/x)", "1/(x - 0.3)"])
def test_what_has_no_finite_limit_is_refused(text):
    with pytest.raises((BadActivation, DivergentExpectation)):
        moment(text, "ff", 1.0)


@pytest.mark.parametrize(
    "text", ["exp(exp(exp(x)))/exp(exp(exp(x)) + 1)", "sin(exp(exp(x)))/exp(exp(x))", "2**(x**99)"]
)
def test_numbers_of_any_size_take_little_work(text):
    try:
        values = activation(text)(np.array([-1e8, -3.0, 1.0, 3.0, 30.0, 1e8]))
    except BadActivation:
        return
    assert values.shape == (6,)
