import mpmath as mp
import numpy as np
import pytest

from meanfield.errors import InvalidInput
from meanfield.numerics.statistics.marchenko_pastur import MarchenkoPastur, largest_eigenvalue

RATIOS = (1e-4, 0.1, 0.25, 0.9, 1.0, 2.0, 7.0)


def density(ratio, x):
    """Marchenko and Pastur's density in 30 digits, from the formula that textbooks give."""
    a, b = (1 - mp.sqrt(ratio)) ** 2, (1 + mp.sqrt(ratio)) ** 2
    return mp.sqrt(abs((b - x) * (x - a))) / (2 * mp.pi * ratio * x)


def integral(ratio, x):
    """From the lower edge to x; with a square root as variable the integrand is smooth at the edge."""
    bottom = (1 - mp.sqrt(ratio)) ** 2
    return mp.quad(lambda t: 2 * t * density(ratio, bottom + t * t), [0, mp.sqrt(x - bottom)])


@pytest.mark.parametrize("ratio", RATIOS)
def test_the_cdf_is_the_integral_of_the_density(ratio):
    law = MarchenkoPastur(ratio, 1.7)
    a, b = law.edges
    for share in (0.02, 0.3, 0.7, 0.98):
        x = a + share * (b - a)
        with mp.workdps(30):
            exact = integral(ratio, mp.mpf(x) / 1.7)
        assert law.cdf(x) == pytest.approx(law.atom + float(exact), abs=1e-13 / min(1, ratio) ** 0.5)
        assert law.density(x) == pytest.approx(float(density(mp.mpf(ratio), mp.mpf(x) / 1.7)) / 1.7, rel=1e-9)


@pytest.mark.parametrize("ratio", RATIOS)
def test_the_quantile_inverts_the_cdf(ratio):
    law = MarchenkoPastur(ratio)
    p = np.linspace(law.atom, 1.0, 41)[1:]
    np.testing.assert_allclose(law.cdf(law.quantile(p)), p, atol=1e-13 / min(1, ratio) ** 0.5)
    assert np.all(np.diff(law.quantile(np.linspace(0, 1, 99))) >= 0)
    assert law.quantile(0.0) == (0.0 if law.atom else law.edges[0])
    assert law.quantile(1.0) == pytest.approx(law.edges[1])


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("n", [0, 1, 2, 3, 5])
def test_moments_are_those_of_the_quantiles(ratio, n):
    law = MarchenkoPastur(ratio, 0.6)
    p = (np.arange(20_000) + 0.5) / 20_000
    assert np.mean(law.quantile(p) ** n) == pytest.approx(law.moment(n), rel=2e-4)


def test_moments_of_square_matrices_are_catalan_numbers():
    assert [MarchenkoPastur(1.0).moment(n) for n in range(7)] == [1, 1, 2, 5, 14, 42, 132]


def test_the_density_of_square_matrices_is_a_quarter_circle_in_the_singular_value():
    s = np.linspace(0.1, 1.9, 7)
    np.testing.assert_allclose(2 * s * MarchenkoPastur(1.0).density(s**2), np.sqrt(4 - s**2) / np.pi, rtol=1e-13)


def test_nothing_lies_beyond_the_edges():
    law = MarchenkoPastur(0.25, 4.0)
    assert law.edges == (1.0, 9.0)
    np.testing.assert_array_equal(law.density([-1.0, 0.0, 0.99, 9.01]), 0.0)
    np.testing.assert_array_equal(law.cdf([-1.0, 0.5, 9.5]), [0.0, 0.0, 1.0])
    assert MarchenkoPastur(4.0).cdf(0.0) == 0.75 == MarchenkoPastur(4.0).atom
    assert MarchenkoPastur(1.0).density(0.0) == np.inf


@pytest.mark.parametrize("shape", [(400, 400), (150, 600), (600, 150)])
def test_drawn_matrices_have_these_eigenvalues(shape):
    W = np.random.default_rng(0).uniform(-(3**0.5), 3**0.5, shape)
    eigenvalues = np.linalg.eigvalsh(W @ W.T / shape[1])
    law = MarchenkoPastur(shape[0] / shape[1])
    steps = np.arange(1, shape[0] + 1) / shape[0]
    assert np.max(np.abs(law.cdf(np.maximum(eigenvalues, 0) + 1e-9) - steps)) < 5 / min(shape) + law.atom
    assert np.mean(eigenvalues**3) == pytest.approx(law.moment(3), rel=0.03)


@pytest.mark.parametrize("shape", [(10, 10), (15, 60)])
def test_the_largest_eigenvalue_is_exceeded_as_often_as_said(shape):
    rng = np.random.default_rng(1)
    largest = np.linalg.norm(rng.standard_normal((3000, *shape)), 2, axis=(1, 2)) ** 2
    for alpha, low, high in ((0.05, 0.038, 0.062), (0.02, 0.012, 0.028), (0.01, 0.005, 0.016), (0.001, 0.0, 0.004)):
        assert low <= np.mean(largest > largest_eigenvalue(*shape, alpha)) <= high


def test_the_largest_eigenvalue_grows_as_alpha_shrinks():
    levels = [largest_eigenvalue(100, 200, alpha) for alpha in (0.05, 0.03, 0.01, 0.005, 0.002, 0.001, 1e-4, 1e-6)]
    assert np.all(np.diff(levels) > 0)


@pytest.mark.parametrize("ratio", [0.0, -1.0, np.inf, np.nan])
def test_parameters_out_of_range_are_refused(ratio):
    with pytest.raises(InvalidInput, match="ratio"):
        MarchenkoPastur(ratio)
    with pytest.raises(InvalidInput, match="variance"):
        MarchenkoPastur(1.0, ratio)
    with pytest.raises(InvalidInput, match="share"):
        MarchenkoPastur(1.0).quantile(1.5)
