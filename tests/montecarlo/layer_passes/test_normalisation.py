"""Normalisation at finite width: exact moments, transposed passes, agreement with the theory."""

import numpy as np
import pytest

import meanfield as mf
from meanfield.montecarlo.layer_passes import forward
from meanfield.montecarlo.materialized import Materialized
from meanfield.networks.layers.dropout import Dropout
from meanfield.networks.layers.normalisation import LayerNorm, RMSNorm
from meanfield.networks.layers.residual import Residual
from meanfield.theory.layer_maps import one_point, two_points

BLOCKS = {
    "pre-activation": mf.Network(LayerNorm(), "erf", mf.Dense(1.0, 0.3)),
    "post-activation": mf.Network("relu", LayerNorm(), mf.Dense(1.2, 0.2)),
    "sigmoid": mf.Network("sigmoid", LayerNorm(), mf.Dense(1.2, 0.2)),
    "last": mf.Network("gelu", mf.Dense(1.4, 0.3), LayerNorm()),
    "root mean square": mf.Network("relu", RMSNorm(), mf.Dense(1.2, 0.2)),
    "pre-norm": Residual(LayerNorm(), mf.Dense(1.4), "relu", mf.Dense(1.0, 0.3), branch_scale=0.5),
    "post-norm": mf.Network(Residual(mf.Dense(1.4), "gelu", mf.Dense(1.0)), LayerNorm()),
    "skip weight": Residual(LayerNorm(), "erf", mf.Dense(1.1, 0.1), skip_scale=0.7),
    "branch ends in it": Residual(mf.Dense(1.3, 0.2), "relu", LayerNorm(), skip_scale=0.8, branch_scale=0.6),
    "after a skip": mf.Network("relu", Residual(mf.Dense(), "tanh", skip_scale=-0.8), LayerNorm(), mf.Dense(1.1)),
    "after dropout": mf.Network("relu", Dropout(0.2), LayerNorm(), mf.Dense(1.2, 0.2)),
}
blocks = pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
norms = pytest.mark.parametrize("norm", [LayerNorm(), RMSNorm()])


def drawn(width=6, dtype="float64"):
    return Materialized(np.random.default_rng(0), width, np.dtype(dtype), "gaussian")


@norms
def test_each_input_is_normalised_by_itself(norm):
    x = np.random.default_rng(1).standard_normal((3, 50)) * [[1e-200], [1.0], [1e200]] + [[1e-200], [5.0], [0.0]]
    y, _ = forward(norm, x, drawn())
    assert np.mean(y**2, axis=1) == pytest.approx(np.ones(3), rel=1e-13)
    if isinstance(norm, LayerNorm):
        assert np.mean(y, axis=1) == pytest.approx(np.zeros(3), abs=1e-14)
    np.testing.assert_allclose(forward(norm, 7 * x[1:2], drawn())[0], y[1:2], rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("block", [LayerNorm(), RMSNorm(), *list(BLOCKS.values())[:-1]])  # masks are drawn anew
def test_the_pullback_is_the_transpose_of_the_linearised_map(block):
    rng, step = np.random.default_rng(3), 1e-6
    x, g, direction = rng.standard_normal((3, 2, 6))
    _, pullback = forward(block, x, drawn())
    ahead, behind = (forward(block, x + s * step * direction, drawn())[0] for s in (1, -1))
    assert np.sum(pullback(g) * direction) == pytest.approx(np.sum(g * (ahead - behind)) / (2 * step), rel=1e-6)


@norms
def test_single_precision_stays_single_precision(norm):
    y, pullback = forward(norm, np.arange(8, dtype="float32")[None], drawn(8, "float32"))
    assert y.dtype == pullback(y).dtype == np.float32


@pytest.mark.parametrize(("norm", "value"), [(LayerNorm(), 0.0), (LayerNorm(), 0.1), (RMSNorm(), 0.0)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_units_that_are_all_the_same_are_refused(norm, value, dtype):
    with pytest.raises(mf.InvalidInput, match="would divide by zero"):
        forward(norm, np.full((2, 1000), value, dtype=dtype), drawn(dtype=dtype))


@blocks
def test_simulation_and_theory_agree(block):
    assert mf.crosscheck(block, 8, 512, networks=32, c=0.3, rng=0, method="exact_law")
    assert mf.crosscheck(block, 5, 96, networks=12, c=-0.4, rng=1)


def test_inputs_of_different_sizes_agree_too():
    x = np.random.default_rng(3).standard_normal((3, 7)) * [[1.0], [0.3], [2.0]]
    for name in ("pre-activation", "post-activation", "after a skip"):
        assert mf.crosscheck(BLOCKS[name], 5, 256, networks=24, inputs=x, rng=1, method="exact_law")


class Wrong(mf.Network):
    """A block whose theory has 3 % too much in it."""


@one_point.register
def _(layer: Wrong, signal):
    right = one_point(mf.Network(*layer), signal)
    return type(right)(1.03 * right.q, right.error, right.slope, 1.03 * right.chi)


@two_points.register
def _(layer: Wrong, signal):
    right = two_points(mf.Network(*layer), signal)
    return type(right)(1.03 * right.q1, 1.03 * right.q2, 1.03 * right.d, right.error)


@blocks
def test_a_map_that_is_wrong_by_three_percent_is_found(block):
    arguments = {"depth": 12, "width": 512, "networks": 64, "c": 0.3, "rng": 0, "method": "exact_law"}
    assert mf.crosscheck(block, **arguments)
    assert not mf.crosscheck(Wrong(block), **arguments)
