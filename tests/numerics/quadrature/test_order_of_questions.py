"""What was asked before changes no answer beyond its error: φ is resolved before its derivative is believed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, roots_legendre

import meanfield as mf
from meanfield.errors import InfiniteDerivative

PRODUCTS = ("ff", "dd", "xfd", "f", "fd")
NODES, WEIGHTS = roots_legendre(40)


def bump(k, m):
    """tanh with a bump of steepness k at m, and its derivative."""
    return (
        lambda x: np.tanh(x) + np.exp(-((k * (x - m)) ** 2)),
        lambda x: 1 / np.cosh(x) ** 2 - 2 * k * k * (x - m) * np.exp(-((k * (x - m)) ** 2)),
    )


def step(k, m):
    """A logistic step of steepness k at m, and its derivative."""
    return lambda x: expit(k * (x - m)), lambda x: k * expit(k * (x - m)) * expit(-k * (x - m))


def near_kink(k, m):
    """|x − m| rounded off on a length 1/k, and its derivative."""
    return lambda x: np.hypot(x - m, 1 / k), lambda x: (x - m) / np.hypot(x - m, 1 / k)


def product_of(factors):
    return lambda x: np.prod([factor(x) for factor in factors], axis=0)


def expectation(h, q, m, k):
    """E h(√q Z) on panels graded towards m, down to 1/k."""
    sd = np.sqrt(q)
    offsets = np.r_[np.linspace(0, 20, 81) / k, 20 / k * 2.0 ** np.arange(0.25, 14, 0.25)]
    edges = np.unique(np.clip(np.r_[m - offsets, m + offsets, np.linspace(-14, 14, 141) * sd], -14 * sd, 14 * sd))
    a, b = edges[:-1, None], edges[1:, None]
    x = 0.5 * (a + b) + 0.5 * (b - a) * NODES
    return float((0.5 * (b - a) * WEIGHTS * h(x) * np.exp(-(x**2) / (2 * q))).sum() / np.sqrt(2 * np.pi * q))


@given(
    family=st.sampled_from([bump, step, near_kink]),
    steepness=st.floats(1.0, 2.0),
    m=st.floats(-2.5, 2.5),
    q=st.floats(0.1, 10.0),
    order=st.permutations(PRODUCTS),
)
@settings(max_examples=25, derandomize=True, deadline=None)
def test_any_order_of_questions_gets_true_answers(family, steepness, m, q, order):
    k = 10.0**steepness
    f, d = family(k, m)
    factors = {"f": f, "d": d, "x": lambda x: x}
    phi = mf.activation(lambda x: f(x))
    for product in order:
        found = mf.moment(phi, product, q)
        truth = expectation(product_of([factors[letter] for letter in product]), q, m, k)
        assert abs(found.value - truth) <= found.error + 1e-14 * (1 + k)


def test_backward_gain_asked_first():
    def g(x):
        return np.tanh(x) + np.exp(-((20 * (x + 1.958)) ** 2))

    found = mf.gain(g, kind="backward", q=3.438)
    assert found.agrees(0.545662896649)
    assert found.error < 1e-11


def test_steep_step_asked_first_for_its_derivative():
    found = mf.moment(lambda x: expit(500 * (x + 1.9641)), "dd", 0.395)
    assert abs(found.value - 0.40061745) < 1e-8
    assert found.error < 1e-9


@pytest.mark.parametrize(
    ("spec", "truth"),
    [
        ("where(abs(x-0.77) < 1e-6, 1e4, x)", 60.31895064705705),  # mpmath, 40 digits, from the same doubles
        (lambda x: np.where(x < 0.3, 1e8, 0.0), 1e16 * 0.61791142218895267),
    ],
)
def test_rounded_places_of_tall_jumps_are_in_the_bound(spec, truth):
    found = mf.moment(spec, "ff", 1.0)
    assert abs(found.value - truth) <= found.error
    assert found.error < 1e-9 * truth


def test_features_beyond_the_first_search_are_found_in_any_order():
    def far(x):
        return np.tanh(x) + np.where(x > 20.3, 1.0, 0.0)

    q = 80.0
    with pytest.raises(InfiniteDerivative):
        mf.moment(far, "dd", q)
    with pytest.raises(InfiniteDerivative):
        mf.moment(lambda x: np.tanh(x) + np.maximum(x - 20.3, 0.0), "ss", q)
    first, later = mf.activation(far).moments, mf.activation(lambda x: far(x)).moments
    later.second_moment(q)
    (slope, error), (again, error_again) = first.second_moment_slope(q), later.second_moment_slope(q)
    assert abs(slope - again) <= error + error_again
    mf.moment(far, "ff", q)
    assert mf.moment(far, "dd", 1.0).agrees(mf.moment("tanh", "dd", 1.0))


@pytest.mark.parametrize(("k", "m", "q"), [(1.32e5, -0.30939, 9.68), (4e4, 0.2, 0.5), (1e6, 1.1, 2.0)])
def test_a_near_kink_at_which_the_function_vanishes_is_not_taken_for_noise(k, m, q):
    f, d = near_kink(k, m)
    found = mf.moment(mf.activation(f), "dd", q)
    truth = expectation(lambda x: d(x) ** 2, q, m, k)
    assert abs(found.value - truth) <= found.error <= 1e-10
