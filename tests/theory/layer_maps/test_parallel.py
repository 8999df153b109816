"""Branches whose outputs add, and factors: laws, and closed forms of outputs that correlate."""

import numpy as np
import pytest

import meanfield as mf
from meanfield.montecarlo.layer_passes import forward
from meanfield.montecarlo.materialized import Materialized
from meanfield.networks.text.text import written

MLP = [mf.Dense(0.9, 0.2), "gelu", mf.Dense(1.2, 0.1)]
OTHER = ["tanh", mf.Dense(1.3, 0.3)]


def same(one, other, depth=6):
    """Whether both blocks have the same signals, correlations and gradients, up to rounding."""
    for q, q2 in ((1.3, None), (0.8, 2.1)):
        a, b = (mf.propagate(block, depth, q=q, q2=q2, c=0.35) for block in (one, other))
        for name in ("q", "one_minus_c", "gradient"):
            np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=1e-12)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (mf.Parallel(MLP), mf.Network(*MLP)),
        (mf.Parallel(MLP, OTHER), mf.Parallel(OTHER, MLP)),
        (mf.Parallel(MLP, OTHER, mf.Dense()), mf.Parallel(mf.Parallel(MLP, OTHER), mf.Dense())),
        (mf.Parallel(mf.Scale(0.7), OTHER), mf.Residual(*OTHER, skip_scale=0.7)),
        (mf.Parallel(mf.Scale(0.7), [*OTHER, mf.Scale(-0.4)]), mf.Residual(*OTHER, skip_scale=0.7, branch_scale=-0.4)),
        (mf.Parallel(mf.Scale(0.7), mf.Residual(*OTHER)), mf.Residual(mf.Residual(*OTHER), skip_scale=0.7)),
        (mf.Parallel(mf.Scale(0.3), mf.Scale(0.5), OTHER), mf.Residual(*OTHER, skip_scale=0.8)),
        (mf.Network(mf.Scale(2.0), mf.Scale(-0.3), *OTHER), mf.Network(mf.Scale(-0.6), *OTHER)),
        (mf.Network(mf.LayerNorm(), mf.Scale(3.0), mf.RMSNorm(), *OTHER), mf.Network(mf.LayerNorm(), *OTHER)),
        (mf.Parallel(mf.Dense(0.6), mf.Dense(0.8)), mf.Network(mf.Dense(1.0))),
    ],
    ids=lambda block: written(block)[:40],
)
def test_what_is_written_in_two_ways(one, other):
    same(one, other)
    x = np.random.default_rng(0).standard_normal((3, 20))
    for function in (mf.kernel, mf.ntk):
        if function is mf.kernel or "dense(0.6" not in written(one):  # two layers of weights are not one for the NTK
            np.testing.assert_allclose(function(one, x, 3), function(other, x, 3), rtol=1e-12)


def test_second_moments_gradients_and_tangent_kernels_of_branches_add():
    block, q, d = mf.Parallel(MLP, OTHER, mf.Attention(0.5)), 0.8, 0.3
    parts = [mf.Network(*MLP), mf.Network(*OTHER), mf.Network(mf.Attention(0.5))]
    each, all_of_them = ([mf.propagate(b, 1, q=q, c=1 - d / q) for b in blocks] for blocks in (parts, [block]))
    assert all_of_them[0].q[1] == pytest.approx(sum(t.q[1] for t in each), rel=1e-14)
    assert all_of_them[0].chi[0] == pytest.approx(sum(t.chi[0] for t in each), rel=1e-14)
    distance = sum(t.q[1] * t.one_minus_c[1] for t in each)
    assert all_of_them[0].q[1] * all_of_them[0].one_minus_c[1] == pytest.approx(distance, rel=1e-13)
    x = np.random.default_rng(1).standard_normal((3, 20))
    two = mf.Parallel(MLP, OTHER)
    np.testing.assert_allclose(mf.ntk(two, x, 1), sum(mf.ntk(mf.Network(*b), x, 1) for b in (MLP, OTHER)), rtol=1e-12)


def test_one_branch_may_have_a_mean():
    """relu(Wx) + Vx has the mean 1/√(2π) and the second moment 3/2; LayerNorm divides by their difference."""
    block = mf.Network(mf.Parallel([mf.Dense(), "relu"], mf.Dense()), mf.LayerNorm(), mf.Dense())
    t = mf.propagate(block, 1, q=1.0)
    assert t.chi[0] == pytest.approx(1.5 / (1.5 - 1 / (2 * np.pi)), rel=1e-13)


@pytest.mark.parametrize(
    "branches",
    [
        ("relu", "tanh"),
        (mf.Scale(1), "relu"),
        ([mf.LayerNorm()], mf.Scale(0.5)),
    ],
)
def test_outputs_that_correlate_otherwise_are_refused(branches):
    for use in (mf.variance_map, mf.correlation_map):
        with pytest.raises(mf.InvalidInput, match="two outputs correlate"):
            use(mf.Network(mf.Parallel(*branches), mf.Dense()), 0.5)


def test_branches_of_other_shapes_are_refused():
    layer = mf.Parallel(mf.Dense(), mf.Concatenate("relu", mf.Dense()))
    with pytest.raises(mf.InvalidInput, match="signals of one shape"):
        forward(layer, np.ones((2, 8)), Materialized(np.random.default_rng(0), 8, np.dtype(float), "gaussian"))
    pooled = mf.Network(mf.Parallel(mf.AveragePool(2), mf.Scale(1.0)), mf.Dense())
    with pytest.raises(mf.InvalidInput, match="images of one shape"):
        mf.propagate_pixels(pooled, np.eye(4), 1)
    for wrong in ((), ([],), (3,)):
        with pytest.raises(mf.MeanFieldError):
            mf.Parallel(*wrong)


def test_batches_pass_branches_and_keep_their_gradients():
    inside = [mf.BatchNorm(8), "relu", mf.Dense(1.1)]
    one, other = mf.Network(mf.Parallel(mf.Scale(0.8), inside)), mf.Network(mf.Residual(*inside, skip_scale=0.8))
    for name in ("q", "gradient"):
        np.testing.assert_allclose(*(getattr(mf.propagate(b, 6, c=0.2), name) for b in (one, other)), rtol=1e-12)
