"""The truth lies within the bound for whatever operands, the bound is attained, and the value is what NumPy gives."""

import copy
import math
import operator
import pickle
import warnings
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from meanfield.bounded import Bounded, as_bounded, maximum, minimum, scaled, where

FEW = settings(max_examples=50)  # of each operation
OPERATIONS = [operator.add, operator.sub, operator.mul, operator.truediv]
sizes = st.one_of(st.just(0.0), st.floats(1e-40, 1e40), st.floats(0.5, 2.0))
numbers = st.builds(operator.mul, sizes, st.sampled_from([-1.0, 1.0]))
shares = st.one_of(st.sampled_from([-1, 0, 1]), st.fractions(-1, 1, max_denominator=1000))
floats = st.floats(allow_nan=True, allow_infinity=True)


@st.composite
def uncertain(draw, values=numbers):
    """A bounded number with a truth inside its bounds, often at the edge."""
    value = draw(values)
    error = draw(st.one_of(st.just(0.0), sizes, st.floats(1e-20, 2.0).map(lambda relative: relative * abs(value))))
    assume(error == 0.0 or error > 1e-60)
    return Bounded(value, error), Fraction(value) + draw(shares) * Fraction(error)


def holds(result: Bounded, truth: Fraction) -> bool:
    value, error = float(result.value), float(result.error)
    assert error >= 0
    return error == math.inf or (math.isfinite(value) and abs(Fraction(value) - truth) <= Fraction(error))


@pytest.mark.parametrize("operation", OPERATIONS)
@FEW
@given(uncertain(), uncertain())
def test_the_truth_is_within_the_bound(operation, first, second):
    (a, true_a), (b, true_b) = first, second
    assume(operation is not operator.truediv or true_b != 0)
    truth = operation(true_a, true_b)
    assert holds(operation(a, b), truth)
    arrays = operation(Bounded(np.array([a.value]), np.array([a.error])), b)
    assert holds(arrays[0], truth)


@pytest.mark.parametrize("operation", OPERATIONS)
@FEW
@given(numbers, uncertain())
def test_the_truth_is_within_the_bound_beside_an_exact_number(operation, exact, other):
    b, true_b = other
    if operation is not operator.truediv or true_b != 0:
        assert holds(operation(exact, b), operation(Fraction(exact), true_b))
    if operation is not operator.truediv or exact != 0:
        assert holds(operation(b, exact), operation(true_b, Fraction(exact)))


@pytest.mark.parametrize("n", [-5, -2, -1, 0, 1, 2, 3, 6])
@FEW
@given(uncertain(st.one_of(st.just(0.0), st.floats(1e-9, 1e9), st.floats(-1e9, -1e-9))))
def test_the_truth_of_a_power_is_within_the_bound(n, operand):
    a, truth = operand
    assume(a.error < 1e20)
    if n < 0 and truth == 0:
        assert (a**n).error == math.inf
    else:
        assert holds(a**n, truth**n)


@given(uncertain(sizes))
def test_the_truth_of_a_root_is_within_the_bound(operand):
    a, truth = operand
    assume(truth >= 0)
    root = a.sqrt()
    least, most = (Fraction(float(root.value)) + sign * Fraction(float(root.error)) for sign in (-1, 1))
    assert max(least, 0) ** 2 <= truth <= most**2


@pytest.mark.parametrize("choose", [maximum, minimum])
@FEW
@given(uncertain(), uncertain())
def test_the_truth_of_the_larger_one_is_within_the_bound(choose, first, second):
    (a, true_a), (b, true_b) = first, second
    assert holds(choose(a, b), (max if choose is maximum else min)(true_a, true_b))
    assert holds(abs(a), abs(true_a))
    assert holds(-a, -true_a)


@pytest.mark.parametrize("operation", OPERATIONS)
@FEW
@given(uncertain(), uncertain())
def test_the_bound_is_attained(operation, first, second):
    """At a corner of both intervals the error is the bound, but for rounding."""
    a, b = first[0], second[0]
    bound = operation(a, b)
    assume(math.isfinite(bound.error))
    value = Fraction(bound.value)
    corners = [
        abs(operation(Fraction(a.value) + i * Fraction(a.error), Fraction(b.value) + j * Fraction(b.error)) - value)
        for i in (-1, 1)
        for j in (-1, 1)
    ]
    assert bound.error <= float(max(corners)) * (1 + 1e-14) + 2.0**-52 * abs(bound.value)


@given(st.floats(1e-9, 1e9), st.floats(1e-18, 0.01), st.sampled_from([-3, -2, -1, 2, 3, 4]))
def test_the_bound_of_a_power_or_a_root_is_nearly_attained(value, relative, n):
    a = Bounded(value, relative * value)
    power, root = a**n, a.sqrt()
    least, most = Fraction(value) - Fraction(a.error), Fraction(value) + Fraction(a.error)
    first_order = float(abs(n) * (most if n > 0 else least) ** (n - 1) * Fraction(a.error))
    assert power.error <= first_order * (1 + 1e-13) + 2.0**-49 * power.value
    attained = math.sqrt(value) * -math.expm1(0.5 * math.log1p(-relative))
    assert root.error <= attained * (1 + 1e-12) + 2.0**-52 * root.value


@pytest.mark.parametrize("operation", OPERATIONS)
@FEW
@given(floats, floats)
def test_the_value_is_numpys_and_nothing_warns(operation, x, y):
    with np.errstate(all="ignore"):
        expected = np.float64(operation(np.float64(x), np.float64(y))).tobytes()
    found = [
        operation(Bounded(x, 0.5), Bounded(y, 0.0)),
        operation(Bounded(np.float64(x)), np.float64(y)),
        operation(x, Bounded(y, math.inf)),
        operation(Bounded(np.array([x]), np.array([1e-9])), y)[0],
        operation(np.array([x]), Bounded(np.array([y]), 0.0))[0],
    ]
    assert {np.float64(one.value).tobytes() for one in found} == {expected} or np.isnan(np.frombuffer(expected))
    assert not any(np.isnan(one.error) for one in found)


@given(floats, st.integers(-3, 4))
def test_powers_and_roots_are_numpys_and_nothing_warns(x, n):
    with np.errstate(all="ignore"):
        power, root, powers = np.float64(x) ** n, np.sqrt(np.float64(x)), np.full(3, x) ** n
    assert np.array_equal((Bounded(x, 0.1) ** n).value, power, equal_nan=True)
    assert np.array_equal(Bounded(x, 0.1).sqrt().value, root, equal_nan=True)
    assert np.array_equal((Bounded(np.full(3, x)) ** n).value, powers, equal_nan=True)
    assert not np.isnan((Bounded(x, 0.1) ** n).error)


def test_a_divisor_that_may_be_zero_gives_no_bound():
    assert (1.0 / Bounded(1.0, 1.0)).error == math.inf
    assert (Bounded(0.0) / Bounded(0.0)).error == math.inf
    found = np.array([1.0, 2.0]) / Bounded(np.array([0.5, 1.0]), np.array([0.5, 0.5]))
    assert found.error[0] == math.inf
    assert found.error[1] == pytest.approx(2.0)


def test_what_is_infinite_stays_exactly_infinite():
    endless, one = Bounded(math.inf, 0.0), Bounded(2.0, 0.1)
    for result in (
        endless + one,
        one - endless,
        endless * one,
        endless / one,
        endless**2,
        endless.sqrt(),
        0.0 + endless,
    ):
        assert abs(result).value == math.inf
        assert result.error == 0.0
    assert (one / endless).value == (one / endless).error == 0.0
    arrays = Bounded(np.array([math.inf, 1.0]), np.array([0.0, 0.1])) * np.array([3.0, 4.0])
    assert arrays.error[0] == 0.0
    assert arrays.error[1] == pytest.approx(0.4)


@pytest.mark.parametrize(
    "unsure",
    [
        Bounded(math.inf) * Bounded(0.1, 0.2),  # its sign
        Bounded(math.inf) * 0.0,
        Bounded(math.inf) - Bounded(math.inf),
        Bounded(math.inf, math.inf) + 1.0,
        Bounded(1e200) * 1e200,  # too large for a float
        Bounded(np.array(1e200)) ** 2,
        Bounded(-1.0).sqrt(),
        Bounded(2.0, math.inf) * 3.0,
    ],
)
def test_what_nothing_is_known_of_has_an_infinite_error(unsure):
    assert unsure.error == math.inf


def test_an_exact_factor_of_zero_hides_what_is_infinite():
    for factor in (0.0, np.float64(0.0), np.array(0.0), np.array([0.0])):
        hidden = scaled(factor, Bounded(math.inf, math.inf))
        assert np.all(hidden.value == 0)
        assert np.all(hidden.error == 0)
    some = scaled(np.array([0.0, 3.0]), Bounded(np.array([math.inf, 2.0]), np.array([math.inf, 0.5])))
    assert some.value.tolist() == [0.0, 6.0]
    assert some.error == pytest.approx([0.0, 1.5])
    assert scaled(3.0, Bounded(2.0, 0.5)).value == 6.0


@given(uncertain())
def test_a_function_of_known_slope(operand):
    a, truth = operand
    image = Bounded(a.value / 2, 0.0)
    found = a.through(image, 0.5)
    assert found.value == image.value
    assert holds(found, truth / 2)
    assert a.through(image, 0.0).error == 0.0
    assert Bounded(1.0, math.inf).through(image, 0.0).error == 0.0
    assert Bounded(1.0, 0.0).through(image, math.inf).error == 0.0
    assert Bounded(1.0, 0.1).through(image, math.inf).error == math.inf


def test_selection_shapes_and_edges():
    grid = Bounded(np.arange(6.0).reshape(2, 3), 0.5)
    assert grid.shape == (2, 3)
    assert Bounded(1.0).shape == ()
    assert grid[1].value.tolist() == [3.0, 4.0, 5.0]
    assert grid[1].error.tolist() == [0.5] * 3
    assert grid[:, None].shape == (2, 1, 3)
    assert grid.rearranged(np.transpose).shape == (3, 2)
    wide = Bounded(1.0, 0.25).broadcast(2, 2)
    assert wide.value.shape == wide.error.shape == (2, 2)
    assert grid.broadcast().error.shape == (2, 3)
    assert (Bounded(2.0, 0.5).lower, Bounded(2.0, 0.5).upper) == (1.5, 2.5)
    chosen = where(np.array([True, False]), Bounded(1.0, 0.1), 2.0)
    assert chosen.value.tolist() == [1.0, 2.0]
    assert chosen.error.tolist() == [0.1, 0.0]


def test_errors_broadcast_with_arrays_on_either_side():
    x, w = Bounded(2.0, 0.5), np.array([[1.0], [2.0]])
    for product in (w * x, x * w):
        assert isinstance(product, Bounded)
        assert product.value.tolist() == [[2.0], [4.0]]
        assert product.error == pytest.approx(np.array([[0.5], [1.0]]))
    assert (w - x).value.tolist() == [[-1.0], [0.0]]
    assert (np.float64(3.0) - x).value == 1.0
    assert sum([x, x]).value == 4.0


def test_it_is_small_and_does_not_change():
    x = Bounded(1.0, 0.5)
    with pytest.raises(AttributeError):
        x.value = 2.0
    for twin in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert (twin.value, twin.error) == (1.0, 0.5)
    assert not hasattr(x, "__dict__")
    assert as_bounded(x) is x
    assert as_bounded(3.0).error == 0.0
    with pytest.raises(TypeError):
        x**0.5
    for stranger in ("1", [1.0], None):
        with pytest.raises(TypeError):
            x + stranger
        with pytest.raises(TypeError):
            stranger / x


def test_it_gives_no_warning_where_numpy_would():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        huge, none = Bounded(np.array([1e308]), np.array([1e300])), Bounded(np.array([0.0]), 0.0)
        assert (huge * huge).error == math.inf
        assert (huge / none).error == math.inf
        assert (none / none).error == math.inf
        assert np.isnan((huge / none - huge / none).value)
