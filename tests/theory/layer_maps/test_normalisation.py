"""Layer and RMS normalisation: moments are divided out, means are tracked to where they are subtracted."""

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import meanfield as mf
from meanfield.networks.layers.concatenation import Concatenate
from meanfield.networks.layers.dropout import Dropout
from meanfield.networks.layers.normalisation import LayerNorm, RMSNorm
from meanfield.networks.layers.residual import Residual
from meanfield.theory.assumptions.block import check_gaussian
from meanfield.theory.layer_maps import one_point, two_points
from meanfield.theory.states import Pair, Point, spread_of

MAPS = settings(max_examples=25)
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(160)
WEIGHTS = WEIGHTS / np.sqrt(2 * np.pi)
NORMS = (LayerNorm, RMSNorm)
BLOCKS = {
    "pre-activation": mf.Network(LayerNorm(), "erf", mf.Dense(1.3, 0.2)),
    "post-activation": mf.Network("gelu", LayerNorm(), mf.Dense(1.3, 0.2)),
    "last": mf.Network("relu", mf.Dense(1.1, 0.3), LayerNorm()),
    "root mean square": mf.Network("softplus", RMSNorm(), mf.Dense(1.3, 0.2)),
    "pre-norm": Residual(LayerNorm(), mf.Dense(1.2), "relu", mf.Dense(0.8, 0.4), skip_scale=0.9),
    "post-norm": mf.Network(Residual(mf.Dense(1.2), "gelu", mf.Dense(0.8)), LayerNorm()),
    "branch ends in it": Residual(mf.Dense(1.2, 0.3), "relu", LayerNorm(), skip_scale=0.7),
    "after a skip with a mean": mf.Network(
        "relu", Residual(mf.Dense(), "tanh", skip_scale=-0.8), LayerNorm(), mf.Dense()
    ),
    "after dropout": mf.Network("sigmoid", Dropout(0.2), LayerNorm(), mf.Dense(1.5)),
}
blocks = pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)


def average(f, q):
    return np.sum(WEIGHTS * f(np.sqrt(q) * NODES))


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "softplus", "gelu", "sin", "x + x**2/3"])
@pytest.mark.parametrize("q", [0.1, 0.9])
def test_the_gradient_is_divided_by_the_variance_over_units(name, q):
    phi = mf.activation(name)
    second, mean = average(lambda x: phi(x) ** 2, q), average(phi, q)
    slope = average(lambda x: phi.derivative(x) ** 2, q)
    for norm, size in ((LayerNorm(), second - mean**2), (RMSNorm(), second)):
        t = mf.propagate(mf.Network(phi, norm, mf.Dense(1.5, 0.2)), 1, q=q)
        assert t.q[1] == pytest.approx(1.5**2 + 0.2**2, rel=1e-14)
        assert t.chi[0] == pytest.approx(1.5**2 * slope / size, rel=1e-11)


def relu_gaps(q1, q2, gap):
    """1 − c after ReLU and LayerNorm, after ReLU and RMSNorm, and d before them, at 40 digits."""
    with mpmath.workdps(40):
        q1, q2, gap = map(mpmath.mpf, (q1, q2, gap))
        angle, root = 2 * mpmath.asin(mpmath.sqrt(gap / 2)), mpmath.sqrt(q1 * q2)
        product = (mpmath.sin(angle) + (mpmath.pi - angle) * mpmath.cos(angle)) / (2 * mpmath.pi)
        centred = (product - 1 / (2 * mpmath.pi)) / (mpmath.mpf(1) / 2 - 1 / (2 * mpmath.pi))
        return [
            float(a) for a in (1 - centred, 1 - 2 * product, root * gap + (mpmath.sqrt(q1) - mpmath.sqrt(q2)) ** 2 / 2)
        ]


@pytest.mark.parametrize("q2", [0.5, 0.5 * (1 + 1e-7), 2.0, 1e-3])
@pytest.mark.parametrize("gap", [1e-25, 1e-12, 1e-3, 0.4, 1.0, 2.0])
def test_pairs_keep_the_digits_that_they_have(q2, gap):
    centred, plain, d = relu_gaps(0.5, q2, gap)
    before = Pair.at(0.5, d) if q2 == 0.5 else Pair.of(0.5, q2, d)
    for norm, expected in ((LayerNorm(), centred), (RMSNorm(), plain)):
        after = two_points(mf.Network("relu", norm), before)
        assert (after.q1, after.q2) == (1.0, 1.0)
        if q2 == 0.5:
            assert after.d.value == pytest.approx(expected, rel=2e-15)
        elif gap > 1e-4:
            assert after.d.value == pytest.approx(expected, rel=1e-10)
        assert abs(after.d.value - expected) <= after.d.error + 1e-18


@pytest.mark.sweep(2)
@blocks
def test_slopes_are_derivatives(block):
    a = mf.analyze(block)
    q, h = float(a.q_star), 1e-4
    low, high = mf.variance_map(block, [q * (1 - h), q * (1 + h)]).value
    assert a.chi_parallel == pytest.approx((high - low) / (2 * h * q), rel=1e-6, abs=1e-11)
    c = float(a.c_star) if a.c_star < 1 - 1e-6 else 0.99
    t = [mf.propagate(block, 1, q=q, c=c + s * 1e-5).c[1] for s in (-1, 1)]
    slope = (t[1] - t[0]) / 2e-5
    if a.c_star < 1 - 1e-6:
        assert a.chi_c == pytest.approx(slope, rel=1e-6)
    else:
        assert slope < 1


@pytest.mark.parametrize("name", ["pre-activation", "post-activation", "last", "pre-norm", "post-norm"])
def test_the_slope_at_one_is_the_gradient_factor(name):
    block = BLOCKS[name]
    a = mf.analyze(block)
    gap = 1e-9
    q = float(a.q_star)
    after = two_points(block, Pair.at(q, q * gap))
    assert after.one_minus_c / gap == pytest.approx(a.chi_1, rel=1e-4)


@pytest.mark.sweep(2)
@blocks
def test_deep_networks_end_where_the_analysis_says(block):
    a, t = mf.analyze(block), mf.propagate(block, 3000, c=0.2)
    assert t.q[-1] == pytest.approx(a.q_star, rel=1e-12)
    assert t.c[-1] == pytest.approx(a.c_star, abs=1e-9)
    (point,) = mf.fixed_points(block)
    assert (point.q, point.stable) == (pytest.approx(a.q_star, rel=1e-12), True)


@MAPS
@given(st.sampled_from(list(BLOCKS)), st.floats(0.05, 5), st.floats(0.05, 5), st.floats(-0.99, 0.99))
def test_correlations_stay_correlations(name, q, q2, c):
    t = mf.propagate(BLOCKS[name], 2, q=q, q2=q2, c=c)
    assert np.all(t.q > 0)
    assert np.all(np.abs(t.c) <= 1)


@blocks
def test_the_kernel_is_positive_and_permutes_with_its_inputs(block):
    x = np.random.default_rng(0).standard_normal((6, 9)) * np.linspace(0.5, 2, 6)[:, None]
    k = mf.kernel(block, x, 3)
    assert np.linalg.eigvalsh(k).min() > 0
    order = [3, 1, 5, 0, 2, 4]
    np.testing.assert_allclose(mf.kernel(block, x[order], 3), k[np.ix_(order, order)], rtol=1e-11)


def same(one, other, **start):
    first, second = (mf.propagate(block, 3, q=0.7, c=0.3, q2=1.9, **start) for block in (one, other))
    for name in ("q", "one_minus_c", "chi"):
        np.testing.assert_allclose(getattr(first, name), getattr(second, name), rtol=1e-12, err_msg=name)


def test_what_it_reduces_to():
    dense = mf.Dense(1.2, 0.3)
    same(mf.Network(RMSNorm(), "gelu", dense), mf.Network(LayerNorm(), "gelu", dense))  # no mean: both the same
    same(mf.Network("erf", RMSNorm(), dense), mf.Network("erf", LayerNorm(), dense))
    same(mf.Network("gelu", LayerNorm(), LayerNorm(), dense), mf.Network("gelu", LayerNorm(), dense))
    same(mf.Network("gelu", RMSNorm(), LayerNorm(), dense), mf.Network("gelu", LayerNorm(), dense))
    same(mf.Network("gelu", LayerNorm(), dense), mf.Network("7*gelu(x) + 5", LayerNorm(), dense))
    same(mf.Network("gelu", mf.Dense(1.0), LayerNorm()), mf.Network("gelu", mf.Dense(9.0), LayerNorm()))
    same(Residual(LayerNorm(), "gelu", dense, skip_scale=0), mf.Network(LayerNorm(), "gelu", dense))
    same(Residual("gelu", LayerNorm(), dense, branch_scale=0), mf.Dense(1.0))


@pytest.mark.parametrize(
    ("layers", "weights"),
    [
        ((Dropout(0.25),), None),
        ((RMSNorm(),), None),
        ((Residual(mf.Dense(0.7), "tanh", branch_scale=0.5, skip_scale=-0.8),), (-0.8, 0.5)),
        ((Concatenate(mf.Dense(0.7, 0.4), "softplus", growth=0.6),), "beside"),
    ],
)
def test_means_are_tracked(layers, weights):
    phi, q = mf.activation("sigmoid"), 1.7
    second, mean = average(lambda x: phi(x) ** 2, q), average(phi, q)
    after = one_point(mf.Network("sigmoid", *layers), Point.at(q))
    spread = spread_of(after.spread, after.q)
    if weights is None:
        expected = mean / np.sqrt(second) if isinstance(layers[0], RMSNorm) else mean
    elif weights == "beside":
        soft = average(lambda x: np.log1p(np.exp(x)), 0.49 * second + 0.16)
        expected = (mean + 0.6 * soft) / 1.6
    else:
        expected = weights[0] * mean
    assert spread.mean.value == pytest.approx(expected, rel=1e-12)
    assert spread.variance.value == pytest.approx(after.q.value - expected**2, rel=1e-12)


def test_a_small_variance_beside_a_large_mean_keeps_its_digits():
    q = 1e-12
    t = mf.propagate(mf.Network("sigmoid", LayerNorm(), mf.Dense(1.0)), 1, q=q)
    assert t.chi[0] * q == pytest.approx(1.0, rel=1e-10)  # Var φ = q φ′(0)² + O(q²)


def test_a_mean_from_the_block_before_is_refused():
    for block in (
        mf.Network(LayerNorm(), mf.Dense(), "relu"),
        mf.Network(Residual(LayerNorm(), mf.Dense()), mf.Dense(), "relu"),
        mf.Network(RMSNorm(), Dropout(0.1), LayerNorm(), mf.Dense(), "relu"),
    ):
        for use in (mf.analyze, mf.fixed_points):
            with pytest.raises(mf.InvalidInput, match="mean behind relu in the previous block is not known"):
                use(block)
        assert mf.variance_map(block, 2.0).value > 0  # once is enough
    with pytest.raises(mf.InvalidInput, match="mean behind relu in the previous block"):
        mf.kernel([mf.Network(mf.Dense(), "relu"), mf.Network(LayerNorm(), mf.Dense())], np.eye(2), 2)
    whole = mf.propagate(mf.Network(mf.Dense(), "relu", LayerNorm(), mf.Dense()), 1, c=0.3)
    parts = mf.propagate([mf.Network(mf.Dense(), "relu"), mf.Network(LayerNorm(), mf.Dense())], 2, c=0.3)
    assert (parts.c[2], parts.gradient[0]) == pytest.approx((whole.c[1], whole.gradient[0]), rel=1e-13)
    check_gaussian(mf.Network(LayerNorm(), mf.Dense(), "tanh"))
    check_gaussian(mf.Network(mf.Dense(), "relu", LayerNorm()))


def test_a_signal_that_does_not_vary_is_refused():
    for block in (
        mf.Network(mf.Dense(0.0, 0.0), LayerNorm()),
        mf.Network(mf.Dense(0.0, 0.0), RMSNorm()),
        mf.Network(lambda x: 0 * x + 3.0, LayerNorm(), mf.Dense()),
    ):
        for use in (mf.analyze, lambda b: mf.propagate(b, 2, c=0.5), lambda b: mf.kernel(b, np.eye(2), 2)):
            with pytest.raises(mf.InvalidInput, match="would divide by zero"):
                use(block)
    with pytest.raises(mf.InvalidInput, match="would divide by zero"):
        mf.propagate(mf.Network(LayerNorm(), "tanh", mf.Dense(0.0, 0.0)), 2, c=0.5)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", ["softshrink", "tanh", "sigmoid"])
def test_a_signal_too_small_for_floats_is_not_one_that_does_not_vary(name, norm):
    block = mf.Network(name, norm(), mf.Dense(1.3, 0.2))
    assert np.all(mf.variance_map(block, [0.0, 1e-280, 1e-4, 1.0]).value == pytest.approx(1.73, rel=1e-14))
    assert mf.analyze(block).q_star == pytest.approx(1.73, rel=1e-12)


def test_many_norms_in_a_row_at_no_signal_at_all():
    for layers in (
        ("relu", RMSNorm(), LayerNorm(), RMSNorm()),
        ("sin", Concatenate(RMSNorm(), LayerNorm()), RMSNorm()),
    ):
        block = mf.Network(*layers, mf.Dense(1.3, 0.2))
        assert mf.variance_map(block, 0.0).value == pytest.approx(1.73, rel=1e-14)
        (point,) = mf.fixed_points(block)
        assert point.q == pytest.approx(1.73, rel=1e-12)


def test_gradients_are_infinite_where_the_activation_jumps():
    a = mf.analyze(mf.Network("sign", LayerNorm(), mf.Dense(1.3, 0.2)))
    assert (float(a.q_star), float(a.chi_1)) == (pytest.approx(1.73), np.inf)


def test_parameters_may_be_arrays():
    grid = mf.Network("gelu", LayerNorm(), mf.Dense([[0.8], [1.1], [1.4]], [0.1, 0.3]))
    a, diagram = mf.analyze(grid), mf.phase_diagram(grid, [0.8, 1.1, 1.4], [0.1, 0.3])
    for i, j in np.ndindex(3, 2):
        alone = mf.analyze(mf.Network("gelu", LayerNorm(), mf.Dense([0.8, 1.1, 1.4][i], [0.1, 0.3][j])))
        for field in ("q_star", "chi_1", "c_star", "chi_c"):
            expected = pytest.approx(getattr(alone, field), rel=1e-10)
            assert getattr(a, field)[i, j] == getattr(diagram, field)[i, j] == expected


def test_relu_after_it_or_before_it():
    """χ₁ = σ_w² E φ′²/Var φ = σ_w²/(σ_w² + σ_b²) · π/(π − 1) behind ReLU."""
    for sigma_w, sigma_b in ((1.0, 0.0), (0.6, 0.9)):
        a = mf.analyze(mf.Network("relu", LayerNorm(), mf.Dense(sigma_w, sigma_b)))
        share = sigma_w**2 / (sigma_w**2 + sigma_b**2)
        assert a.chi_1 == pytest.approx(share * np.pi / (np.pi - 1), rel=1e-12)
    line = mf.critical_line(mf.Network("relu", LayerNorm(), mf.Dense()), [0.1, 1.0])
    assert line.sigma_w == pytest.approx(np.sqrt(np.pi - 1) * line.sigma_b, rel=1e-12)
