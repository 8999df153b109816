import numpy as np
import pytest
from scipy import stats

from meanfield.errors import InvalidInput
from meanfield.montecarlo.weight_laws import LAWS, check_law, draw_weights

FLOAT = np.dtype("float64")


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("shape", [(300, 300), (400, 200), (200, 400)])
def test_named_laws_have_mean_zero_and_variance_sigma_w_squared_over_fan_in(law, shape):
    W = draw_weights(law, np.random.default_rng(0), *shape, 1.5, FLOAT)
    variance = 1.5**2 / shape[1]
    assert W.shape == shape
    assert abs(W.mean()) < 5 * np.sqrt(variance / W.size)
    error = np.sqrt(np.var(W**2) / W.size)
    assert abs(np.mean(W**2) - variance) < 5 * error + 1e-12


@pytest.mark.parametrize("law", LAWS)
def test_named_laws_come_in_the_dtype_asked_for(law):
    assert draw_weights(law, np.random.default_rng(0), 8, 8, 1.0, np.dtype("float32")).dtype == np.float32


@pytest.mark.parametrize("shape", [(6, 6), (9, 4), (4, 9)])
def test_orthogonal_rows_or_columns_whichever_are_fewer(shape):
    W = draw_weights("orthogonal", np.random.default_rng(1), *shape, 1.0, FLOAT)
    gram = W @ W.T if shape[0] <= shape[1] else W.T @ W
    np.testing.assert_allclose(gram, np.eye(min(shape)) * max(shape) / shape[1], atol=1e-12)


def test_orthogonal_is_haar_and_not_householders_fixed_signs():
    rng = np.random.default_rng(2)
    diagonal = np.array([np.diagonal(draw_weights("orthogonal", rng, 3, 3, 1.0, FLOAT)) for _ in range(4000)])
    assert np.all(np.abs(diagonal.mean(axis=0)) < 5 * np.sqrt(1 / 3 / 4000))


def test_truncated_normal_is_cut_at_two_of_its_uncut_standard_deviations():
    W = draw_weights("truncated_normal", np.random.default_rng(0), 500, 500, 1.0, FLOAT) * np.sqrt(500)
    assert 2.26 < np.abs(W).max() <= 2 / 0.8796256610342398


def test_sparse_has_one_entry_in_ten():
    W = draw_weights("sparse", np.random.default_rng(0), 500, 500, 1.0, FLOAT)
    assert abs(np.mean(W != 0) - 0.1) < 5 * np.sqrt(0.09 / W.size)


def test_a_sampler_is_used_at_its_own_scale():
    W = draw_weights(
        lambda rng, fan_out, fan_in: np.full((fan_out, fan_in), 3), np.random.default_rng(), 2, 5, 9.0, FLOAT
    )
    assert W.dtype == FLOAT
    assert np.all(W == 3.0)


@pytest.mark.parametrize(
    ("sampler", "message"),
    [
        (lambda rng, m, n: np.ones((n, m)), r"shape \(3, 4\), not \(4, 3\)"),
        (lambda rng, m, n: np.full((m, n), np.nan), "finite"),
        (lambda rng, m, n: np.ones((m, n)) * 1j, "complex128"),
        (lambda rng, m, n: 1 / 0, "ZeroDivisionError"),
        (lambda rng: rng, "TypeError"),
    ],
)
def test_a_bad_sampler_is_refused_in_one_sentence(sampler, message):
    with pytest.raises(InvalidInput, match=message) as caught:
        draw_weights(sampler, np.random.default_rng(0), 3, 4, 1.0, FLOAT)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("weights", ["gauss", ["gaussian", "gauss"], [["uniform"], "uniform"], None, 3])
def test_an_unknown_law_is_refused_with_the_known_ones(weights):
    with pytest.raises(InvalidInput, match="'truncated_normal'"):
        check_law(weights, 2)


def test_a_list_of_laws_has_one_for_each_dense_layer():
    check_law(["uniform", lambda rng, m, n: np.zeros((m, n))], 2)
    with pytest.raises(InvalidInput, match="here 3, not 2"):
        check_law(["uniform", "uniform"], 3)


def test_student_t_has_nine_as_its_kurtosis():
    W = draw_weights("student_t", np.random.default_rng(0), 2000, 2000, 1.0, FLOAT) * 2000**0.5
    assert np.mean(np.abs(W) > 5.0) == pytest.approx(2 * stats.t.sf(5.0 * (5 / 3) ** 0.5, 5), rel=0.05)
