"""Truncated normal laws: exact variances after the cut, in every convention and at any bound."""

import mpmath
import numpy as np
import pytest

from meanfield.initializers.resolve import initializer
from meanfield.initializers.truncated_normal import CONVENTIONS, TruncatedNormal, clamped_std, truncated_std

BOUNDS = (1e-100, 1e-12, 1e-6, 1e-3, 0.1, 0.5, 1.0, 2.0, 3.0, 8.0, 40.0, 1e100)


def by_quadrature(cut, clamped):
    """The standard deviation by mpmath, at 40 digits."""
    with mpmath.workdps(40):
        cut = mpmath.mpf(cut)
        cut = min(cut, 60)  # beyond which there is nothing at 40 digits
        points = [0, *(x for x in (1, 2, 4, 8, 16) if x < cut), cut]
        inside = 2 * mpmath.quad(lambda x: x**2 * mpmath.npdf(x), points)
        if clamped:
            return float(mpmath.sqrt(inside + cut**2 * mpmath.erfc(cut / mpmath.sqrt(2))))
        return float(mpmath.sqrt(inside / (2 * mpmath.quad(mpmath.npdf, points))))


@pytest.mark.parametrize("cut", BOUNDS)
def test_standard_deviations_after_the_cut_are_those_of_quadrature(cut):
    assert truncated_std(cut) == pytest.approx(by_quadrature(cut, clamped=False), rel=1e-14)
    assert clamped_std(cut) == pytest.approx(by_quadrature(cut, clamped=True), rel=1e-14)


def test_the_constants_in_circulation_to_all_digits():
    assert truncated_std(2) == pytest.approx(0.8796256610342397504, rel=3e-16)
    assert truncated_std(3) == pytest.approx(0.98657839255810862127, rel=1e-15)
    assert truncated_std(1) == pytest.approx(0.53956009375489697273, rel=1e-15)
    assert clamped_std(2) == pytest.approx(0.95944615567332544052, rel=3e-16)


@pytest.mark.parametrize(
    ("convention", "std", "expected"),
    [
        ("corrected", 0.02, 0.02),
        ("uncorrected", 0.02, 0.02 * 0.8796256610342397504),
        ("absolute", 0.02, 0.02),  # the cut is at 100 standard deviations
        ("absolute", 1.0, 0.8796256610342397504),
        ("absolute", 2.0, 2 * 0.53956009375489697273),
        ("clamped", 0.02, 0.02 * 0.95944615567332544052),
    ],
)
def test_each_convention_has_the_std_it_should(convention, std, expected):
    assert initializer("truncated_normal", std=std, convention=convention).std(7, 9) == pytest.approx(expected, 1e-14)


def test_names_in_the_frameworks_stand_for_their_convention():
    std = {name: initializer(name, std=1.0).std(3, 3) for name in ("trunc_normal_", "jax_truncated_normal")}
    assert std == {name: pytest.approx(0.8796256610342397504) for name in std}
    assert initializer("trunc_normal", std=0.02).std(3, 3) == pytest.approx(0.02, rel=1e-14)
    assert initializer("keras_truncated_normal", std=0.05).std(3, 3) == pytest.approx(0.05 * 0.87962566103423975)
    assert initializer("flax_dense").std(50, 100) == pytest.approx(0.1, rel=1e-14)


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize(("std", "bound"), [(1.0, 2.0), (0.5, 0.3), (2.0, 3.5), (1e-3, 1e-3)])
def test_draws_have_the_stated_std_and_bounds(convention, std, bound):
    law = TruncatedNormal(convention, bound)
    x = law.draw(np.random.default_rng(3), (400, 500), std)
    error = np.std(x**2) / np.sqrt(x.size)
    assert abs(np.mean(x**2) - law.std(std) ** 2) < 4 * error
    assert abs(x.mean()) < 4 * law.std(std) / np.sqrt(x.size)
    scale, cut = CONVENTIONS[convention](std, bound)
    assert np.abs(x).max() <= scale * cut * (1 + 1e-15)
    on_the_bound = np.mean(np.abs(x) >= scale * cut * (1 - 1e-12))
    assert (on_the_bound > 0) == (convention == "clamped")


def test_draws_are_distributed_as_the_truncated_law_and_not_merely_as_wide():
    from scipy import stats

    x = TruncatedNormal("uncorrected", 1.3).draw(np.random.default_rng(0), (200, 200), 1.0).ravel()
    assert stats.kstest(x, stats.truncnorm(-1.3, 1.3).cdf).pvalue > 0.01


def test_a_scheme_with_fans_takes_conventions_too():
    he = initializer("he_normal", law="truncated_normal", convention="uncorrected")
    assert he.sigma_w == pytest.approx(2**0.5 * 0.8796256610342397504, rel=1e-14)
    assert initializer("he_normal", law="truncated_normal").sigma_w == pytest.approx(2**0.5, rel=1e-14)


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize(("std", "bound"), [(1e-100, 1e100), (1e100, 1e-100), (1e-100, 1e-100), (1e100, 1e100)])
def test_the_largest_and_smallest_bounds_make_no_nan(convention, std, bound):
    scheme = initializer("truncated_normal", std=std, bound=bound, convention=convention)
    W = scheme(np.random.default_rng(0), 100, 100)
    assert np.sqrt(np.mean((W / scheme.std(9, 9)) ** 2)) == pytest.approx(1, rel=0.03)
