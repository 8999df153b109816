"""Laws that the maps of every layer obey, and of every nesting of layers: random blocks from a grammar."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import meanfield as mf
from meanfield.bounded import Bounded
from meanfield.montecarlo.layer_passes import forward
from meanfield.montecarlo.materialized import Materialized
from meanfield.theory.layer_maps import one_point, pair_slope, two_points
from meanfield.theory.layer_maps.covariance import Covariance, all_points
from meanfield.theory.states import Pair, Point

SLOW = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
FEW = settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])

scale = st.floats(0.3, 1.6).map(lambda x: round(x, 3))
bias = st.sampled_from([0.0, 0.2, 0.7])
dense = st.builds(mf.Dense, scale, bias)
conv = st.builds(mf.Conv, scale, bias, kernel_size=st.sampled_from([1, 2, 3]), padding=st.just("circular"))
norm = st.sampled_from([(), (mf.LayerNorm(),), (mf.RMSNorm(),)])
QUIET = st.just(())
noise = st.sampled_from([(mf.Dropout(0.2),), (mf.MultiplicativeNoise(0.4),), (mf.AdditiveNoise(0.3),)])
smooth = st.sampled_from(["tanh", "erf", "gelu", "sin"])
kinked = st.sampled_from(["relu", "leaky_relu", "tanh", "gelu"])


def units(activation, noises):
    """Blocks that read Gaussian units and leave such: norm, activation, noise, weights."""
    plain = st.builds(lambda n, a, m, z, d: mf.Network(*n, a, *m, *z, d), norm, activation, norm, noises, dense)
    gated = st.builds(lambda n, a, s, d: mf.Network(*n, mf.Gated(a, s), d), norm, activation, scale, dense)
    images = st.builds(lambda a, c: mf.Network(a, c), activation, conv)
    return plain | gated | images


def blocks(activation, noises, growths=(0.5, 1.0)):
    """Nested blocks, as deep as three."""
    weights = st.builds(lambda x, sign: sign * round(x, 3), st.floats(0.2, 1.2), st.sampled_from([-1.0, 1.0]))

    def around(inner):
        skip = st.builds(
            lambda b, x, y: mf.Network(mf.Residual(b, branch_scale=x, skip_scale=y)), inner, weights, weights
        )
        beside = st.builds(
            lambda b, w, g, d: mf.Network(mf.Concatenate(b, w, growth=g), d),
            inner,
            dense,
            st.sampled_from(growths),
            dense,
        )
        together = st.builds(lambda b, w, a: mf.Network(mf.Parallel(b, [w, mf.Scale(a)])), inner, dense, weights)
        return skip | beside | together | st.builds(mf.Network, inner, inner)

    return st.recursive(units(activation, noises), around, max_leaves=3)


quiet, noisy = blocks(smooth, QUIET), blocks(kinked, QUIET | noise)
moment = st.floats(0.1, 4.0)


@SLOW
@given(noisy, moment)
def test_the_slope_of_q_is_that_of_its_differences(block, q):
    step = 1e-5 * q
    low, here, high = (one_point(block, Point.at(x)) for x in (q - step, q, q + step))
    assert float(here.slope.value) == pytest.approx(float(high.q.value - low.q.value) / (2 * step), rel=1e-6, abs=1e-8)


@SLOW
@given(noisy, moment, moment, st.floats(-0.9, 0.9))
def test_the_pair_slope_is_that_of_differences_in_d(block, q1, q2, c):
    root = np.sqrt(q1 * q2)
    d = 0.5 * (q1 + q2) - c * root
    step = 1e-5 * root
    low, high = (two_points(block, Pair.of(q1, q2, x)).d.value for x in (d - step, d + step))
    slope = pair_slope(block, Pair.of(q1, q2, d))
    assert float(slope.value) == pytest.approx(float(high - low) / (2 * step), rel=1e-5, abs=1e-8)


@SLOW
@given(quiet, moment)
def test_gradients_of_one_input_grow_as_coinciding_inputs_part(block, q):
    """Poole et al. 2016, eq. 9: the gradient factor is the slope of the map of distances at distance 0."""
    at = Pair.at(q, 0.0)
    chi = float(one_point(block, Point.at(q)).chi.value)
    assert float(pair_slope(block, at).value) == pytest.approx(chi, rel=1e-10)
    assert float(two_points(block, at).d.value) == 0.0


@SLOW
@given(noisy, moment, moment, st.floats(-1.0, 1.0))
def test_one_input_of_a_pair_is_that_input_alone_and_correlations_stay_correlations(block, q1, q2, c):
    d = 0.5 * (q1 + q2) - c * np.sqrt(q1 * q2)
    after, swapped = two_points(block, Pair.of(q1, q2, d)), two_points(block, Pair.of(q2, q1, d))
    for both, alone in ((after.q1, q1), (after.q2, q2)):
        assert float(both) == pytest.approx(float(one_point(block, Point.at(alone)).q.value), rel=1e-12)
    assert 0.0 <= float(after.one_minus_c) <= 2.0 + 1e-12
    assert float(swapped.d.value) == pytest.approx(float(after.d.value), rel=1e-10, abs=1e-14)


@FEW
@given(quiet, st.integers(0, 10**6))
def test_kernels_are_positive_symmetric_and_follow_the_order_of_inputs(block, seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((7, 5)) * rng.uniform(0.5, 2.0, (7, 1))
    k, order = mf.kernel(block, x, 2), rng.permutation(7)
    assert np.array_equal(k, k.T)
    assert np.linalg.eigvalsh(k)[0] >= -1e-12 * np.trace(k)
    np.testing.assert_allclose(mf.kernel(block, x[order], 2), k[np.ix_(order, order)], rtol=1e-10, atol=1e-12)


@FEW
@given(quiet, st.integers(0, 10**6))
def test_the_way_back_of_gradient_covariances_is_the_transpose_of_the_linearised_map(block, seed):
    rng = np.random.default_rng(seed)
    inputs, pixels = 2, 3
    root = rng.standard_normal((inputs * pixels, 9))
    sigma = root @ root.T / 9

    def after(covariance):
        q = np.diagonal(covariance)
        d = 0.5 * (q[:, None] + q) - covariance
        return all_points(block, Covariance(q=q, d=Bounded(d), images=(pixels,)))

    change = rng.standard_normal(sigma.shape) * (1 - np.eye(len(sigma)))  # second moments held
    change += change.T
    step = 1e-6
    linearised = (after(sigma + step * change)[0].covariance - after(sigma - step * change)[0].covariance) / (2 * step)
    g = rng.standard_normal(sigma.shape)
    g += g.T
    np.fill_diagonal(g, 0.0)
    assert np.sum(after(sigma)[1](g) * change) == pytest.approx(np.sum(g * linearised), rel=1e-5, abs=1e-6)


@FEW
@given(blocks(smooth, QUIET | noise, growths=(1.0,)), st.integers(0, 10**6))
def test_the_pullback_is_the_transpose_of_the_linearised_forward_pass(block, seed):
    def run(x):
        return forward(
            block, x, Materialized(np.random.default_rng(seed), 6, np.dtype("float64"), "gaussian", pixels=(3,))
        )

    rng = np.random.default_rng(seed + 1)
    x, v = rng.standard_normal((2, 6, 6))
    y, pullback = run(x)
    step = 1e-6
    linearised = (run(x + step * v)[0] - run(x - step * v)[0]) / (2 * step)
    g = rng.standard_normal(y.shape)
    assert np.sum(pullback(g) * v) == pytest.approx(np.sum(g * linearised), rel=1e-5, abs=1e-6)


BRANCH = ("gelu", mf.Dense(1.3, 0.2))
PLAIN = mf.Network(*BRANCH)
REDUCTIONS = {
    "a branch without a skip connection": (mf.Network(mf.Residual(*BRANCH, skip_scale=0.0)), PLAIN),
    "a skip connection alone": (mf.Network(mf.Residual(*BRANCH, branch_scale=0.0), *BRANCH), PLAIN),
    "dropout of nothing": (mf.Network("gelu", mf.Dropout(0.0), mf.Dense(1.3, 0.2)), PLAIN),
    "dropout of nothing before the activation": (mf.Network(mf.Dropout(0.0), *BRANCH), PLAIN),
    "noise of no size": (
        mf.Network("gelu", mf.MultiplicativeNoise(0.0), mf.Dense(1.3, 0.2), mf.AdditiveNoise(0.0)),
        PLAIN,
    ),
    "nothing beside": (mf.Network(mf.Concatenate(*BRANCH, growth=0.0), *BRANCH), PLAIN),
    "networks in a network": (mf.Network(mf.Network("gelu"), mf.Network(mf.Dense(1.3, 0.2))), PLAIN),
    "a convolution of one tap": (mf.Network("gelu", mf.Conv(1.3, 0.2, kernel_size=1)), PLAIN),
    "a centred kernel over zeros": (mf.Network("gelu", mf.Conv(1.3, 0.2, weights="delta", padding="zeros")), PLAIN),
    "uniform attention of tokens that are alike": (mf.Network("gelu", mf.Attention(1.3, 0.2)), PLAIN),
    "a norm of an odd activation": (
        mf.Network("tanh", mf.LayerNorm(), mf.Dense(1.3)),
        mf.Network("tanh", mf.RMSNorm(), mf.Dense(1.3)),
    ),
}


@pytest.mark.parametrize("name", REDUCTIONS)
def test_trivial_parameters_give_the_simpler_network(name):
    block, simpler = REDUCTIONS[name]
    for q in (0.3, 2.0):
        one, other = (one_point(b, Point.at(q)) for b in (block, simpler))
        for field in ("q", "slope", "chi"):
            assert float(getattr(one, field).value) == pytest.approx(float(getattr(other, field).value), rel=1e-13)
        pair = Pair.at(q, 0.4 * q)
        first, second = (float(two_points(b, pair).d.value) for b in (block, simpler))
        assert first == pytest.approx(second, rel=1e-13)
        first, second = (float(pair_slope(b, pair).value) for b in (block, simpler))
        assert first == pytest.approx(second, rel=1e-12)
