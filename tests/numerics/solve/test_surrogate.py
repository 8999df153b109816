"""Surrogates: built where asked, to the error that they state."""

import numpy as np
import pytest

from meanfield.numerics.solve.surrogate import Surrogate


def surrogate_of(f, edges=(0.0, 1.0, 3.0), noise=1e-16, **options):
    calls = []

    def function(x):
        calls.append(x)
        return f(x), np.full(x.shape, noise)

    return Surrogate(function, edges, **options), calls


@pytest.mark.parametrize(
    "f",
    [np.exp, lambda x: np.tanh(20 * (x - 1.7)), lambda x: np.exp(-1 / np.maximum(x, 1e-3) ** 2), np.sqrt],
    ids=["exp", "steep", "essential", "root"],
)
def test_error_is_a_bound(f):
    approximation, _ = surrogate_of(f)
    x = np.linspace(0.0, 3.0, 777)
    value, error = approximation(x)
    assert np.all(np.abs(value - f(x)) <= error + 1e-15)


def test_smooth_functions_reach_the_tolerance():
    approximation, _ = surrogate_of(np.cos, rtol=1e-13)
    value, error = approximation(np.linspace(0, 3, 100).reshape(20, 5))
    assert value.shape == error.shape == (20, 5)
    assert error.max() < 1e-12


def test_only_the_panels_that_are_asked_for_are_built():
    approximation, calls = surrogate_of(np.exp)
    approximation(np.array([2.0, 2.5]))
    assert all((x > 1).all() for x in calls)
    built = len(calls)
    approximation(np.array([2.2]))
    assert len(calls) == built


def test_noise_of_the_function_ends_the_halving_and_enters_the_error():
    rng = np.random.default_rng(1)
    approximation, calls = surrogate_of(lambda x: np.exp(x) + 1e-6 * rng.uniform(-1, 1, x.shape), noise=1e-6)
    x = np.linspace(0, 3, 50)
    value, error = approximation(x)
    assert len(calls) <= 4
    assert np.all(np.abs(value - np.exp(x)) <= error)


def test_one_point_is_computed_as_many_are():
    def steep(x):
        return np.tanh(20 * (x - 0.3)), np.zeros(x.size)

    surrogate, again = Surrogate(steep, (-2.0, 0.5, 3.0)), Surrogate(steep, (-2.0, 0.5, 3.0))
    x = np.r_[-2.0, np.random.default_rng(0).uniform(-2, 3, 40), 0.5, 3.0]
    values, errors = again(x)
    assert [surrogate.at(one) for one in x.tolist()] == pytest.approx(values, abs=1e-14)
    assert np.all(np.abs(values - steep(x)[0]) <= errors)
    assert errors.max() < 1e-12  # several halvings


def test_more_points_than_a_block_are_computed():
    surrogate = Surrogate(lambda x: (np.cos(x), np.zeros(x.size)), (0.0, 1.0, 3.0))
    x = np.linspace(0, 3, 20_000)
    assert surrogate(x)[0] == pytest.approx(np.cos(x), abs=1e-13)
