"""Skip connections: second moments, differences and gradients of the two ways add."""

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rounding import assert_equal_covariances
from standard_deviations import deviations

import meanfield as mf
from meanfield.networks.layers.residual import Residual
from meanfield.theory.layer_maps import two_points
from meanfield.theory.states import Pair

MAPS = settings(max_examples=25)
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(160)
WEIGHTS = WEIGHTS / np.sqrt(2 * np.pi)
BRANCHES = {
    "pre-activation": ("erf", mf.Dense(1.3, 0.2)),
    "two layers": ("relu", mf.Dense(1.2, 0.1), "erf", mf.Dense(0.7, 0.3)),
    "full": (mf.Dense(0.9, 0.2), "tanh", mf.Dense(1.1, 0.4)),
    "reduced": (mf.Dense(1.4, 0.3), "erf"),
    "nested": ("sin", mf.Dense(0.8, 0.5), Residual("relu", mf.Dense(1.1), branch_scale=0.5)),
    "linear": (mf.Dense(0.6, 0.2),),
}
branches = pytest.mark.parametrize("branch", BRANCHES.values(), ids=BRANCHES)
scales = st.floats(-2, 2).filter(lambda s: abs(s) > 1e-3)


def pair(block, q, c):
    """q and 1 − c one block on."""
    t = mf.propagate(block, 1, q=q, c=c)
    return t.q[1], t.one_minus_c[1]


@branches
def test_moments_differences_and_gradients_add(branch):
    q, c, s, b = 0.8, 0.35, 0.7, 1.6
    alone = mf.propagate(mf.Network(*branch), 1, q=q, c=c)
    t = mf.propagate(Residual(*branch, branch_scale=b, skip_scale=s), 1, q=q, c=c)
    assert t.q[1] == pytest.approx(s**2 * q + b**2 * alone.q[1], rel=1e-14)
    distance = s**2 * q * (1 - c) + b**2 * alone.q[1] * alone.one_minus_c[1]
    assert t.q[1] * t.one_minus_c[1] == pytest.approx(distance, rel=1e-13)
    assert t.chi[0] == pytest.approx(s**2 + b**2 * alone.chi[0], rel=1e-14)


@branches
def test_slopes_are_derivatives(branch):
    block, h = Residual(*branch, branch_scale=0.8, skip_scale=0.6), 1e-5
    a = mf.analyze(block)
    q = float(a.q_star)
    assert 0 < q < np.inf
    low, high = mf.variance_map(block, [q * (1 - h), q * (1 + h)]).value
    assert a.chi_parallel == pytest.approx((high - low) / (2 * h * q), rel=1e-8)
    c = float(a.c_star) if a.c_star < 1 - 1e-6 else 0.999
    below, above = mf.correlation_map(block, [c - 1e-5, c + 1e-5]).value
    if a.c_star < 1:
        assert a.chi_c == pytest.approx((above - below) / 2e-5, rel=1e-6)
    assert mf.correlation_map(block, 1 - 1e-7).value == pytest.approx(1 - 1e-7 * a.chi_1, abs=1e-10)


def test_a_two_layer_branch_by_a_product_of_gauss_hermite_rules():
    q, c, s, b = 0.7, 0.4, 0.9, 0.5
    u, v = np.sqrt(q) * NODES[:, None], np.sqrt(q) * (c * NODES[:, None] + np.sqrt(1 - c * c) * NODES)
    q_h = 1.44 * float(WEIGHTS @ np.sin(np.sqrt(q) * NODES) ** 2) + 0.01
    k_h = 1.44 * float(WEIGHTS @ (np.sin(u) * np.sin(v)) @ WEIGHTS) + 0.01
    c_h = k_h / q_h
    u, v = np.sqrt(q_h) * NODES[:, None], np.sqrt(q_h) * (c_h * NODES[:, None] + np.sqrt(1 - c_h * c_h) * NODES)
    q_out = s**2 * q + b**2 * (0.49 * float(WEIGHTS @ np.tanh(np.sqrt(q_h) * NODES) ** 2) + 0.09)
    k_out = s**2 * q * c + b**2 * (0.49 * float(WEIGHTS @ (np.tanh(u) * np.tanh(v)) @ WEIGHTS) + 0.09)
    branch = ("sin", mf.Dense(1.2, 0.1), "tanh", mf.Dense(0.7, 0.3))
    found_q, found_gap = pair(Residual(*branch, branch_scale=b, skip_scale=s), q, c)
    assert found_q == pytest.approx(q_out, rel=1e-12)
    assert found_gap == pytest.approx(1 - k_out / q_out, rel=1e-11)


@pytest.mark.sweep(2)
@pytest.mark.parametrize(("skip", "branch", "sigma_w", "sigma_b"), [(0.95, 0.4, 2.2, 0.05), (0.6, 1.0, 1.7, 0.3)])
def test_the_fixed_point_to_twenty_digits(skip, branch, sigma_w, sigma_b):
    with mpmath.workdps(20):
        s2, b2, w2, beta = (mpmath.mpf(x) ** 2 for x in (skip, branch, sigma_w, sigma_b))

        def gaussian(f, q):
            return mpmath.quad(lambda z: f(mpmath.sqrt(q) * z) * mpmath.npdf(z), mpmath.linspace(-11, 11, 12))

        def excess(q):
            return s2 * q + b2 * (w2 * gaussian(lambda x: mpmath.tanh(x) ** 2, q) + beta) - q

        q = mpmath.findroot(excess, (mpmath.mpf(1), mpmath.mpf(2)))
        chi = s2 + b2 * w2 * gaussian(lambda x: mpmath.sech(x) ** 4, q)
    a = mf.analyze(Residual("tanh", mf.Dense(sigma_w, sigma_b), branch_scale=branch, skip_scale=skip))
    assert a.q_star == pytest.approx(float(q), rel=1e-12)
    assert a.chi_1 == pytest.approx(float(chi), rel=1e-12)
    (point,) = mf.fixed_points(Residual("tanh", mf.Dense(sigma_w, sigma_b), branch_scale=branch, skip_scale=skip))
    assert point.q == pytest.approx(float(q), rel=1e-12)
    assert point.stable


@branches
def test_a_branch_of_scale_zero_is_not_there(branch):
    """ReZero (Bachlechner et al. 2020)."""
    t = mf.propagate(Residual(*branch, branch_scale=0.0), 5, q=0.7, c=0.2)
    assert t.q == pytest.approx(0.7, rel=1e-14)
    assert t.c == pytest.approx(0.2, rel=1e-13)
    assert t.gradient == pytest.approx(1.0, rel=1e-14)
    assert mf.analyze(Residual(*branch, branch_scale=0.0)).phase == "critical"


@pytest.mark.sweep(2)
@branches
def test_without_the_skip_it_is_the_branch(branch):
    plain, residual = mf.Network(*branch), Residual(*branch, skip_scale=0.0)
    there, here = mf.analyze(plain), mf.analyze(residual)
    for field, value in vars(there).items():
        got = getattr(here, field)
        assert np.array_equal(got, value) if field == "phase" else got == pytest.approx(value, rel=1e-12), field


def test_without_the_skip_the_branch_may_be_anything():
    assert mf.variance_map(Residual("relu", skip_scale=0.0), 2.0).value == pytest.approx(1.0, rel=1e-14)
    block = mf.Network(mf.Dense(2**0.5), Residual("relu", skip_scale=0.0))
    assert mf.analyze(block).chi_1 == pytest.approx(1, rel=1e-14)


def test_signs_of_scales_do_not_matter():
    t, s = (mf.propagate(Residual("gelu", mf.Dense(1.2), branch_scale=b, skip_scale=k), 3, c=0.1) for b, k in
            ((0.5, 0.8), (-0.5, -0.8)))  # fmt: skip
    assert np.array_equal(t.q, s.q)
    assert np.array_equal(t.one_minus_c, s.one_minus_c)


def test_arrays_of_scales_give_what_their_entries_give():
    layer = Residual("erf", mf.Dense([1.0, 3.0], 0.1), branch_scale=[[0.1], [0.5], [2.0]], skip_scale=0.9)
    together = mf.analyze(layer)
    assert together.q_star.shape == (3, 2)
    t = mf.propagate(layer, 3, c=0.3)
    for i, j in np.ndindex(3, 2):
        single = Residual("erf", mf.Dense([1.0, 3.0][j], 0.1), branch_scale=[0.1, 0.5, 2.0][i], skip_scale=0.9)
        alone = mf.analyze(single)
        for field in ("q_star", "chi_1", "c_star", "chi_c"):
            assert getattr(together, field)[i, j] == pytest.approx(getattr(alone, field), rel=1e-11)
        assert t.q[3, i, j] == pytest.approx(mf.propagate(single, 3).q[3], rel=1e-13)


def test_a_phase_diagram_sets_the_weights_in_the_branch():
    block = Residual("erf", mf.Dense(), skip_scale=0.8)
    diagram = mf.phase_diagram(block, [0.5, 2.5], [0.1, 0.4])
    for i, j in np.ndindex(2, 2):
        alone = mf.analyze(Residual("erf", mf.Dense([0.5, 2.5][i], [0.1, 0.4][j]), skip_scale=0.8))
        assert diagram.q_star[i, j] == pytest.approx(alone.q_star, rel=1e-11)
        assert diagram.phase[i, j] == alone.phase


@MAPS
@given(st.sampled_from(list(BRANCHES)), st.floats(0.05, 5), st.floats(0.05, 5), st.floats(-0.99, 0.99), scales, scales)
def test_psd_in_psd_out(name, q, q2, c, branch_scale, skip_scale):
    t = mf.propagate(Residual(*BRANCHES[name], branch_scale=branch_scale, skip_scale=skip_scale), 2, q=q, q2=q2, c=c)
    assert np.all(t.q > 0)
    assert np.all(np.abs(t.c) <= 1)
    assert np.all(t.q[1:] >= skip_scale**2 * t.q[:-1])
    assert np.all(t.chi >= skip_scale**2)


@MAPS
@given(scales, scales, st.floats(0.05, 5), st.floats(-1, 1), deviations(2), deviations(1))
def test_a_linear_branch_only_scales_what_is_left_of_the_difference(b, s, q, c, sigma_w, sigma_b):
    block = Residual(mf.Dense(sigma_w, sigma_b), branch_scale=b, skip_scale=s)
    out, gap = pair(block, q, c)
    assert out == pytest.approx((s**2 + (b * sigma_w) ** 2) * q + (b * sigma_b) ** 2, rel=1e-13)
    assert gap * out == pytest.approx((s**2 + (b * sigma_w) ** 2) * q * (1 - c), rel=1e-12, abs=1e-15)


def test_the_kernel_is_positive_and_permutes_with_its_inputs():
    x = np.random.default_rng(0).standard_normal((6, 9))
    block = Residual("gelu", mf.Dense(1.4, 0.2), branch_scale=0.7)
    k = mf.kernel(block, x, 4)
    assert np.linalg.eigvalsh(k).min() > 0
    order = [3, 1, 5, 0, 2, 4]
    assert_equal_covariances(mf.kernel(block, x[order], 4), k[np.ix_(order, order)], rtol=1e-12)


@pytest.mark.parametrize("gap", [1e-12, 1e-20, 1e-25])
def test_nearly_equal_inputs_keep_their_digits(gap):
    after = two_points(Residual("relu", mf.Dense(2**0.5), branch_scale=0.5), Pair.at(1.0, gap))
    with mpmath.workdps(40):
        angle = 2 * mpmath.asin(mpmath.sqrt(mpmath.mpf(gap) / 2))
        relu = 1 - (mpmath.sin(angle) + (mpmath.pi - angle) * mpmath.cos(angle)) / mpmath.pi
        expected = float((gap + relu / 4) / (1 + mpmath.mpf(1) / 4))
    assert after.one_minus_c == pytest.approx(expected, rel=1e-12)


def test_relu_is_critical_at_twice_what_the_skip_leaves():
    """Doshi, He & Gromov 2021 (arXiv:2111.12143): σ_w² = 2(1 − μ²) for skip weight μ."""
    for mu in (0.0, 0.1, 0.5, 0.9, 0.999):
        line = mf.critical_line(Residual("relu", mf.Dense(), skip_scale=mu), 0.0)
        assert line.sigma_w == pytest.approx([(2 * (1 - mu**2)) ** 0.5], rel=1e-13)
        assert np.all(np.abs(line.sigma_w - (2 * (1 - mu**2)) ** 0.5) <= line.error)
        a = mf.analyze(Residual("relu", mf.Dense(line.sigma_w[0]), skip_scale=mu))
        assert (str(a.phase), float(a.q_star)) == ("critical", 1.0)
        assert len(mf.critical_line(Residual("relu", mf.Dense(), skip_scale=mu), 0.1)) == 0


@pytest.mark.parametrize("name", ["erf", "gelu", "sin"])
@pytest.mark.parametrize("branch_scale", [0.01, 1.0])
def test_the_critical_line_is_where_the_gradient_factor_is_one(name, branch_scale):
    block = Residual(name, mf.Dense(), branch_scale=branch_scale, skip_scale=0.8)
    line = mf.critical_line(block, np.array([0.1, 0.5, 2.0]))
    assert len(line) >= 3
    for i in range(len(line)):
        here = Residual(name, mf.Dense(line.sigma_w[i], line.sigma_b[i]), branch_scale=branch_scale, skip_scale=0.8)
        assert mf.variance_map(here, line.q[i]).value == pytest.approx(line.q[i], rel=1e-12)
        assert mf.propagate(here, 1, q=line.q[i]).chi[0] == pytest.approx(1, rel=1e-13)
        if line.stable[i]:
            assert mf.analyze(here).chi_parallel == pytest.approx(line.chi_parallel[i], rel=1e-9)


def test_the_critical_line_of_a_block_of_two_residuals():
    block = mf.Network(Residual("erf", mf.Dense(), skip_scale=0.7), Residual("erf", mf.Dense(), skip_scale=0.9))
    (sigma_w,) = mf.critical_line(block, 0.2).sigma_w
    assert mf.analyze(block.at(sigma_w=sigma_w, sigma_b=0.2)).chi_1 == pytest.approx(1, abs=1e-9)


def test_with_a_whole_skip_gradients_only_grow():
    assert len(mf.critical_line(Residual("tanh", mf.Dense()), [0.0, 0.3])) == 0
    a = mf.analyze(Residual("erf", mf.Dense(1.5, 0.2)))
    assert (float(a.q_star), str(a.phase)) == (np.inf, "unbounded")
    assert a.chi_1 == pytest.approx(1, rel=1e-12)
    assert [p.q for p in mf.fixed_points(Residual("erf", mf.Dense(1.5)))] == [0.0]
    assert mf.fixed_points(Residual("erf", mf.Dense(1.5, 0.2))) == ()


@pytest.mark.parametrize(
    ("block", "why"),
    [
        (Residual("linear"), "fresh weights"),
        (Residual(Residual("tanh", mf.Dense()), "linear"), "fresh weights"),
        (Residual(Residual("tanh", mf.Dense()), mf.LayerNorm()), "fresh weights"),
    ],
)
def test_what_correlates_with_the_skip_is_refused(block, why):
    for use in (
        mf.analyze,
        mf.fixed_points,
        lambda block: mf.variance_map(block, 1.0),
        lambda block: mf.correlation_map(block, 0.5, q=1.0),
        lambda block: mf.propagate(block, 2, c=0.5),
        lambda block: mf.kernel(block, np.eye(3), 1),
        lambda block: mf.critical_line(block, 0.1),
    ):
        with pytest.raises(mf.InvalidInput, match=f"{why}|not Gaussian"):
            use(block)


@pytest.mark.parametrize(
    ("b", "s", "inner_b", "inner_s"), [(0.6, 0.9, 0.5, 0.8), (-0.7, 1.0, 1.2, 0.5), (1.0, 1.0, 1.0, -1.0)]
)
def test_a_skip_connection_around_a_skip_connection_is_one_with_the_sum_of_their_scales(b, s, inner_b, inner_s):
    branch = ("gelu", mf.Dense(1.3, 0.2))
    nested = mf.Network(
        Residual(Residual(*branch, branch_scale=inner_b, skip_scale=inner_s), branch_scale=b, skip_scale=s)
    )
    flat = mf.Network(Residual(*branch, branch_scale=b * inner_b, skip_scale=s + b * inner_s))
    one, other = (mf.propagate(block, 5, q=1.7, q2=0.4, c=0.3) for block in (nested, flat))
    for field in ("q", "one_minus_c", "chi", "gradient"):
        np.testing.assert_allclose(getattr(one, field), getattr(other, field), rtol=1e-12)
    x = np.random.default_rng(0).standard_normal((4, 6))
    np.testing.assert_allclose(mf.kernel(nested, x, 3), mf.kernel(flat, x, 3), rtol=1e-11, atol=1e-13)


def test_around_two_skip_connections_and_dropout_written_out():
    """x ↦ x + b·D(x + f(x) + g(x + f(x))), with Ef = Eg = 0 given their input and a mask D of mean 1."""
    b, keep = 0.5, 0.8
    f, g = mf.Network("tanh", mf.Dense(1.4)), mf.Network("erf", mf.Dense(0.9, 0.3))
    block = mf.Network(Residual(Residual(*f), Residual(*g), mf.Dropout(1 - keep), branch_scale=b), mf.Dense(1.0))
    of_f = mf.variance_map(f, 1.3).value
    inside = 1.3 + of_f + mf.variance_map(g, 1.3 + of_f).value
    assert mf.variance_map(block, 1.3).value == pytest.approx(1.3 + b**2 * inside / keep + 2 * b * 1.3, rel=1e-13)


def test_where_skips_of_skips_carry_all_the_correlation_settles_as_with_one():
    """x/2 + (x + f(x))/2 = x + f(x)/2: q grows for ever, and c* is that of f alone."""
    branch = ("tanh", mf.Dense(1.2, 0.3))
    nested = mf.Network(Residual(Residual(*branch), branch_scale=0.5, skip_scale=0.5))
    c = float(mf.analyze(nested).c_star)
    assert c == pytest.approx(float(mf.analyze(mf.Network(Residual(*branch))).c_star), abs=1e-10)
    assert 0.1 < c < 0.2


@pytest.mark.parametrize(
    "block",
    [
        mf.Network(mf.AdditiveNoise(0.8), Residual("tanh", mf.Dense(1.0, 0.5))),
        mf.Network(Residual("tanh", mf.Dense(1.0, 0.5)), mf.AdditiveNoise(0.8)),
        mf.Network(Residual(mf.AdditiveNoise(0.8), skip_scale=0.0), Residual("tanh", mf.Dense(1.0, 0.5))),
    ],
)
def test_where_noise_and_a_branch_add_to_a_growing_signal_correlation_settles_at_their_proportion(block):
    """Of large signals tanh leaves signs: Δq = 1 + σ_b² + s², Δd = (1 − c)Δq = 1 − 2 arcsin(c)/π + s²."""
    with mpmath.workdps(30):
        c = mpmath.findroot(lambda c: (1 - c) * (1 + 0.25 + 0.64) - (1 - 2 * mpmath.asin(c) / mpmath.pi + 0.64), 0.2)
    assert float(mf.analyze(block).c_star) == pytest.approx(float(c), rel=1e-12)


def test_a_jump_in_the_branch_makes_gradients_infinite_unless_its_scale_is_zero():
    assert mf.propagate(Residual("sign", mf.Dense()), 2).chi[0] == np.inf
    assert mf.propagate(Residual("sign", mf.Dense(), branch_scale=0.0), 2).chi[0] == 1
    with pytest.raises(mf.InfiniteDerivative):
        mf.critical_line(Residual("sign", mf.Dense(), skip_scale=0.5), 0.1)


def test_a_signal_beyond_floats_is_an_error():
    with pytest.raises(mf.DivergentExpectation):
        mf.propagate(Residual("relu", mf.Dense(), branch_scale=1e100), 10)
