"""Gated linear units: second moments and covariances of the two factors multiply, gradients take both ways."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standard_deviations import deviations

import meanfield as mf
from meanfield.networks.layers.concatenation import Concatenate
from meanfield.networks.layers.dropout import Dropout
from meanfield.networks.layers.gated import Gated
from meanfield.networks.layers.normalisation import LayerNorm, RMSNorm
from meanfield.networks.layers.residual import Residual
from meanfield.theory.assumptions.block import check_gaussian
from meanfield.theory.layer_maps import one_point, pair_slope, two_points
from meanfield.theory.states import Pair, Point

BLOCKS = {
    "SwiGLU": mf.Network(Gated("silu", 1.2, 0.1), mf.Dense(1.0, 0.2)),
    "pre-norm": Residual(RMSNorm(), Gated("silu", 1.3), mf.Dense(0.9), branch_scale=0.4, skip_scale=0.8),
    "GEGLU": mf.Network(RMSNorm(), Gated("gelu", 1.3, 0.3)),
    "GLU": Gated("sigmoid", 1.5, 0.3),
    "bilinear": mf.Network(Gated("linear", 0.8, 0.1), mf.Dense(0.9, 0.3)),
    "at the end of a branch": Residual(LayerNorm(), Gated("relu", 1.1, 0.2), skip_scale=0.7),
    "with dropout": mf.Network(LayerNorm(), Gated("tanh", 1.4, 0.2), Dropout(0.1), mf.Dense(0.8)),
    "beside its input": mf.Network(Concatenate(Gated("gelu", 1.2, 0.1), growth=0.5), RMSNorm()),
}
blocks = pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)


@settings(max_examples=60)
@given(st.floats(1e-3, 1e3), deviations(3), deviations(3), st.floats(-1, 1), st.floats(0.1, 10))
def test_bilinear_layers_have_a_closed_form(q, sigma_w, sigma_b, c, ratio):
    layer, w, b = Gated("linear", sigma_w, sigma_b), sigma_w**2, sigma_b**2
    one = one_point(layer, Point.at(q))
    p = w * q + b
    assert one.q.value == pytest.approx(p**2, rel=1e-13)
    assert one.slope.value == pytest.approx(2 * w * p, rel=1e-13)
    assert one.chi.value == pytest.approx(2 * w * p, rel=1e-13)
    q2 = ratio * q
    k = c * np.sqrt(q * q2)
    pair = two_points(layer, Pair.of(q, q2, 0.5 * (q + q2) - k))
    size = p**2 + (w * q2 + b) ** 2
    assert pair.covariance.value == pytest.approx((w * k + b) ** 2, abs=4e-15 * size)


@pytest.mark.parametrize("sigma_b", [0.0, 0.4])
def test_a_linear_gate_makes_the_product_of_two_dense_layers(sigma_b):
    x = np.random.default_rng(3).standard_normal((7, 11))
    plain = mf.kernel(mf.Network(mf.Dense(1.3, sigma_b)), x, 1)
    np.testing.assert_allclose(mf.kernel(Gated("linear", 1.3, sigma_b), x, 1), plain**2, rtol=1e-12, atol=1e-14)
    sigmoid = mf.kernel(mf.Network(mf.Dense(1.3, sigma_b), "sigmoid"), x, 1)
    np.testing.assert_allclose(mf.kernel(Gated("sigmoid", 1.3, sigma_b), x, 1), plain * sigmoid, rtol=1e-12, atol=1e-14)


@blocks
def test_the_kernel_is_positive_and_permutes_with_its_inputs(block):
    x = np.random.default_rng(0).standard_normal((8, 6)) * np.linspace(0.5, 1.5, 8)[:, None]
    x[7] = x[6] * (1 + 1e-9)
    kernel, order = mf.kernel(block, x, 3), np.random.default_rng(1).permutation(8)
    np.testing.assert_array_equal(kernel, kernel.T)
    assert np.linalg.eigvalsh(kernel)[0] >= -1e-13 * np.trace(kernel)
    size = np.add.outer(np.diagonal(kernel), np.diagonal(kernel))  # what distances are subtracted from
    off = mf.kernel(block, x[order], 3) - kernel[np.ix_(order, order)]
    assert np.all(np.abs(off) <= 1e-13 * size[np.ix_(order, order)])


@settings(max_examples=60)
@given(
    st.sampled_from(["sigmoid", "gelu", "silu", "relu", "linear", "tanh", "sign", "gaussian", "sin"]),
    st.floats(1e-3, 1e3), st.floats(1e-3, 1e3), st.floats(-1, 1), deviations(2), deviations(2),
)  # fmt: skip
def test_psd_in_psd_out(name, q1, q2, c, sigma_w, sigma_b):
    d = 0.5 * (q1 + q2) - c * np.sqrt(q1 * q2)
    after = two_points(Gated(name, sigma_w, sigma_b), Pair.of(q1, q2, d))
    assert after.q1 >= 0
    assert after.q2 >= 0
    assert after.d.value >= -after.d.error
    largest = np.sqrt(after.q1) * np.sqrt(after.q2) * (1 + 1e-12)
    assert abs(after.covariance.value) <= largest + after.d.error


@blocks
def test_slopes_are_derivatives(block):
    q, h = 0.4, 1e-5
    low, high = mf.variance_map(block, [q * (1 - h), q * (1 + h)]).value
    found = one_point(block, Point.at(q))
    assert found.slope.value == pytest.approx((high - low) / (2 * h * q), rel=1e-7, abs=1e-9)
    d = q * 0.35
    below, above = (two_points(block, Pair.at(q, x)).d.value for x in (d - h, d + h))
    slope = pair_slope(block, Pair.at(q, d))
    assert slope.value == pytest.approx((above - below) / (2 * h), rel=1e-7)


@pytest.mark.sweep(2)
@pytest.mark.parametrize("name", ["sigmoid", "gelu", "silu", "linear"])
def test_the_gradient_factor_is_that_of_a_wide_network(name):
    """E ‖J u‖²/‖u‖² by finite differences of networks that NumPy draws here, at many inputs each."""
    rng, width, sigma_w, sigma_b, q, h = np.random.default_rng(5), 800, 1.3, 0.3, 0.8, 1e-4
    phi, found = mf.activation(name), []
    for _ in range(8):
        w, v = sigma_w * rng.standard_normal((2, width, width)) / width**0.5
        b, b2 = sigma_b * rng.standard_normal((2, width, 1))
        x, u = rng.standard_normal((2, width, 200))
        x *= np.sqrt(q / np.mean(x**2, axis=0))
        ahead, behind = ((w @ y + b) * phi(v @ y + b2) for y in (x + h * u, x - h * u))
        found.append(np.mean(((ahead - behind) / (2 * h)) ** 2))
    error = np.std(found, ddof=1) / np.sqrt(len(found))
    assert error < 0.01 * np.mean(found)
    chi = one_point(Gated(name, sigma_w, sigma_b), Point.at(q)).chi.value
    assert chi == pytest.approx(np.mean(found), abs=3.5 * error)


def test_quadratic_maps_have_an_unstable_fixed_point():
    """q′ = s⁴q² of the bilinear layer, whose orbits die out below q = s⁻⁴ and leave beyond it."""
    for s in (0.7, 1.0, 1.3):
        block = Gated("linear", s)
        zero, other = mf.fixed_points(block)
        assert (zero.q, zero.slope, zero.stable) == (0.0, 0.0, True)
        assert (other.q, other.slope) == pytest.approx((s**-4, 2.0), rel=1e-12)
        assert not other.stable
    for s, q, phase in ((0.7, 0.0, "ordered"), (1.3, np.inf, "unbounded")):
        at = mf.analyze(Gated("linear", s))
        assert (float(at.q_star), str(at.phase)) == (q, phase)
    assert mf.analyze(Gated("linear", 1.3), q=0.3).q_star == 0
    at = mf.analyze(Gated("linear", 1.0))
    assert (float(at.q_star), float(at.chi_1), float(at.c_star), float(at.chi_c)) == (1.0, 2.0, 0.0, 0.0)
    with pytest.raises(mf.DivergentExpectation, match="range of a float"):
        mf.propagate(Gated("linear", 1.3), 20)


@pytest.mark.parametrize("sigma_b", [0.8, 1.0, 1.7])
def test_the_bilinear_layer_is_critical_where_its_fixed_points_meet(sigma_b):
    """At σ_w σ_b = ½, with q = 4σ_b⁴."""
    below, beyond = (mf.fixed_points(Gated("linear", s / (2 * sigma_b), sigma_b)) for s in (0.99, 1.01))
    assert ([point.stable for point in below], beyond) == ([True, False], ())
    at = mf.analyze(Gated("linear", 1 / (2 * sigma_b), sigma_b))
    assert at.q_star == pytest.approx(4 * sigma_b**4, rel=1e-6)  # where q′ − q has a double zero
    assert at.chi_1 == pytest.approx(1, abs=1e-6)


def test_normalised_gates_let_gradients_grow_whatever_their_weights():
    """χ = 1 + p E φ′²/E φ² without biases, as (V + p E φ′²)/V > 1; 2 for the bilinear layer."""
    for s in (0.3, 1.0, 3.0):
        assert mf.analyze(mf.Network(RMSNorm(), Gated("linear", s))).chi_1 == pytest.approx(2.0, rel=1e-13)
        at = mf.analyze(mf.Network(RMSNorm(), Gated("silu", s)))
        v, d = mf.moment("silu", "ff", s**2).value, mf.moment("silu", "dd", s**2).value
        assert at.chi_1 == pytest.approx(1 + s**2 * d / v, rel=1e-12)
        assert (float(at.c_star), str(at.phase)) == (0.0, "chaotic")


@pytest.mark.parametrize(
    ("block", "sigma_b"),
    [
        (mf.Network(RMSNorm(), Gated("gelu")), 0.3),
        (Residual(RMSNorm(), Gated("silu"), mf.Dense(), skip_scale=0.8), 0.4),
        (mf.Network(Gated("sigmoid")), 1.0),
    ],
)
def test_critical_weights_are_where_the_gradient_factor_is_one(block, sigma_b):
    line = mf.critical_line(block, sigma_b)
    assert len(line) >= 1
    for i in range(len(line)):
        at = mf.analyze(mf.Network(block).at(sigma_w=line.sigma_w[i], sigma_b=sigma_b))
        assert (str(at.phase), float(at.q_star)) == ("critical", pytest.approx(line.q[i], rel=1e-9))
        assert at.chi_1 == pytest.approx(1, abs=1e-9)


def test_a_phase_diagram_sets_all_matrices():
    block = mf.Network(RMSNorm(), Gated("silu"), mf.Dense())
    diagram = mf.phase_diagram(block, [0.6, 1.4], [0.1, 0.5])
    for i, j in np.ndindex(2, 2):
        s, b = [0.6, 1.4][i], [0.1, 0.5][j]
        alone = mf.analyze(mf.Network(RMSNorm(), Gated("silu", s, b), mf.Dense(s, b)))
        for field in ("q_star", "chi_1", "c_star", "chi_c"):
            assert getattr(diagram, field)[i, j] == pytest.approx(getattr(alone, field), rel=1e-10), field


@blocks
def test_arrays_give_what_their_entries_give(block):
    sigma_w, sigma_b = np.array([0.5, 1.1]), np.array([[0.0], [0.4]])
    together = mf.propagate(mf.Network(block).at(sigma_w=sigma_w, sigma_b=sigma_b), 3, c=0.3)
    for i, j in np.ndindex(2, 2):
        alone = mf.propagate(mf.Network(block).at(sigma_w=sigma_w[j], sigma_b=sigma_b[i, 0]), 3, c=0.3)
        for field in ("q", "one_minus_c", "chi"):
            np.testing.assert_allclose(getattr(together, field)[:, i, j], getattr(alone, field), rtol=1e-11)


def test_a_branch_may_end_in_a_gate_since_it_has_no_mean():
    q, c, gate = 0.8, 0.35, Gated("relu", 1.2, 0.3)
    alone = mf.propagate(gate, 1, q=q, c=c)
    both = mf.propagate(Residual(gate, branch_scale=0.6, skip_scale=0.9), 1, q=q, c=c)
    assert both.q[1] == pytest.approx(0.81 * q + 0.36 * alone.q[1], rel=1e-14)
    distance = 0.81 * q * (1 - c) + 0.36 * alone.q[1] * alone.one_minus_c[1]
    assert both.q[1] * both.one_minus_c[1] == pytest.approx(distance, rel=1e-13)
    assert both.chi[0] == pytest.approx(0.81 + 0.36 * alone.chi[0], rel=1e-14)


@pytest.mark.parametrize(
    "block",
    [
        mf.Network(Gated("silu"), "relu", mf.Dense()),
        mf.Network("relu", Gated("silu")),
        mf.Network(Gated("silu"), RMSNorm(), "tanh", mf.Dense()),
        mf.Network(Residual(Gated("silu")), "tanh", mf.Dense()),
        Residual("tanh", mf.Dense(), Gated("silu")),
        mf.Network(Residual(RMSNorm(), Gated("silu")), Residual(RMSNorm(), "tanh", mf.Dense())),
        Residual(mf.Dense(), Gated("silu"), "tanh"),
        mf.Network(Concatenate(Gated("silu")), "tanh", mf.Dense()),
        mf.Network(mf.mlp("tanh"), mf.Network(Residual(Gated("silu")))),
    ],
)
def test_an_activation_on_its_units_is_refused_be_it_in_the_next_repetition(block):
    for use in (mf.analyze, mf.fixed_points, lambda block: mf.propagate(block, 2), check_gaussian):
        with pytest.raises(mf.InvalidInput, match="the output of Gated is not Gaussian"):
            use(block)


@pytest.mark.parametrize(
    "block",
    [
        *BLOCKS.values(),
        mf.Network(Gated("silu"), mf.Dense(), "tanh", mf.Dense()),
        mf.Network("tanh", Gated("silu"), mf.Dense()),
        mf.Network(Residual(Gated("silu")), mf.Dense(), "tanh", mf.Dense()),
        Residual("tanh", Gated("silu"), mf.Dense()),
        mf.Network(Residual("tanh", Gated("silu"), skip_scale=0.0), mf.Dense()),
        mf.Network(Gated("silu"), Gated("gelu")),
        mf.Network(Gated("silu"), LayerNorm(), mf.Dense()),
    ],
)
def test_weights_and_norms_may_follow(block):
    check_gaussian(block)
    assert np.all(np.isfinite(mf.propagate(block, 2, q=0.3, c=0.2).q))


def test_batch_normalisation_beside_it_is_refused():
    for block in (mf.Network(mf.BatchNorm(8), mf.Dense(), Gated("silu")), mf.Network(mf.BatchNorm(8), Gated("silu"))):
        with pytest.raises(mf.InvalidInput, match="BatchNorm"):
            mf.analyze(block)


def test_a_gate_that_jumps_has_moments_but_no_gradient():
    found = one_point(Gated("sign", 1.5), Point.at(0.8))
    assert (float(found.q.value), float(found.chi.value)) == (pytest.approx(1.8, rel=1e-14), np.inf)
    assert found.slope.value == pytest.approx(2.25, rel=1e-13)
    assert one_point(Gated("sign", 0.0, 1.0), Point.at(0.8)).chi.value == 0
    block = mf.Network("sign", Gated("silu"))
    assert one_point(block, Point.at(0.8)).chi.value == np.inf
    assert mf.propagate(mf.Network(RMSNorm(), Gated("sign", 1.5)), 3, c=0.4).chi[0] == np.inf


@pytest.mark.parametrize("name", ["sigmoid", "gelu", "linear", "relu", "sign", "exp(x)"])
def test_nothing_comes_of_nothing_without_biases(name):
    t = one_point(Gated(name, 1.3), Point.at(0.0))
    assert t.q.value == 0
    assert not np.isnan([t.slope.value, t.chi.value, t.q.error, t.slope.error, t.chi.error]).any()
    still = mf.analyze(Gated(name, 0.0, 0.5))
    assert (float(still.chi_1), float(still.c_star)) == (0.0, 1.0)


def test_a_second_moment_beyond_floats_is_an_error():
    for use in (lambda b: mf.variance_map(b, 1e200), lambda b: mf.correlation_map(b, 0.3, q=1e200)):
        with pytest.raises(mf.DivergentExpectation, match="range of a float"):
            use(mf.Network(Gated("linear", 2.0)))
    with pytest.raises(mf.DivergentExpectation):
        mf.variance_map(Gated("exp(x**2)"), 1.0)


def test_long_orbits_keep_bounds_that_are_numbers():
    """Bounds on distances double in every layer, but no distance is larger than both second moments together."""
    t = mf.propagate(Gated("sign", 0.7), 150, q=0.5, c=0.0)
    assert np.all(np.isfinite(t.one_minus_c))
    pair = Pair.at(0.5, 0.5)
    for _ in range(80):
        pair = two_points(Gated("sign", 0.7), pair)
    assert pair.d.error <= 2 * pair.q1


@pytest.mark.parametrize("name", ["silu", "relu"])
def test_value_and_gate_with_laws_of_their_own(name):
    layer, q1, q2, k = Gated(name, 1.3, 0.2, gate_sigma_w=0.7, gate_sigma_b=0.4), 0.8, 1.7, 0.5
    phi = mf.activation(name)
    (a1, a2, ak), (g1, g2, gk) = (w**2 * np.array([q1, q2, k]) + b**2 for w, b in ((1.3, 0.2), (0.7, 0.4)))

    def second(q):
        return mf.expectation(lambda x: phi(x) ** 2, q).value

    found = two_points(layer, Pair.of(q1, q2, 0.5 * (q1 + q2) - k))
    want = ak * mf.pair_expectation(phi, q=g1, q2=g2, c=gk / np.sqrt(g1 * g2)).value
    np.testing.assert_allclose([found.q1, found.q2], [a1 * second(g1), a2 * second(g2)], rtol=1e-12)
    np.testing.assert_allclose(0.5 * (found.q1 + found.q2) - found.d.value, want, rtol=1e-9)
    slope = mf.expectation(lambda x: phi.derivative(x) ** 2, g1).value
    chi = one_point(layer, Point.at(q1)).chi.value
    np.testing.assert_allclose(chi, 1.3**2 * second(g1) + a1 * 0.7**2 * slope, rtol=1e-11)


def test_a_value_drawn_eight_times_too_small():
    """What a block adds to the stream is then 64 times smaller; of a ReLU gate, too small by itself, likewise."""

    def added(sigma_w, **gate):
        return mf.variance_map(Residual(RMSNorm(), Gated("relu", sigma_w, **gate), mf.Dense(0.8)), 1.0).value - 1

    whole = added(0.64)
    assert added(0.08, gate_sigma_w=0.64) == pytest.approx(whole / 64, rel=1e-12)
    assert added(0.64, gate_sigma_w=0.08) == pytest.approx(whole / 64, rel=1e-12)
