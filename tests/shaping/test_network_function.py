"""The function of a network against compositions that are written out, and against published numbers."""

import math

import numpy as np
import pytest

import meanfield as mf
from meanfield.shaping.network_function import network_function
from meanfield.shaping.targets import local_slope_excess

BRANCH = ("tanh", mf.Dense()) * 3
PLAIN = mf.Residual(*BRANCH, skip_scale=0.6, branch_scale=0.8)
# the first activation is before the shortcut
TRANSITION = mf.Network("tanh", mf.Dense(), mf.Residual(*BRANCH[:4], skip_scale=0.6, branch_scale=0.8))
RESNET = [
    TRANSITION,
    *[PLAIN] * 2,
    TRANSITION,
    *[PLAIN] * 3,
    TRANSITION,
    *[PLAIN] * 22,
    TRANSITION,
    *[PLAIN] * 2,
    "tanh",
]


def resnet(psi, x):
    """The function of the modified ResNet-101 of the package dks, block by block."""
    for blocks in (3, 4, 23, 3):
        for i in range(blocks):
            x = 0.36 * (psi(x) if i == 0 else x) + 0.64 * psi(psi(psi(x)))
    return psi(x)


def test_the_modified_resnet_of_the_authors():
    slope = mf.transform("tanh", block=RESNET, zeta=1.2)
    assert slope.local_slope == pytest.approx(1.002770965849537, rel=1e-14)
    expected = (0.0746107296065679631, 0.556691520086194521, -0.50343787698281497, 18.0026361999408612)
    found = (slope.input_scale, slope.input_shift, slope.output_shift, slope.output_scale)
    np.testing.assert_allclose(found, expected, rtol=1e-11)
    bend = mf.transform("softplus", block=RESNET, method="tat", tau=0.2)
    assert bend.local_curvature == pytest.approx(0.0030395136778115502, rel=1e-14)
    assert bend.output_scale == pytest.approx(10.5488016151475886, rel=1e-11)
    leaky = mf.transform("relu", block=RESNET, method="tat", eta=0.75)
    assert leaky.negative_slope == pytest.approx(0.62918002966598756, rel=1e-13)


@pytest.mark.parametrize("psi", [lambda t: 1.01 * t, lambda t: t + 0.1, lambda t: math.sin(t) + 0.2])
def test_any_function_goes_through_the_network_as_it_is_written(psi):
    def times(value, count):
        for _ in range(count):
            value = psi(value)
        return value

    assert network_function(RESNET, len(RESNET)).value(times, 0.5) == pytest.approx(resnet(psi, 0.5), rel=1e-13)


def slope_of(block, depth=1, zeta=1.1):
    return network_function(block, depth).largest(lambda t, n: t * zeta**n, 1.0)


def test_layers_weigh_their_parts_by_second_moments():
    mlp = mf.mlp("tanh")
    assert slope_of(mlp, 7) == pytest.approx(1.1**7)
    assert slope_of(mf.Network(mf.RMSNorm(), "tanh", mf.Dense(3.0)), 4) == pytest.approx(1.1**4)
    assert slope_of(mf.Network(mf.Concatenate("tanh", mf.Dense(), growth=0.5), mf.Dense()), 3) == pytest.approx(
        ((1 + 0.5 * 1.1) / 1.5) ** 3
    )
    assert slope_of(mf.Network("tanh", mf.Conv(kernel_size=3)), 2) == pytest.approx(1.21)
    # a stream that grows: 1, 2, 3, … with a branch of second moment 1 beside it
    growing = mf.Residual(mf.RMSNorm(), "tanh", mf.Dense())
    assert slope_of(growing, 3) == pytest.approx((1 + 1.1) / 2 * (2 + 1.1) / 3 * (3 + 1.1) / 4)
    both = mf.Parallel(["tanh", mf.Dense(0.6)], ["tanh", mf.Dense(), "tanh", mf.Dense(), mf.Scale(0.8)])
    assert slope_of(both, 5) == pytest.approx((0.36 * 1.1 + 0.64 * 1.21) ** 5)
    beside = mf.Residual(
        mf.Parallel(["tanh", mf.Dense()], ["tanh", mf.Dense()]), skip_scale=0.8, branch_scale=0.6 / 2**0.5
    )
    assert slope_of(beside, 4) == pytest.approx((0.64 + 0.36 * 1.1) ** 4)
    # one short residual block: the branch by itself is steeper than the whole
    assert slope_of(mf.Residual(*BRANCH, skip_scale=0.8, branch_scale=0.6)) == pytest.approx(1.1**3)


@pytest.mark.parametrize("depth", [1, 2000, 30_000])
def test_the_target_of_any_depth_gives_the_network_its_slope(depth):
    network = network_function(mf.Residual(*BRANCH[:2], skip_scale=0.8, branch_scale=0.6), depth)
    excess = local_slope_excess(network, 1.5)
    if depth == 1:
        assert excess == pytest.approx(0.5, rel=1e-13)  # the branch by itself
    else:
        assert depth * math.log1p(0.36 * excess) == pytest.approx(
            math.log(1.5), rel=1e-13 + depth * 1e-15
        )  # of a product
    assert local_slope_excess(network_function("tanh", depth), 1.5) == pytest.approx(
        math.expm1(math.log(1.5) / depth), rel=1e-13
    )


def test_the_slope_is_that_of_the_correlation_map_of_the_network():
    block = mf.Residual("tanh", mf.Dense(), skip_scale=0.8, branch_scale=0.6)
    shaped = mf.transform("tanh", depth=30, block=block)
    network = mf.Residual(shaped, mf.Dense(), skip_scale=0.8, branch_scale=0.6)
    assert float(mf.propagate(network, 30).gradient[0]) == pytest.approx(1.5, rel=1e-11)


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        (mf.mlp("tanh", 1.5), "second moment 1, not 2.25"),
        (mf.mlp("tanh", 1.0, 0.1), "biases of 0"),
        (mf.Residual("tanh", mf.Dense()), "second moment 1, not 2"),
        (mf.Network("tanh", mf.Dropout(0.1), mf.Dense()), "no correlation map for Dropout"),
        (mf.Network(mf.GroupNorm(size=8), "tanh", mf.Dense()), "groups of 8 units"),
        (mf.Network("tanh", mf.LayerNorm(), mf.Dense()), "LayerNorm behind an activation"),
        (mf.Network(mf.Dense(), mf.RMSNorm()), "no activation to shape"),
        (mf.Network("tanh", mf.Dense([1.0, 1.0])), "not arrays"),
    ],
)
def test_networks_without_a_function_are_refused_with_the_reason(block, reason):
    with pytest.raises(mf.InvalidInput, match=reason):
        mf.transform("tanh", depth=2, block=block)
