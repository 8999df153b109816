"""Covariances between pixels that differ: sums written out, gradients as the transpose, and what is refused."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rounding import assert_equal_covariances

import meanfield as mf
from meanfield.networks.layers.concatenation import Concatenate
from meanfield.networks.layers.convolution import Conv
from meanfield.networks.layers.dropout import Dropout
from meanfield.networks.layers.noise import MultiplicativeNoise
from meanfield.networks.layers.normalisation import LayerNorm, RMSNorm
from meanfield.networks.layers.pooling import AveragePool, Flatten, GlobalAveragePool
from meanfield.networks.layers.residual import Residual
from meanfield.theory.depth.pixels import propagate_pixels
from meanfield.theory.layer_maps.covariance import Covariance, all_points

Network = mf.Network
GIVEN = [[0.1, 0.2], [0.3, 0.05], [0.15, 0.2]]
WINDOWS = [
    ({"kernel_size": 3}, (6,)),
    ({"kernel_size": 2}, (5,)),
    ({"kernel_size": 4, "weights": [0.4, 0.0, 0.5, 0.1]}, (5,)),
    ({"kernel_size": 7}, (3,)),  # wider than the image
    ({"kernel_size": 3, "stride": 2}, (7,)),
    ({"kernel_size": 2, "stride": 3}, (7,)),
    ({"kernel_size": 1, "stride": 4}, (3,)),
    ({"kernel_size": (3, 2), "weights": GIVEN}, (3, 4)),
    ({"kernel_size": (3, 3), "stride": (2, 1)}, (3, 4)),
    ({"kernel_size": (2, 4), "stride": 2}, (3, 5)),
]


def covariance(points, rank=40, seed=0):
    x = np.random.default_rng(seed).standard_normal((points, rank)) + 0.7
    return x @ x.T / rank


def window_sum(layer, dual, images):
    """σ_b² + σ_w² Σ_β v_β E φφ of the pixels that each tap reads; nothing beyond a border of zeros."""
    v = np.zeros(layer.window)
    v[...] = 1 / v.size if isinstance(layer.weights, str) else layer.weights
    centre, strides, sizes = (np.array(one) for one in (layer.window, layer.strides, images))
    centre, after = (centre - 1) // 2, -(-sizes // strides)
    outputs, pixels, inputs = list(np.ndindex(*after)), math.prod(images), len(dual) // math.prod(images)
    result = np.full((inputs * len(outputs),) * 2, layer.sigma_b**2)

    def read(a, tap):
        at = a * strides + tap - centre
        if layer.padding == "circular":
            at %= sizes
        return at if np.all((at >= 0) & (at < sizes)) else None

    for (m, a), (n, b) in itertools.product(itertools.product(range(inputs), range(len(outputs))), repeat=2):
        for tap in np.ndindex(*v.shape):
            first, second = (read(outputs[i], tap) for i in (a, b))
            if first is None or second is None:
                continue
            i, j = (np.ravel_multi_index(at, images) for at in (first, second))
            entry = dual[m * pixels + i, n * pixels + j]
            result[m * len(outputs) + a, n * len(outputs) + b] += layer.sigma_w**2 * v[tap] * entry
    return result


def relu_dual(sigma):
    dual = np.empty_like(sigma)
    for i, j in np.ndindex(*sigma.shape):
        root = math.sqrt(sigma[i, i] * sigma[j, j])
        angle = math.acos(min(max(sigma[i, j] / root, -1), 1)) if i != j else 0.0
        dual[i, j] = root * (math.sin(angle) + (math.pi - angle) * math.cos(angle)) / (2 * math.pi)
    return dual


def erf_dual(sigma):
    dual = np.empty_like(sigma)
    for i, j in np.ndindex(*sigma.shape):
        scale = math.sqrt((1 + 2 * sigma[i, i]) * (1 + 2 * sigma[j, j]))
        dual[i, j] = 2 / math.pi * math.asin(2 * sigma[i, j] / scale)
    return dual


def tanh_dual(sigma):
    """By the trapezoidal rule, which converges exponentially, in two independent normal variables."""
    z = np.linspace(-9, 9, 181)
    weight = np.exp(-(z**2) / 2) / np.exp(-(z**2) / 2).sum()
    dual = np.empty_like(sigma)
    for i, j in np.ndindex(*sigma.shape):
        slope = sigma[i, j] / math.sqrt(sigma[i, i])
        rest = math.sqrt(max(sigma[j, j] - slope**2, 0.0))
        v = np.tanh(slope * z[:, None] + rest * z)
        dual[i, j] = weight @ (np.tanh(math.sqrt(sigma[i, i]) * z)[:, None] * v) @ weight
    return dual


DUALS = {"linear": lambda sigma: sigma, "relu": relu_dual, "erf": erf_dual, "tanh": tanh_dual}


@pytest.mark.sweep(3)
@pytest.mark.parametrize("padding", ["zeros", "circular"])
@pytest.mark.parametrize(("window", "images"), WINDOWS)
@pytest.mark.parametrize("phi", DUALS)
def test_covariances_are_the_sum_over_the_window_written_out(phi, window, images, padding):
    layer, sigma = Conv(1.3, 0.4, padding=padding, **window), covariance(2 * math.prod(images))
    run = propagate_pixels(Network(phi, layer), sigma, 1, pixels=images)
    expected = window_sum(layer, DUALS[phi](sigma), images)
    assert_equal_covariances(run.covariance[1], expected, rtol=1e-12)
    np.testing.assert_allclose(run.q[1], np.diagonal(expected), rtol=1e-12)


def test_layers_follow_each_other_on_the_images_that_are_left():
    first, second = Conv(1.3, 0.4, 3, padding="zeros", stride=2), Conv(0.9, 0.2, 2, padding="zeros")
    sigma = covariance(14)
    run = propagate_pixels([Network("relu", first), Network("erf", second)], sigma, 2, pixels=7)
    one = window_sum(first, relu_dual(sigma), (7,))
    assert_equal_covariances(run.covariance[2], window_sum(second, erf_dual(one), (4,)), rtol=1e-12)
    assert [len(q) for q in run.q] == [14, 8, 8]
    assert isinstance(run.covariance, tuple)


def through(block, sigma, images):
    """The state behind the block, and the way back of gradients' covariances."""
    return all_points(block, Covariance.of(np.diagonal(sigma), sigma, images))


def symmetric(points, seed):
    g = np.random.default_rng(seed).standard_normal((points, points))
    return g + g.T


LINEAR = {
    "zeros": (Network(Conv(1.3, 0.4, padding="zeros")), (6,)),
    "even, wide, strided": (Network(Conv(1.3, 0.4, 8, padding="zeros", stride=2)), (5,)),
    "2-d": (Network(Conv(1.1, 0.2, (3, 2), GIVEN, padding="zeros", stride=(1, 2))), (3, 4)),
    "circular, strided": (Network(Conv(1.1, 0.0, 4, stride=3)), (7,)),
    "pool": (Network(AveragePool((1, 2)), Conv(1.1, 0.0, (2, 2))), (3, 4)),
    "global pool": (Network(GlobalAveragePool(), mf.Dense(1.2, 0.3)), (3, 2)),
    "flatten": (Network(Conv(1.3), Flatten(), mf.Dense(1.2, 0.3)), (6,)),
    "residual": (Residual(Conv(1.3, 0.4, padding="zeros"), branch_scale=0.4, skip_scale=0.9), (6,)),
    "concatenate": (Concatenate(Conv(1.3, 0.4, padding="zeros"), growth=0.5), (6,)),
    "noise": (Network(Dropout(0.3), MultiplicativeNoise(0.2), Conv(1.1, padding="zeros"), AveragePool(3)), (6,)),
}


@pytest.mark.parametrize(("block", "images"), LINEAR.values(), ids=LINEAR)
def test_gradients_take_the_transpose_of_a_linear_networks_map(block, images):
    points = 2 * math.prod(images)
    sigma, change = covariance(points), 0.01 * symmetric(points, 1)
    (state, back), (moved, _) = (through(block, given, images) for given in (sigma, sigma + change))
    g = symmetric(len(state.covariance), 2)
    expected = np.sum(g * (moved.covariance - state.covariance))
    assert np.sum(back(g) * change) == pytest.approx(expected, rel=1e-11)
    np.testing.assert_allclose(back(g), back(g).T, atol=1e-14)


NONLINEAR = {
    "zeros": (Network("tanh", Conv(1.3, 0.4, padding="zeros")), (6,)),
    "strided": (Network("gelu", Conv(1.3, 0.4, 3, padding="zeros", stride=2)), (5,)),
    "pool": (Network("relu", AveragePool(2), Conv(1.1, padding="zeros")), (6,)),
    "flatten": (Network("tanh", Flatten(), mf.Dense(1.2, 0.3)), (6,)),
    "global pool": (Network("silu", GlobalAveragePool(), mf.Dense(1.2, 0.3)), (6,)),
    "residual": (Residual("tanh", Conv(1.3, 0.4, padding="zeros"), branch_scale=0.4), (6,)),
    "normalised": (Network(LayerNorm(), "tanh", Dropout(0.2), Conv(1.3, 0.4, padding="zeros")), (6,)),
    "normalised behind": (Network("gelu", RMSNorm(), Conv(1.3, 0.4, padding="zeros")), (6,)),
    "two convolutions": (Network("relu", Conv(1.2, padding="zeros"), "erf", Conv(1.1, 0.1, 2, stride=2)), (6,)),
}


@pytest.mark.parametrize(("block", "images"), NONLINEAR.values(), ids=NONLINEAR)
def test_gradients_take_the_transpose_of_the_map_linearised_between_points(block, images):
    """In directions that change covariances but not second moments."""
    points, step = 2 * math.prod(images), 1e-5
    sigma, change = covariance(points), symmetric(points, 1)
    np.fill_diagonal(change, 0.0)
    state, back = through(block, sigma, images)
    g = symmetric(len(state.covariance), 2)
    ahead, behind = (through(block, sigma + sign * step * change, images)[0].covariance for sign in (1, -1))
    expected = np.sum(g * (ahead - behind)) / (2 * step)
    assert np.sum(back(g) * change) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("block", [Network("tanh", Conv(1.3, 0.4, padding="zeros", stride=2)), NONLINEAR["pool"][0]])
def test_gradients_of_layers_follow_each_other_backwards(block):
    sigma = covariance(16)
    run = propagate_pixels(block, sigma, 2, pixels=8)
    middle, back = through(block, sigma, (8,))
    last, back_again = through(block, middle.covariance, middle.images)
    g = back_again(np.eye(4))
    assert last.images == (2,)
    for found, expected in zip(run.gradient, (back(g), g, np.eye(4)), strict=True):
        np.testing.assert_allclose(found, np.diagonal(expected), rtol=1e-12)


def test_chi_of_a_pixel_is_that_of_the_windows_it_is_in():
    """ReLU halves squared gradients; the pixels at a border of zeros are in one window of three fewer."""
    run = propagate_pixels(Network("relu", Conv(2**0.5, padding="zeros")), covariance(5), 1)
    np.testing.assert_allclose(run.gradient[0], [2 / 3, 1, 1, 1, 2 / 3], rtol=1e-12)
    run = propagate_pixels(Network("relu", Conv(2**0.5, padding="zeros", stride=2)), covariance(5), 1)
    np.testing.assert_allclose(run.gradient[0], [1 / 3, 2 / 3, 1 / 3, 2 / 3, 1 / 3], rtol=1e-12)


@settings(max_examples=40)
@given(
    st.integers(0, 10**6),
    st.integers(1, 6),
    st.sampled_from(["relu", "tanh", "gelu", "erf", "linear"]),
    st.integers(1, 5),
    st.integers(1, 3),
    st.sampled_from(["zeros", "circular"]),
    st.sampled_from([(), (Flatten(),), (GlobalAveragePool(),), (AveragePool(1),)]),
)
def test_covariances_stay_covariances_and_so_do_those_of_gradients(seed, rank, phi, kernel, stride, padding, tail):
    sigma = covariance(10, rank, seed)
    block = Network(phi, Conv(1.3, 0.1, kernel, padding=padding, stride=stride), *tail, mf.Dense(1.1))
    state, back = through(block, sigma, (5,))
    g = symmetric(len(state.covariance), seed)
    squared = g @ g  # as symmetric as a matrix product is in floats
    # The slope of a kinked φ goes with √(1 − c) near c = 1, where all points of rank 1 are: 1e-16 of c is 1e-8 of it.
    rounding = 1e-7 if rank == 1 and phi == "relu" else 1e-12
    for matrix, least in ((state.covariance, 1e-12), (back(0.5 * (squared + squared.T)), rounding)):
        assert np.array_equal(matrix, matrix.T)
        assert np.linalg.eigvalsh(matrix)[0] >= -least * matrix.max()


@pytest.mark.parametrize("block", [block for block, images in NONLINEAR.values() if images == (6,)])
def test_inputs_in_another_order_give_answers_in_that_order(block):
    sigma, order = covariance(18), np.arange(18).reshape(3, 6)[[2, 0, 1]].ravel()
    run, moved = (propagate_pixels(block, given, 1, pixels=6) for given in (sigma, sigma[np.ix_(order, order)]))
    left = len(run.q[-1]) // 3
    after = np.arange(3 * left).reshape(3, left)[[2, 0, 1]].ravel()
    np.testing.assert_allclose(moved.covariance[-1], run.covariance[-1][np.ix_(after, after)], rtol=1e-11)
    np.testing.assert_allclose(moved.gradient[0], run.gradient[0][order], rtol=1e-11)


@pytest.mark.parametrize("padding", ["zeros", "circular"])
@pytest.mark.parametrize(("kernel_size", "weights"), [(1, "uniform"), (5, "delta"), ((3, 3), "delta")])
def test_without_neighbours_it_is_a_dense_layer_at_every_pixel(kernel_size, weights, padding):
    x = np.random.default_rng(2).standard_normal((9, 30))
    pixels = (3, 3) if isinstance(kernel_size, tuple) else 9
    block = Network("gelu", Conv(1.4, 0.3, kernel_size, weights, padding))
    run = propagate_pixels(block, x @ x.T / 30, 3, pixels=pixels)
    np.testing.assert_allclose(run.covariance[-1], mf.kernel(mf.mlp("gelu", 1.4, 0.3), x, 3), rtol=1e-9)
    one = mf.propagate(mf.mlp("gelu", 1.4, 0.3), 3, q=run.q[0])
    np.testing.assert_allclose(run.gradient, one.gradient, rtol=1e-10)


def test_zeros_around_a_single_pixel_leave_the_centres_share():
    block = Network("erf", Conv(1.5, 0.2, (3, 2), GIVEN, "zeros"))
    x = np.random.default_rng(1).standard_normal((3, 20))
    run = propagate_pixels(block, x @ x.T / 20, 2, pixels=(1, 1))
    share = math.sqrt(GIVEN[1][0])
    np.testing.assert_allclose(run.covariance[-1], mf.kernel(mf.mlp("erf", 1.5 * share, 0.2), x, 2), rtol=1e-9)


@pytest.mark.parametrize("phi", ["tanh", "relu", "gelu"])
def test_pixels_that_are_alike_go_as_the_theory_of_one_says(phi):
    """Of a circular network; the gradient too."""
    sigma = 1.3 * (0.6 * np.eye(8) + 0.4)
    run, pair = (
        propagate_pixels(Network(phi, Conv(1.4, 0.3)), sigma, 5),
        mf.propagate(mf.mlp(phi, 1.4, 0.3), 5, q=1.3, c=0.4),
    )
    np.testing.assert_allclose(run.q, pair.q[:, None] * np.ones(8), rtol=1e-11)
    np.testing.assert_allclose(run.gradient, pair.gradient[:, None] * np.ones(8), rtol=1e-11)
    np.testing.assert_allclose(run.one_minus_c[:, 0, 1:], pair.one_minus_c[:, None] * np.ones(7), rtol=1e-10)


def test_deep_inside_a_large_image_a_border_of_zeros_is_not_seen():
    sigma = 1.3 * (0.6 * np.eye(15) + 0.4)
    run, pair = (propagate_pixels(Network("tanh", Conv(1.4, 0.3, padding=p)), sigma, 5) for p in ("zeros", "circular"))
    np.testing.assert_allclose(run.q[:, 6:9], pair.q[:, 6:9], rtol=1e-11)
    assert np.all(run.q[-1, [0, -1]] < 0.95 * pair.q[-1, 0])


@pytest.mark.parametrize("phi", ["tanh", "gelu", "sin"])
@pytest.mark.parametrize("gap", [1e-8, 1e-12])
def test_inputs_that_nearly_coincide_keep_the_digits_of_their_distance(phi, gap):
    """Two images, each pixel with 1 − c of its counterpart, which E φ′² multiplies at this distance."""
    sigma = np.kron([[1.0, 1.0], [1.0, 1.0]], covariance(4) / 2 + np.eye(4))
    exact = gap * np.diagonal(sigma)[:4]
    sigma[:4, 4:] -= np.diag(exact)
    sigma[4:, :4] -= np.diag(exact)
    run, other = propagate_pixels(Network(phi, Conv(1.2, 0.1, padding="zeros")), sigma, 1, pixels=4), np.arange(4) + 4
    d = [gap[np.arange(4), other] * q[:4] for gap, q in zip(run.one_minus_c, run.q, strict=True)]
    slope = mf.activation(phi).derivative
    grown = np.r_[0.0, d[0] * mf.expectation(lambda x: slope(x) ** 2, run.q[0, :4]).value, 0.0]
    np.testing.assert_allclose(d[1], 1.44 / 3 * (grown[:-2] + grown[1:-1] + grown[2:]), rtol=max(gap, 1e-9))


SHIFT = Conv(1.4, 0.0, 3, [1.0, 0.0, 0.0], "zeros")  # the first pixel reads beyond the border only


@pytest.mark.parametrize("phi", ["relu", "tanh", "gelu", "erf"])
def test_pixels_that_lose_their_signal_stay_defined(phi):
    run, sigma = propagate_pixels(Network(phi, SHIFT), covariance(4), 4), covariance(4)
    assert not any(np.isnan(value).any() for value in vars(run).values())
    assert [np.count_nonzero(q) for q in run.q] == [4, 3, 2, 1, 0]
    alone = propagate_pixels(mf.Network(phi, Conv(1.4, 0.0, 1)), sigma, 1)
    assert_equal_covariances(run.covariance[1][1:, 1:], alone.covariance[1][:-1, :-1], rtol=1e-12)
    assert np.all(run.one_minus_c[1][0] == 0)
    assert run.gradient[3, 0] > 0
    assert np.all(run.gradient[0] == 0)


def test_jumps_at_the_value_of_pixels_without_a_signal_are_refused():
    """What sign makes of q = 0 is not what it makes of a small q."""
    run = propagate_pixels(Network("sign", SHIFT), covariance(4), 1)
    assert run.q[1].tolist() == pytest.approx([0, 1.96, 1.96, 1.96])
    with pytest.raises(mf.InvalidInput, match=r"sign jumps at 0, and some pixels have the signal 0: give .* a bias"):
        propagate_pixels(Network("sign", SHIFT), covariance(4), 2)


def test_a_bias_gives_every_pixel_a_signal():
    run = propagate_pixels(Network("cos", Conv(1.4, 0.3, 3, [1.0, 0.0, 0.0], "zeros")), covariance(4), 3)
    np.testing.assert_allclose(run.q[1:, 0], 0.09, rtol=1e-14)


@pytest.mark.parametrize("layers", [(LayerNorm(), "tanh"), ("tanh", RMSNorm())])
def test_norms_of_pixels_without_a_signal_are_refused(layers):
    with pytest.raises(mf.InvalidInput, match="would divide by zero"):
        propagate_pixels(Network(*layers, SHIFT), covariance(4), 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"block": Network("relu", Conv(), AveragePool(4))}, r"AveragePool\(4\) cannot divide images of shape \(6,\)"),
        (
            {"block": Network("relu", Conv(), Flatten())},
            "relu needs Gaussian units, and the output of Flatten is not|a Flatten needs a Dense",
        ),
        ({"block": [Network("relu", Conv()), Network(Flatten())]}, "a Flatten needs a Dense layer behind it"),
        ({"block": Network("relu", Flatten(), mf.Dense(), Conv())}, "Conv over 1 axis cannot read single points"),
        (
            {"block": Residual("relu", Conv(), AveragePool(2))},
            r"must keep the image's shape, not turn \(6,\) into \(3,\)",
        ),
        (
            {"block": Residual("relu", AveragePool(2), Conv())},
            r"must keep the image's shape, not turn \(6,\) into \(3,\)",
        ),
        ({"block": Residual("relu", Conv(stride=2))}, r"branch of a Residual must keep the image's shape"),
        (
            {"block": Network(Concatenate("relu", Conv(stride=2)), mf.Dense())},
            r"branch of a Concatenate must keep the image's shape",
        ),
        ({"block": Network(mf.BatchNorm(4), "relu", Conv())}, "a BatchNorm beside a convolution"),
        ({"block": Network(mf.BatchNorm(4, 4), "relu", Conv())}, "pixels cannot be followed through a BatchNorm"),
        (
            {"block": Network(Flatten(), "relu", mf.Dense())},
            "relu needs Gaussian units, and the output of Flatten is not",
        ),
        ({"block": Network("relu", AveragePool(2), "tanh", Conv())}, "the output of relu is not Gaussian"),
        ({"covariance": np.diag([1.0, 0.0] * 3)}, "positive diagonal: every point needs a signal"),
        ({"pixels": 0}, "pixels must be a whole number from 1"),
        ({"pixels": (3, 2)}, "one integer for each axis of the kernel, 1 of them"),
        (
            {"depth": 1_000_000, "covariance": covariance(12)},
            "all pairs of 12 points at 1000000 layers would take 8.58 GiB, more than 4",
        ),
        (
            {"covariance": np.broadcast_to(1.0, (9000, 9000))},
            "all pairs of 9000 points would take more than 4 GiB",
        ),
    ],
)
def test_networks_and_images_that_do_not_fit_are_refused_in_one_sentence(change, message):
    with pytest.raises(mf.InvalidInput, match=message) as refusal:
        propagate_pixels(**({"block": Network("relu", Conv()), "covariance": covariance(6), "depth": 2} | change))
    assert "\n" not in str(refusal.value)


def test_a_strided_block_stops_at_one_pixel():
    """The smallest image: further windows read nothing else but it."""
    run = propagate_pixels(Network("relu", Conv(1.4, stride=2)), covariance(5), 5)
    assert [len(q) for q in run.q] == [5, 3, 2, 1, 1, 1]


def test_slopes_are_computed_only_of_pairs_whose_gradients_correlate(monkeypatch):
    """What makes 8 × 8 pixels and 20 layers a matter of a second: none are, behind convolutions alone."""
    asked = []
    moments = mf.activation("tanh").moments
    original = type(moments).distance_slope
    monkeypatch.setattr(type(moments), "distance_slope", lambda *a: asked.append(np.size(a[3])) or original(*a))
    sigma = covariance(32)
    propagate_pixels(Network("tanh", Conv(1.4, 0.3, (3, 3), padding="zeros")), sigma, 3, pixels=(4, 4))
    assert asked == []
    pooled = [Network("tanh", Conv(1.4, 0.3, (3, 3))), Network("tanh", AveragePool((2, 2)), mf.Dense(1.2))]
    propagate_pixels(pooled, sigma, 2, pixels=(4, 4))
    assert asked == [2 * 4 * 6, 2 * 16 * 4]  # of both inputs: pairs in a window, and pairs of neighbours


@pytest.mark.parametrize(("padding", "pixels"), [("zeros", 6), ("circular", 5)])
def test_propagate_has_the_means_over_pixels(padding, pixels):
    block = Network("tanh", Conv(1.4, 0.3, padding=padding))
    run = mf.propagate(block, 4, q=1.3, c=0.4, pixels=pixels)
    sigma = 1.3 * np.kron([[1.0, 0.4], [0.4, 1.0]], np.eye(pixels))
    every = propagate_pixels(block, sigma, 4, pixels=pixels)
    np.testing.assert_allclose(run.q, every.q.mean(axis=1), rtol=1e-13)
    np.testing.assert_allclose(run.gradient, every.gradient.mean(axis=1), rtol=1e-13)
    gaps = every.one_minus_c[:, np.arange(pixels), np.arange(pixels) + pixels]
    np.testing.assert_allclose(run.one_minus_c, gaps.mean(axis=1), rtol=1e-13)
    np.testing.assert_allclose(run.chi[:-1] * run.gradient[1:], run.gradient[:-1], rtol=1e-13)
    if padding == "circular":
        alike = mf.propagate(block, 4, q=1.3, c=0.4)
        np.testing.assert_allclose(run.q, alike.q, rtol=1e-12)
        np.testing.assert_allclose(run.one_minus_c, alike.one_minus_c, rtol=1e-10)


def test_propagate_takes_a_network_that_ends_in_a_head_with_widths_that_differ():
    blocks = [Network(Conv(1.4, 0.1, padding="zeros")), Network("relu", mf.GlobalAveragePool(), mf.Dense(2.0))]
    run = mf.propagate(blocks, 2, pixels=7, width=[3, 64, 10])
    assert run.q.shape == (3,)
    assert run.gradient[1] == pytest.approx(4.0 * 0.5 / 7**2 * 10 / 64, rel=1e-12)  # σ_w² E φ′²/pixels², per unit
    assert run.c is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"q": [1.0, 2.0]}, "one q and one c at a time"),
        ({"c": 0.1, "q2": 2.0}, "no q2"),
        ({"block": Network("relu", Conv([1.0, 2.0], padding="zeros"))}, r"not arrays of shape \(2,\)"),
        ({"pixels": (4, 4)}, "pixels must be one integer"),
        ({"block": mf.mlp("relu"), "pixels": 4}, "read no pixels"),
    ],
)
def test_what_propagate_cannot_follow_over_pixels_is_refused(change, message):
    with pytest.raises(mf.InvalidInput, match=message):
        mf.propagate(**({"block": Network("relu", Conv(padding="zeros")), "depth": 2} | change))
