"""Cross-checks of networks whose pixels differ: they pass, and do not where the theory is of another network."""

from dataclasses import fields, replace

import numpy as np
import pytest
from layer_cases import LENET, PIXELS, conv

import meanfield as mf
from meanfield.cross_check.prediction import predict
from meanfield.networks.layers.convolution import Conv
from meanfield.networks.layers.pooling import AveragePool
from meanfield.theory.depth.pixels import propagate_pixels
from meanfield.theory.layer_maps.covariance import all_points

Network, Dense = mf.Network, mf.Dense
LARGE = pytest.param("LeNet", marks=pytest.mark.slow)


def check(block, width=512, **more):
    depth = len(block) if isinstance(block, list) else 4
    return mf.crosscheck(block, depth, width, **({"networks": 16, "c": 0.3, "rng": 1, "method": "exact_law"} | more))


@pytest.mark.parametrize("name", ["relu", "strided", LARGE, "flattened, then dropped"])
def test_images_as_inputs_agree(name):
    shape = (3, 5, 8, 8) if name == "LeNet" else (3, 5, 12)
    rng = np.random.default_rng(2)
    images = rng.standard_normal(shape) + 0.7 * rng.standard_normal((3, 5, *[1] * (len(shape) - 2))) + 0.3
    assert check(PIXELS[name].block, inputs=images, c=None)


@pytest.mark.parametrize("name", ["relu", "LeNet"])
def test_one_input_and_a_given_number_of_pixels_agree(name):
    run = check(PIXELS[name].block, c=None, pixels=(4, 8) if name == "LeNet" else 5)
    assert run
    assert {row.quantity for row in run.rows} == {"q", "gradient"}


def test_widths_that_differ_by_layer_agree():
    """Narrow ones let q vary by a tenth, whose square is what finite width may shift it by."""
    assert check(LENET, [100, 120, 140, 130, 200])
    assert check(LENET, [300, 500, 400, 600, 500])


class Rolled(Conv):
    """A convolution whose border of zeros theory does not know of."""


class Across(AveragePool):
    """A pool over as many pixels of one row as its window has, in theory."""


@all_points.register
def _(layer: Rolled, state):
    return all_points(replace(Conv(*(getattr(layer, f.name) for f in fields(Conv))), padding="circular"), state)


@all_points.register
def _(layer: Across, state):
    after, back = all_points(AveragePool((1, int(np.prod(layer.size)))), state)
    return replace(after, images=layer.images_after(state.images)), back


def rolled(block):
    """The block with a border in theory that continues on the other side."""
    if isinstance(block, Conv):
        return Rolled(*(getattr(block, f.name) for f in fields(Conv)))
    return block.rebuilt(tuple(rolled(layer) for layer in block.inner))


@pytest.mark.parametrize("name", ["relu", LARGE])
def test_zeros_that_are_taken_for_a_circle_are_found(name):
    block = PIXELS[name].block
    assert not check([rolled(one) for one in block] if isinstance(block, list) else rolled(block))


def test_a_pool_over_other_pixels_is_found():
    """Of images whose rows are stripes."""
    stripes, own = (np.random.default_rng(0).standard_normal((3, 5, 8, size)) for size in (1, 8))

    def network(pool):
        return [Network(pool((2, 2)), conv(1.5, 0.1, (3, 3))), Network("tanh", Dense(1.5))]

    assert check(network(AveragePool), inputs=stripes + 0.3 * own, c=None)
    assert not check(network(Across), inputs=stripes + 0.3 * own, c=None)


def test_the_averages_are_those_of_all_pixels():
    """Over points of q and the gradient, and of 1 − c over pairs of inputs at the same pixel."""
    block, c = Network("relu", conv(stride=2)), 0.3
    found = predict([block], [64, 32, 128], 1.5, c, None, 6)
    run = propagate_pixels(block, 1.5 * np.kron([[1, c], [c, 1]], np.eye(6)), 2, pixels=6)
    for layer, n in enumerate((6, 3, 2)):
        gap = np.mean([run.one_minus_c[layer][pixel, n + pixel] for pixel in range(n)])
        ratio = 128 / (64, 32, 128)[layer]
        assert found["q"][layer] == pytest.approx(run.q[layer].mean(), rel=1e-13)
        assert found["one_minus_c"][layer] == pytest.approx(gap, rel=1e-13)
        assert found["gradient"][layer] == pytest.approx(ratio * run.gradient[layer].mean(), rel=1e-13)


def test_images_whose_pairs_of_pixels_do_not_fit_into_memory_are_refused():
    with pytest.raises(mf.InvalidInput, match="all pairs of 40000 points at 1 layers would take 191 GiB"):
        predict([PIXELS["relu"].block], [8, 8], 1.0, 0.3, None, 20_000)
