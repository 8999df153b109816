"""Many points at once: the same numbers as one point at a time, whatever the activation and wherever the point."""

import numpy as np
import pytest

import meanfield as mf
from meanfield.networks.block import mlp
from meanfield.theory.fixed_points.correlation import settled
from meanfield.theory.fixed_points.mlp_response import response
from meanfield.theory.fixed_points.mlps import settled_many
from meanfield.theory.fixed_points.variance import fixed_points

FIELDS = ("q", "chi_parallel", "chi_1", "c", "chi_c")


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


def disagreement(many, one):
    """The largest difference of factors and of 1/q, relative where they are large."""
    worst = 0.0
    for name in FIELDS:
        a, b = getattr(many, name), getattr(one, name)
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        with np.errstate(invalid="ignore"):
            worst = max(worst, np.where(same, 0.0, np.abs(a - b) / np.maximum(np.abs(b), 1e-3)).max())
    return worst


@pytest.mark.parametrize("name", SPECS)
def test_many_points_are_what_each_one_is(name):
    rng = np.random.default_rng(5)
    sigma_w, sigma_b = rng.uniform(0.1, 4, 300), rng.choice([0.0, 1.0], 300, p=[0.2, 0.8]) * rng.uniform(0, 1, 300)
    block = mlp(mf.activation(SPECS[name]), sigma_w, sigma_b)
    many, multiple = settled_many(block, response(block))
    chosen = np.arange(0, 300, 30)
    one = settled(block.take(chosen))
    assert disagreement(type(many)(*(column[chosen] for column in many)), one) < 1e-9
    for s in chosen:
        points = fixed_points(mlp(block.activations[0], sigma_w[s], sigma_b[s]))
        assert multiple[s] == (len(points) > 1)


@pytest.mark.parametrize("k", range(3))
def test_threads_may_share_an_activation_that_nothing_is_known_of(k):
    def phi(x):
        return kinked(x - 0.01 * k) + 0.1 * np.sin(x)

    axes = np.linspace(0.5, 2, 64), np.linspace(0, 1, 16)
    one, eight = (mf.phase_diagram(mf.activation(phi), *axes, workers=workers) for workers in (1, 8))
    for name in ("q_star", "chi_1", "c_star", "chi_c"):
        assert getattr(eight, name) == pytest.approx(getattr(one, name), rel=1e-9, abs=1e-12)


def test_correlations_of_a_whole_diagram_are_those_that_two_other_methods_agree_on():
    """tanh at sigma_b = 0.3 (Poole et al. 2016): c* and its slope by 2-D quadrature and by 160 Hermite terms."""
    sigma_w = np.sort(np.append(np.linspace(1.5, 3.9, 60), [2.5, 4.0]))
    diagram = mf.phase_diagram("tanh", sigma_w, [0.3])
    for value, c, slope in ((2.5, 0.122103747305585, 0.822229172723565), (4.0, 0.0296959215803378, 0.759743605012185)):
        at = int(np.flatnonzero(sigma_w == value)[0])
        assert diagram.c_star[at, 0] == pytest.approx(c, rel=1e-12)
        assert diagram.chi_c[at, 0] == pytest.approx(slope, rel=1e-12)
