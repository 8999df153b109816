"""Many layers at once against a loop over the layers."""

import numpy as np
import pytest

import meanfield as mf
from meanfield.networks.layers.normalisation import LayerNorm
from meanfield.networks.layers.residual import Residual
from meanfield.theory.depth.orbit import orbit, signals
from meanfield.theory.layer_maps import one_point, two_points
from meanfield.theory.states import Pair, Point

BLOCKS = {
    "q decays like 1/l": mf.mlp("erf", 3**0.5 / 2),
    "q settles": mf.mlp("gelu", 1.3, 0.3),
    "q alternates": mf.mlp("gaussian", 1.5),
    "q grows": mf.Network(Residual("relu", mf.Dense(0.5, 0.1))),
    "branches": mf.Network(Residual(LayerNorm(), "relu", mf.Dense(0.7, 0.1))),
    "noise": mf.Network("relu", mf.Dropout(0.1), mf.Dense(1.3, 0.2)),
}


@pytest.mark.parametrize("second", [1.0, 1.7])
@pytest.mark.parametrize("name", BLOCKS)
def test_signals_are_those_of_a_loop(name, second):
    block, q, q2, layers = BLOCKS[name], np.array(1.0), np.array(second), 70
    d = 0.5 * (1 - np.sqrt(second)) ** 2 + 0.4 * np.sqrt(second)
    pair = Pair.at(q, d) if second == 1 else Pair.of(q, q2, d)
    found = signals(block, q, pair, layers)
    for layer in range(layers + 1):
        after = one_point(block, Point.at(q))
        assert found.q[layer] == pytest.approx(float(q), rel=1e-12)
        assert found.chi[layer] == pytest.approx(float(after.chi.value), rel=1e-12)
        assert found.gap[layer] == pytest.approx(float(pair.one_minus_c), rel=1e-11)
        q, pair = np.asarray(after.q.value), two_points(block, pair)


def test_deep_trajectories_are_those_of_few_layers():
    deep = mf.propagate(mf.mlp("erf", 0.9, 0.0), 150, q=[0.5, 2.0], c=0.3)
    short = mf.propagate(mf.mlp("erf", 0.9, 0.0), 40, q=[0.5, 2.0], c=0.3)
    for field in ("q", "one_minus_c", "chi"):
        np.testing.assert_allclose(getattr(deep, field)[:41], getattr(short, field), rtol=1e-12)


def test_equal_inputs_and_signals_that_end_are_left_to_the_loop():
    block = mf.mlp("erf", 1.2, 0.1)
    assert signals(block, np.array(1.0), Pair.at(1.0, 0.0), 64) is None
    assert orbit(lambda x: (x - 0.3, np.ones_like(x)), np.ones(9)) is None
    run = mf.propagate(block, 100, c=1.0)
    assert np.all(run.one_minus_c == 0)


def test_an_orbit_without_slopes():
    x = [0.1]
    for _ in range(40):
        x.append(2 * x[-1] / (1 + x[-1]))
    np.testing.assert_allclose(orbit(lambda x: (2 * x / (1 + x), None), np.full(41, 0.1)), x, rtol=1e-13)
