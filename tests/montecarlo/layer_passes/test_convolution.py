"""Convolutions at finite width: points are inputs × pixels, and passes are each other's transpose."""

import numpy as np
import pytest
from frozen_draw import Frozen
from layer_cases import CONVOLUTION

import meanfield as mf
from meanfield.initializers.resolve import initializer
from meanfield.montecarlo.exact_law import ExactLaw
from meanfield.montecarlo.layer_passes import forward
from meanfield.networks.layers.convolution import Conv
from meanfield.theory.depth.fourier_modes import mode_depth_scales
from meanfield.theory.depth.pixels import propagate_pixels

FLOAT = np.dtype(np.float64)


@pytest.mark.parametrize(("kernel_size", "weights"), [(1, "uniform"), (3, "delta"), ((3, 5), "delta")])
def test_without_neighbours_it_is_a_dense_layer_at_every_pixel(kernel_size, weights):
    pixels = (4, 4) if isinstance(kernel_size, tuple) else (16,)
    x = np.random.default_rng(1).standard_normal((32, 6))
    passes = [
        forward(layer, x, Frozen(6, pixels)) for layer in (Conv(1.5, 0.3, kernel_size, weights), mf.Dense(1.5, 0.3))
    ]
    (conv, back), (dense, dense_back) = passes
    assert np.array_equal(conv, dense)
    assert np.array_equal(back(x), dense_back(x))


@pytest.mark.parametrize("pixels", [(), (3, 3), (5,)])
def test_points_that_are_no_images_of_its_axes_are_refused(pixels):
    with pytest.raises(mf.InvalidInput, match=r"Conv over 1 axis cannot read|9 points are not a whole number"):
        forward(Conv(), np.ones((9, 6)), Frozen(6, pixels))


def test_windows_that_do_not_fit_into_memory_are_refused():
    with pytest.raises(mf.InvalidInput, match="would take more than 4 GiB"):
        forward(Conv(kernel_size=(100, 100)), np.ones((10_000, 6)), Frozen(6, (100, 100)))


def test_inputs_have_their_second_moments_at_every_pixel():
    run = mf.simulate(CONVOLUTION["relu, 2-d"].block, 1, 32, networks=2, q=2.0, c=0.3, rng=0)
    np.testing.assert_allclose(run.q.mean[0], 2.0, rtol=1e-12)
    np.testing.assert_allclose(run.c.mean[0], 0.3, rtol=1e-12)
    x = np.random.default_rng(0).standard_normal((3, 10))
    assert mf.simulate(CONVOLUTION["tanh"].block, 1, 32, networks=2, inputs=x, rng=0).q.mean[0] == pytest.approx(
        np.mean(x**2)
    )


def test_sigmas_laws_and_lists_of_laws_are_those_of_dense_layers():
    def law(rng, fan_out, fan_in):
        assert (fan_out, fan_in) == (24, 72)
        return 1.5 * rng.standard_normal((fan_out, fan_in)) / fan_in**0.5

    run = mf.simulate(CONVOLUTION["tanh"].block, 2, 24, networks=2, rng=0, weights=[law, "orthogonal"])
    assert [(matrix.fan_in, matrix.sigma_w) for matrix in run.matrices] == [(72, 1.5)] * 2
    with pytest.raises(mf.InvalidInput, match="one law for each dense layer, here 2, not 1"):
        mf.simulate(CONVOLUTION["tanh"].block, 2, 24, networks=2, rng=0, weights=[law])


@pytest.mark.parametrize("block", [CONVOLUTION["tanh"].block, CONVOLUTION["delta"].block])
def test_orthogonal_convolutions_agree_too(block):
    assert mf.crosscheck(block, 5, 128, networks=16, c=0.3, rng=0, weights="orthogonal")


@pytest.mark.parametrize("kernel_size", [(3, 3), (5, 2)])
def test_the_delta_orthogonal_scheme_is_an_orthogonal_convolution_of_a_delta_kernel(kernel_size):
    """Both say the same sigma_w, put it at the same tap, and give the same signals."""
    scheme = initializer("delta_orthogonal", activation="tanh", kernel_size=kernel_size)
    block = mf.Network("tanh", Conv(scheme.sigma_w, 0.1, kernel_size, "delta"))
    centre = tuple((size - 1) // 2 for size in kernel_size)
    kernel = scheme(np.random.default_rng(0), 8, 8)
    places = np.argwhere(np.any(kernel != 0, axis=(0, 1))) - centre
    assert np.array_equal(places, block.layers[1].taps[0])

    def at_centre(rng, fan_out, fan_in):
        return scheme(rng, fan_out, fan_in)[(..., *centre)]

    arguments, theory = {"depth": 4, "width": 96, "networks": 16, "c": 0.3, "rng": 0}, mf.propagate(block, 4, c=0.3)
    given, named = (mf.simulate(block, weights=law, **arguments) for law in (at_centre, "orthogonal"))
    for name in ("q", "c", "gradient"):
        one, other = getattr(given, name), getattr(named, name)
        error = np.hypot(one.standard_error, other.standard_error) + 1e-12
        assert np.all(np.abs(one.mean - other.mean) < 4.5 * error)
        expected = getattr(theory, name)
        assert np.all(np.abs(one.mean - expected) < 4.5 * one.standard_error + expected / 96)


def covariances(block, sigma, depth, width, networks):
    """Second moments between pixels by layer, of each network."""
    found = np.empty((networks, depth + 1, *sigma.shape))
    root = np.linalg.cholesky(sigma)
    for network, rng in enumerate(np.random.default_rng(5).spawn(networks)):
        x = root @ np.linalg.qr(rng.standard_normal((width, len(sigma))))[0].T * width**0.5
        draw = ExactLaw(rng, width, FLOAT, (len(sigma),))
        for layer in range(depth + 1):
            found[network, layer] = x @ x.T / width
            x, _ = forward(block, x, draw)
    return found


def image(n, q, c, wave):
    """Pixels of covariance qc but for a share of their own that varies over the image, and q that does."""
    size = np.sqrt(1 + 0.6 * wave)
    shared = np.sqrt(c * (1 + 0.6 * wave))
    return q * np.outer(size, size) * (np.outer(shared, shared) + np.diag(1 - shared**2))


@pytest.mark.parametrize(
    ("weights", "others"), [("uniform", "delta"), ("delta", "uniform"), ([0.8, 0.2, 0.0], [0.0, 0.2, 0.8])]
)
def test_pixels_correlate_as_the_theory_says_of_their_kernel_and_of_no_other(weights, others):
    block = mf.Network("tanh", Conv(1.6, 0.4, weights=weights))
    sigma = image(8, 1.0, 0.5, np.cos(4 * np.pi * np.arange(8) / 8))
    runs, theory = covariances(block, sigma, 4, 256, 60), propagate_pixels(block, sigma, 4).covariance
    error = runs.std(axis=0, ddof=1) / np.sqrt(len(runs))
    assert np.all(np.abs(runs.mean(axis=0) - theory) <= 4.5 * error + 1 / 256)
    other = propagate_pixels(mf.Network("tanh", Conv(1.6, 0.4, weights=others)), sigma, 4).covariance
    assert np.any(np.abs(runs.mean(axis=0) - other)[1:] > 6 * error[1:] + 1 / 256)


@pytest.mark.parametrize(("mode", "weights"), [(1, "uniform"), (2, "uniform"), (2, "delta")])
def test_fourier_modes_decay_at_their_depth_scales(mode, weights):
    block = mf.Network("tanh", Conv(1.5, 0.3, weights=weights))
    n, settled = 16, mf.analyze(block)
    modes = mode_depth_scales(block, n)
    wave = np.cos(2 * np.pi * mode * np.arange(n) / n)
    shared = np.sqrt(settled.c_star * (1 + 0.25 * wave))
    sigma = settled.q_star * (np.outer(shared, shared) + np.diag(1 - shared**2))
    runs = covariances(block, sigma, 4, 512, 60)
    a = np.arange(n)
    amplitude = np.abs(np.mean(runs[:, :, a, (a + 1) % n], axis=0) @ np.exp(2j * np.pi * mode * a / n))
    rate = np.log(amplitude[1] / amplitude[4]) / 3
    assert rate == pytest.approx(1 / modes.xi[mode], abs=0.03)
