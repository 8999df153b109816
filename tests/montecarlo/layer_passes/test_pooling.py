"""Pools, flattening and borders at finite width: sums written out, transposes, and gradients of wide networks."""

import math

import numpy as np
import pytest
from frozen_draw import Frozen, assert_transposed
from rounding import assert_equal_sums

import meanfield as mf
from meanfield.montecarlo.exact_law import ExactLaw
from meanfield.montecarlo.layer_passes import forward
from meanfield.networks.layers.convolution import Conv
from meanfield.networks.layers.pooling import AveragePool, Flatten, GlobalAveragePool
from meanfield.networks.layers.residual import Residual
from meanfield.theory.layer_maps.covariance import Covariance, all_points

FLOAT = np.dtype(np.float64)
Network = mf.Network


@pytest.mark.parametrize(
    ("layer", "pixels", "left"),
    [
        (AveragePool(3), (6,), (2,)),
        (AveragePool((2, 3)), (4, 6), (2, 2)),
        (AveragePool((2, 1)), (4, 3), (2, 3)),
        (GlobalAveragePool(), (3, 4), ()),
        (GlobalAveragePool(), (), ()),
        (Flatten(), (3, 4), ()),
        (Flatten(), (), ()),
        (Conv(1.3, 0.2), (7,), (7,)),
        (Conv(1.3, 0.2, 4, [0.1, 0.2, 0.3, 0.4]), (7,), (7,)),
        (Conv(1.3, 0.2, 5), (3,), (3,)),  # wider than the image
        (Conv(1.3, 0.2, (3, 2)), (3, 4), (3, 4)),
        (Conv(1.3, 0.2, padding="zeros"), (7,), (7,)),
        (Conv(1.3, 0.2, 4, [0.1, 0.2, 0.3, 0.4], "zeros", 2), (7,), (4,)),
        (Conv(1.3, 0.2, 9, padding="zeros"), (4,), (4,)),
        (Conv(1.3, 0.2, (3, 2), padding="zeros", stride=(1, 2)), (3, 5), (3, 3)),
        (Conv(1.3, 0.2, (3, 2), stride=3), (4, 5), (2, 2)),
        (Residual("tanh", Conv(1.3, 0.2, (3, 3), padding="zeros"), branch_scale=0.4), (3, 4), (3, 4)),
        (Network("tanh", Conv(1.3, 0.1, stride=2), "gelu", AveragePool(2), Flatten(), mf.Dense(1.2)), (8,), ()),
    ],
)
def test_the_pullback_is_the_transpose_of_the_linearised_map(layer, pixels, left):
    x = np.random.default_rng(3).standard_normal((2 * math.prod(pixels), 6))
    draw = Frozen(6, pixels)
    y, _ = forward(layer, x, draw)
    assert (draw.pixels, len(y)) == (left, 2 * math.prod(left))
    assert_transposed(lambda x: forward(layer, x, Frozen(6, pixels)), x)


@pytest.mark.parametrize(
    ("padding", "stride"), [("circular", 1), ("zeros", 1), ("zeros", (2, 1)), ("circular", (1, 3))]
)
def test_convolutions_are_the_sum_over_the_window_written_out(padding, stride):
    shape, v = (3, 4), np.array([[0.1, 0.2], [0.3, 0.05], [0.15, 0.2]])  # centre (1, 0)
    x = np.random.default_rng(1).standard_normal((2, *shape, 5))
    layer, draw = Conv(1.3, 0.0, (3, 2), v, padding, stride), Frozen(6, shape)
    h, _ = forward(layer, x.reshape(24, 5), draw)
    W = draw.matrices[0].reshape(6, 3, 2, 5)
    expected, size = np.zeros((2, 2, *draw.pixels, 6))
    for image, a, b, i, j in np.ndindex(2, *draw.pixels, 3, 2):
        row, column = a * layer.strides[0] + i - 1, b * layer.strides[1] + j
        if padding == "circular":
            row, column = row % 3, column % 4
        if 0 <= row < 3 and 0 <= column < 4:
            tap, one = np.sqrt(6 * v[i, j]) * W[:, i, j], x[image, row, column]
            expected[image, a, b] += tap @ one
            size[image, a, b] += abs(tap) @ abs(one)
    assert_equal_sums(h.reshape(expected.shape), expected, size, 30)


def test_pools_are_means_written_out():
    x = np.random.default_rng(1).standard_normal((2, 4, 6, 5))
    pooled, _ = forward(AveragePool((2, 3)), x.reshape(48, 5), Frozen(6, (4, 6)))
    for image, a, b in np.ndindex(2, 2, 2):
        terms = [x[image, 2 * a + i, 3 * b + j] / 6 for i in range(2) for j in range(3)]
        assert_equal_sums(pooled[4 * image + 2 * a + b], sum(terms), sum(map(abs, terms)), 6)
    pooled, _ = forward(GlobalAveragePool(), x.reshape(48, 5), Frozen(6, (4, 6)))
    assert_equal_sums(pooled, x.mean(axis=(1, 2)), np.abs(x).mean(axis=(1, 2)), 24)
    flat = forward(Flatten(), x.reshape(48, 5), Frozen(6, (4, 6)))[0]
    assert np.array_equal(flat, x.reshape(2, 120))


PASSES = {
    "zeros": (Network("tanh", Conv(1.5, 0.3, padding="zeros"), "relu", Conv(1.4, 0.1, 4, padding="zeros")), (6,)),
    "strided": (Network("relu", Conv(1.5, 0.3, (3, 3), padding="zeros", stride=2)), (4, 5)),
    "pooled": (Network("gelu", Conv(1.4, 0.1), "relu", AveragePool(2), Conv(1.4, 0.2, padding="zeros")), (8,)),
    "global": (Network("tanh", Conv(1.4, 0.1), "tanh", GlobalAveragePool(), mf.Dense(1.5)), (6,)),
    "flattened": (Network("relu", Conv(1.4, 0.1, padding="zeros"), "relu", Flatten(), mf.Dense(1.5)), (6,)),
}


@pytest.mark.parametrize(("block", "pixels"), PASSES.values(), ids=PASSES)
def test_covariances_of_signals_and_gradients_of_wide_networks_are_those_of_the_theory(block, pixels):
    """Between all pixels of two images, forwards; and backwards of gradients that correlate between outputs."""
    width, networks, points = 512, 40, 2 * math.prod(pixels)
    shared = np.random.default_rng(1).standard_normal((points, 30)) + 0.5
    sigma = shared @ shared.T / 30
    state, back = all_points(block, Covariance.of(np.diagonal(sigma), sigma, pixels))
    left = len(state.covariance)
    last = 0.5 * np.eye(left) + 0.5
    signals, gradients = np.empty((networks, left, left)), np.empty((networks, points, points))
    roots = [np.linalg.cholesky(matrix + 1e-12 * np.eye(len(matrix))) for matrix in (sigma, last)]
    for network, rng in enumerate(np.random.default_rng(5).spawn(networks)):
        x, g = (root @ np.linalg.qr(rng.standard_normal((width, len(root))))[0].T for root in roots)
        y, pullback = forward(block, x * width**0.5, ExactLaw(rng, width, FLOAT, pixels))
        signals[network], before = y @ y.T / width, pullback(g)
        gradients[network] = before @ before.T
    for found, expected in ((signals, state.covariance), (gradients, back(last))):
        error = found.std(axis=0, ddof=1) / networks**0.5
        assert np.all(np.abs(found.mean(axis=0) - expected) <= 4.5 * error + 3 / width * np.abs(expected).max())
        assert np.median(error) < 0.02 * expected.max()


def test_another_border_would_be_noticed():
    """The same comparison, of the gradient at the border, is far off if it is taken for a circle."""
    zeros, circle = (Network("relu", Conv(2**0.5, padding=padding)) for padding in ("zeros", "circular"))
    sigma = np.eye(5)
    (_, back), (_, around) = (all_points(one, Covariance.of(np.ones(5), sigma, (5,))) for one in (zeros, circle))
    runs = []
    for rng in np.random.default_rng(5).spawn(20):
        _, pullback = forward(zeros, rng.standard_normal((5, 512)), ExactLaw(rng, 512, FLOAT, (5,)))
        runs.append(np.sum(pullback(rng.standard_normal((5, 512)) / 512**0.5) ** 2, axis=1))
    mean, error = np.mean(runs, axis=0), np.std(runs, axis=0, ddof=1) / 20**0.5
    assert np.all(np.abs(mean - np.diagonal(back(sigma))) < 4.5 * error)
    assert np.abs(mean - np.diagonal(around(sigma)))[0] > 10 * error[0]
