"""The zeros of many functions at once: every one, to rounding, by both methods."""

import numpy as np
import pytest
from scipy.optimize import elementwise

from meanfield.numerics.solve.bracketed import newton, root

TARGETS = np.geomspace(1e-12, 1e3, 60)


def cubes(which, x):
    """x³ − t on the scale of x, with slopes."""
    t = TARGETS[which]
    return x - t / x**2, 4e-16 * x, 1 + 2 * t / x**3


def test_newton_finds_each_zero_to_rounding():
    found = newton(cubes, np.full(60, 1e-8), np.full(60, 1e8), -np.ones(60))
    np.testing.assert_allclose(found, np.cbrt(TARGETS), rtol=1e-15)


def test_newton_may_begin_anywhere_in_the_bracket():
    start = np.where(np.arange(60) % 2, 2e-8, 5e7)
    found = newton(cubes, np.full(60, 1e-8), np.full(60, 1e8), -np.ones(60), start)
    np.testing.assert_allclose(found, np.cbrt(TARGETS), rtol=1e-15)


def test_newton_stays_inside_where_slopes_mislead():
    def flat(which, x):  # the slope is 0 but near the zero
        u = np.log(x) * 10
        return x * np.tanh(u), 0 * x, np.tanh(u) + 10 / np.cosh(np.clip(u, -300, 300)) ** 2

    assert newton(flat, np.array([1e-3]), np.array([1e9]), np.array([-1.0])) == pytest.approx(1, rel=1e-14)


def test_newton_keeps_what_it_was_given():
    low, high = np.full(60, 1e-8), np.full(60, 1e8)
    newton(cubes, low, high, -np.ones(60))
    assert np.all(low == 1e-8)
    assert np.all(high == 1e8)


def test_root_needs_values_only_and_finds_each_zero_of_either_direction():
    sign = np.where(np.arange(60) % 3, 1.0, -1.0)

    def f(which, log_x):
        return sign[which] * (np.exp(3 * log_x) / TARGETS[which] - 1)

    found = root(f, np.full(60, -20.0), np.full(60, 20.0))
    np.testing.assert_allclose(np.exp(found), np.cbrt(TARGETS), rtol=1e-14)


SHAPES = (
    np.tanh,
    np.expm1,
    lambda y: y**3,
    lambda y: y + 0.3 * y * np.abs(y),
    lambda y: np.sign(y) * np.abs(y) ** 0.1,
)


@pytest.mark.parametrize("known", [False, True])
def test_root_finds_what_the_method_of_scipy_finds_in_no_more_evaluations(known):
    rng = np.random.default_rng(0)
    zero, steepness = rng.uniform(-0.99, 0.99, 300), rng.uniform(0.1, 20, 300)
    calls = np.zeros(2, dtype=int)

    def f(which, x, twin=0):
        calls[twin] += x.size
        y = steepness[which] * (x - zero[which])
        return np.select([which % len(SHAPES) == k for k in range(len(SHAPES))], [shape(y) for shape in SHAPES])

    low, high, every = -np.ones(300), np.ones(300), np.arange(300)
    found = root(f, low, high, values=(f(every, low), f(every, high)) if known else None)
    twin = elementwise.find_root(
        lambda x, which: f(which.astype(int), x, 1),
        (low, high),
        args=(every.astype(float),),
        tolerances={"xatol": 1e-15, "xrtol": 9e-16, "fatol": 0.0, "frtol": 0.0},
    )
    assert found == pytest.approx(zero, abs=3e-15)
    assert found == pytest.approx(twin.x, abs=3e-15)
    assert calls[0] <= 1.02 * calls[1]


def test_root_has_no_trouble_with_infinite_ends():
    with np.errstate(divide="ignore"):
        found = root(lambda which, x: 1 / x - 2, np.zeros(1), np.full(1, 8.0))
    assert found == pytest.approx([0.5], rel=1e-14)


def test_root_gives_the_end_that_is_nearer_to_zero_where_there_is_no_change_of_sign():
    found = root(lambda which, x: 1e-16 + np.where(which == 0, x, 1 - x), np.zeros(2), np.ones(2))
    assert found.tolist() == [0.0, 1.0]


def test_root_stops_at_the_width_asked_for():
    calls = []

    def f(which, x):
        calls.append(x.size)
        return np.tanh(5 * (x - 0.3)) + 0.1 * np.sin(9 * x)

    precise = root(f, np.zeros(1), np.ones(1))
    fine = len(calls)
    rough = root(f, np.zeros(1), np.ones(1), atol=1e-3)
    assert len(calls) - fine < fine
    assert rough == pytest.approx(precise, abs=1e-3)


def test_no_functions_have_no_zeros():
    nothing = np.zeros(0)
    assert root(cubes, nothing, nothing).size == 0
    assert newton(cubes, nothing, nothing, nothing).size == 0
