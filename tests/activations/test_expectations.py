"""The public expectations: shapes, refusals, and callables that nothing was declared about."""

import numpy as np
import pytest
from scipy.special import erf

import meanfield as mf


def test_shapes_follow_q():
    assert isinstance(mf.expectation("relu").value, float)
    estimate = mf.expectation("relu", q=[[0.5, 1.0, 2.0]])
    np.testing.assert_allclose(estimate.value, np.sqrt(np.array([[0.5, 1.0, 2.0]]) / (2 * np.pi)), rtol=1e-14)
    assert estimate.error.shape == (1, 3)


def test_q_zero_is_the_value_at_zero():
    assert mf.expectation("x + 2", q=0.0).value == pytest.approx(2.0, rel=1e-14)


def test_tolerances_decide_converged_and_nothing_else():
    loose, tight = mf.expectation("tanh(x) + 1", rtol=1e-3), mf.expectation("tanh(x) + 1", rtol=1e-17)
    assert loose.value == tight.value
    assert loose.converged
    assert not tight.converged
    assert mf.expectation("tanh(x) + 1", rtol=0.0, atol=1e-9).converged


@pytest.mark.parametrize("q", [-1.0, np.nan, np.inf, "a", None, [], [1.0, -2.0]])
def test_bad_q_is_refused_in_one_sentence(q):
    with pytest.raises(mf.InvalidInput, match="q must be") as caught:
        mf.expectation("relu", q=q)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("c", [1.5, -1.0000001, np.nan, "a", None, []])
def test_bad_correlation_is_refused(c):
    with pytest.raises(mf.InvalidInput, match="c must be a correlation"):
        mf.pair_expectation("relu", c=c)


def test_shapes_that_do_not_broadcast_are_refused():
    with pytest.raises(mf.InvalidInput, match="broadcast"):
        mf.pair_expectation("relu", q=[1.0, 2.0], c=[0.1, 0.2, 0.3])


def test_pairs_broadcast_and_agree_with_the_arc_cosine_kernel():
    q, c = np.array([[0.5], [2.0]]), np.array([-1.0, -0.3, 0.0, 0.7, 1.0])
    estimate = mf.pair_expectation("relu", q=q, c=c)
    angle = np.arccos(c)
    np.testing.assert_allclose(estimate.value, q * (np.sin(angle) + (np.pi - angle) * c) / (2 * np.pi), atol=1e-14)
    assert estimate.converged


def test_many_correlations_are_as_good_as_few():
    c = np.linspace(-1, 1, 301)
    many = mf.pair_expectation(lambda x: np.clip(x, -1, 1), c=c)
    few = mf.pair_expectation(lambda x: np.clip(x, -1, 1), c=c[::50])
    np.testing.assert_allclose(many.value[::50], few.value, atol=2e-12)
    assert np.all(np.abs(many.value[::50] - few.value) <= many.error[::50] + few.error)


def test_two_functions_and_two_variances():
    """E U V³ = 3 k q₂ with k = c √(q₁q₂)."""
    estimate = mf.pair_expectation("x", "x**3", q=2.0, q2=0.5, c=0.3)
    assert estimate.value == pytest.approx(3 * 0.3 * 1.0 * 0.5, rel=1e-13)


@pytest.mark.parametrize("at", [-1.113, 0.2718, 2.5])
def test_undeclared_kinks_cost_no_digits(at):
    estimate = mf.expectation(lambda x: np.abs(x - at))
    exact = np.sqrt(2 / np.pi) * np.exp(-(at**2) / 2) + at * erf(at / np.sqrt(2))
    assert estimate.value == pytest.approx(exact, rel=1e-13)
    assert abs(estimate.value - exact) <= estimate.error


def test_series_of_the_same_functions_serve_again():
    c = np.r_[np.linspace(-0.98, 0.98, 300), 1 - np.geomspace(1e-6, 0.02, 90)]
    kink, wave, bell = (lambda x: np.abs(x - 0.3)), (lambda x: np.sin(x + 0.2)), (lambda x: np.exp(-x * x))
    for pair in ((kink, None), (wave, bell)):
        first, again = (mf.pair_expectation(*pair, c=c) for _ in range(2))
        assert np.all(np.abs(first.value - again.value) <= first.error + again.error)
        assert again.evaluations < 0.1 * first.evaluations


@pytest.mark.parametrize("change", [1e-14, 1e-6, 0.5])
def test_a_function_that_has_changed_is_integrated_anew(change):
    def step(at):
        return lambda x: np.where(x > at[0], 1.0, 0.0)

    def smooth(at):
        return lambda x: np.tanh(x + at[0])

    for made in (step, smooth):
        at = [0.3]
        f = made(at)
        before = mf.pair_expectation(f, c=0.5).value
        at[0] += change
        after, new = mf.pair_expectation(f, c=0.5), mf.pair_expectation(made(at), c=0.5)
        assert abs(after.value - new.value) <= after.error + new.error
        assert change < 1e-9 or after.value != before


def test_a_function_that_has_become_nan_is_refused():
    factor = [1.0]

    def f(x):
        return factor[0] * x

    assert mf.pair_expectation(f, c=0.5).value == pytest.approx(0.5)
    factor[0] = np.nan
    with pytest.raises(mf.BadActivation):
        mf.pair_expectation(f, c=0.5)
