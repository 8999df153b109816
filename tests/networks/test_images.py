"""What images a sequence of layers can read, and what it leaves of them."""

import numpy as np
import pytest

import meanfield as mf
from meanfield.networks.images import check_alike, pixel_axes, pixels_of, reads_pixels, tells_apart
from meanfield.networks.layers.batchnorm import BatchNorm
from meanfield.networks.layers.concatenation import Concatenate
from meanfield.networks.layers.convolution import Conv
from meanfield.networks.layers.pooling import AveragePool, Flatten, GlobalAveragePool
from meanfield.networks.layers.residual import Residual

Network, Dense = mf.Network, mf.Dense
TWO = Conv(kernel_size=(3, 3))


@pytest.mark.parametrize(
    ("blocks", "axes"),
    [
        ([mf.mlp("tanh")], ()),
        ([Network("relu", Conv(kernel_size=5)), Network(AveragePool(7), Dense())], (7,)),
        ([Network("relu", Residual(Conv(kernel_size=(3, 5)))), Network(AveragePool((4, 2)), Dense())], (4, 5)),
        ([Network("relu", GlobalAveragePool(), Dense())], (1,)),
        ([Network("relu", Flatten(), Dense())], (1,)),
    ],
)
def test_axes_are_those_of_the_largest_windows(blocks, axes):
    assert pixel_axes(blocks) == axes
    assert reads_pixels(*blocks) is bool(axes)


@pytest.mark.parametrize(
    ("blocks", "inputs", "pixels", "images"),
    [
        ([mf.mlp("tanh")], None, None, ()),
        ([mf.mlp("tanh")], np.ones((2, 3)), None, ()),
        ([Network(Conv())], None, None, (16,)),
        ([Network(Conv(kernel_size=40))], None, None, (40,)),
        ([Network(TWO)], None, None, (8, 8)),
        ([Network(TWO)], None, (3, 5), (3, 5)),
        ([Network(TWO)], np.ones((2, 3)), [3, 5], (3, 5)),
        ([Network(TWO)], np.ones((2, 3, 4, 6)), None, (4, 6)),
        ([Network(TWO)], np.ones((2, 3, 4, 6)), (4, 6), (4, 6)),
        ([Network(Conv())], None, np.int64(7), (7,)),
        ([Network(Flatten(), Dense())], None, None, (16,)),
        ([Network(Flatten(), Dense())], None, (2, 3), (2, 3)),
        ([Network(GlobalAveragePool(), Dense())], np.ones((2, 3, 4, 6)), None, (4, 6)),
    ],
)
def test_images_are_those_of_the_inputs_or_asked_for(blocks, inputs, pixels, images):
    assert pixels_of(blocks, inputs, pixels) == images


@pytest.mark.parametrize(
    ("blocks", "inputs", "pixels", "message"),
    [
        ([mf.mlp("tanh")], None, 4, "these blocks read no pixels"),
        ([mf.mlp("tanh")], np.ones((2, 3, 4)), None, "these blocks read no pixels"),
        ([Network(Conv())], None, (4, 4), r"one integer for each of the images' axes, 1 here, not \(4, 4\)"),
        ([Network(TWO)], None, 4, "2 here, not 4"),
        ([Network(TWO)], np.ones((2, 3, 4)), None, r"read images over 2 axes, .* not of shape \(2, 3, 4\)"),
        ([Network(Conv())], np.ones((2, 3, 4)), 5, r"pixels must be as many as the inputs have, \(4,\), not 5"),
        ([Network(Conv())], None, 0, "pixels must be a whole number from 1"),
        ([Network(Conv())], None, 2.5, "pixels must be a whole number"),
        ([Network(Conv())], None, "many", "pixels must be a whole number"),
        ([Network(Conv())], None, [[4], [4, 4]], "one integer for each of"),
        ([Network(Conv())], None, (), "one integer for each of"),
        ([Network(Conv(), "relu", TWO)], None, None, "the same number of axes"),
        ([Network(Conv(), AveragePool((2, 2)))], None, None, "the same number of axes"),
        ([Network(BatchNorm(8), "relu", Conv(stride=2))], None, None, "pixels cannot be followed through a BatchNorm"),
        ([Network("relu", Conv(), Flatten())], None, None, "a Flatten needs a Dense layer behind it in the same block"),
        ([Network("relu", Flatten()), Network(Dense())], None, None, "a Flatten needs a Dense layer behind it"),
    ],
)
def test_images_that_do_not_fit_are_refused(blocks, inputs, pixels, message):
    with pytest.raises(mf.InvalidInput, match=message) as refusal:
        pixels_of(blocks, inputs, pixels)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("layer", "images", "left"),
    [
        (Network("relu", Dense(), Conv()), (6,), (6,)),
        (Network("relu", Conv(stride=2), AveragePool(2)), (7,), (2,)),
        (Network("relu", Conv(), Flatten(), Dense(), "relu", Dense()), (7,), ()),
        (Network(Residual("relu", Conv()), Concatenate("relu", Conv()), GlobalAveragePool()), (7,), ()),
        (Residual(Conv(stride=3), AveragePool(1)), (1,), (1,)),
        (mf.mlp("relu"), (), ()),
    ],
)
def test_what_a_sequence_leaves(layer, images, left):
    assert layer.images_after(images) == left


@pytest.mark.parametrize(
    ("layer", "images", "message"),
    [
        (Network(Conv(), AveragePool(3)), (8,), r"AveragePool\(3\) cannot divide images of shape \(8,\)"),
        (
            Network(GlobalAveragePool(), Conv()),
            (8,),
            "Conv over 1 axis cannot read single points, as behind Flatten or",
        ),
        (Residual(Conv(), AveragePool(2)), (8,), r"branch of a Residual must keep .*, not turn \(8,\) into \(4,\)"),
        (Residual(Conv(), Flatten(), Dense()), (8,), r"not turn \(8,\) into \(\)"),
        (Network("relu", Concatenate(Conv(stride=2))), (8,), "the branch of a Concatenate must keep the image's shape"),
        (TWO, (8,), r"Conv over 2 axes cannot read images of shape \(8,\)"),
    ],
)
def test_layers_that_cannot_read_what_is_left_are_refused(layer, images, message):
    with pytest.raises(mf.InvalidInput, match=message):
        layer.images_after(images)


@pytest.mark.parametrize("run", [mf.simulate, mf.crosscheck])
@pytest.mark.parametrize(
    ("block", "pixels", "message"),
    [
        (Network("relu", Conv(), AveragePool(3)), None, r"AveragePool\(3\) cannot divide images of shape \(16,\)"),
        (Network("relu", Conv(stride=2), AveragePool(2)), 8, r"AveragePool\(2\) cannot divide images of shape \(1,\)"),
        (
            Network("relu", Residual("tanh", Conv(), AveragePool(2))),
            8,
            r"Residual must .*, not turn \(8,\) into \(4,\)",
        ),
        (Network("relu", Conv(), Flatten(), Dense()), 8, "Conv over 1 axis cannot read single points"),
    ],
)
def test_simulations_say_so_before_they_begin(run, block, pixels, message):
    with pytest.raises(mf.InvalidInput, match=message):
        run(block, 3, 8, networks=2, pixels=pixels, rng=0)


def test_the_first_layer_that_tells_pixels_apart():
    pool = AveragePool(2)
    assert tells_apart(Network("relu", Conv()), Network(pool, Dense())) is pool
    assert tells_apart(Residual("relu", Conv())) is None
    zeros = Conv(padding="zeros")
    assert tells_apart(Network("relu", Residual(zeros))) is zeros
    check_alike(Network("relu", Conv()), mf.mlp("tanh"))
    with pytest.raises(mf.InvalidInput, match="a Conv with strides does not keep pixels alike"):
        check_alike(Network("relu", Residual(Conv(stride=2))))
