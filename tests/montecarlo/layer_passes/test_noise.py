"""Noise at finite width: drawn for each input, used again on the way back."""

import sys

import numpy as np
import pytest

import meanfield as mf
from meanfield.montecarlo.layer_passes import forward
from meanfield.montecarlo.materialized import Materialized
from meanfield.networks.layers.noise import AdditiveNoise, MultiplicativeNoise
from meanfield.networks.layers.normalisation import LayerNorm, RMSNorm
from meanfield.networks.layers.residual import Residual


def run(layer, x):
    return forward(layer, x, Materialized(np.random.default_rng(0), 4, x.dtype, "gaussian"))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_units_are_multiplied_and_gradients_by_the_same_factors(dtype):
    x = np.full((2, 200_000), 3.0, dtype=dtype)
    y, pullback = run(MultiplicativeNoise(0.5), x)
    assert y.dtype == pullback(x).dtype == dtype
    np.testing.assert_array_equal(pullback(x), y)
    assert y.mean(axis=1) == pytest.approx([3.0, 3.0], abs=0.02)
    assert np.cov(y / 3.0) == pytest.approx(0.25 * np.eye(2), abs=0.004)  # independent for each input


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_something_is_added_to_units_and_gradients_pass(dtype):
    x = np.full((2, 200_000), 3.0, dtype=dtype)
    y, pullback = run(AdditiveNoise(0.5), x)
    assert y.dtype == pullback(x).dtype == dtype
    np.testing.assert_array_equal(pullback(x), x)
    assert y.mean(axis=1) == pytest.approx([3.0, 3.0], abs=0.01)
    assert np.cov(y) == pytest.approx(0.25 * np.eye(2), abs=0.004)


@pytest.mark.parametrize("kind", [AdditiveNoise, MultiplicativeNoise])
def test_no_noise_leaves_signals_and_gradients_as_they_are(kind):
    x = np.random.default_rng(1).standard_normal((3, 50))
    y, pullback = run(kind(0.0), x)
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(pullback(x), x)


BLOCKS = {
    "behind relu": mf.Network("relu", MultiplicativeNoise(0.5), mf.Dense(1.6**0.5)),
    "behind tanh": mf.Network("tanh", MultiplicativeNoise(0.4), mf.Dense(1.4, 0.2)),
    "added behind gelu": mf.Network("gelu", AdditiveNoise(0.4), mf.Dense(1.3, 0.2)),
    "added before tanh": mf.Network(AdditiveNoise(0.5), "tanh", mf.Dense(1.4, 0.2)),
    "added to the state": mf.Network("relu", mf.Dense(1.2), AdditiveNoise(0.3)),
    "both": mf.Network(AdditiveNoise(0.3), "gelu", MultiplicativeNoise(0.3), AdditiveNoise(0.2), mf.Dense(1.4)),
    "in a branch": Residual("relu", MultiplicativeNoise(0.5), mf.Dense(0.9, 0.1), skip_scale=0.8),
    "added in a branch": Residual(AdditiveNoise(0.5), "tanh", mf.Dense(1.2), skip_scale=0.8),
    "at the end of a branch": Residual(
        mf.Dense(1.3), "tanh", AdditiveNoise(0.3), MultiplicativeNoise(0.3), skip_scale=0.7
    ),
    "on the skip as well": mf.Network(AdditiveNoise(0.4), Residual("gelu", mf.Dense(1.2, 0.1), skip_scale=0.8)),
    "before LayerNorm": mf.Network("relu", MultiplicativeNoise(0.5), LayerNorm(), mf.Dense(1.2, 0.2)),
    "added before LayerNorm": mf.Network("gelu", AdditiveNoise(0.3), LayerNorm(), mf.Dense(1.2, 0.2)),
    "behind LayerNorm": mf.Network(LayerNorm(), AdditiveNoise(0.4), "relu", mf.Dense(1.2, 0.2)),
    "before RMSNorm": mf.Network("relu", AdditiveNoise(0.3), RMSNorm(), MultiplicativeNoise(0.2), mf.Dense(1.2, 0.2)),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_simulation_and_theory_agree_on_inputs_that_were_equal(name):
    assert mf.crosscheck(BLOCKS[name], 6, 512, networks=24, c=1.0, rng=0, method="exact_law")


@pytest.mark.parametrize("name", ["behind relu", "added before tanh", "on the skip as well", "before LayerNorm"])
def test_simulation_and_theory_agree_on_inputs_that_were_not(name):
    assert mf.crosscheck(BLOCKS[name], 6, 512, networks=24, c=0.3, rng=0, method="materialized")


def simulated_against(drawn, described):
    """Networks of one description against the theory of another."""
    with pytest.MonkeyPatch.context() as patch:
        module = sys.modules["meanfield.cross_check.crosscheck"]
        simulate = module.simulate
        patch.setattr(module, "simulate", lambda block, *rest, **named: simulate(drawn, *rest, **named))
        return mf.crosscheck(described, 12, 512, networks=48, c=0.5, rng=0, method="exact_law")


MAPS = {  # a network by the second moment behind its noise, where it settles
    "multiplied behind relu": (lambda m: mf.Network("relu", MultiplicativeNoise((m - 1) ** 0.5), mf.Dense(1.2)), 1.3),
    "multiplied behind tanh": (lambda m: mf.Network("tanh", MultiplicativeNoise((m - 1) ** 0.5), mf.Dense(1.4)), 1.3),
    "added behind relu": (lambda v: mf.Network("relu", AdditiveNoise((v - 0.7) ** 0.5), mf.Dense(1.4**0.5)), 1.0),
    "added before relu": (lambda v: mf.Network(AdditiveNoise((v - 0.7) ** 0.5), "relu", mf.Dense(1.4**0.5)), 1.0),
}


@pytest.mark.parametrize("name", MAPS)
def test_a_map_that_is_wrong_by_three_percent_is_found(name):
    network, moment = MAPS[name]
    assert simulated_against(network(moment), network(moment))
    for wrong in (1 / 1.03, 1.03):
        assert not simulated_against(network(wrong * moment), network(moment))


@pytest.mark.parametrize("name", ["behind tanh", "added before tanh", "added in a branch", "added before LayerNorm"])
def test_weights_that_are_wrong_by_three_percent_are_found(name):
    described = BLOCKS[name]
    drawn = mf.Network(described).with_parameters(
        lambda layer: {"sigma_w": 1.03 * layer.sigma_w} if isinstance(layer, mf.Dense) else {}
    )
    assert not simulated_against(drawn, described)
