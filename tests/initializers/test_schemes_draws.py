"""What schemes draw is what they state: mean, standard deviation, law and structure, square and rectangular."""

import numpy as np
import pytest

from meanfield.initializers.resolve import initializer, schemes
from meanfield.montecarlo.weight_laws import LAWS

SHAPES = ((200, 200), (300, 120), (120, 300))
CALLS = (
    "normal:std=0.02", "uniform:bound=0.05", "truncated_normal:std=0.02", "xavier_normal", "xavier_uniform",
    "he_normal", "he_normal:mode=fan_out", "he_uniform:negative_slope=0.2", "lecun_normal", "lecun_uniform",
    "torch_linear", "orthogonal:gain=1.3", "sparse", "sparse:connections=150,std=0.1", "torch_sparse:sparsity=0.9",
    "gpt2:layers=12", "deepnet:layers=6", "deepnet_encoder:encoder_layers=6,decoder_layers=6",
    "deepnet_decoder:decoder_layers=6", "fixup:layers=16,branch_layers=3", "critical:activation=gelu",
    "xavier_normal:law=student_t", "he_normal:law=sparse", "lecun_normal:law=orthogonal", "flax_dense",
    "variance_scaling:scale=2", "torch_lstm:hidden_size=64", "small_init", "wang_init:layers=12", "mitchell:layer=2",
    "spectral", "siren", "siren_first", "haiku_linear",
)  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("call", CALLS)
def test_draws_have_mean_zero_and_the_stated_standard_deviation(call, shape):
    scheme = initializer(call)
    W = scheme(np.random.default_rng(5), *shape)
    std = scheme.std(*shape)
    assert W.shape == shape
    assert W.dtype == np.float64
    assert abs(W.mean()) < 4 * std / np.sqrt(W.size)
    error = np.std(W**2) / np.sqrt(W.size)
    assert abs(np.mean(W**2) - std**2) < 4 * error + 1e-14
    assert scheme.sigma_w_at(*shape) == pytest.approx(std * shape[1] ** 0.5, rel=1e-15)


def test_every_scheme_is_drawn_in_this_file():
    elsewhere = {"delta_orthogonal", "lsuv", "diagonal_plus_noise"}
    assert {initializer(call).name for call in CALLS} | elsewhere == set(schemes())


KURTOSIS = {"gaussian": 3.0, "uniform": 1.8, "truncated_normal": 2.3655, "sparse": 30.0, "student_t": 9.0}


@pytest.mark.parametrize("law", ["normal", *KURTOSIS])
def test_the_law_asked_for_shows_in_the_fourth_moment(law):
    W = initializer("he_normal", law=law)(np.random.default_rng(1), 700, 700)
    kurtosis = np.mean(W**4) / np.mean(W**2) ** 2
    loose = 0.3 if law == "student_t" else 0.05  # the fourth power of a t law with 5 degrees of freedom has no variance
    assert kurtosis == pytest.approx(KURTOSIS.get(law, 3.0), rel=loose)


def test_every_law_of_the_simulation_can_be_asked_for():
    for law in LAWS:
        assert initializer("xavier_normal", law=law).std(30, 70) == pytest.approx(0.02**0.5, rel=1e-14)


@pytest.mark.parametrize(
    ("call", "bound"),
    [
        ("uniform:bound=0.05", 0.05),
        ("xavier_uniform", (6 / 420) ** 0.5),
        ("he_uniform", (6 / 120) ** 0.5),
        ("lecun_uniform", (3 / 120) ** 0.5),
        ("torch_linear", 120**-0.5),
    ],
)
def test_uniform_laws_fill_their_bounds(call, bound):
    W = initializer(call)(np.random.default_rng(0), 300, 120)
    assert 0.999 * bound < np.abs(W).max() <= bound


@pytest.mark.parametrize("shape", [(9, 9), (12, 5), (5, 12)])
def test_orthogonal_is_gain_times_orthonormal_rows_or_columns(shape):
    W = initializer("orthogonal", gain=1.7)(np.random.default_rng(1), *shape)
    gram = W @ W.T if shape[0] <= shape[1] else W.T @ W
    np.testing.assert_allclose(gram, 1.7**2 * np.eye(min(shape)), atol=1e-12)
    assert np.mean(W**2) == pytest.approx(initializer("orthogonal", gain=1.7).std(*shape) ** 2, rel=1e-12)


@pytest.mark.parametrize(
    ("kernel_size", "shape", "centre"), [(3, (3,), (1,)), ((5, 4), (5, 4), (2, 1)), ((1,), (1,), (0,))]
)
def test_delta_orthogonal_keeps_all_signals_through_its_centre(kernel_size, shape, centre):
    scheme = initializer("delta_orthogonal", kernel_size=kernel_size, gain=1.5)
    K = scheme(np.random.default_rng(0), 8, 6)
    assert K.shape == (8, 6, *shape)
    W = K[(..., *centre)]
    np.testing.assert_allclose(W.T @ W, 1.5**2 * np.eye(6), atol=1e-12)
    assert np.count_nonzero(K) == W.size
    summed = K.sum(axis=tuple(range(2, K.ndim)))
    assert np.mean(summed**2) == pytest.approx(scheme.std(8, 6) ** 2, rel=1e-12)
    assert scheme.sigma_w == pytest.approx(1.5)


def test_martens_sparse_rows_have_exactly_so_many_connections_anywhere():
    W = initializer("sparse")(np.random.default_rng(0), 2000, 40)
    assert np.all(np.count_nonzero(W, axis=1) == 15)
    assert abs(np.count_nonzero(W, axis=0) / 2000 - 15 / 40).max() < 0.05
    assert W[W != 0].std() == pytest.approx(1, rel=0.02)
    few = initializer("sparse")(np.random.default_rng(0), 3, 9)
    assert np.all(few != 0)


@pytest.mark.parametrize(("sparsity", "zeros"), [(0.0, 0), (0.1, 2), (0.25, 3), (0.95, 12), (1.0, 12)])
def test_torch_sparse_zeroes_a_share_of_each_column_rounded_up(sparsity, zeros):
    scheme = initializer("torch_sparse", sparsity=sparsity)
    W = scheme(np.random.default_rng(0), 12, 50)
    assert np.all(np.count_nonzero(W == 0, axis=0) == zeros)
    assert scheme.std(12, 50) == pytest.approx(0.01 * (1 - zeros / 12) ** 0.5)


@pytest.mark.parametrize("shape", SHAPES)
def test_diagonal_plus_noise_has_its_diagonal_and_its_noise(shape):
    scheme = initializer("diagonal_plus_noise", diagonal=-0.9, noise=0.3)
    W = scheme(np.random.default_rng(2), *shape)
    noise = W + 0.9 * np.eye(*shape)
    assert noise.std() * shape[1] ** 0.5 == pytest.approx(0.3, rel=0.02)
    assert abs(noise.mean()) < 4 * noise.std() / np.sqrt(noise.size)
    assert np.mean(W**2) == pytest.approx(scheme.std(*shape) ** 2, rel=0.05)
    assert initializer("diagonal_plus_noise", diagonal=0.6, noise=0.8).sigma_w == pytest.approx(1.0)


@pytest.mark.parametrize(("call", "law"), [("torch_default", "uniform"), ("critical:activation=gelu", "normal")])
def test_biases_are_drawn_with_the_stated_standard_deviation(call, law):
    scheme = initializer(call)
    b = scheme.bias(np.random.default_rng(0), 40_000, 100)
    assert b.shape == (40_000,)
    assert b.std() == pytest.approx(scheme.sigma_b_at(40_000, 100), rel=0.01)
    assert np.mean(b**4) / np.mean(b**2) ** 2 == pytest.approx(1.8 if law == "uniform" else 3.0, rel=0.05)


def test_lsuv_draws_orthonormal_weights_and_rescales_them_to_unit_variance():
    rng = np.random.default_rng(0)
    lsuv = initializer("lsuv", activation="tanh")
    x = np.tanh(rng.standard_normal((100, 300)))
    W = lsuv(rng, 200, 300)
    np.testing.assert_allclose(W @ W.T, np.eye(200), atol=1e-12)
    factor = lsuv.rescale(x @ W.T)
    assert np.mean((factor * x @ W.T) ** 2) == pytest.approx(1, rel=1e-12)
    assert np.var(factor * x @ W.T) == pytest.approx(1, rel=0.01)
    assert np.sqrt(np.mean((factor * W) ** 2)) == pytest.approx(lsuv.std(200, 300), rel=0.03)


def test_lsuv_leaves_alone_what_is_within_its_tolerance():
    x = np.random.default_rng(0).standard_normal((100, 100))
    rms = np.sqrt(np.mean(x**2))
    assert initializer("lsuv").rescale(1.02 * x / rms) == 1.0
    assert initializer("lsuv", tol=0.01).rescale(1.02 * x / rms) == pytest.approx(1 / 1.02, rel=1e-12)


def test_a_seed_gives_the_same_matrix():
    for call in CALLS:
        first, second = (initializer(call)(np.random.default_rng(9), 20, 30) for _ in range(2))
        np.testing.assert_array_equal(first, second)
