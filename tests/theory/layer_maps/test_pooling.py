"""Pools and flattening at infinite width: means of covariances written out, and the simpler networks they reduce to."""

import itertools
import math

import numpy as np
import pytest
from rounding import assert_equal_covariances

import meanfield as mf
from meanfield.bounded import Bounded
from meanfield.networks.layers.convolution import Conv
from meanfield.networks.layers.normalisation import LayerNorm, RMSNorm
from meanfield.networks.layers.pooling import AveragePool, Flatten, GlobalAveragePool
from meanfield.networks.layers.residual import Residual
from meanfield.theory.depth.pixels import propagate_pixels
from meanfield.theory.layer_maps.covariance import Covariance, all_points

Network, Dense = mf.Network, mf.Dense
INPUTS = 2


def covariance(points, rank=40, seed=0):
    x = np.random.default_rng(seed).standard_normal((points, rank)) + 0.7
    return x @ x.T / rank


def through(layer, sigma, images):
    return all_points(layer, Covariance.of(np.diagonal(sigma), sigma, images))[0]


@pytest.mark.parametrize(
    ("size", "images"), [(2, (6,)), (1, (5,)), (5, (5,)), ((2, 3), (4, 6)), ((1, 2), (3, 4)), ((4, 1), (4, 3))]
)
def test_pools_are_means_over_windows_written_out(size, images):
    layer = AveragePool(size)
    left = tuple(n // k for n, k in zip(images, layer.window, strict=True))
    pixels, windows = math.prod(images), list(np.ndindex(*left))
    sigma = covariance(INPUTS * pixels)
    expected = np.zeros((INPUTS, len(windows), INPUTS, len(windows)))
    for (m, a), (n, b) in itertools.product(itertools.product(range(INPUTS), range(len(windows))), repeat=2):
        for s, t in itertools.product(np.ndindex(*layer.window), repeat=2):
            i, j = (np.array(windows[one]) * layer.window + tap for one, tap in ((a, s), (b, t)))
            i, j = (np.ravel_multi_index(at, images) for at in (i, j))
            expected[m, a, n, b] += sigma[m * pixels + i, n * pixels + j] / math.prod(layer.window) ** 2
    state = through(layer, sigma, images)
    assert state.images == left
    assert_equal_covariances(state.covariance, expected.reshape(state.covariance.shape), rtol=1e-12)


def test_pools_and_flattening_of_all_pixels_written_out():
    sigma, pooled, flat = covariance(12), np.zeros((2, 2)), np.zeros((2, 2))
    for m, n, i, j in np.ndindex(2, 2, 6, 6):
        pooled[m, n] += sigma[6 * m + i, 6 * n + j] / 36
        flat[m, n] += (i == j) * sigma[6 * m + i, 6 * n + j] / 6
    for layer, expected in ((GlobalAveragePool(), pooled), (AveragePool((2, 3)), pooled), (Flatten(), flat)):
        assert_equal_covariances(through(layer, sigma, (2, 3)).covariance, expected, rtol=1e-12)
    run = propagate_pixels(Network("relu", Flatten(), Dense(1.4, 0.3)), sigma, 1, pixels=(2, 3))
    alone = propagate_pixels(Network("relu", Conv(1.0, 0.0, (1, 1))), sigma, 1, pixels=(2, 3)).covariance[1]
    expected = 0.09 + 1.96 * np.einsum("iaja->ij", alone.reshape(2, 6, 2, 6)) / 6
    assert_equal_covariances(run.covariance[1], expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("layer", "same", "images"),
    [
        ((AveragePool(1),), (), (6,)),
        ((AveragePool((1, 1)),), (), (2, 3)),
        ((AveragePool((2, 3)),), (GlobalAveragePool(),), (2, 3)),
        ((AveragePool((2, 1)), AveragePool((1, 3))), (AveragePool((2, 3)),), (4, 3)),
        ((Flatten(),), (GlobalAveragePool(),), (1,)),
        ((Flatten(), Dense(1.3)), (Dense(1.3),), (1,)),
        ((GlobalAveragePool(), GlobalAveragePool()), (GlobalAveragePool(),), (4,)),
        ((GlobalAveragePool(), Flatten()), (GlobalAveragePool(),), (4,)),
    ],
)
def test_they_reduce_to_simpler_layers(layer, same, images):
    sigma = covariance(INPUTS * math.prod(images))
    (first, back), (second, also) = (
        all_points(Network("gelu", *one, Dense(1.2, 0.1)), Covariance.of(np.diagonal(sigma), sigma, images))
        for one in (layer, same)
    )
    assert_equal_covariances(first.covariance, second.covariance, rtol=1e-12)
    g = covariance(len(first.covariance), seed=1)
    np.testing.assert_allclose(back(g), also(g), rtol=1e-11)


@pytest.mark.parametrize("tail", [(AveragePool(2),), (GlobalAveragePool(),)])
def test_a_linear_pixelwise_layer_and_a_pool_commute(tail):
    sigma, dense = covariance(12), Dense(1.3)
    first, second = (through(Network(*order), sigma, (6,)) for order in ((*tail, dense), (dense, *tail)))
    assert_equal_covariances(first.covariance, second.covariance, rtol=1e-12)


def test_biases_do_not_average_out():
    """They are the same at every pixel."""
    sigma = covariance(12)
    before, behind = (
        through(Network(*order), sigma, (6,))
        for order in ((Dense(1.0, 0.7), AveragePool(3)), (AveragePool(3), Dense(1.0, 0.7)))
    )
    assert_equal_covariances(before.covariance, behind.covariance, rtol=1e-12)


def test_pools_of_pixels_that_are_the_same_do_nothing():
    sigma = np.kron([[1.5, 0.4], [0.4, 0.9]], np.ones((4, 4)))
    for layer in (AveragePool(2), AveragePool(4), GlobalAveragePool(), Flatten()):
        state = through(layer, sigma, (4,))
        np.testing.assert_allclose(state.covariance[[0, 0, -1], [0, -1, -1]], [1.5, 0.4, 0.9], rtol=1e-12)


def moments(phi, sigma, draws=4_000_000):
    """Means and second moments of φ of correlated normal variables, by sampling."""
    root = np.linalg.cholesky(sigma)
    return phi(np.random.default_rng(0).standard_normal((draws // len(sigma), len(sigma))) @ root.T)


@pytest.mark.parametrize("pool", [AveragePool(2), GlobalAveragePool(), Flatten()])
@pytest.mark.parametrize("norm", [LayerNorm(), RMSNorm()])
def test_norms_behind_a_pool_divide_by_what_is_over_units_then(pool, norm):
    """ReLU's mean is over units, and a pool keeps it, so that LayerNorm subtracts it."""
    sigma = covariance(8, seed=3) * np.outer(*2 * [np.linspace(0.6, 1.5, 8)])
    units = moments(lambda u: np.maximum(u, 0.0), sigma)
    mean, second = units.mean(axis=0), units.T @ units / len(units)
    if isinstance(norm, LayerNorm) and not isinstance(pool, Flatten):
        second = second - np.outer(mean, mean)
    size = {AveragePool: 2, GlobalAveragePool: 4}.get(type(pool))
    if size:
        matrix = np.kron(np.eye(8 // size), np.full((1, size), 1 / size))
        k = matrix @ second @ matrix.T
    else:
        k = np.einsum("iaja->ij", second.reshape(2, 4, 2, 4)) / 4
        if isinstance(norm, LayerNorm):
            k -= np.outer(*2 * [mean.reshape(2, 4).mean(axis=1)])
    expected = k / np.sqrt(np.outer(np.diagonal(k), np.diagonal(k)))
    state = through(Network("relu", pool, norm, Dense(1.0)), sigma, (4,))
    np.testing.assert_allclose(state.covariance, expected, atol=4e-3)


def test_what_pooling_keeps_of_a_small_distance_is_within_its_error_bound():
    """Of two images 1 − c = 1e-12 apart; digits beyond rounding of the whole second moment are gone, and it says so."""
    q, gap = covariance(4) / 2 + np.eye(4), 1e-12
    within = 0.5 * (np.diagonal(q)[:, None] + np.diagonal(q)) - q
    d = np.block(
        [[within, within + gap * np.diagonal(q) * np.eye(4)], [within + gap * np.diagonal(q) * np.eye(4), within]]
    )
    state = Covariance(q=np.tile(np.diagonal(q), 2), d=Bounded(d), images=(4,))
    exact = gap * np.trace(q) / 16
    after = all_points(GlobalAveragePool(), state)[0].d[0, 1]
    assert abs(after.value - exact) <= after.error < 1e-14
    flat = all_points(Flatten(), state)[0].d[0, 1]
    assert flat.value == pytest.approx(4 * exact, rel=1e-3)


@pytest.mark.parametrize("tail", [(AveragePool(2),), (GlobalAveragePool(),), (Flatten(),)])
def test_infinite_gradients_of_jumps_stay_infinite_and_make_nothing_undefined(tail):
    sigma = covariance(8)
    run = propagate_pixels([Network(*tail, Dense(1.0)), Network("sign", Dense(1.0))], sigma, 2, pixels=4)
    assert np.all(np.isinf(run.gradient[0]))
    assert not any(np.isnan(a).any() for one in (run.q, run.covariance, run.gradient, run.one_minus_c) for a in one)


@pytest.mark.parametrize(
    "rule", ["analyze", "variance_map", "kernel", "critical_line", "fixed_points", "phase_diagram"]
)
@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (AveragePool(2), "AveragePool depends on the covariances between pixels: follow them with propagate_pixels"),
        (GlobalAveragePool(), "GlobalAveragePool depends on the covariances between pixels"),
        (Flatten(), "Flatten depends on the covariances between pixels"),
        (
            Conv(1.0, padding="zeros"),
            "a Conv with zeros beyond the border does not keep pixels alike: .*propagate_pixels",
        ),
        (Conv(1.0, stride=2), "a Conv with strides does not keep pixels alike: .*propagate_pixels"),
        (Residual(Conv(1.0, padding="zeros")), "a Conv with zeros beyond the border does not keep pixels alike"),
    ],
)
def test_what_one_pixel_does_not_represent_is_refused_elsewhere(rule, layer, message):
    arguments = {
        "variance_map": (3.0,), "kernel": (np.ones((2, 3)), 2), "critical_line": (0.1,),
        "phase_diagram": ([1.0], [0.1]),
    }.get(rule, ())  # fmt: skip
    with pytest.raises(mf.InvalidInput, match=message) as refusal:
        getattr(mf, rule)(Network("tanh", layer, Dense(1.3)), *arguments)
    assert "\n" not in str(refusal.value)
