"""Every fixed point of a scalar map, and every zero of a function that knows its error."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meanfield.numerics.solve.fixed_points import every_fixed_point, logarithmic_grid
from meanfield.numerics.solve.sign_changes import sign_changes

GRID = logarithmic_grid(1e-6, 1e6)


def maps_of(*functions, error=1e-15):
    """Maps from (value, derivative) pairs of callables."""

    def mapping(which, q):
        value, slope = np.empty(q.size), np.empty(q.size)
        for i, (f, d) in enumerate(functions):
            value[which == i], slope[which == i] = f(q[which == i]), d(q[which == i])
        return value, error * np.abs(value), slope

    return mapping


@settings(max_examples=60)
@given(roots=st.lists(st.floats(-5, 5), min_size=1, max_size=5, unique=True), sign=st.sampled_from([-1, 1]))
def test_finds_all_roots_of_a_polynomial_in_log_q(roots, sign):
    roots = sorted(roots)
    if len(roots) > 1 and np.diff(roots).min() < 0.05:
        return
    u = np.polynomial.Polynomial.fromroots(roots) * (sign * 1e-3)

    def f(q):
        return q * (1 + u(np.log10(q)) / (1 + u(np.log10(q)) ** 2))

    def d(q):
        step = 1e-6 * q
        return (f(q + step) - f(q - step)) / (2 * step)

    found = every_fixed_point(maps_of((f, d)), 1, GRID)
    np.testing.assert_allclose(np.log10(found.q), roots, atol=1e-9)


def test_finds_two_roots_between_neighbouring_grid_points():
    a, b = GRID[40] * 1.02, GRID[40] * 1.05
    found = every_fixed_point(maps_of((lambda q: q + (q - a) * (q - b) / q, lambda q: 2 - a * b / q**2)), 1, GRID)
    np.testing.assert_allclose(found.q, [a, b], rtol=1e-12)


def test_finds_a_root_that_only_touches():
    found = every_fixed_point(maps_of((lambda q: q + 1e-3 * (q - 3.3) ** 2, lambda q: 1 + 2e-3 * (q - 3.3))), 1, GRID)
    np.testing.assert_allclose(found.q, [3.3], rtol=1e-8)


def test_near_miss_is_no_root():
    found = every_fixed_point(
        maps_of((lambda q: q + 1e-3 * (q - 3.3) ** 2 + 1e-9, lambda q: 1 + 2e-3 * (q - 3.3))), 1, GRID
    )
    assert found.q.size == 0


def test_identity_is_neutral_and_a_stretch_at_the_low_end_belongs_to_zero():
    identity = (lambda q: q, np.ones_like)
    flat_then_lower = (
        lambda q: np.where(q < 1e-2, q, q - (q - 1e-2) ** 2 / q),
        lambda q: np.where(q < 1e-2, 1.0, 1e-4 / q**2),
    )
    found = every_fixed_point(maps_of(identity, flat_then_lower), 2, GRID)
    assert found.neutral.tolist() == [True, False]
    assert found.q.size == 0


def test_maps_are_kept_apart():
    found = every_fixed_point(
        maps_of((lambda q: 0 * q + 2.0, np.zeros_like), (lambda q: 0 * q + 5.0, np.zeros_like)), 2, GRID
    )
    assert found.which.tolist() == [0, 1]
    np.testing.assert_allclose(found.q, [2.0, 5.0], rtol=1e-15)


def test_sign_changes_finds_zeros_and_ignores_noise():
    def noisy(q):
        u = np.log(np.asarray(q))
        return (u - 1) * (u + 2) + 1e-12 * np.sin(1e9 * u), np.full(np.shape(q), 2e-12)

    np.testing.assert_allclose(np.log(sign_changes(noisy, GRID)), [-2, 1], atol=1e-11)
    assert sign_changes(lambda q: (1e-13 * np.sin(q), np.full(np.shape(q), 1e-12)), GRID) == []


def test_grid_has_both_ends():
    assert GRID[0] == pytest.approx(1e-6)
    assert GRID[-1] == pytest.approx(1e6)
