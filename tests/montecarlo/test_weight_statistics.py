import numpy as np
import pytest

from meanfield.montecarlo.weight_laws import LAWS
from meanfield.montecarlo.weight_statistics import weight_statistics

FLOAT = np.dtype("float64")


def measured(draw, shape, networks=200):
    rng = np.random.default_rng(0)
    return np.array([weight_statistics(draw(rng, shape) / shape[1] ** 0.5, rng)[:3] for _ in range(networks)])


def z(values, target):
    return (values.mean(axis=0) - target) / (values.std(axis=0, ddof=1) / len(values) ** 0.5)


@pytest.mark.parametrize("shape", [(64, 64), (120, 40), (40, 120)])
@pytest.mark.parametrize("law", [name for name in LAWS if name != "orthogonal"])
def test_independent_entries_of_any_law_show_their_scale_no_mean_and_no_correlation(law, shape):
    values = measured(lambda rng, shape: 1.3 * LAWS[law](rng, shape, FLOAT), shape)
    values[:, 0] **= 2  # whose mean is exact; that of its root is not
    assert np.all(np.abs(z(values, [1.3**2, 0.0, 0.0])) < 4.5)
    assert values[:, 1].std() == pytest.approx(1.0, abs=0.2)


def test_orthonormal_rows_are_less_correlated_than_independent_ones():
    values = measured(lambda rng, shape: LAWS["orthogonal"](rng, shape, FLOAT), (60, 60), 20)
    np.testing.assert_allclose(values[:, 0], 1.0, rtol=1e-12)
    np.testing.assert_allclose(values[:, 2], -1 / 60, atol=1e-3)  # tr (WWᵀ)² is n instead of 2n


@pytest.mark.parametrize("axis", [0, 1])
def test_the_correlation_is_the_mean_square_of_that_of_rows_or_columns(axis):
    rho, shape = 0.2, (100, 100)

    def equicorrelated(rng, shape):
        common = rng.standard_normal(np.where(np.arange(2) == axis, 1, shape))
        return np.sqrt(1 - rho) * rng.standard_normal(shape) + np.sqrt(rho) * common

    values = measured(equicorrelated, shape)
    assert abs(z(values, [1.0, 0.0, rho**2])[2]) < 4.5


def test_the_trace_that_random_vectors_estimate_is_the_trace():
    rng = np.random.default_rng(1)
    W = rng.standard_normal((30, 50)) @ np.diag(np.linspace(0.2, 2, 50))
    gram, s = W @ W.T, np.sum(W**2) / 30
    kurtosis = np.mean(W**4) / np.mean(W**2) ** 2
    exact = np.trace(gram @ gram) / (30 * s**2) - (1 + 30 / 50 + (kurtosis - 2) / 50)
    values = np.array([weight_statistics(W, rng)[2] for _ in range(2000)])
    assert abs(values.mean() - exact / 30) < 4.5 * values.std() / 2000**0.5


def test_no_weights_are_no_nan():
    values = weight_statistics(np.zeros((3, 4)), np.random.default_rng(0))
    np.testing.assert_array_equal(values[:-1], 0.0)
    assert np.isfinite(values[-1])


@pytest.mark.parametrize("index", [2.0, 3.0, 5.0])
def test_the_tail_of_a_power_law_is_found(index):
    rng = np.random.default_rng(0)
    tails = [weight_statistics(rng.pareto(index, (200, 200)) + 1.0, rng)[3] for _ in range(30)]
    assert abs(np.mean(tails) - 1 / index) < 4.5 * np.std(tails) / 30**0.5
    assert weight_statistics(np.sign(rng.standard_normal((200, 200))), rng)[3] == 0


def test_fingerprints_tell_matrices_apart():
    rng = np.random.default_rng(0)
    matrices = [rng.standard_normal((8, 8)) for _ in range(50)]
    prints = [weight_statistics(matrix, rng)[4] for matrix in (*matrices, *matrices)]
    assert prints[:50] == prints[50:]
    assert len(set(prints)) == 50
