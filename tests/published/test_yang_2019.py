"""Yang, Pennington, Rao, Sohl-Dickstein, Schoenholz 2019 (arXiv:1902.08129): how gradients explode under batch norm."""

import math
from functools import cache

import numpy as np
import pytest

import meanfield as mf
from meanfield.networks.layers.batchnorm import BatchNorm

NAMES = ("x", "relu", "tanh", "erf", "gelu", "silu")
RATES = {
    6: (4 / 3, 2.0037786244370548, 1.48312610786109, 1.52804249799824, 1.82338417879859, 1.6428310029755),
    8: (1.2, 1.7881899766587481, 1.35854812541136, 1.40505408608855, 1.62230093332014, 1.47196849532975),
    16: (14 / 13, 1.5899504167651655, 1.24625841385497, 1.29384129438803, 1.43570869026968, 1.31271200875789),
    32: (30 / 29, 1.5219528305518796, 1.20830275993082, 1.25609584545175, 1.37123743996711, 1.25731129074570),
    64: (62 / 61, 1.4930629378035987, 1.19226433419484, 1.24011762593402, 1.34375243540793, 1.23360899816832),
    128: (1.008, 1.4796812723224677, 1.18485279657540, 1.23272806987358, 1.33099956399105, 1.22259243031049),
    math.inf: (1, 1.4669422069242599, 1.1778072323041796, 1.2257000037856907, 1.3188449708656225, 1.2120811147571108),
    4: (2, 3.0840609480877327),
    5: (1.5, 2.273706648193161),
}


@cache
def rate(name, size, sigma_w=1.0, sigma_b=0.0):
    return float(mf.analyze(mf.Network(BatchNorm(size), name, mf.Dense(sigma_w, sigma_b))).chi_1)


@pytest.mark.sweep(3)
@pytest.mark.parametrize("size", RATES)
def test_growth_of_the_squared_gradient(size):
    for name, expected in zip(NAMES, RATES[size], strict=False):
        assert rate(name, size) == pytest.approx(expected, rel=1e-13), name


@pytest.mark.sweep(3)
@pytest.mark.slow
@pytest.mark.parametrize("size", [1000, 256, 4096])
def test_where_the_published_integrand_overflows(size):
    assert rate("x", size) == pytest.approx((size - 2) / (size - 3), rel=1e-13)
    c = -1 / (size - 1)
    j = (np.sqrt(1 - c * c) + (np.pi - np.arccos(c)) * c) / np.pi
    slope = 1 - np.arccos(c) / np.pi
    assert rate("relu", size) == pytest.approx(((size - 1 + slope) / (1 - j) - 1) / (size - 3), rel=1e-12)  # theorem 8
    for name in ("tanh", "gelu"):  # B·(rate − limit) settles
        assert rate(name, size) == pytest.approx(rate(name, math.inf), rel=3 / size)
        ends = [b * (rate(name, b) / rate(name, math.inf) - 1) for b in (size, 2 * size)]
        assert ends[0] == pytest.approx(ends[1], rel=0.02)


@pytest.mark.parametrize(("sigma_w", "sigma_b"), [(0.1, 0.0), (1.0, 2.0), (7.0, 0.3)])
def test_weights_and_biases_do_not_matter(sigma_w, sigma_b):
    for name in NAMES:
        assert rate(name, 8, sigma_w, sigma_b) == pytest.approx(rate(name, 8), rel=1e-13)


def test_the_fixed_point_of_relu():
    """q* = 1/2 and c* = J(−1/(B − 1)) of the post-activations, weights of variance 1/fan_in."""
    c = -1 / 7
    a = mf.analyze(mf.Network(BatchNorm(8), "relu", mf.Dense()))
    assert a.q_star == pytest.approx(0.5, rel=1e-13)
    expected = (np.sqrt(1 - c * c) + (np.pi - np.arccos(c)) * c) / np.pi
    assert a.c_star == pytest.approx(expected, rel=1e-12)
    assert (a.chi_c, a.chi_parallel, str(a.phase)) == (0, 0, "exploding")
