"""Convolutions at finite width: points are inputs × pixels, and passes are each other's transpose."""

import numpy as np
import pytest

import meanfield as mf
from meanfield.initializers.resolve import initializer
from meanfield.montecarlo.draws import Draw
from meanfield.montecarlo.exact_law import ExactLaw
from meanfield.montecarlo.layer_passes import forward
from meanfield.montecarlo.materialized import Materialized
from meanfield.networks.layers.convolution import Conv
from meanfield.networks.layers.dropout import Dropout
from meanfield.networks.layers.normalisation import LayerNorm
from meanfield.networks.layers.residual import Residual
from meanfield.theory.depth.fourier_modes import mode_depth_scales
from meanfield.theory.depth.pixels import propagate_pixels
from meanfield.theory.layer_maps import one_point, two_points

FLOAT = np.dtype(np.float64)
BLOCKS = {
    "tanh": mf.Network("tanh", Conv(1.5, 0.3)),
    "relu, 2-d": mf.Network("relu", Conv(2**0.5, 0.0, (3, 3))),
    "given weights": mf.Network("gelu", Conv(1.4, 0.3, 5, [0.1, 0.0, 0.6, 0.2, 0.1])),
    "delta": mf.Network("tanh", Conv(1.3, 0.1, 5, "delta")),
    "residual": Residual("tanh", Conv(1.2, 0.1, 2), branch_scale=0.7),
    "bottleneck": mf.Network("relu", mf.Dense(1.4), "tanh", Dropout(0.1), Conv(1.2, 0.1, (2, 3))),
    "normalised": mf.Network(LayerNorm(), "tanh", Conv(1.4, 0.2)),
}
blocks = pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)


class Frozen(Draw):
    """The same weights and biases however often the layers are run, on images of 7 or 3 × 4 pixels."""

    def __init__(self, pixels, width=6):
        super().__init__(np.random.default_rng(0), width, FLOAT, pixels)
        self.matrices = []

    def product(self, x, sigma_w):
        W = sigma_w * self.rng.standard_normal((self.width, x.shape[1])) / x.shape[1] ** 0.5
        self.matrices.append(W)
        return x @ W.T, lambda g: g @ W


@pytest.mark.parametrize(
    ("layer", "pixels"),
    [
        (Conv(1.3, 0.2), (7,)),
        (Conv(1.3, 0.2, 4, [0.1, 0.2, 0.3, 0.4]), (7,)),
        (Conv(1.3, 0.2, 5), (3,)),  # wider than the image
        (Conv(1.3, 0.2, (3, 2)), (3, 4)),
        (Residual("tanh", Conv(1.3, 0.2, (3, 3)), branch_scale=0.4), (3, 4)),
    ],
)
def test_the_pullback_is_the_transpose_of_the_linearised_map(layer, pixels):
    rng, step = np.random.default_rng(3), 1e-6
    x, g, direction = rng.standard_normal((3, 2 * int(np.prod(pixels)), 6))
    _, pullback = forward(layer, x, Frozen(pixels))
    ahead, behind = (forward(layer, x + s * step * direction, Frozen(pixels))[0] for s in (1, -1))
    assert np.sum(pullback(g) * direction) == pytest.approx(np.sum(g * (ahead - behind)) / (2 * step), rel=1e-7)


def test_it_is_the_sum_over_the_window_written_out():
    shape, v = (3, 4), np.array([[0.1, 0.2], [0.3, 0.05], [0.15, 0.2]])  # centre (1, 0)
    x = np.random.default_rng(1).standard_normal((2, *shape, 5))
    draw = Frozen(shape)
    h, _ = forward(Conv(1.3, 0.0, (3, 2), v), x.reshape(24, 5), draw)
    W = draw.matrices[0].reshape(6, 3, 2, 5)
    expected = np.zeros((2, *shape, 6))
    for image, a, b, i, j in np.ndindex(2, *shape, 3, 2):
        expected[image, a, b] += np.sqrt(6 * v[i, j]) * W[:, i, j] @ x[image, (a + i - 1) % 3, (b + j) % 4]
    np.testing.assert_allclose(h.reshape(expected.shape), expected, rtol=1e-12)


@pytest.mark.parametrize(("kernel_size", "weights"), [(1, "uniform"), (3, "delta"), ((3, 5), "delta")])
def test_without_neighbours_it_is_a_dense_layer_at_every_pixel(kernel_size, weights):
    pixels = (4, 4) if isinstance(kernel_size, tuple) else (16,)
    x = np.random.default_rng(1).standard_normal((32, 6))
    passes = [forward(layer, x, Frozen(pixels)) for layer in (Conv(1.5, 0.3, kernel_size, weights), mf.Dense(1.5, 0.3))]
    (conv, back), (dense, dense_back) = passes
    assert np.array_equal(conv, dense)
    assert np.array_equal(back(x), dense_back(x))


def test_single_precision_stays_single_precision():
    draw = Materialized(np.random.default_rng(0), 8, np.dtype("float32"), "gaussian", pixels=(4,))
    y, pullback = forward(BLOCKS["given weights"], np.ones((8, 8), dtype="float32"), draw)
    assert y.dtype == pullback(y).dtype == np.float32


@pytest.mark.parametrize("pixels", [(), (3, 3), (5,)])
def test_points_that_are_no_images_of_its_axes_are_refused(pixels):
    with pytest.raises(mf.InvalidInput, match=r"Conv over 1 axis cannot read|9 points are not a whole number"):
        forward(Conv(), np.ones((9, 6)), Frozen(pixels))


def test_windows_that_do_not_fit_into_memory_are_refused():
    with pytest.raises(mf.InvalidInput, match="would take more than 4 GiB"):
        forward(Conv(kernel_size=(100, 100)), np.ones((10_000, 6)), Frozen((100, 100)))


def test_inputs_have_their_second_moments_at_every_pixel():
    run = mf.simulate(BLOCKS["relu, 2-d"], 1, 32, networks=2, q=2.0, c=0.3, rng=0)
    np.testing.assert_allclose(run.q.mean[0], 2.0, rtol=1e-12)
    np.testing.assert_allclose(run.c.mean[0], 0.3, rtol=1e-12)
    x = np.random.default_rng(0).standard_normal((3, 10))
    assert mf.simulate(BLOCKS["tanh"], 1, 32, networks=2, inputs=x, rng=0).q.mean[0] == pytest.approx(np.mean(x**2))


def test_sigmas_laws_and_lists_of_laws_are_those_of_dense_layers():
    def law(rng, fan_out, fan_in):
        assert (fan_out, fan_in) == (24, 72)
        return 1.5 * rng.standard_normal((fan_out, fan_in)) / fan_in**0.5

    run = mf.simulate(BLOCKS["tanh"], 2, 24, networks=2, rng=0, weights=[law, "orthogonal"])
    assert [(matrix.fan_in, matrix.sigma_w) for matrix in run.matrices] == [(72, 1.5)] * 2
    with pytest.raises(mf.InvalidInput, match="one a dense layer, here 2, not 1"):
        mf.simulate(BLOCKS["tanh"], 2, 24, networks=2, rng=0, weights=[law])


@blocks
def test_simulation_and_theory_agree(block):
    two = any(isinstance(getattr(layer, "kernel_size", 1), tuple) for layer in block.walk())
    assert mf.crosscheck(block, 3, 48, networks=12, c=-0.4, rng=1)
    if two:
        assert mf.crosscheck(block, 3, 256, networks=8, c=0.3, rng=0)
    else:
        assert mf.crosscheck(block, 6, 512, networks=16, c=0.3, rng=1, method="exact_law")


@pytest.mark.parametrize("block", [BLOCKS["tanh"], BLOCKS["delta"]])
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


class Wrong(Conv):
    """A convolution whose theory has 3 % too much second moment in it."""


@one_point.register
def _(layer: Wrong, signal):
    right = one_point(mf.Dense(layer.sigma_w, layer.sigma_b), signal)
    return type(right)(1.03 * right.q, right.error, 1.03 * right.slope, right.chi)


@two_points.register
def _(layer: Wrong, signal):
    right = two_points(mf.Dense(layer.sigma_w, layer.sigma_b), signal)
    return type(right)(1.03 * right.q1, 1.03 * right.q2, 1.03 * right.d, right.error)


@pytest.mark.parametrize("name", ["tanh", "given weights", "delta"])
def test_a_map_that_is_wrong_by_three_percent_is_found(name):
    phi, conv = BLOCKS[name]
    wrong = mf.Network(phi, Wrong(conv.sigma_w, conv.sigma_b, conv.kernel_size, conv.weights))
    arguments = {"depth": 6, "width": 512, "networks": 16, "c": 0.3, "rng": 0, "method": "exact_law"}
    assert mf.crosscheck(BLOCKS[name], **arguments)
    assert not mf.crosscheck(wrong, **arguments)


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
