"""Searches by rounds of many points: the zeros and the least values that SciPy's methods find, in few rounds."""

import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar

from meanfield.numerics.solve.first_root import first_root
from meanfield.numerics.solve.least import least

LOW, HIGH = np.full(5, -1.0), np.full(5, 1.2)
FUNCTIONS = (
    lambda x: np.expm1(x - 0.3),
    lambda x: np.tanh(20 * (x + 0.7)),
    lambda x: np.where(x < 0.123456, -2.0, 1.0),
    lambda x: (x - 0.5) ** 3,
    lambda x: np.cos(7 * x),  # three zeros
)


def of(functions, calls):
    def numbered(which, x):
        calls.append(x.size)
        return np.array([float(functions[i](here)) for i, here in zip(which, x, strict=True)])

    return numbered


def test_the_first_zero_is_found_in_few_rounds():
    calls = []
    found = first_root(of(FUNCTIONS, calls), LOW, HIGH, atol=1e-12)
    assert found == pytest.approx([0.3, -0.7, 0.123456, 0.5, -3 * np.pi / 14], abs=1e-12)
    assert found[0] == pytest.approx(brentq(FUNCTIONS[0], -1, 1.2, xtol=1e-14), abs=1e-12)
    assert len(calls) <= 12


def test_a_smooth_function_takes_five_rounds():
    calls = []
    assert first_root(of(FUNCTIONS[:1], calls), LOW[:1], HIGH[:1], atol=1e-12) == pytest.approx([0.3], abs=1e-12)
    assert len(calls) <= 6


def test_without_a_change_of_sign_the_better_end_is_the_answer():
    found = first_root(lambda which, x: 2.0 + x, np.zeros(1), np.ones(1), atol=1e-12)
    assert found.tolist() == [0.0]


HILLS = (
    lambda x: (x - 0.3) ** 2,
    lambda x: np.abs(x + 0.2),
    lambda x: -np.exp(-30 * (x - 0.6) ** 2),
    lambda x: max(-x, 3 * x - 1.2),
)


def test_the_least_value_is_found_in_few_rounds():
    calls, middle = [], np.zeros(4)
    at_middle = np.array([float(f(0.0)) for f in HILLS])
    x, value = least(of(HILLS, calls), LOW[:4], middle, HIGH[:4], at_middle, atol=1e-8)
    twin = [minimize_scalar(f, bounds=(-1, 1.2), method="bounded", options={"xatol": 1e-10}) for f in HILLS]
    assert x == pytest.approx([0.3, -0.2, 0.6, 0.3], abs=3e-8)
    assert value == pytest.approx([found.fun for found in twin], abs=1e-7)
    assert len(calls) <= 9


def test_where_all_is_flat_the_middle_stays():
    x, value = least(
        lambda which, x: np.ones(x.size), *(np.array([a]) for a in (-1.0, 0.3, 1.0)), np.ones(1), atol=1e-8
    )
    assert (x.tolist(), value.tolist()) == ([0.3], [1.0])
