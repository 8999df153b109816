"""Group normalisation: closed forms of small groups, the limit of wide ones, and what is refused."""

import numpy as np
import pytest

import meanfield as mf
from meanfield.montecarlo.layer_passes import forward
from meanfield.montecarlo.materialized import Materialized

SURROGATE = mf.activation("sign", surrogate="exp(-x**2)")


@pytest.mark.parametrize(
    ("name", "size", "q", "chi"),
    [
        ("relu", 8, 0.5, 6 / 5),
        ("relu", 16, 0.5, 14 / 13),
        ("relu", 32, 0.5, 30 / 29),
        ("tanh", 16, 0.40603375, 1.258460816),
        ("linear", 8, 1.0, 6 / 5),
    ],
)
def test_small_groups(name, size, q, chi):
    run = mf.propagate(mf.Network(mf.GroupNorm(size=size), name, mf.Dense()), 3, q=2.0)
    assert run.q[1:] == pytest.approx(q, rel=2e-8)
    assert run.chi[1] == pytest.approx(chi, rel=2e-8)
    assert run.chi[0] == pytest.approx(chi * q / 2.0, rel=2e-8)


def test_a_sphere_that_is_drawn():
    """E φ² and E |∂φ(y)/∂h|² of φ = gelu on groups of 6 Gaussian units of variance 1.7, and a dense layer at once."""
    rng, phi, n = np.random.default_rng(0), mf.activation("gelu"), 6
    h = rng.normal(0, 1.7**0.5, (100_000, n))
    h -= h.mean(axis=1, keepdims=True)
    size = np.sqrt(np.mean(h**2, axis=1, keepdims=True))
    y = h / size
    back = phi.derivative(y) * rng.standard_normal(y.shape)
    back = (back - back.mean(axis=1, keepdims=True) - y * np.mean(y * back, axis=1, keepdims=True)) / size
    run = mf.propagate(mf.Network(mf.GroupNorm(size=n), "gelu", mf.Dense()), 1, q=1.7)
    for found, drawn in ((run.q[1], phi(y) ** 2), (run.chi[0], back**2)):
        each = drawn.mean(axis=1)
        assert found == pytest.approx(each.mean(), abs=5 * each.std() / 100_000**0.5)
    linear = mf.propagate(mf.Network(mf.GroupNorm(size=n), mf.Dense()), 1, q=1.7)
    assert linear.chi[0] == pytest.approx(4 / 3 / 1.7, rel=1e-14)


def test_wide_groups_are_layer_normalisation():
    for branch in (["relu", mf.Dense(1.3, 0.2)], [mf.Dense(), "gelu", mf.Dense(0.8)]):
        blocks = [mf.Residual(norm, *branch, skip_scale=0.9) for norm in (mf.GroupNorm(32), mf.LayerNorm())]
        assert mf.analyze(blocks[0]) == mf.analyze(blocks[1])
    wide = mf.propagate(mf.Network(mf.GroupNorm(size=10**5), "relu", mf.Dense(2**0.5)), 3)
    assert wide.chi == pytest.approx(1.0, rel=2e-5)


def test_what_it_does_to_a_signal():
    draw = Materialized(np.random.default_rng(0), 6, np.dtype(float), "gaussian")
    x = np.array([[1.0, 3.0, 5.0, 1.0, 9.0, 2.0]])
    np.testing.assert_allclose(forward(mf.GroupNorm(2), x, draw)[0][0, :3], np.array([-1, 0, 1]) * 1.5**0.5)
    for wrong in (mf.GroupNorm(4), mf.GroupNorm(size=4), mf.GroupNorm(7)):
        with pytest.raises(mf.InvalidInput, match="cannot be parted"):
            forward(wrong, x, draw)


@pytest.mark.parametrize(
    ("use", "match"),
    [
        (lambda: mf.GroupNorm(), "number of groups"),
        (lambda: mf.GroupNorm(4, 8), "number of groups"),
        (lambda: mf.GroupNorm(size=3), "size must be"),
        (lambda: mf.analyze("groupnorm(size=8), relu, dense"), "only one input"),
        (lambda: mf.propagate("groupnorm(size=8), relu, dense", 2, c=0.5), "only one input"),
        (lambda: mf.propagate("groupnorm(size=8), dropout(0.1), relu, dense", 2), "not Gaussian"),
        (lambda: mf.propagate("relu, dense, groupnorm(size=8)", 2), "not Gaussian"),
        (lambda: mf.propagate("dense, relu, groupnorm(size=8), dense", 2), "needs Gaussian units"),
        (lambda: mf.propagate([mf.Network(mf.Dense(), mf.GroupNorm(size=8)), mf.mlp("relu")], 2), "not Gaussian"),
        (
            lambda: mf.propagate(
                mf.Network(mf.GroupNorm(size=8), mf.activation("sign", surrogate="exp(-x**2)"), mf.Dense()), 2
            ),
            "surrogate",
        ),
    ],
)
def test_what_is_not_known_is_refused(use, match):
    with pytest.raises(mf.MeanFieldError, match=match):
        use()
