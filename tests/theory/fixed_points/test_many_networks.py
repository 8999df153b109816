"""Many networks at once: the same numbers as one network at a time, whatever the block."""

import numpy as np
import pytest
from one_by_one import settled_correlation, settled_variance
from scipy.optimize import brentq

import meanfield as mf
from meanfield.theory.assumptions.block import checked
from meanfield.theory.fixed_points import correlation
from meanfield.theory.fixed_points.maps import signal_map
from meanfield.theory.fixed_points.stable_variance import MANY, stable_and_multiple_q, stable_q
from meanfield.theory.fixed_points.variance import multiple_q
from meanfield.theory.fixed_points.variance_curves import bias_only_adds

COUNT = 300


def kinked(x):
    return np.where(x > -0.3, x + 0.3, np.expm1(np.minimum(x + 0.3, 0.0)))


def bent(x):
    return np.clip(x, -1, 1) + 0.2 * np.clip(x, 0, 3)


SPECS = {
    "tanh": "tanh",
    "gelu": "gelu",
    "hardtanh": "hardtanh",
    "relu6": "relu6",
    "silu": "silu",
    "sign": "sign",
    "gaussian": "gaussian",
    "sin": "sin",
    "kinked": kinked,
    "bent": bent,
    "steps": lambda x: (x > 0) + 0.5 * (x > 1),
    "relu": "relu",
    "x**2": "x**2",
}


def relative(a, b):
    return abs(a - b) / max(abs(b), 1e-3)


@pytest.mark.sweep(3)
@pytest.mark.parametrize("name", SPECS)
def test_many_mlps_are_what_each_one_is(name):
    rng = np.random.default_rng(5)
    sigma_w = rng.uniform(0.1, 4, COUNT)
    sigma_b = rng.choice([0.0, 1.0], COUNT, p=[0.2, 0.8]) * rng.uniform(0, 1, COUNT)
    phi = mf.activation(SPECS[name])
    many = mf.phase_diagram(phi, sigma_w[:30], sigma_b[:10])
    assert many.q_star.size >= MANY
    fields = ("q_star", "chi_parallel", "chi_1", "c_star", "chi_c")
    for i, j in zip(range(0, 30, 3), range(10), strict=True):
        alone = mf.mlp(phi, sigma_w[i], sigma_b[j])
        one = mf.analyze(alone)
        for field in fields:
            a, b = float(getattr(many, field)[i, j]), float(getattr(one, field))
            assert a == b or (np.isnan(a) and np.isnan(b)) or relative(a, b) < 1e-9
        assert many.multiple[i, j] == (len(mf.fixed_points(alone)) > 1)


W, B = np.array([0.6, 1.1, 1.7, 2.6]), np.array([0.0, 0.1, 0.5, 0.3])
BLOCKS = {
    "dropout": lambda w, b: mf.Network("tanh", mf.Dropout(0.1), mf.Dense(w, b)),
    "noise": lambda w, b: mf.Network("gelu", mf.AdditiveNoise(0.3), mf.Dense(w, b)),
    "two layers": lambda w, b: mf.Network("tanh", mf.Dense(w, b), "erf", mf.Dense(1.3, 0.2)),
    "norm": lambda w, b: mf.Network("relu", mf.LayerNorm(), mf.Dense(w, b)),
    "skip": lambda w, b: mf.Network(mf.Residual("tanh", mf.Dense(w, b), skip_scale=0.8)),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_blocks_of_any_form_are_what_scalar_methods_find(name):
    found = mf.analyze(BLOCKS[name](W, B))
    for s in np.flatnonzero((found.q_star > 0) & np.isfinite(found.q_star)):
        network = BLOCKS[name](W[s], B[s])
        q = settled_variance(network)
        assert found.q_star[s] == pytest.approx(q, rel=1e-12)
        c, chi_c = settled_correlation(network, float(found.q_star[s]), float(found.chi_1[s]))
        assert found.c_star[s] == pytest.approx(c, abs=1e-12)
        assert found.chi_c[s] == pytest.approx(chi_c, rel=1e-9, abs=1e-12)


FORMS = [
    "erf, dropout(0.1), dense",
    "residual(layernorm, gelu, dense, skip_scale=0.9)",
    "residual(gelu, dense, branch_scale=0.5)",
    "batchnorm(32), erf, dense",
    "gated(gelu), dense",
    "erf, dense, gelu, dense, additive_noise(0.2)",
    "gelu, concatenate(dense, growth=0.5), rmsnorm, attention(0.8, 0.1)",
    "relu, dense(1.5), residual(gelu, dense, branch_scale=0.5), dense",
    "sin, dense, sin, dense",  # falls at large q
]


@pytest.mark.parametrize("form", FORMS)
def test_tables_of_many_blocks_find_what_the_search_of_each_finds(form):
    rng = np.random.default_rng(3)
    sigma_w, sigma_b = np.sort(rng.uniform(0.2, 3, 10)), np.r_[0, rng.uniform(0, 1, 4)]
    block = checked(form).at(sigma_w=sigma_w[:, None], sigma_b=sigma_b)
    q, multiple = stable_and_multiple_q(block, 1.0)
    assert q == pytest.approx(stable_q(block, 1.0), rel=1e-12)
    assert np.array_equal(multiple, multiple_q(block))


@pytest.mark.parametrize(
    ("block", "adds"),
    [
        (mf.Network("tanh", mf.Residual(mf.LayerNorm(), "tanh", mf.Dense(), mf.Dropout(0.1))), True),
        (mf.Network("tanh", mf.Dense(), mf.AdditiveNoise(0.1)), True),
        (mf.Network("tanh", mf.Dense(), mf.RMSNorm()), False),
        (mf.Network("tanh", mf.Dense(), "tanh", mf.Dense()), False),
        (mf.Network(mf.Gated("tanh")), False),
        (mf.Network("tanh", mf.Dropout(0.1)), False),
    ],
)
def test_networks_share_a_curve_where_biases_only_add(block, adds):
    """There q′ at a bias variance of 1 exceeds q′ at 0 by the same at every q."""
    assert bias_only_adds(block) == adds
    q = np.array([0.1, 1.0, 10.0])
    without, one = (signal_map(block.at(sigma_b=sigma_b), q).q for sigma_b in (0.0, 1.0))
    assert (np.ptp(one - without) < 1e-12 and one[0] > without[0]) == adds


@pytest.mark.parametrize(
    "form", ["tanh, dropout(0.1), dense", "tanh, dense", "residual(layernorm, gelu, dense)", "sign"]
)
def test_a_correlation_takes_few_evaluations_of_the_pair_map(form, monkeypatch):
    pairs = 0

    def counted(made):
        def make(networks, q):
            maps = made(networks, q)

            def distance(which, gap):
                nonlocal pairs
                pairs += which.size
                return maps.distance(which, gap)

            return maps._replace(distance=distance)

        return make

    for name in ("pair_maps", "increment_maps"):
        monkeypatch.setattr(correlation, name, counted(getattr(correlation, name)))
    diagram = mf.phase_diagram(form, np.linspace(0.5, 3, 20), np.linspace(0, 1, 10))
    assert pairs < 11 * diagram.q_star.size


@pytest.mark.long
def test_threads_may_share_an_activation_that_nothing_is_known_of():
    def phi(x):
        return kinked(x) + 0.1 * np.sin(x)

    axes = np.linspace(0.8, 1.6, 16), np.linspace(0.1, 0.6, 8)
    one, eight = (mf.phase_diagram(mf.activation(phi), *axes, workers=workers) for workers in (1, 8))
    for name in ("q_star", "chi_1", "c_star", "chi_c"):
        assert getattr(eight, name) == pytest.approx(getattr(one, name), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("count", [1, MANY])
@pytest.mark.parametrize("sigma_b", [1e-9, 1e-5, 1e-3, 0.03])
def test_small_correlations_keep_their_digits(sigma_b, count):
    """erf: c′ = σ_w² (2/π) arcsin(2qc/(1 + 2q))/q + σ_b²/q, solved for x = c/σ_b²."""
    found = mf.analyze(mf.mlp("erf", np.linspace(2.5, 2.6, count), sigma_b))
    q = found.q_star[0]

    def excess(x):
        angle = np.arcsin(2 * q * x * sigma_b**2 / (1 + 2 * q)) / sigma_b**2
        return 2.5**2 * 2 / np.pi * angle + 1 - q * x

    assert found.c_star[0] == pytest.approx(brentq(excess, 0, 100) * sigma_b**2, rel=1e-11)


def test_odd_functions_without_biases_forget_everything():
    assert mf.analyze(mf.mlp("tanh", 2.0, 0.0)).c_star == 0
    assert np.all(mf.phase_diagram("tanh", np.linspace(1.5, 3, 64), [0.0]).c_star == 0)


def test_correlations_of_a_whole_diagram_are_those_that_two_other_methods_agree_on():
    """tanh at sigma_b = 0.3 (Poole et al. 2016): c* and its slope by 2-D quadrature and by 160 Hermite terms."""
    sigma_w = np.sort(np.append(np.linspace(1.5, 3.9, 60), [2.5, 4.0]))
    diagram = mf.phase_diagram("tanh", sigma_w, [0.3])
    for value, c, slope in ((2.5, 0.122103747305585, 0.822229172723565), (4.0, 0.0296959215803378, 0.759743605012185)):
        at = int(np.flatnonzero(sigma_w == value)[0])
        assert diagram.c_star[at, 0] == pytest.approx(c, rel=1e-12)
        assert diagram.chi_c[at, 0] == pytest.approx(slope, rel=1e-12)
