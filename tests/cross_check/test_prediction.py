"""Cross-checks of networks whose pixels differ: they pass, and do not where the theory is of another network."""

from dataclasses import fields, replace

import numpy as np
import pytest

import meanfield as mf
from meanfield.cross_check.prediction import predict
from meanfield.networks.layers.convolution import Conv
from meanfield.networks.layers.dropout import Dropout
from meanfield.networks.layers.noise import MultiplicativeNoise
from meanfield.networks.layers.normalisation import LayerNorm
from meanfield.networks.layers.pooling import AveragePool, Flatten, GlobalAveragePool
from meanfield.networks.layers.residual import Residual
from meanfield.theory.depth.pixels import propagate_pixels
from meanfield.theory.layer_maps.covariance import all_points

Network, Dense = mf.Network, mf.Dense


def conv(sigma_w=1.4, sigma_b=0.2, size=3, kind=Conv, **more):
    return kind(sigma_w, sigma_b, size, **({"padding": "zeros"} | more))


def lenet(kind=Conv):
    return [
        Network(conv(size=(3, 3), kind=kind)),
        Network("relu", AveragePool((2, 2)), conv(size=(3, 3), kind=kind)),
        Network("relu", AveragePool((2, 2)), Flatten(), Dense(1.4, 0.1)),
        Network("relu", Dense(1.4, 0.1)),
    ]


NETWORKS = {
    "relu": Network("relu", conv()),
    "tanh": Network("tanh", conv(1.6)),
    "gelu, even kernel": Network("gelu", conv(size=4)),
    "given shares": Network("tanh", conv(weights=[0.6, 0.1, 0.3])),
    "strided": Network("relu", conv(stride=2)),
    "circular, strided": Network("tanh", conv(padding="circular", stride=2)),
    "residual": Residual(LayerNorm(), "relu", conv(1.2), branch_scale=0.5),
    "dropout": Network("tanh", Dropout(0.2), conv()),
    "noise": Network("relu", MultiplicativeNoise(0.3), conv()),
    "LeNet": lenet(),
    "global": [
        Network("relu", conv()),
        Network("gelu", GlobalAveragePool(), Dense(1.3, 0.1)),
        Network("tanh", Dense(1.3)),
    ],
    "pooled, then normalised": [Network("gelu", AveragePool(4), LayerNorm(), conv(1.2)), Network("relu", conv())],
    "flattened, then dropped": [
        Network("tanh", conv(), Flatten(), Dropout(0.3), Dense(1.3)),
        Network("relu", Dense(1.4)),
    ],
}


def check(block, width=512, **more):
    depth = len(block) if isinstance(block, list) else 4
    return mf.crosscheck(block, depth, width, **({"networks": 16, "c": 0.3, "rng": 1, "method": "exact_law"} | more))


@pytest.mark.parametrize("block", NETWORKS.values(), ids=NETWORKS)
def test_simulation_and_theory_agree(block):
    assert check(block)


@pytest.mark.parametrize("name", ["relu", "residual", "LeNet", "global"])
def test_they_agree_at_a_narrow_width_with_matrices_drawn(name):
    assert check(NETWORKS[name], 64, networks=12, method="materialized")


@pytest.mark.parametrize("name", ["relu", "strided", "LeNet", "flattened, then dropped"])
def test_images_as_inputs_agree(name):
    shape = (3, 5, 8, 8) if name == "LeNet" else (3, 5, 12)
    rng = np.random.default_rng(2)
    images = rng.standard_normal(shape) + 0.7 * rng.standard_normal((3, 5, *[1] * (len(shape) - 2))) + 0.3
    assert check(NETWORKS[name], inputs=images, c=None)


@pytest.mark.parametrize("name", ["relu", "LeNet"])
def test_one_input_and_a_given_number_of_pixels_agree(name):
    run = check(NETWORKS[name], c=None, pixels=(4, 8) if name == "LeNet" else 5)
    assert run
    assert {row.quantity for row in run.rows} == {"q", "gradient"}


def test_widths_that_differ_by_layer_agree():
    """Narrow ones let q vary by a tenth, whose square is what finite width may shift it by."""
    assert check(lenet(), [100, 120, 140, 130, 200])
    assert check(lenet(), [300, 500, 400, 600, 500])


class Louder(Conv):
    """A convolution of which theory says that sigma_w is 3 % larger."""


class Rolled(Conv):
    """A convolution whose border of zeros theory does not know of."""


class Across(AveragePool):
    """A pool over as many pixels of one row as its window has, in theory."""


@all_points.register
def _(layer: Louder, state):
    return all_points(Conv(1.03 * layer.sigma_w, *(getattr(layer, f.name) for f in fields(Conv)[1:])), state)


@all_points.register
def _(layer: Rolled, state):
    return all_points(replace(Conv(*(getattr(layer, f.name) for f in fields(Conv))), padding="circular"), state)


@all_points.register
def _(layer: Across, state):
    after, back = all_points(AveragePool((1, int(np.prod(layer.size)))), state)
    return replace(after, images=layer.pooled(state.images)), back


WRONG = {
    "sigma_w": lambda kind: Network("relu", conv(kind=kind)),
    "sigma_w, strided": lambda kind: Network("tanh", conv(kind=kind, stride=2)),
    "sigma_w, residual": lambda kind: Residual(LayerNorm(), "relu", conv(1.2, kind=kind), branch_scale=0.8),
    "sigma_w, LeNet": lenet,
}


@pytest.mark.parametrize("network", WRONG.values(), ids=WRONG)
def test_a_map_that_is_wrong_by_three_percent_is_found(network):
    assert check(network(Conv))
    assert not check(network(Louder))


@pytest.mark.parametrize("network", [WRONG["sigma_w"], WRONG["sigma_w, LeNet"]])
def test_zeros_that_are_taken_for_a_circle_are_found(network):
    assert not check(network(Rolled))


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
        predict([NETWORKS["relu"]], [8, 8], 1.0, 0.3, None, 20_000)
