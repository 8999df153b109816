"""Drawing a Gaussian layer's two passes in law gives what drawing its matrix gives."""

import numpy as np
import pytest

from meanfield.montecarlo.exact_law import ExactLaw
from meanfield.montecarlo.materialized import Materialized
from meanfield.montecarlo.simulate import simulate
from meanfield.networks.block import mlp
from meanfield.networks.layers.dense import Dense
from meanfield.networks.layers.network import Network

FLOAT = np.dtype("float64")


def draws(kind, count, x, g, seed):
    """x Wᵀ, g W and their products with x and g for many matrices W: every second moment that the two passes share."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        draw = ExactLaw(rng, 4, FLOAT) if kind == "exact" else Materialized(rng, 4, FLOAT, "gaussian")
        y, pullback = draw.product(x, 1.3)
        back = pullback(g)
        found.append(np.concatenate([y.ravel(), back.ravel(), np.outer(y.ravel(), back.ravel()).ravel()]))
    return np.array(found)


@pytest.mark.parametrize("points", [1, 2, 5])
def test_both_passes_have_the_same_joint_moments(points):
    rng = np.random.default_rng(0)
    x, g = rng.standard_normal((points, 3)), rng.standard_normal((points, 4))
    exact, drawn = draws("exact", 1500, x, g, 1), draws("drawn", 1500, x, g, 2)
    for power in (1, 2):
        difference = (exact**power).mean(axis=0) - (drawn**power).mean(axis=0)
        error = np.sqrt(((exact**power).var(axis=0) + (drawn**power).var(axis=0)) / 1500)
        assert np.max(np.abs(difference / error)) < 5.5


def test_the_passes_are_adjoint():
    rng = np.random.default_rng(0)
    x, g = rng.standard_normal((2, 6)), rng.standard_normal((2, 9))
    for draw in (ExactLaw(rng, 9, FLOAT), Materialized(rng, 9, FLOAT, "gaussian")):
        y, pullback = draw.product(x, 1.0)
        np.testing.assert_allclose(pullback(g) @ x.T, g @ y.T, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("block", [mlp("tanh", 1.5, 0.3), Network("relu", Dense(1.4), "tanh", Dense(1.2, 0.2))])
def test_networks_agree_in_mean_and_in_spread(block):
    runs = [
        simulate(block, 4, 48, networks=200, c=0.4, rng=seed, method=method)
        for seed, method in ((0, "exact_law"), (1, "materialized"))
    ]
    for name in ("q", "one_minus_c", "gradient"):
        a, b = (np.log(run.raw[name]) for run in runs)
        moving = a.var(axis=0) > 1e-20
        means = (a.mean(axis=0) - b.mean(axis=0)) / np.sqrt((a.var(axis=0) + b.var(axis=0)) / 200 + 1e-30)
        spreads = np.log(a.var(axis=0)[moving] / b.var(axis=0)[moving]) / np.sqrt(4 / 200)
        assert np.max(np.abs(means)) < 4.5
        assert np.max(np.abs(spreads)) < 5.5


def test_points_that_nearly_coincide_stay_apart():
    run = simulate(mlp("linear", 1.0), 3, 2000, networks=8, c=1 - 1e-12, rng=0, method="exact_law")
    np.testing.assert_allclose(run.one_minus_c.mean, 1e-12, rtol=0.2)


def test_a_million_units_fit():
    run = simulate(mlp("relu", 2**0.5), 2, 10**6, networks=2, rng=0, method="exact_law")
    np.testing.assert_allclose(run.q.mean, 1.0, atol=0.02)
