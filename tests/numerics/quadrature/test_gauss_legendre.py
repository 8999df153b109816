"""Panels: exact where they promise it, and a tail that bounds the error of the integral."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import meanfield as mf
from meanfield.numerics.quadrature.gauss_legendre import N, nodes_between, rule, tail


@pytest.mark.parametrize("degree", range(0, 2 * N, 3))
def test_rule_integrates_polynomials_up_to_degree_2n_minus_1(degree):
    exact = 2 / (degree + 1) if degree % 2 == 0 else 0.0
    assert rule().weights @ rule().nodes ** degree == pytest.approx(exact, abs=3e-16)


def test_coefficients_reproduce_a_legendre_polynomial():
    values = np.polynomial.legendre.legval(rule().nodes, np.eye(N)[7])
    np.testing.assert_allclose(rule().coefficients @ values, np.eye(N)[7], atol=2e-14)


def tanh(steepness, centre):
    right, left = np.logaddexp(0, 2 * steepness * (1 - centre)), np.logaddexp(0, -2 * steepness * (1 + centre))
    return lambda x: np.tanh(steepness * (x - centre)), (right - left) / steepness - 2


def kink(steepness, centre):
    return lambda x: steepness * np.abs(x - centre), steepness * ((1 - centre) ** 2 + (1 + centre) ** 2) / 2


def singular(steepness, centre):
    exact = 2 / 3 * ((1 - centre) ** 1.5 + (1 + centre) ** 1.5)
    return lambda x: steepness * np.sqrt(np.abs(x - centre)), steepness * exact


def wave(radians, phase):
    return lambda x: np.cos(radians * x + phase), 2 * np.sin(radians) * np.cos(phase) / radians


def error_and_bound(f, exact):
    """Of the integral over [−1, 1]; a panel's length times its tail is the bound."""
    values = f(rule().nodes)
    return abs(rule().weights @ values - exact), 2 * float(tail(values)) + 1e-14 * np.abs(values).max()


INSIDE = st.floats(-float(rule().nodes[-2]), float(rule().nodes[-2]))  # a kink at the outermost node is in no value


@settings(max_examples=400)
@given(steepness=st.floats(0.1, 200), centre=INSIDE, kind=st.sampled_from([tanh, kink, singular]))
def test_tail_bounds_the_error_where_coefficients_decay(steepness, centre, kind):
    error, bound = error_and_bound(*kind(steepness, centre))
    assert error <= bound


@settings(max_examples=400)
@given(radians=st.floats(0.1, 2 * N), phase=st.floats(-np.pi, np.pi))
def test_tail_bounds_the_error_of_waves_of_up_to_2n_radians(radians, phase):
    error, bound = error_and_bound(*wave(radians, phase))
    assert error <= bound


def test_a_faster_wave_can_be_its_alias():
    """Why the bound is stated for a class of functions, and why integrals halve panels until the tail is rounding."""
    error, bound = error_and_bound(*wave(59.125, 0.0))
    assert error > bound
    for half in (-0.5, 0.5):  # the halves of that panel, mapped to [−1, 1]: 29.6 radians each
        error, bound = error_and_bound(*wave(59.125 / 2, 59.125 * half))
        assert error <= bound


@pytest.mark.parametrize("frequency", [59.125, 300.0, 5e3, 2e4, 1e6])
@pytest.mark.parametrize("phase", [0.0, 0.7])
def test_expectations_of_any_wave_are_within_their_error(frequency, phase):
    """What users see: resolved waves are exact to rounding; of those too fast for the budget the error says so."""
    found = mf.expectation(lambda x: np.cos(frequency * x + phase))
    exact = np.exp(-(frequency**2) / 2) * np.cos(phase)
    assert abs(found.value - exact) <= found.error
    assert (found.error < 1e-11) == (frequency < 5e3)


def test_nodes_lie_inside_their_panels():
    a, b = np.array([0.0, 1.0]), np.array([1.0, 4.0])
    x = nodes_between(a, b)
    assert np.all((x > a[:, None]) & (x < b[:, None]))
