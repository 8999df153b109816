"""Streams with a mean: branches that end in an activation with E φ ≠ 0, against recursions written out."""

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest

import meanfield as mf
from meanfield.theory.layer_maps import one_point
from meanfield.theory.states import Point

TARGETS = json.loads((Path(__file__).parents[2] / "reference" / "mean_streams.json").read_text())
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(120)
WEIGHTS = WEIGHTS / WEIGHTS.sum()
SHIFTED = "sin(x) + cos(x)/2"  # entire, with a mean that depends on q
RELU = mf.Residual(mf.Dense(1.0), "relu", branch_scale=0.5)


def shifted(x):
    return np.sin(x) + np.cos(x) / 2


def average(f, q):
    return float(WEIGHTS @ f(np.sqrt(q) * NODES))


def product_of(f, q1, q2, cross):
    """E f(U) f(V) of Gaussians with these second moments."""
    x = np.sqrt(q1) * NODES[:, None]
    y = cross / q1 * x + np.sqrt(q2 - cross**2 / q1) * NODES
    return float(WEIGHTS @ (f(x) * f(y)) @ WEIGHTS)


def test_streams_to_their_digits():
    run, target = mf.propagate(RELU, 8), TARGETS["relu"]
    np.testing.assert_allclose(run.q[1:], target["p"], rtol=1e-13)
    np.testing.assert_allclose(run.mean[1:], target["mu"], rtol=1e-13)
    assert run.gradient[0] == pytest.approx(1.125**8, rel=1e-13)  # no cross term
    block = mf.Residual(mf.RMSNorm(), mf.Dense(1.5**0.5, 0.2**0.5), "sigmoid", skip_scale=0.9)
    run, target = mf.propagate(block, 8), TARGETS["sigmoid behind RMSNorm"]
    np.testing.assert_allclose(run.q[1:], target["p"], rtol=1e-12)
    np.testing.assert_allclose(run.mean[1:], target["mu"], rtol=1e-12)
    run, target = mf.propagate(RELU, 4, c=0.4), TARGETS["two inputs"]
    assert run.q[4] == pytest.approx(target["p11"], rel=1e-13)
    assert run.q[4] * run.c[4] == pytest.approx(target["p12"], rel=1e-12)


@pytest.mark.parametrize("norm", [None, mf.LayerNorm(), mf.RMSNorm()], ids=["none", "LayerNorm", "RMSNorm"])
def test_two_unequal_inputs_written_out(norm):
    s, b, w2, b2 = 0.8, -0.7, 1.3, 0.2
    norms = () if norm is None else (norm,)
    block = mf.Residual(*norms, mf.Dense(w2**0.5, b2**0.5), SHIFTED, skip_scale=s, branch_scale=b)
    p, mean, cross = np.array([1.0, 2.5]), np.zeros(2), 0.3 * np.sqrt(2.5)
    for _ in range(4):
        if norm is None:
            size, between = p, cross
        elif isinstance(norm, mf.LayerNorm):
            size, between = np.ones(2), (cross - mean.prod()) / np.sqrt((p - mean**2).prod())
        else:
            size, between = np.ones(2), cross / np.sqrt(p.prod())
        q, qc = w2 * size + b2, w2 * between + b2
        m = np.array([average(shifted, one) for one in q])
        v = np.array([average(lambda x: shifted(x) ** 2, one) for one in q])
        cross = s**2 * cross + b**2 * product_of(shifted, *q, qc) + s * b * (mean[0] * m[1] + mean[1] * m[0])
        p, mean = s**2 * p + b**2 * v + 2 * s * b * mean * m, s * mean + b * m
    run = mf.propagate(block, 4, q=1.0, q2=2.5, c=0.3)
    assert run.q[4] == pytest.approx(p[0], rel=1e-12)
    assert run.mean[4] == pytest.approx(mean[0], rel=1e-12)
    assert run.c[4] == pytest.approx(cross / np.sqrt(p.prod()), rel=1e-11)
    assert mf.propagate(block, 4, q=2.5).q[4] == pytest.approx(p[1], rel=1e-12)


def test_a_branch_is_a_parallel_branch_and_its_skip_a_scale():
    one = mf.Network(mf.Residual(mf.Dense(1.1, 0.3), SHIFTED, skip_scale=-0.7))
    other = mf.Network(mf.Parallel(mf.Scale(-0.7), [mf.Dense(1.1, 0.3), SHIFTED]))
    first, second = (mf.propagate(block, 5, c=0.4, q2=2.0) for block in (one, other))
    for field in ("q", "mean", "chi", "one_minus_c"):
        np.testing.assert_allclose(getattr(first, field), getattr(second, field), rtol=1e-13)


def test_two_branches_with_means_multiply_them():
    """relu(Wx) and relu(Vx) of one x: E f g = q/(2π), beside q/2 + q/2."""
    two = mf.Network(mf.Parallel([mf.Dense(), "relu"], [mf.Dense(), "relu"]), mf.Dense())
    assert mf.variance_map(two, 3.0).value == pytest.approx(3 + 3 / np.pi, rel=1e-14)
    assert one_point(two, Point.at(3.0)).slope.value == pytest.approx(1 + 1 / np.pi, rel=1e-12)


def test_a_stream_of_streams_multiplies_out():
    """x + b(s x + f) = (1 + bs) x + b f."""
    inner = mf.Residual(mf.Dense(1.1, 0.3), SHIFTED, skip_scale=0.6)
    nested = mf.Residual(inner, branch_scale=-0.5)
    flat = mf.Residual(mf.Dense(1.1, 0.3), SHIFTED, skip_scale=0.7, branch_scale=-0.5)
    first, second = (mf.propagate(block, 5, c=0.4, q2=2.0) for block in (nested, flat))
    for field in ("q", "mean", "chi", "one_minus_c"):
        np.testing.assert_allclose(getattr(first, field), getattr(second, field), rtol=1e-12)


@pytest.mark.parametrize("phi", [SHIFTED, "heaviside"])
@pytest.mark.parametrize("between", [(), (mf.RMSNorm(),), (mf.Dropout(0.2), mf.Scale(-0.8))])
def test_slopes_are_derivatives(phi, between):
    """A mean that is made and removed within the block."""
    stream = mf.Residual(mf.Dense(0.9, 0.3), phi, branch_scale=0.7)
    block = mf.Network("sigmoid", *between, stream, stream, mf.Dense(1.2, 0.5))
    q, h = 1.7, 1e-4
    up, down = (mf.variance_map(block, q + sign * h).value for sign in (1, -1))
    assert one_point(block, Point.at(q)).slope.value == pytest.approx((up - down) / (2 * h), rel=1e-7)


def test_a_dense_layer_wipes_the_mean():
    wiped = mf.Network(RELU, mf.Dense(0.8))
    assert np.all(mf.propagate(wiped, 3).mean == 0)
    assert mf.analyze(wiped).chi_1 == pytest.approx(0.64 * 1.125, rel=1e-12)
    assert (
        mf.propagate(mf.Network(mf.Dense(), "relu"), 300).mean[1:]
        == pytest.approx(  # by every way of `propagate`
            np.sqrt(mf.propagate(mf.Network(mf.Dense(), "relu"), 300).q[:-1] / (2 * np.pi)), rel=1e-12
        )
    )


def test_kernels_and_pixels_follow_means():
    x = np.array([[1.0, 0.5, -0.2], [0.3, 1.2, 0.7]])
    q1, q2, cross = (float(a @ b) / 3 for a, b in ((x[0], x[0]), (x[1], x[1]), (x[0], x[1])))
    run = mf.propagate(RELU, 3, q=q1, q2=q2, c=cross / np.sqrt(q1 * q2))
    kernel = mf.kernel(RELU, x, 3)
    assert kernel[0, 0] == pytest.approx(run.q[3], rel=1e-13)
    assert kernel[0, 1] == pytest.approx(run.c[3] * np.sqrt(kernel[0, 0] * kernel[1, 1]), rel=1e-12)
    conv = mf.propagate_pixels(mf.Residual(mf.Conv(1.0), "relu", branch_scale=0.5), np.ones((4, 4)), 3)
    assert conv.q[3] == pytest.approx(mf.propagate(RELU, 3).q[3], rel=1e-13)


def test_coins_of_stochastic_depth_one_by_one():
    rate = 0.3
    run = mf.propagate(mf.StochasticDepth(mf.Dense(1.0), "relu", rate=rate), 3)
    kept = mf.propagate(mf.Residual(mf.Dense(1.0), "relu", branch_scale=1 / (1 - rate)), 3)
    chances = [
        (np.prod([1 - rate if coin else rate for coin in coins]), sum(coins)) for coins in product((0, 1), repeat=3)
    ]
    assert run.q[3] == pytest.approx(sum(p * kept.q[k] for p, k in chances), rel=1e-13)
    assert run.mean[3] == pytest.approx(sum(p * kept.mean[k] for p, k in chances), rel=1e-13)


@pytest.mark.parametrize(
    "use", [mf.analyze, mf.fixed_points, mf.recommend, lambda b: mf.phase_diagram(b, [1, 2], [0, 1])]
)
def test_what_follows_second_moments_alone_says_who_follows_means(use):
    with pytest.raises(mf.InvalidInput, match=r"the mean behind relu .* propagate tracks it"):
        use(RELU)


@pytest.mark.parametrize("last", [(), (mf.LayerNorm(),)])
def test_means_that_differ_between_units_are_refused(last):
    """Behind LayerNorm the mean over units is 0, while each unit of a stream drifts."""
    halves = mf.Concatenate(mf.Dense(), "relu")
    block = mf.Residual(mf.Dense(), "relu", halves, *last)
    for use in (mf.analyze, lambda block: mf.propagate(block, 2), lambda block: mf.variance_map(block, 1.0)):
        with pytest.raises(mf.InvalidInput, match=r"units have different functions|mean behind"):
            use(block)
    both = mf.Parallel(["relu", halves, *last], [mf.Dense(), "relu"])
    with pytest.raises(mf.InvalidInput, match="units have different functions"):
        mf.variance_map(mf.Network(both, mf.Dense()), 1.0)


def test_an_activation_of_a_stream_is_refused():
    for block in (mf.Network(RELU, "relu"), mf.Network(RELU, mf.Residual("relu", mf.Dense()))):
        with pytest.raises(mf.InvalidInput, match="relu needs Gaussian units, and the output of Residual is not"):
            mf.propagate(block, 2)


def test_simulation_agrees():
    block = mf.Parallel(mf.Scale(0.7), [mf.LayerNorm(), mf.Dense(1.0), "relu"], [mf.Dense(1.2), "sigmoid"])
    assert mf.crosscheck(mf.Network(block), depth=3, width=256, c=0.4, networks=16, rng=0).passed
