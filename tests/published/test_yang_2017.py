"""Yang & Schoenholz 2017 (arXiv:1712.08969): residual networks are polynomial where plain ones are exponential."""

import numpy as np
import pytest

import meanfield as mf
from meanfield.networks.layers.residual import Residual
from meanfield.theory.fixed_points.correlation import settled_gap, stable_c
from meanfield.theory.fixed_points.maps import distance_slope
from meanfield.theory.fixed_points.pair_maps import increment_maps

REDUCED = Residual(mf.Dense(1.0), "tanh")


def full(name, sigma_v=1.0, sigma_a=0.0, sigma_w=1.0, sigma_b=0.0):
    return Residual(mf.Dense(sigma_w, sigma_b), name, mf.Dense(sigma_v, sigma_a))


def tanh_moments(q, nodes, weights):
    """E tanh² and E sech⁴ by Gauss–Legendre panels in x up to 12 √q, finer where tanh turns."""
    edges = np.unique(np.r_[np.arange(0.0, 20.5), np.linspace(20, max(12 * q**0.5, 20.0), 12)])
    middle, half = 0.5 * (edges[1:] + edges[:-1])[:, None], 0.5 * np.diff(edges)[:, None]
    x = middle + half * nodes
    density = half * weights * 2 * np.exp(-x * x / (2 * q)) / np.sqrt(2 * np.pi * q)
    t = np.tanh(x)
    return np.sum(density * t**2), np.sum(density * (1 - t**2) ** 2)


def test_the_recursion_of_tanh_by_an_independent_loop():
    rule = np.polynomial.legendre.leggauss(40)
    p, log_chi, (sigma_v2, sigma_a2, sigma_w2, sigma_b2) = 1.0, 0.0, (1.3, 0.2, 0.8, 0.1)
    t = mf.propagate(full("tanh", *np.sqrt([sigma_v2, sigma_a2, sigma_w2, sigma_b2])), 300)
    for _ in range(300):
        second, slope = tanh_moments(sigma_w2 * p + sigma_b2, *rule)
        log_chi += np.log1p(sigma_v2 * sigma_w2 * slope)
        p += sigma_v2 * second + sigma_a2
    assert t.q[-1] == pytest.approx(p, rel=1e-12)
    assert np.log(t.gradient[0]) == pytest.approx(log_chi, rel=1e-12)


def test_the_gradient_of_tanh_grows_like_the_exponential_of_the_root_of_depth():
    a = 4 / 3 * np.sqrt(2 / np.pi)
    assert a == pytest.approx(1.0638460810704871, rel=1e-15)
    layers = np.array([50, 200, 800])
    t = mf.propagate(full("tanh"), 800)
    left = np.log(t.gradient[0] / t.gradient[layers]) - a * np.sqrt(layers)
    # what is left grows like k(√(2/π) − k/2)·ln l with k = A/2, from q = l − √(8l/π) and E sech⁴ = k/√q
    assert np.diff(left) / np.log(4) == pytest.approx(0.2829, abs=0.04)


def test_the_constant_of_that_growth_has_all_sigmas_in_it():
    a = 4 / 3 * np.sqrt(2 / np.pi) * 2**0.5 / 1.5**0.5  # σ_w² = 2, σ_v² = 1, σ_a² = 1/2
    t = mf.propagate(full("tanh", 1.0, 0.5**0.5, 2**0.5), 800)
    assert np.log(t.gradient[200] / t.gradient[800]) == pytest.approx(a * (np.sqrt(800) - np.sqrt(200)), rel=5e-4)


def test_the_published_gradient_at_layer_20000_lies_among_the_orbits_that_start_below_one():
    # Each start leaves its own constant in ln χ; from p = 1 an independent loop has 151.966463741 at layer 20,000.
    t = mf.propagate(Residual("tanh", mf.Dense(1.0)), 500, q=np.geomspace(0.1, 1.0, 256))
    at_500 = np.log(t.gradient[0])
    later = 1.0638460810704871 * (np.sqrt(20_000) - np.sqrt(500)) + 0.295 * np.log(40)
    assert at_500[-1] + later == pytest.approx(151.966463741, abs=0.1)
    assert at_500[-1] + later < 153.19 < at_500[0] + later


@pytest.mark.slow
def test_p_of_a_sigmoidal_network_grows_linearly():
    t = mf.propagate(full("erf", 1.0, 0.5**0.5), 1000)
    assert t.q[1000] - t.q[500] == pytest.approx(750, rel=0.02)
    assert mf.analyze(full("tanh", 1.0, 0.5**0.5)).phase == "unbounded"


@pytest.mark.parametrize(
    ("sigma_a2", "e_star"),
    [
        (0.0, 0.0),
        (0.25, 0.42171444315358412),
        (0.5, 0.61382847995713746),
        (1.0, 0.78983262837344197),
        (2.0, 0.90852918984609882),
    ],
)
def test_where_the_correlation_of_tanh_settles(sigma_a2, e_star):
    block = mf.Network(full("tanh", 1.0, sigma_a2**0.5, 0.7, 0.3))
    for network in (block, mf.Network(block, block)):
        c, chi_c, _ = stable_c(network, np.array([np.inf]), np.ones(1))
        assert c == pytest.approx(e_star, abs=1e-14)
        assert chi_c == 1


@pytest.mark.parametrize(
    ("sigma_a2", "delta"),
    [
        (0.0, 1 - 2 / np.pi),
        (0.0, 0.36338022763241866),
        (0.25, 0.43831509904530123),
        (0.5, 0.46238663658079951),
        (1.0, 0.48100727474193034),
        (2.0, 0.49211170721319352),
    ],
)
@pytest.mark.parametrize(("name", "q"), [("erf", 1e28), ("tanh", 1e8)])
def test_the_exponent_of_the_correlation(name, q, sigma_a2, delta):
    """e − e* ~ l^−δ where one layer takes away the share δ/l: one minus the slope of what the branch adds."""
    layer = full(name, 1.0, sigma_a2**0.5)
    network, at = mf.Network(layer), np.array([q])
    maps = increment_maps(network, at)
    slope = distance_slope(layer.branch, at, at * settled_gap(maps, np.array([0])))
    assert 1 - slope * at / maps.scale == pytest.approx([delta], abs=1e-12 + 4 * q**-0.5)


@pytest.mark.slow
def test_the_correlation_gets_there_like_that_power_of_depth():
    c = mf.propagate(full("erf"), 2048, c=0.9).c
    exponents = -np.log2(c[[128, 512, 2048]] / c[[64, 256, 1024]])
    assert np.all(np.diff(exponents) > 0)
    assert exponents[-1] == pytest.approx(1 - 2 / np.pi, abs=0.01)


@pytest.mark.parametrize(("sigma_v", "sigma_w"), [(1.0, 1.0), (0.5, 2**0.5), (1.5, 0.8)])
def test_relu_is_exponential_in_signal_and_gradient(sigma_v, sigma_w):
    factor = 1 + sigma_v**2 * sigma_w**2 / 2
    t = mf.propagate(full("relu", sigma_v, 0.0, sigma_w), 30, q=0.3)
    assert t.q == pytest.approx(0.3 * factor ** np.arange(31), rel=1e-13)
    assert t.gradient == pytest.approx(factor ** np.arange(30, -1, -1.0), rel=1e-13)
    a = mf.analyze(full("relu", sigma_v, 0.0, sigma_w))
    assert (float(a.chi_1), float(a.chi_parallel)) == pytest.approx((factor, factor), rel=1e-13)


@pytest.mark.parametrize("alpha", [0.75])
def test_powers_of_relu_between_grow_like_a_power(alpha):
    """p ~ [(1−α) σ_v² c_α σ_w^{2α} l]^{1/(1−α)} with c_α = E z₊^{2α}."""
    c_alpha = 0.43001999366225977
    phi = mf.activation(lambda x: np.maximum(x, 0.0) ** alpha, breakpoints=[0.0], name="power")
    assert mf.moment(phi, "ff").value == pytest.approx(c_alpha, rel=1e-9)
    t = mf.propagate(Residual(mf.Dense(1.1), phi, mf.Dense(0.9)), 200)
    predicted = (1 - alpha) * 0.81 * c_alpha * 1.1 ** (2 * alpha) * np.array([50, 100, 200])
    grown = t.q[[50, 100, 200]] ** (1 - alpha)
    assert np.diff(grown) == pytest.approx(np.diff(predicted), rel=0.02)


def test_a_branch_scaled_by_the_root_of_depth_grows_by_e():
    """Stable ResNet (Hayou et al. 2021): (1 + 1/L)^L."""
    for depth in (1, 10, 100, 1000):
        t = mf.propagate(Residual("relu", mf.Dense(2**0.5), branch_scale=depth**-0.5), depth)
        assert t.q[-1] == pytest.approx((1 + 1 / depth) ** depth, rel=1e-11)
        assert t.gradient[0] == pytest.approx((1 + 1 / depth) ** depth, rel=1e-11)
    assert t.q[-1] == pytest.approx(np.e, rel=1e-3)


def test_simulated_networks_do_the_same():
    assert mf.crosscheck(REDUCED, 20, 512, networks=24, c=0.5, rng=0, method="exact_law")
    assert mf.crosscheck(full("relu", 1.0, 0.3, 1.0, 0.2), 10, 512, networks=24, c=0.5, rng=0, method="exact_law")
