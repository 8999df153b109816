"""An estimate calculates like a float or an array, takes its error along, and says what it is."""

import copy
import math
import operator
import pickle
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import meanfield as mf
from meanfield.bounded import Bounded
from meanfield.bounded_functions import FUNCTIONS, monotone
from meanfield.estimates import Estimate

FEW = settings(max_examples=25)  # of each operation
OPERATIONS = [operator.add, operator.sub, operator.mul, operator.truediv]
MONOTONE = {
    np.exp: mpmath.exp, np.exp2: lambda x: mpmath.power(2, x), np.expm1: mpmath.expm1, np.log: mpmath.log,
    np.log1p: mpmath.log1p, np.log2: lambda x: mpmath.log(x, 2), np.log10: mpmath.log10, np.sinh: mpmath.sinh,
    np.tanh: mpmath.tanh, np.arctan: mpmath.atan, np.cbrt: lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)),
}  # fmt: skip
values = st.floats(0.01, 20.0)
errors = st.one_of(st.just(0.0), st.floats(1e-18, 1e-12), st.floats(1e-6, 0.5))


@pytest.fixture
def one() -> Estimate:
    return Estimate(2.0, 0.25, True, 10)


@pytest.fixture
def many() -> Estimate:
    return Estimate(np.array([1.0, 2.0]), np.array([0.1, 0.2]), False, 5, resolution=0.01)


@pytest.mark.parametrize("operation", OPERATIONS)
@FEW
@given(values, errors, values, errors, st.sampled_from([-1, 0, 1]), st.sampled_from([-1, 0, 1]))
def test_the_truth_is_within_the_error(operation, x, e, y, f, i, j):
    found = operation(Estimate(x, e), Estimate(y, f))
    truths = Fraction(x) + i * Fraction(e), Fraction(y) + j * Fraction(f)
    assume(operation is not operator.truediv or truths[1] != 0)
    assert found.error == math.inf or abs(operation(*truths) - Fraction(found.value)) <= Fraction(found.error)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("other", [3.0, 3, np.float64(3.0), np.int64(3), np.float32(3.0)])
def test_numbers_on_either_side(one, operation, other):
    assert type(one) is type(operation(one, other)) is type(operation(other, one))
    assert operation(one, other).value == operation(2.0, 3.0)
    assert operation(other, one).value == operation(3.0, 2.0)
    assert isinstance(operation(one, other).value, float)
    assert operation(one, other).evaluations == 10


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("other", [[3.0, 4.0], (3, 4), np.array([3.0, 4.0]), np.array([3, 4])])
def test_arrays_on_either_side(one, many, operation, other):
    for estimate in (one, many):
        for found, expected in (
            (operation(estimate, other), operation(estimate.value, np.asarray(other))),
            (operation(other, estimate), operation(np.asarray(other), estimate.value)),
        ):
            assert isinstance(found, Estimate)
            assert np.array_equal(found.value, expected)
            assert found.error.shape == found.value.shape == (2,)
            assert np.all(found.error > 0)


def test_what_an_estimate_is_made_of_goes_along(one, many):
    product = one * many
    assert (product.converged, product.evaluations, product.resolution) == (False, 15, 0.01)
    assert (one + one).evaluations == 20
    assert (one + one).converged
    assert one.resolution is None
    for product in (Bounded(3.0, 0.5) * one, one * Bounded(3.0, 0.5)):
        assert (product.value, product.evaluations) == (6.0, 10)
        assert product.error == pytest.approx(2.0 * 0.5 + 3.0 * 0.25 + 0.5 * 0.25)
    assert (many - Estimate(1.0, 0.0, resolution=0.5)).resolution == 0.5
    assert many[0].resolution == 0.01


def test_the_constructor_is_as_it_was():
    assert (Estimate(1.0, 0.5).converged, Estimate(1.0, 0.5).evaluations) == (True, 0)
    with pytest.raises(TypeError):
        Estimate(1.0, 0.5, True, 0, 0.1)  # the resolution by its name only
    with pytest.raises(AttributeError):
        Estimate(1.0, 0.5).value = 2.0


def test_powers(one):
    assert (one**2).value == 4.0
    assert (one**2).error == pytest.approx(2 * 2.0 * 0.25 + 0.25**2)
    assert (one**0.5).value == 2.0**0.5
    assert (one**-0.5).error == pytest.approx(1.75**-0.5 - 2.0**-0.5)
    assert (3**one).error == pytest.approx(3**2.25 - 9.0)
    assert (Estimate(0.1, 0.2) ** 0.5).error == math.inf
    assert np.power(one, 2).value == 4.0
    with pytest.raises(TypeError):
        one**one
    with pytest.raises(TypeError):
        one ** np.array([1.0, 2.0])


@pytest.mark.parametrize("f", MONOTONE)
@FEW
@given(values, errors, st.floats(-1.0, 1.0))
def test_the_image_of_the_truth_is_within_the_error_of_a_function(f, x, e, share):
    found = f(Estimate(x, e))
    with mpmath.workdps(60):
        truth = mpmath.mpf(x) + mpmath.mpf(share) * mpmath.mpf(e)
        if truth <= 0 and f in (np.log, np.log2, np.log10):
            assert found.error == math.inf
        else:
            assert found.error == math.inf or abs(MONOTONE[f](truth) - mpmath.mpf(found.value)) <= found.error
    assert found.value == f(x)


@given(st.floats(0.1, 10.0), st.floats(1e-12, 0.01))
def test_the_error_of_a_function_is_not_much_larger_than_its_change(x, e):
    assert np.exp(Estimate(x, e)).error <= math.exp(x) * math.expm1(e) * (1 + 1e-9) + 1e-14 * math.exp(x)
    assert np.log(Estimate(x, e * x)).error <= -math.log1p(-e) * (1 + 1e-9) + 1e-14 * (1 + abs(math.log(x)))


def test_falling_functions_and_exact_numbers():
    falling = monotone(lambda x: np.exp(-x), Bounded(1.0, 0.5))
    assert falling.error == pytest.approx(math.exp(-0.5) - math.exp(-1.0))
    assert monotone(np.exp, Bounded(1.0)).error <= 1e-14
    assert monotone(np.exp, Bounded(709.0, 5.0)).error == math.inf
    several = monotone(np.log, Bounded(np.array([1.0, 1.0]), np.array([0.5, 2.0])))
    assert several.error[0] == pytest.approx(math.log(2.0))
    assert several.error[1] == math.inf


@pytest.mark.parametrize("ufunc", FUNCTIONS)
def test_ufuncs_with_errors_have_numpys_values(ufunc, one, many):
    for estimate in (one, many):
        values = [estimate.value, 3.0][: ufunc.nin]
        found = ufunc(*[estimate, 3.0][: ufunc.nin])
        assert isinstance(found, Estimate)
        assert np.array_equal(found.value, ufunc(*values))
        assert found.evaluations == estimate.evaluations


def test_other_functions_take_the_value(one, many):
    assert type(np.sin(one)) is np.float64
    assert np.sin(one) == np.sin(2.0)
    assert np.array_equal(np.sin(many), np.sin(many.value))
    assert np.sum(many) == 3.0
    assert np.mean(many) == 1.5
    assert np.add.reduce(many) == 3.0
    assert np.isfinite(many).tolist() == [True, True]
    assert np.array([one, one]).tolist() == [2.0, 2.0]
    assert type(np.asarray(many)) is np.ndarray
    assert np.array(many, dtype=np.float32).dtype == np.float32
    assert (np.array([1j]) * one).tolist() == [2j]
    out = np.empty(2)
    assert np.add(many, 1.0, out=out) is out
    assert out.tolist() == [2.0, 3.0]


def test_it_is_compared_by_value(one, many):
    assert one == 2.0
    assert one != 2.5
    assert 1.0 < one < 3.0
    assert one <= 2.0 <= one
    assert one == Estimate(2.0, 1.0)
    assert np.float64(3.0) > one
    assert hash(one) == hash(2.0)
    assert {one: "two"}[2.0] == "two"
    assert sorted([one, Estimate(1.0, 5.0)])[0].error == 5.0
    assert (many == 2.0).tolist() == [False, True]
    assert (np.array([0.0, 3.0]) < many).tolist() == [True, False]
    assert (many >= np.array([1.0, 3.0])).tolist() == [True, False]
    assert one != "two"
    assert one == pytest.approx(2.0)
    with pytest.raises(TypeError):
        hash(many)
    with pytest.raises(TypeError):
        one < "two"  # noqa: B015
    with pytest.raises(ValueError, match="ambiguous"):
        bool(many == 1.0)


def test_whether_two_agree(one, many):
    assert one.agrees(2.25)
    assert not one.agrees(2.26)
    assert one.agrees(Estimate(3.0, 0.75))
    assert not one.agrees(Estimate(3.0, 0.7))
    assert many.agrees([1.05, 1.9])
    assert not many.agrees([1.05, 2.5])
    endless = Estimate(math.inf, 0.0)
    assert endless.agrees(math.inf)
    assert not endless.agrees(-math.inf)
    assert not endless.agrees(1.0)
    assert not Estimate(math.nan, math.inf).agrees(math.nan)


def test_it_is_a_float_where_python_wants_one(one, many):
    assert (float(one), int(Estimate(2.7, 0.1)), bool(one), bool(Estimate(0.0, 0.1))) == (2.0, 2, True, False)
    assert math.sqrt(one) == math.sqrt(2.0)
    assert round(Estimate(0.123456, 0.1), 2) == 0.12
    assert round(one) == 2
    assert np.array_equal(round(many), many.value)
    assert (abs(-one).value, (-one).value, (+one).value) == (2.0, -2.0, 2.0)
    assert sum([one, one]).error == pytest.approx(0.5)
    with pytest.raises(TypeError):
        len(one)
    with pytest.raises(TypeError):
        iter(one)
    with pytest.raises(TypeError):
        one + "1"
    with pytest.raises(TypeError):
        one * 1j


def test_it_is_an_array_where_it_has_many(many):
    assert (len(many), many.shape, many.ndim, many.size) == (2, (2,), 1, 2)
    first, second = many
    assert (first.value, first.error, second.value) == (1.0, 0.1, 2.0)
    assert isinstance(first.value, float)
    assert many[::-1].value.tolist() == [2.0, 1.0]
    assert many[None].shape == (1, 2)
    assert 2.0 in many
    assert many[many > 1.5].error.tolist() == [0.2]
    with pytest.raises(IndexError):
        many[2]


def test_adding_in_place_makes_a_new_one(one):
    before = one
    one += 1
    assert (one.value, before.value) == (3.0, 2.0)


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (1.5335304411955353, 2.4e-14, "1.53353044119554 ± 2.4e-14"),
        (123.456, 0.5, "123.5 ± 0.5"),
        (1.0, 0.0, "1.0 ± 0"),
        (1.2345678e-20, 1e-24, "1.2346e-20 ± 1e-24"),
        (-1.2345678e20, 1e17, "-1.235e+20 ± 1e+17"),
        (5e-324, 1e-330 + 5e-324, "5e-324 ± 4.9e-324"),
        (0.0, 1e-3, "0.000 ± 0.001"),
        (math.inf, 0.0, "inf ± 0"),
        (0.25, math.inf, "0.25 ± inf"),
    ],
)
def test_no_digit_beyond_the_error_is_shown(value, error, text):
    assert str(Estimate(value, error)) == text == f"{Estimate(value, error)}"


def test_formats_and_texts(one, many):
    assert f"{one:.4f}" == "2.0000"
    assert f"{one:8.1e}" == " 2.0e+00"
    assert f"{many:.2f}" == "[1.00 2.00]"
    assert str(many) == "[1. 2.] ± 0.2"
    assert repr(one) == "Estimate(2.0, error=0.25)"
    assert repr(many) == "Estimate([1., 2.], error=0.2, converged=False)"
    grid = Estimate(np.zeros((300, 200)), np.zeros((300, 200)))
    assert repr(grid) == "Estimate(array of shape (300, 200), error=0)"
    assert str(Estimate(np.zeros(0), np.zeros(0)))


def test_copies_and_pickles(many):
    for twin in (copy.copy(many), copy.deepcopy(many), pickle.loads(pickle.dumps(many))):
        assert np.array_equal(twin.value, many.value)
        assert (twin.converged, twin.evaluations, twin.resolution) == (False, 5, 0.01)


def test_divisors_that_may_be_zero(one):
    assert (1 / (one - 2.1)).error == math.inf
    assert (one / 0).error == math.inf
    assert (1 / Estimate(0.0, 0.0)).error == math.inf
    assert np.log(Estimate(0.1, 0.2)).error == math.inf


def test_published_numbers_by_arithmetic():
    """ReLU: E φ = √(q/2π) and E φ² = q/2, so the variance of φ is q(1/2 − 1/2π)."""
    mean, second = mf.expectation("relu", q=2.0), mf.moment("relu", "ff", q=2.0)
    variance = second - mean**2
    assert variance.agrees(1.0 - 1.0 / math.pi)
    assert variance.error < 1e-13
    assert (1 / np.sqrt(variance)).agrees(mf.gain("relu", kind="centered", q=2.0))
