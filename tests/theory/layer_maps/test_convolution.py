"""Convolutions at infinite width: a Dense layer where pixels are alike, a mean over the window where they differ."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rounding import assert_equal_covariances

import meanfield as mf
from meanfield.networks.layers.convolution import Conv
from meanfield.networks.layers.dropout import Dropout
from meanfield.networks.layers.normalisation import RMSNorm
from meanfield.networks.layers.residual import Residual
from meanfield.numerics.pairs.representations import TOLERANCE
from meanfield.theory.depth.fourier_modes import mode_depth_scales
from meanfield.theory.depth.pixels import propagate_pixels

KERNELS = [(3, "uniform"), (1, "uniform"), (5, "delta"), ((3, 2), "uniform"), (3, [0.1, 0.7, 0.2])]
BLOCKS = {
    "plain": mf.Network("tanh", Conv(1.5, 0.3)),
    "lopsided": mf.Network("tanh", Conv(2.0, 0.4, weights=[0.6, 0.3, 0.1])),
    "residual": Residual("relu", Conv(1.2, 0.1), branch_scale=0.5, skip_scale=0.8),
    "dropped": mf.Network("tanh", Dropout(0.2), Conv(1.4, 0.1, 5)),
    "normalised": mf.Network("relu", RMSNorm(), Conv(1.2, 0.3)),
    "two": mf.Network("tanh", Conv(1.5, 0.1), "relu", Conv(1.2, 0.0, 2)),
}
blocks = pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)


def covariance(points, rank=40, seed=0):
    x = np.random.default_rng(seed).standard_normal((points, rank)) + 0.7
    return x @ x.T / rank


def alike(points, q, c):
    return q * ((1 - c) * np.eye(points) + c)


@pytest.mark.sweep(2)
@pytest.mark.parametrize(("kernel_size", "weights"), KERNELS)
def test_between_pixels_that_are_alike_it_is_a_dense_layer(kernel_size, weights):
    sigma_w = np.linspace(0.8, 2.5, 7)
    conv, dense = mf.Network("tanh", Conv(sigma_w, 0.2, kernel_size, weights)), mf.mlp("tanh", sigma_w, 0.2)
    ours, theirs = mf.analyze(conv), mf.analyze(dense)
    for field, expected in vars(theirs).items():
        assert np.array_equal(getattr(ours, field), expected), field
    ours, theirs = (mf.propagate(block, 9, c=0.4) for block in (conv, dense))
    for name in ("q", "chi", "gradient"):
        assert np.array_equal(getattr(ours, name), getattr(theirs, name))
    # the second asks again for pairs that may be served by another representation by now: decision 8
    np.testing.assert_allclose(ours.one_minus_c, theirs.one_minus_c, rtol=TOLERANCE["distance"])
    assert np.array_equal(mf.critical_line(conv, 0.1).sigma_w, mf.critical_line("tanh", 0.1).sigma_w)
    ours, theirs = (mf.phase_diagram(block, sigma_w, [0.0, 0.3]) for block in (conv, dense))
    assert np.array_equal(ours.phase, theirs.phase)
    assert np.array_equal(ours.xi_c, theirs.xi_c)


def test_relu_pixels_by_a_sum_written_out():
    """Cho & Saul's kernel, and Σ_β over the window of each pair of a 3 × 4 image."""
    shape, v = (3, 4), np.array([[0.1, 0.2], [0.3, 0.05], [0.15, 0.2]])  # centre (1, 0)
    block = mf.Network("relu", Conv(1.3, 0.4, v.shape, v))
    sigma = covariance(12)
    root = np.sqrt(np.diagonal(sigma))
    angle = np.arccos(np.clip(sigma / np.outer(root, root), -1, 1))
    dual = np.outer(root, root) * (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / (2 * np.pi)
    dual = dual.reshape(shape * 2)
    expected = np.full(shape * 2, 0.16)
    for a, b, c, d in itertools.product(*map(range, shape * 2)):
        for i, j in itertools.product(range(3), range(2)):
            at = ((a + i - 1) % 3, (b + j) % 4, (c + i - 1) % 3, (d + j) % 4)
            expected[a, b, c, d] += 1.69 * v[i, j] * dual[at]
    run = propagate_pixels(block, sigma, 1, pixels=shape)
    assert_equal_covariances(run.covariance[0], sigma, rtol=1e-13)
    assert_equal_covariances(run.covariance[1], expected.reshape(12, 12), rtol=1e-12)
    np.testing.assert_allclose(run.q[1], np.diagonal(run.covariance[1]))


@blocks
def test_signals_that_are_alike_stay_alike(block):
    run, pair = propagate_pixels(block, alike(8, 1.3, 0.4), 5), mf.propagate(block, 5, q=1.3, c=0.4)
    np.testing.assert_allclose(run.q, pair.q[:, None] * np.ones(8), rtol=1e-11)
    off = ~np.eye(8, dtype=bool)
    np.testing.assert_allclose(run.one_minus_c[:, off], pair.one_minus_c[:, None] * np.ones(56), rtol=1e-10)
    assert np.all(run.one_minus_c[:, ~off] == 0)


@blocks
def test_covariances_stay_covariances_and_settle_where_analysis_says(block):
    run = propagate_pixels(block, covariance(10), 6)
    for sigma in run.covariance:
        assert np.array_equal(sigma, sigma.T)
        assert np.linalg.eigvalsh(sigma)[0] >= -1e-12 * sigma.max()


def test_pixels_settle_at_the_fixed_point_of_the_dense_layer():
    run = propagate_pixels(BLOCKS["plain"], covariance(6), 400)
    settled = mf.analyze(BLOCKS["plain"])
    np.testing.assert_allclose(run.q[-1], settled.q_star, rtol=1e-12)
    np.testing.assert_allclose(1 - run.one_minus_c[-1][~np.eye(6, dtype=bool)], settled.c_star, rtol=1e-7)


@blocks
def test_images_in_another_order_and_images_turned_round(block):
    sigma = covariance(12)
    run = propagate_pixels(block, sigma, 3, pixels=6).covariance[-1]
    for order in (np.r_[6:12, 0:6], np.roll(np.arange(12).reshape(2, 6), 2, axis=1).ravel()):
        moved = propagate_pixels(block, sigma[np.ix_(order, order)], 3, pixels=6).covariance[-1]
        np.testing.assert_allclose(moved, run[np.ix_(order, order)], rtol=1e-11)


@pytest.mark.parametrize(("kernel_size", "weights"), [(1, "uniform"), (3, "delta"), (3, [0.0, 1.0, 0.0])])
def test_without_neighbours_it_is_the_kernel_of_a_dense_network(kernel_size, weights):
    x = np.random.default_rng(2).standard_normal((5, 30))
    run = propagate_pixels(mf.Network("gelu", Conv(1.4, 0.3, kernel_size, weights)), x @ x.T / 30, 4)
    np.testing.assert_allclose(run.covariance[-1], mf.kernel(mf.mlp("gelu", 1.4, 0.3), x, 4), rtol=1e-9)


@settings(max_examples=30)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=6), st.integers(1, 12))
def test_factors_are_the_fourier_transform_of_the_shares(shares, size):
    v = np.array(shares) + 1e-3
    v /= v.sum()
    wrapped = np.zeros(size)
    np.add.at(wrapped, (np.arange(v.size) - (v.size - 1) // 2) % size, v)
    modes = mode_depth_scales(mf.Network("tanh", Conv(0.9, 0.1, v.size, v)), size)
    np.testing.assert_allclose(modes.factor, np.conj(np.fft.fft(wrapped)), atol=1e-12)
    np.testing.assert_allclose(modes.omega, 2 * np.pi * np.fft.fftfreq(size))


def test_the_mean_over_the_image_has_the_depth_scales_of_a_dense_network():
    for block in (mf.Network("tanh", Conv(sigma, 0.2, (3, 3))) for sigma in (0.9, 1.5, 3.0)):
        modes, settled = mode_depth_scales(block, (4, 5)), mf.analyze(block)
        assert modes.xi[0, 0] == pytest.approx(float(settled.xi_c), rel=1e-8)
        assert modes.xi_q[0, 0] == pytest.approx(float(settled.xi_q), rel=1e-8)
        assert modes.omega.shape == (4, 5, 2)
        np.testing.assert_allclose(1 / modes.xi, 1 / settled.xi_c - np.log(np.abs(modes.factor)), rtol=1e-8)


def test_delta_keeps_every_mode():
    modes = mode_depth_scales(mf.Network("tanh", Conv(1.5, 0.3, (3, 3), "delta")), (5, 4))
    assert np.all(modes.factor == 1)
    assert np.ptp(modes.xi) == 0


def test_a_mode_that_the_window_averages_out_is_gone_after_a_block():
    modes = mode_depth_scales(mf.Network("tanh", Conv(1.5, 0.1)), 3)
    assert modes.factor[1:].tolist() == modes.xi[1:].tolist() == modes.xi_q[1:].tolist() == [0, 0]


def test_signs_of_pixels_by_their_angles():
    sigma = covariance(5)
    angle = 2 / np.pi * np.arcsin(np.clip(sigma / np.sqrt(np.outer(np.diagonal(sigma), np.diagonal(sigma))), -1, 1))
    mean = (angle + np.roll(angle, 1, (0, 1)) + np.roll(angle, -1, (0, 1))) / 3
    run = propagate_pixels(mf.Network("sign", Conv(1.2, 0.3)), sigma, 1)
    assert_equal_covariances(run.covariance[1], 1.44 * mean + 0.09, rtol=1e-12)


def test_arrays_of_sigmas_come_last():
    modes = mode_depth_scales(mf.Network("tanh", Conv([[0.9, 1.4, 2.0]], [[0.1], [0.3]])), 8)
    assert modes.xi.shape == (8, 2, 3)
    one = mode_depth_scales(mf.Network("tanh", Conv(1.4, 0.3)), 8)
    np.testing.assert_allclose(1 / modes.xi[:, 1, 1], 1 / one.xi, rtol=0, atol=1e-13)  # ln λχ: ξ = 379 amplifies it


@pytest.mark.parametrize("block", [BLOCKS[name] for name in ("plain", "lopsided", "dropped", "two")])
@pytest.mark.parametrize("mode", [1, 2])
def test_small_deviations_of_each_mode_decay_at_its_depth_scale(block, mode):
    """About the fixed point, by the derivative of one step: an independent route to λ χ_c and λ χ_∥."""
    n, step, settled = 8, 1e-4, mf.analyze(block)
    q, c = float(settled.q_star), float(settled.c_star)
    modes = mode_depth_scales(block, n)
    wave = np.exp(2j * np.pi * mode * np.arange(n) / n)
    apart = np.arange(n)[:, None] - np.arange(n)

    def after(part):
        deviation = np.where(np.abs(apart) == n // 2, np.add.outer(part, part) / 2, 0.0)  # of opposite pixels
        return propagate_pixels(block, alike(n, q, c) + step * deviation, 1).covariance[1]

    def slope(measure):
        ahead, behind = (measure(after(sign * wave.real)) for sign in (1, -1))
        return np.sum((ahead - behind) * np.conj(wave)) / (n * step)

    def opposite(sigma):
        return sigma[np.arange(n), (np.arange(n) + n // 2) % n]

    if mode % 2 == 0:  # of odd modes opposite pixels cancel
        assert -1 / np.log(np.abs(slope(opposite))) == pytest.approx(modes.xi[mode], rel=1e-5)

    def moments(part):
        scale = np.sqrt(1 + step * part / q)
        return propagate_pixels(block, alike(n, q, c) * np.outer(scale, scale), 1).q[1]

    chi = np.sum((moments(wave.real) - moments(-wave.real)) * np.conj(wave)) / (n * step)
    assert np.abs(chi) == pytest.approx(np.exp(-1 / modes.xi_q[mode]), rel=1e-5, abs=1e-9)


def test_a_network_without_a_fixed_point_has_no_modes():
    with pytest.raises(mf.NoFixedPoint, match="grows without limit"):
        mode_depth_scales(mf.Network("relu", Conv(2.0)), 8)


@pytest.mark.parametrize(
    ("block", "pixels", "message"),
    [
        (mf.mlp("tanh"), 8, "without a convolution"),
        (mf.Network("tanh", Conv()), (8, 8), "one integer for each axis of the kernel, 1 of them"),
        (mf.Network("tanh", Conv(kernel_size=(3, 3))), 8, "2 of them, not 8"),
        (mf.Network("tanh", Conv()), 0, "pixels must be a whole number"),
        (mf.Network("tanh", Conv()), 2.5, "pixels must be a whole number"),
        (mf.Network("tanh", Conv(kernel_size=(3, 3))), (10**4, 10**4), "at most 1000000 pixels"),
        (mf.Network("tanh", Conv(), "relu", Conv(kernel_size=(3, 3))), 8, "the same number of axes"),
    ],
)
def test_images_that_do_not_fit_are_refused(block, pixels, message):
    with pytest.raises(mf.InvalidInput, match=message):
        mode_depth_scales(block, pixels)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"covariance": np.ones((2, 3))}, r"of shape \(points, points\)"),
        ({"covariance": [["a"]]}, "an array of numbers"),
        ({"covariance": [[1.0, 0.5], [0.2, 1.0]]}, "symmetric"),
        ({"covariance": [[1.0, 2.0], [2.0, 1.0]]}, "positive semi-definite, but its least eigenvalue is -1"),
        ({"covariance": np.zeros((2, 2))}, "positive diagonal"),
        ({"covariance": np.full((2, 2), np.nan)}, "finite array"),
        ({"depth": 0}, "depth must be a whole number"),
        ({"pixels": 4}, "6 points are not a whole number of images of 4 pixels"),
        ({"pixels": (2, 3)}, "one integer for each axis"),
        ({"block": mf.mlp("tanh")}, "without a convolution"),
        ({"block": mf.Network("tanh", Conv([1.0, 2.0]))}, "one sigma_w and sigma_b"),
        ({"block": mf.Network("tanh", "relu", Conv())}, "relu needs Gaussian units, and the output of tanh is not"),
    ],
)
def test_covariances_that_are_none_are_refused(change, message):
    with pytest.raises(mf.InvalidInput, match=message):
        propagate_pixels(**({"block": BLOCKS["plain"], "covariance": covariance(6), "depth": 2} | change))
