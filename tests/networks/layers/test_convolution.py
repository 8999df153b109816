"""Convolutions as descriptions: a window, and shares of the variance over it."""

import numpy as np
import pytest

import meanfield as mf
from meanfield.networks.images import pixel_axes
from meanfield.networks.layers.batchnorm import BatchNorm
from meanfield.networks.layers.convolution import Conv
from meanfield.networks.layers.dense import Dense
from meanfield.networks.layers.residual import Residual


@pytest.mark.parametrize("kernel_size", [1, 2, 3, 8, (5,), (3, 3), (2, 5)])
@pytest.mark.parametrize("weights", ["uniform", "delta"])
def test_shares_of_the_variance_sum_to_one_over_the_window(kernel_size, weights):
    layer = Conv(1.5, 0.1, kernel_size, weights)
    offsets, shares = layer.taps
    assert np.sum(shares) == pytest.approx(1.0, rel=1e-14)
    assert len(shares) == (1 if weights == "delta" else np.prod(layer.window))
    assert np.all(np.ptp(offsets, axis=0) == (0 if weights == "delta" else np.array(layer.window) - 1))
    assert np.any(np.all(offsets == 0, axis=1))


def test_taps_are_offsets_from_the_centre():
    offsets, shares = Conv(weights=[0.5, 0.5, 0.0]).taps
    assert (offsets.tolist(), shares.tolist()) == ([[-1], [0]], [0.5, 0.5])
    offsets, _ = Conv(kernel_size=(1, 4)).taps
    assert offsets.tolist() == [[0, -1], [0, 0], [0, 1], [0, 2]]


def test_networks_set_its_sigmas_and_keep_its_kernel():
    block = Residual("tanh", Conv(1.0, 0.0, (3, 1), "delta"), Dense(2.0))
    (_, conv, dense) = mf.Network(block).at(sigma_w=[1.1, 1.2], sigma_b=0.3).layers[0].inner
    assert type(conv) is Conv
    assert (conv.kernel_size, conv.weights, conv.sigma_b) == ((3, 1), "delta", 0.3)
    assert np.array_equal(conv.sigma_w, dense.sigma_w)
    assert np.array_equal(conv.sigma_w, [1.1, 1.2])
    given = Conv(weights=[0.25, 0.5, 0.25])
    (layer,) = mf.Network(given).at(sigma_w=3.0)
    assert np.array_equal(layer.weights, given.weights)
    with pytest.raises(ValueError, match="read-only"):
        given.weights[0] = 1.0


def test_it_says_what_it_is():
    own = "kernel_size=3, weights='uniform', padding='circular', stride=1"
    assert repr(Conv(1.5)) == f"Conv(sigma_w=1.5, sigma_b=0.0, {own})"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sigma_w": -1.0}, "sigma_w is a standard deviation"),
        ({"sigma_b": np.inf}, "sigma_b is a standard deviation"),
        ({"kernel_size": 0}, "kernel_size must be a whole number from 1 to 255, not 0"),
        ({"kernel_size": 2.0}, "kernel_size must be a whole number"),
        ({"kernel_size": True}, "kernel_size must be a whole number"),
        ({"kernel_size": None}, "kernel_size must be a whole number"),
        ({"kernel_size": (3, -1)}, "kernel_size must be a whole number"),
        ({"kernel_size": ()}, "an integer, or one or two of them"),
        ({"kernel_size": (3, 3, 3)}, "an integer, or one or two of them"),
        ({"weights": "gaussian"}, "weights must be 'uniform', 'delta' or an array of shares, not 'gaussian'"),
        ({"weights": ["a", "b"]}, "weights must be 'uniform', 'delta' or an array"),
        ({"weights": [0.5, 0.5]}, r"weights must have the shape \(3,\) that kernel_size says, not \(2,\)"),
        ({"weights": [[0.2, 0.6, 0.2]]}, "weights must have the shape"),
        ({"weights": [0.5, 0.6, 0.5]}, "at least 0 and have a sum of 1; the smallest is 0.5 and the sum 1.6"),
        ({"weights": [-0.5, 1.0, 0.5]}, "the smallest is -0.5"),
        ({"weights": [np.nan, 0.5, 0.5]}, "at least 0 and have a sum of 1"),
    ],
)
def test_bad_arguments_are_refused_in_one_sentence(arguments, message):
    with pytest.raises(mf.InvalidInput, match=message) as refusal:
        Conv(**arguments)
    assert "\n" not in str(refusal.value)


def test_the_axes_of_all_convolutions_are_the_same():
    assert pixel_axes([mf.mlp("tanh")]) == ()
    assert pixel_axes([mf.Network(Conv(kernel_size=(3, 5))), mf.Network("tanh", Conv(kernel_size=(7, 1)))]) == (7, 5)
    with pytest.raises(mf.InvalidInput, match="the same number of axes"):
        pixel_axes([mf.Network(Conv(), "tanh", Conv(kernel_size=(3, 3)))])


def test_batch_normalisation_over_pixels_is_refused():
    with pytest.raises(mf.InvalidInput, match="pixels cannot be followed through a BatchNorm"):
        pixel_axes([mf.Network(BatchNorm(8), "relu", Conv())])
