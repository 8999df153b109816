"""Layers defined outside the package work like its own: one that scales units, one that mixes points."""

from dataclasses import dataclass

import numpy as np
import pytest

import meanfield as mf
from meanfield.bounded import Bounded
from meanfield.montecarlo.layer_passes.dispatch import forward
from meanfield.theory.layer_maps.covariance import all_points
from meanfield.theory.layer_maps.dispatch import one_point, pair_slope, two_points
from meanfield.theory.layer_maps.pooling import averaged
from meanfield.theory.states import scaled_spread


@dataclass(frozen=True, eq=False)
class Scaled(mf.Layer):
    """Every unit times a factor."""

    factor: float = 0.5

    parameters = ("factor",)
    linear = True
    keeps_mean = True

    @property
    def carries(self):
        return self.factor


@one_point.register
def _(layer: Scaled, x):
    a = layer.factor**2
    return x.through(a * x.q, slope=a, chi=a, spread=scaled_spread(x.spread, layer.factor))


@two_points.register
def _(layer: Scaled, x):
    a = layer.factor**2
    return x.through(lambda q, spread: (a * q, scaled_spread(spread, layer.factor)), d=a * x.d)


@pair_slope.register
def _(layer: Scaled, x):
    return Bounded(layer.factor**2)


@forward.register
def _(layer: Scaled, x, draw):
    factor = draw.dtype.type(layer.factor)
    return factor * x, lambda gradient: factor * gradient


@dataclass(frozen=True, eq=False)
class Mixed(mf.Layer):
    """Each point is a mean of itself and of the one after it, around the border."""

    share: float = 0.7

    linear = True
    keeps_mean = True
    reads_points = True

    def matrix(self, points: int) -> np.ndarray:
        return self.share * np.eye(points) + (1 - self.share) * np.roll(np.eye(points), 1, axis=1)


@all_points.register
def _(layer: Mixed, state):
    return averaged(layer.matrix(state.pixels), state, state.images)


@forward.register
def _(layer: Mixed, x, draw):
    matrix = layer.matrix(int(np.prod(draw.pixels))).astype(draw.dtype)
    points = x.reshape(-1, len(matrix), x.shape[1])
    return (matrix @ points).reshape(x.shape), lambda g: (matrix.T @ g.reshape(points.shape)).reshape(x.shape)


WITH_SCALE = [
    (mf.Network("tanh", Scaled(0.8), mf.Dense(1.7, 0.2)), mf.mlp("tanh", 1.36, 0.2)),
    (
        mf.Residual(mf.LayerNorm(), "gelu", mf.Dense(1.5), Scaled(0.2)),
        mf.Residual(mf.LayerNorm(), "gelu", mf.Dense(1.5), branch_scale=0.2),
    ),
    (
        mf.Residual(mf.Residual("tanh", mf.Dense(1.2)), Scaled(-0.4), branch_scale=0.5),
        mf.Residual(mf.Residual("tanh", mf.Dense(1.2)), branch_scale=-0.2),
    ),
    (
        mf.Network(mf.BatchNorm(16), "relu", Scaled(0.8), mf.Dense(1.5, 0.1)),
        mf.Network(mf.BatchNorm(16), "relu", mf.Dense(1.2, 0.1)),
    ),
    (mf.Network("relu", Scaled(2.0), mf.LayerNorm(), mf.Dense(1.2)), mf.Network("relu", mf.LayerNorm(), mf.Dense(1.2))),
    (mf.Network(Scaled(0.5), mf.Gated("silu", 2.4), mf.Dense()), mf.Network(mf.Gated("silu", 1.2), mf.Dense())),
]


@pytest.mark.parametrize(("block", "same"), WITH_SCALE, ids=str)
def test_a_factor_is_what_weights_multiplied_by_it_are(block, same):
    one, other = (mf.propagate(b, 8, c=0.3) for b in (block, same))
    for name in ("q", "one_minus_c", "gradient"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-12)
    one, other = mf.analyze(block), mf.analyze(same)
    for name in ("q_star", "chi_1", "chi_parallel", "c_star", "chi_c"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-9, err_msg=name)


@pytest.mark.parametrize("block", [pair[0] for pair in WITH_SCALE], ids=str)
def test_a_layer_that_scales_agrees_with_its_simulation(block):
    assert mf.crosscheck(block, depth=5, width=512, networks=16, rng=1).passed


def test_kernels_go_through_it_and_what_reads_pixels_too():
    x = np.random.default_rng(0).standard_normal((3, 20))
    block, same = WITH_SCALE[0]
    np.testing.assert_allclose(mf.kernel(block, x, 4), mf.kernel(same, x, 4), rtol=1e-12)
    np.testing.assert_allclose(mf.ntk(Scaled(0.5), x, 1), 0.0, atol=0)
    sigma = np.array([[1.0, 0.3], [0.3, 2.0]])
    run = mf.propagate_pixels(mf.Network(Scaled(0.5), mf.Conv(1.0, kernel_size=1)), sigma, 1)
    np.testing.assert_allclose(run.covariance[1], 0.25 * sigma, rtol=1e-14)


MIXING = [
    mf.Network("tanh", Mixed(0.7), mf.Dense(1.5, 0.3)),
    mf.Network("relu", Mixed(0.6), mf.LayerNorm(), mf.Dense(1.3)),
    mf.Residual(mf.LayerNorm(), mf.Dense(1.1), Mixed(0.8), "tanh", mf.Dense(1.1), branch_scale=0.5),
    mf.Network(mf.Conv(1.3), "gelu", Mixed(0.5), Scaled(1.1), mf.Dense(1.2), mf.GlobalAveragePool()),
]


@pytest.mark.parametrize("block", MIXING, ids=str)
def test_a_layer_that_mixes_points_agrees_with_its_simulation(block):
    depth = 1 if block is MIXING[3] else 3
    assert mf.crosscheck(block, depth=depth, width=512, networks=24, pixels=6, rng=1).passed


def test_points_mix_by_its_matrix():
    sigma = np.array([[1.0, 0.2, 0.1], [0.2, 2.0, 0.4], [0.1, 0.4, 1.5]])
    run = mf.propagate_pixels(mf.Network(Mixed(0.7), mf.Dense()), sigma, 1)
    matrix = Mixed(0.7).matrix(3)
    np.testing.assert_allclose(run.covariance[1], matrix @ sigma @ matrix.T, rtol=1e-14)
    np.testing.assert_allclose(run.gradient[0], np.diag(matrix.T @ matrix), rtol=1e-14)
    assert mf.propagate(MIXING[0], 3).q.shape == (4,)
    assert mf.simulate(MIXING[0], 2, 32, networks=2, pixels=4, rng=0).q.mean.shape == (3,)


@pytest.mark.parametrize("call", [mf.analyze, mf.fixed_points, mf.recommend], ids=lambda f: f.__name__)
def test_one_point_does_not_represent_points_that_mix(call):
    with pytest.raises(mf.InvalidInput, match="Mixed depends on the covariances between pixels"):
        call(MIXING[0])


def test_a_kind_of_layer_without_maps_is_refused_by_name():
    class Unknown(mf.Layer):
        pass

    for call in (mf.analyze, lambda block: mf.simulate(block, 1, 4)):
        with pytest.raises(mf.InvalidInput, match="Unknown"):
            call(mf.Network(Unknown(), mf.Dense()))


@pytest.mark.parametrize(
    ("known", "missing"), [((), "one_point"), ((one_point,), "two_points"), ((one_point, two_points), "pair_slope")]
)
def test_a_map_that_is_not_registered_is_named(known, missing):
    class Plain(mf.Layer):
        linear = True
        keeps_mean = True

    for dispatch in known:
        dispatch.register(Plain)(lambda layer, x: x)
    with pytest.raises(mf.InvalidInput, match=f"of type Plain: {missing}"):
        mf.ntk(mf.Network("tanh", Plain(), mf.Dense()), [[1.0, 0.0], [0.5, 1.0]], depth=2)
