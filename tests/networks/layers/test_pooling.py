"""Pools and flattening as descriptions."""

import numpy as np
import pytest

import meanfield as mf
from meanfield.networks.layers.convolution import Conv
from meanfield.networks.layers.pooling import AveragePool, Flatten, GlobalAveragePool

LAYERS = [AveragePool(2), AveragePool((2, 3)), GlobalAveragePool(), Flatten()]


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_they_have_no_weights_and_keep_zero_means(layer):
    assert (layer.matrices, layer.parameters, layer.inner, layer.fresh, layer.keeps_mean) == (0, (), (), False, True)
    assert layer.keeps_gaussian is not isinstance(layer, Flatten)
    block = mf.Network("relu", layer, mf.Dense(1.0)).at(sigma_w=[1.0, 2.0])
    assert block.layers[1] is layer


def test_they_say_what_they_are():
    assert [repr(layer) for layer in LAYERS] == [
        "AveragePool(size=2)", "AveragePool(size=(2, 3))", "GlobalAveragePool()", "Flatten()",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("size", "images", "left"), [(2, (6,), (3,)), (1, (5,), (5,)), ((2, 3), (4, 3), (2, 1)), ([4, 1], (8, 7), (2, 7))]
)
def test_windows_divide_the_image(size, images, left):
    assert AveragePool(size).images_after(images) == left


@pytest.mark.parametrize(
    ("size", "images", "message"),
    [
        (2, (5,), r"AveragePool\(2\) cannot divide images of shape \(5,\) into its windows"),
        (8, (4,), r"cannot divide images of shape \(4,\)"),
        ((2, 2), (4, 5), r"AveragePool\(\(2, 2\)\) cannot divide images of shape \(4, 5\)"),
        (2, (4, 4), r"AveragePool over 1 axis cannot read images of shape \(4, 4\)"),
        ((2, 2), (), "AveragePool over 2 axes cannot read single points, as behind Flatten or GlobalAveragePool"),
    ],
)
def test_images_that_do_not_fit_are_refused(size, images, message):
    with pytest.raises(mf.InvalidInput, match=message) as refusal:
        AveragePool(size).images_after(images)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("size", [0, -1, 2.5, True, None, "2", (), (2, 2, 2), (2, 0), 256, np.nan])
def test_windows_that_are_none_are_refused(size):
    with pytest.raises(mf.InvalidInput, match="size must be"):
        AveragePool(size)


@pytest.mark.parametrize(
    ("layer", "images", "left"),
    [
        (Conv(kernel_size=3, stride=2), (7,), (4,)),
        (Conv(kernel_size=8, stride=3), (2,), (1,)),
        (Conv(kernel_size=(3, 3), stride=(1, 2)), (5, 5), (5, 3)),
        (Conv(kernel_size=(3, 3), stride=2), (1, 1), (1, 1)),
    ],
)
def test_strides_leave_the_ceiling(layer, images, left):
    after, pixel, inside = layer.windows(images)
    assert after == left
    assert pixel.shape == inside.shape == (np.prod(left), len(layer.taps[1]))
    assert pixel.min() >= 0
    assert pixel.max() < np.prod(images)
    assert inside.all()  # circular


def test_windows_of_zeros_know_their_border():
    _, pixel, inside = Conv(kernel_size=3, padding="zeros").windows((4,))
    assert inside.tolist() == [[False, True, True], [True] * 3, [True] * 3, [True, True, False]]
    assert pixel[1:3].tolist() == [[0, 1, 2], [1, 2, 3]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"padding": "same"}, "padding must be 'circular' or 'zeros', not 'same'"),
        ({"padding": None}, "padding must be"),
        ({"stride": 0}, "stride must be a whole number from 1 to 255"),
        ({"stride": 1.5}, "stride must be a whole number"),
        ({"stride": (1, 2)}, "stride must be an integer, or one for each axis of the kernel"),
        ({"stride": (1, 2, 3)}, "stride must be an integer, or one or two of them"),
    ],
)
def test_paddings_and_strides_that_are_none_are_refused(change, message):
    with pytest.raises(mf.InvalidInput, match=message):
        Conv(**change)


@pytest.mark.parametrize(
    ("layer", "alike"),
    [
        (Conv(), True),
        (Conv(padding="zeros"), False),
        (Conv(stride=2), False),
        (Conv(padding="zeros", weights="delta"), True),
        (Conv(padding="zeros", kernel_size=1), True),
        (Conv(padding="zeros", weights=[0.0, 1.0, 0.0]), True),
        (Conv(kernel_size=(3, 3), stride=(1, 2)), False),
    ],
)
def test_which_convolutions_keep_pixels_alike(layer, alike):
    assert layer.keeps_alike is alike


def test_windows_that_are_too_many_are_refused():
    with pytest.raises(mf.InvalidInput, match="40000 taps over 1000000 pixels reads more than 134,217,728 of them"):
        Conv(kernel_size=(200, 200)).windows((1000, 1000))
