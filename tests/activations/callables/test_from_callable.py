"""Any callable: how it is called, what is refused and at which x."""

import functools
import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from scipy import special

from meanfield.activations.resolve import activation
from meanfield.errors import BadActivation, InvalidInput

X = np.array([[-2.5, -0.1, 0.0], [0.3, 1.7, 9.0]])


class Callable:
    def __call__(self, x):
        return np.tanh(x)


@pytest.mark.parametrize(
    "function",
    [
        np.tanh,
        math.tanh,
        Callable(),
        functools.partial(np.multiply, 2.0),
        special.expit,
        lambda x: x if x > 0 else 0.1 * x,  # single floats only
        lambda x: np.where(x > 0, x, 0.1 * x),
        lambda x: x.astype(np.float32) ** 2,
        lambda x: np.round(x).astype(int),
        lambda x: x > 0,
        lambda x: mpmath.tanh(x),
        lambda x: Fraction(x) / 3,
        lambda x: (x * 2).tolist(),
        lambda x: np.log(np.abs(x) + 1e-3),
        np.polynomial.Polynomial([1.0, 2.0, 3.0]),
        np.vectorize(lambda x: max(x, 0.0)),
    ],
)
def test_functions_of_arrays_and_of_single_floats_act_on_arrays_of_any_shape(function):
    phi = activation(function)
    values = phi(X)
    assert values.shape == X.shape
    assert values.dtype == np.float64
    one_by_one = [
        float(np.asarray(function(np.array([x]))).item()) if _takes_arrays(function) else float(function(x))
        for x in X.flat
    ]
    np.testing.assert_allclose(values.ravel(), one_by_one, rtol=1e-15)
    assert phi(np.zeros((0, 2))).shape == (0, 2)
    assert float(phi(0.3)) == values[1, 0]


def _takes_arrays(function):
    try:
        return np.shape(function(np.array([0.5, -0.5]))) == (2,)
    except (TypeError, ValueError):
        return False


def fails_above_five(x):
    if x > 5:
        raise RuntimeError("too big\nto handle")
    return math.tanh(x)


class Drifting:
    def __init__(self):
        self.calls = 0

    def __call__(self, x):
        self.calls += 1
        return np.tanh(x) + 1e-6 * self.calls


@pytest.mark.parametrize(
    ("function", "x", "message"),
    [
        (np.log, -10, "log is NaN at x = -10; it must be a number for every real x"),
        (lambda x: np.where(x == 0.5, np.nan, x), 0.5, "is NaN at x = 0.5"),
        (lambda x: 1 / x, 0, "is infinite at x = 0; it must be finite"),
        (lambda x: 1 / x if x > -99 else 0, 0, "raised ZeroDivisionError at x = 0: float division by zero"),
        (fails_above_five, 6, "fails_above_five raised RuntimeError at x = 6: too big"),
        (math.log, -10, "log raised ValueError at x = -10"),
        (lambda x: np.sqrt(x + 0j), -10, "returns complex numbers, at x = -10; it must be real"),
        (lambda x: (-1.0) ** x if x > -99 else 0, -4.3, "returns complex numbers"),
        (lambda x: x[:1], -10, "returns the shape (1,) for an array of shape (27,)"),
        (lambda x: np.sum(x), -10, "returns the shape () for an array of shape (27,)"),
        (lambda x: 1.0, -10, "returns the shape () for an array of shape (27,)"),
        (lambda x: np.stack([x, x]), -10, "returns the shape (2, 27) for an array of shape (27,)"),
        (lambda x: "high", -10, "returns str_ at x = -10; it must return numbers"),
        (lambda x: None, -10, "returns NoneType at x = -10; it must return numbers"),
        (lambda x: {"value": x}, -10, "returns dict at x = -10; it must return numbers"),
        (
            lambda x: np.exp(x) / np.sum(np.exp(x), axis=-1, keepdims=True),
            None,
            "depends on the other entries",
        ),
        (lambda x: x - np.mean(x[0]), None, "depends on the place of an entry"),
        (
            lambda x: x + np.random.default_rng().normal(size=np.shape(x)),
            None,
            "depends on chance",
        ),
        (
            np.vectorize(lambda x: max(x, 0)),
            4.3,
            "depends on the place of an entry or on its neighbours",
        ),  # integers if the first is
        (Drifting(), None, "depends on chance or on earlier calls"),
        (lambda: 0, -10, "raised TypeError"),
        (Callable, None, "Callable is a class; give an instance of it"),
    ],
)
def test_what_is_no_function_of_real_numbers_is_refused_with_the_x_at_which_it_shows(function, x, message):
    with pytest.raises(BadActivation) as caught:
        activation(function)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    if x is not None:
        assert caught.value.x == x


def test_later_calls_are_guarded_too():
    with pytest.raises(BadActivation, match="is NaN at x = 12") as caught:
        activation(lambda x: np.sqrt(np.where(np.abs(x) < 11, 1.0, -x)))([1.0, 12.0])
    assert caught.value.x == 12

    state = {"shape": True}
    phi = activation(lambda x: x if state["shape"] else x[..., None])
    state["shape"] = False
    with pytest.raises(BadActivation, match="returns the shape"):
        phi(X)

    def raises_far_out(x):
        if np.any(x > 100):
            raise OverflowError("far out")
        return x

    with pytest.raises(BadActivation, match="raised OverflowError at x = 101: far out"):
        activation(raises_far_out)([1.0, 101.0, 3.0])


def test_a_function_that_writes_into_its_argument_or_keeps_its_result_does_no_harm():
    buffer = np.empty(X.shape)

    def careless(x):
        x *= 2
        return x if x.shape != buffer.shape else np.multiply(x, 1.0, out=buffer)

    phi, x = activation(careless), X.copy()
    first = phi(x)
    np.testing.assert_array_equal(x, X)
    phi(x + 1)
    np.testing.assert_array_equal(first, 2 * X)


def test_a_closure_whose_state_changes_is_a_new_activation():
    def scaled(x):
        return scale * x

    scale = 2.0
    first = activation(scaled)
    scale = 3.0
    assert activation(scaled) is not first
    np.testing.assert_array_equal(activation(scaled)(X), 3 * X)


def test_control_c_is_not_swallowed():
    def interrupted(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        activation(interrupted)


def test_a_given_derivative_and_breakpoints_are_used():
    phi = activation(
        lambda x: np.maximum(x - 0.3, 0), derivative=lambda x: (x > 0.3) * 1.0, breakpoints=[0.3, 0.3], name="shifted"
    )
    assert phi.name == "shifted"
    assert phi.breakpoints == (0.3,)
    np.testing.assert_array_equal(phi.derivative(X), X > 0.3)


@pytest.mark.parametrize("derivative", [lambda x: 1 - math.tanh(x) ** 2, lambda x: 1 - np.tanh(x) ** 2])
@pytest.mark.parametrize("function", [math.tanh, np.tanh, lambda x: np.tanh(x).astype(np.float32)])
def test_right_derivatives_pass_whatever_the_precision(function, derivative):
    np.testing.assert_allclose(
        activation(function, derivative=derivative).derivative(X), 1 - np.tanh(X) ** 2, rtol=1e-12, atol=1e-15
    )


@pytest.mark.parametrize(
    ("function", "derivative"),
    [
        (np.abs, np.sign),
        (lambda x: np.maximum(x, 0), lambda x: np.heaviside(x, 0.0)),
        (np.sign, np.zeros_like),
        (lambda x: np.sin(50 * x), lambda x: 50 * np.cos(50 * x)),
        (lambda x: 1e-9 * x**2, lambda x: 2e-9 * x),
        (lambda x: np.sqrt(np.abs(x)), lambda x: 0.5 * np.sign(x) / np.sqrt(np.maximum(np.abs(x), 1e-30))),
    ],
)
def test_right_derivatives_of_kinked_jumping_and_oscillating_functions_pass(function, derivative):
    activation(function, derivative=derivative)


@pytest.mark.parametrize(
    ("function", "derivative"),
    [
        (np.tanh, np.tanh),
        (np.tanh, lambda x: np.tanh(x) ** 2 - 1),
        (lambda x: x**2, lambda x: x),
        (lambda x: x**2, lambda x: np.where(x > 5, 0.0, 2 * x)),
        (lambda x: 1e-3 * x, lambda x: 0 * x),
    ],
)
def test_wrong_derivatives_are_refused_with_an_x(function, derivative):
    with pytest.raises(BadActivation, match="the given derivative of") as caught:
        activation(function, derivative=derivative)
    assert caught.value.x is not None


def test_a_derivative_that_is_no_function_is_refused_by_its_name():
    with pytest.raises(BadActivation, match="the derivative of tanh is NaN at x = -10"):
        activation(np.tanh, derivative=np.log)


def test_breakpoints_may_be_text():
    assert activation(np.tanh, breakpoints="0").breakpoints == (0.0,)


@pytest.mark.parametrize("breakpoints", [[np.nan], [np.inf], 3.0, [1j], ["a"], [None]])
def test_breakpoints_that_are_no_finite_numbers_are_refused(breakpoints):
    with pytest.raises(InvalidInput, match="breakpoints must be"):
        activation(np.tanh, breakpoints=breakpoints)
