"""Layer by layer: the maps one after another, digits near c = 1, gradients, and kernels of several inputs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rounding import assert_equal_covariances

import meanfield as mf


@pytest.mark.parametrize("spec", ["tanh", "relu", "gelu", "sign", "cos", lambda x: np.maximum(x, 0.1 * x)])
def test_a_trajectory_is_the_maps_one_after_another(spec):
    block = mf.mlp(spec, 1.4, 0.2)
    t = mf.propagate(block, 6, q=0.7, c=0.4)
    q, c = 0.7, 0.4
    for l in range(7):
        assert t.q[l] == pytest.approx(q, rel=1e-12)
        assert t.c[l] == pytest.approx(c, abs=1e-12)
        assert t.one_minus_c[l] == pytest.approx(1 - c, abs=1e-12)
        c = mf.correlation_map(block, c, q=q).value
        q = mf.variance_map(block, q).value


@pytest.mark.parametrize("spec", ["tanh", "relu", "gelu", "softplus"])
@pytest.mark.parametrize("sigma_w", [0.9, 1.5, 3.0])
def test_gradients_are_products_of_the_factors(spec, sigma_w):
    t = mf.propagate(mf.mlp(spec, sigma_w, 0.1), 12, q=2.0)
    chi = sigma_w**2 * mf.gain(spec, kind="backward", q=t.q).value ** -2.0
    assert t.chi == pytest.approx(chi, rel=1e-12)
    for l in range(13):
        assert t.gradient[l] == pytest.approx(np.prod(t.chi[l:-1]), rel=1e-13)
    assert t.gradient[-1] == 1


def test_one_input_has_no_correlation():
    t = mf.propagate("tanh", 3)
    assert t.c is None
    assert t.one_minus_c is None


def test_shapes():
    block = mf.mlp("tanh", [[0.5], [1.5]], 0.1)
    t = mf.propagate(block, 4, q=[0.5, 1.0, 2.0], c=0.3, q2=np.ones((5, 1, 1)))
    for field in ("q", "c", "one_minus_c", "chi", "gradient"):
        assert getattr(t, field).shape == (5, 5, 2, 3), field
    alone = mf.propagate(mf.mlp("tanh", 1.5, 0.1), 4, q=2.0, c=0.3, q2=1.0)
    assert t.c[:, 0, 1, 2] == pytest.approx(alone.c, rel=1e-12)


@pytest.mark.parametrize("spec", ["tanh", "relu", "gelu", "abs", "hardtanh", np.tanh])
@pytest.mark.parametrize("gap", [1e-4, 1e-8, 1e-12, 1e-15])
def test_no_digits_are_lost_near_equal_inputs(spec, gap):
    c = 1 - gap  # its float, not gap itself, is what the map is given
    t = mf.propagate(mf.mlp(spec, 1.3, 0.2), 1, q=0.8, c=c)
    assert t.one_minus_c[0] == pytest.approx(1 - c, rel=1e-15)
    assert np.all(t.one_minus_c > 0)
    slope = 1.69 * mf.gain(spec, kind="backward", q=0.8).value ** -2 * 0.8 / t.q[1]
    # 1 − c′ = χ(1 − c)(1 − O(√(1 − c))), the root for kinks.
    assert t.one_minus_c[1] / t.one_minus_c[0] == pytest.approx(slope, rel=3 * np.sqrt(1 - c) + 1e-9)


def test_identical_inputs_stay_identical_and_opposite_ones_opposite():
    same = mf.propagate(mf.mlp("gelu", 2.0, 0.1), 30, c=1.0)
    assert np.all(same.c == 1)
    assert np.all(same.one_minus_c == 0)
    opposite = mf.propagate(mf.mlp("tanh", 0.9, 0.0), 10, c=-1.0)
    assert opposite.c == pytest.approx(-1, abs=1e-12)
    assert np.all(opposite.c >= -1)


def test_opposite_inputs_are_only_so_often_opposite_in_the_chaotic_phase():
    # c = −1 is an unstable fixed point without biases; rounding must not carry the orbit away from it at once.
    assert mf.propagate(mf.mlp("tanh", 1.5, 0.0), 20, c=-1.0).c == pytest.approx(-1, abs=1e-10)


def test_unequal_inputs_end_up_equal_in_size():
    t = mf.propagate(mf.mlp("tanh", 2.5, 0.3), 200, q=0.01, q2=50.0, c=0.2)
    both = mf.analyze(mf.mlp("tanh", 2.5, 0.3))
    assert t.q[-1] == pytest.approx(float(both.q_star), rel=1e-12)
    assert t.c[-1] == pytest.approx(float(both.c_star), abs=1e-9)


def test_unequal_inputs_swap():
    one, other = (mf.propagate(mf.mlp("gelu", 1.5, 0.3), 8, q=a, q2=b, c=0.4).c for a, b in ((0.3, 2.0), (2.0, 0.3)))
    assert one == pytest.approx(other, rel=1e-12)


def test_unequal_inputs_in_line_are_unequal_after():
    t = mf.propagate(mf.mlp("tanh", 1.5, 0.0), 1, q=0.1, q2=10.0, c=1.0)
    z = np.linspace(-12, 12, 40_001)
    density = np.exp(-z * z / 2)
    u, v = np.tanh(0.1**0.5 * z), np.tanh(10**0.5 * z)
    expected = (u * v * density).sum() / np.sqrt((u * u * density).sum() * (v * v * density).sum())
    assert t.c[1] == pytest.approx(expected, rel=1e-12)


def test_relu_keeps_the_angle_whatever_the_sizes():
    equal = mf.propagate(mf.mlp("relu", 2**0.5), 20, c=0.1).c
    unequal = mf.propagate(mf.mlp("relu", 2**0.5), 20, q=1e-3, q2=1e3, c=0.1).c
    assert unequal == pytest.approx(equal, rel=1e-9)


@pytest.mark.parametrize("depth", [45, 100])
def test_signals_that_leave_the_range_of_a_float(depth):
    with pytest.raises(mf.DivergentExpectation, match="exceeds the range of a float"):
        mf.propagate(mf.mlp("relu", 1e4), depth, c=0.5)
    t = mf.propagate(mf.mlp("relu", 1e-4), depth, c=0.5)
    assert t.q[-1] == 0
    for field in ("q", "c", "one_minus_c", "chi", "gradient"):
        assert not np.isnan(getattr(t, field)).any(), field


def test_a_dead_signal_stays_dead():
    t = mf.propagate(mf.mlp("tanh", 0.0, 0.0), 3, c=0.2)
    assert t.q.tolist() == [1, 0, 0, 0]
    assert not np.isnan(t.c).any()
    assert t.gradient.tolist() == [0, 0, 0, 1]


def test_gradients_of_jumps_are_infinite():
    t = mf.propagate(mf.mlp("sign", 1.0), 3, c=0.5)
    assert t.gradient.tolist() == [np.inf, np.inf, np.inf, 1]
    assert np.isfinite(t.c).all()


def test_the_angle_does_not_depend_on_the_size_of_a_vanishing_signal():
    vanishing = mf.propagate(mf.mlp("relu", 0.5**0.5), 500, c=0.0)  # q ends at 4⁻⁵⁰⁰ = 1e-301, which floats still hold
    critical = mf.propagate(mf.mlp("relu", 2**0.5), 500, c=0.0)
    assert vanishing.q[-1] == pytest.approx(4.0**-500, rel=1e-11)
    assert vanishing.one_minus_c == pytest.approx(critical.one_minus_c, rel=1e-11)


@pytest.mark.parametrize("spec", ["tanh", "relu", "gelu", "softplus"])
def test_a_kernel_is_its_pairs(spec):
    x = np.random.default_rng(0).normal(size=(5, 7)) * np.array([[0.3], [1.0], [1.0], [2.0], [5.0]])
    block = mf.mlp(spec, 1.3, 0.2)
    k = mf.kernel(block, x, 3)
    gram = x @ x.T / 7
    for i in range(5):
        for j in range(5):
            c = np.clip(gram[i, j] / np.sqrt(gram[i, i] * gram[j, j]), -1, 1)
            t = mf.propagate(block, 3, q=gram[i, i], q2=gram[j, j], c=c)
            other = mf.propagate(block, 3, q=gram[j, j])
            assert k[i, j] == pytest.approx(t.c[-1] * np.sqrt(t.q[-1] * other.q[-1]), rel=1e-10)


@settings(max_examples=15)
@given(
    st.integers(1, 6), st.integers(1, 4), st.sampled_from(["tanh", "relu", "gelu", "cos"]), st.integers(0, 2**32 - 1)
)
def test_kernels_are_symmetric_and_positive(count, depth, name, seed):
    x = np.random.default_rng(seed).normal(size=(count, 4))
    k = mf.kernel(mf.mlp(name, 1.5, 0.1), x, depth)
    assert k.shape == (count, count)
    assert np.array_equal(k, k.T)
    assert np.linalg.eigvalsh(k).min() >= -1e-12 * k.max()


def test_kernels_of_repeated_opposite_and_tiny_inputs():
    x = np.array([[1.0, 2.0], [1.0, 2.0], [-1.0, -2.0], [1e-6, 2e-6]])
    k = mf.kernel(mf.mlp("tanh", 1.5, 0.0), x, 2)
    assert k[0, 0] == k[0, 1] == k[1, 1]
    assert k[0, 2] == pytest.approx(-k[0, 0], rel=1e-12)
    assert k[0, 3] > 0
    assert np.linalg.matrix_rank(k[:3, :3], tol=1e-10) == 1


def test_the_kernel_of_a_linear_network_is_the_gram_matrix():
    x = np.random.default_rng(3).normal(size=(4, 3))
    assert mf.kernel("linear", x, 5) == pytest.approx(x @ x.T / 3, abs=1e-13)


def test_the_second_order_arc_cosine_kernel():
    # Cho & Saul 2009 (NIPS), eq. 6, for relu: (√(q₁q₂)/2π)(sin θ + (π − θ) cos θ).
    x = np.array([[1.0, 0.0], [0.6, 0.8], [-0.8, 0.6]])
    k = mf.kernel(mf.mlp("relu", 2**0.5), x, 1)
    cosine = x @ x.T
    angle = np.arccos(np.clip(cosine, -1, 1))
    assert k == pytest.approx((np.sin(angle) + (np.pi - angle) * cosine) / np.pi / 2, abs=1e-14)


@settings(max_examples=15)
@given(st.integers(1, 8), st.integers(1, 8), st.floats(0.1, 5), st.floats(-1, 1))
def test_a_deep_network_is_two_shallower_ones(first, second, q, c):
    block = mf.mlp("tanh", 1.6, 0.2)
    whole = mf.propagate(block, first + second, q=q, c=c)
    start = mf.propagate(block, first, q=q, c=c)
    rest = mf.propagate(block, second, q=start.q[-1], c=start.c[-1])
    assert whole.q[first:] == pytest.approx(rest.q, rel=1e-12)
    assert whole.c[first:] == pytest.approx(rest.c, abs=1e-11)
    assert whole.gradient[0] == pytest.approx(start.gradient[0] * rest.gradient[0], rel=1e-11)


def test_a_list_of_equal_blocks_is_the_block_repeated():
    block = mf.mlp("tanh", [1.2, 1.5], 0.3)
    once, listed = mf.propagate(block, 6, q=0.7, c=0.2), mf.propagate([block] * 6, 6, q=0.7, c=0.2)
    for name in ("q", "c", "one_minus_c", "chi", "gradient"):
        np.testing.assert_array_equal(getattr(once, name), getattr(listed, name))
    x = np.random.default_rng(0).standard_normal((3, 8))
    np.testing.assert_array_equal(mf.kernel(mf.mlp("relu", 1.4), x, 3), mf.kernel([mf.mlp("relu", 1.4)] * 3, x, 3))


def test_blocks_that_differ_are_maps_applied_in_turn():
    run = mf.propagate([mf.mlp("relu", 2.0), mf.mlp("tanh", 1.5, 0.2), "abs"], 3, q=0.5)
    q = [0.5, 2.0**2 * 0.25]
    q.append(mf.variance_map(mf.mlp("tanh", 1.5, 0.2), q[-1]).value)
    q.append(q[-1])
    np.testing.assert_allclose(run.q, q, rtol=1e-14)
    assert run.gradient[2] == 1.0  # |φ'| = 1
    assert run.gradient[0] == pytest.approx(2.0 * run.chi[1])


def test_widths_enter_the_gradients_mean_and_nothing_else():
    block, width = mf.mlp("tanh", 1.3, 0.2), [50, 100, 20, 30]
    narrow, even = mf.propagate(block, 3, width=width, c=0.1), mf.propagate(block, 3, c=0.1, width=7)
    np.testing.assert_array_equal(narrow.q, even.q)
    np.testing.assert_array_equal(narrow.one_minus_c, even.one_minus_c)
    np.testing.assert_allclose(narrow.gradient * np.array(width) / 30, even.gradient, rtol=1e-15)


@pytest.mark.parametrize(
    "change", [{"block": ["relu", "tanh"]}, {"width": [8, 8]}, {"width": 1}, {"width": [8, 8, 8.5, 8]}, {"block": []}]
)
def test_lists_of_the_wrong_length_are_refused(change):
    with pytest.raises(mf.InvalidInput):
        mf.propagate(**({"block": "relu", "depth": 3} | change))


def test_inputs_that_nearly_coincide_keep_their_distance_in_a_kernel():
    rng = np.random.default_rng(0)
    x = np.repeat(rng.standard_normal((3, 50)), 2, axis=0)
    x[1::2] += 1e-9 * rng.standard_normal((3, 50))
    K = mf.kernel(mf.mlp("linear"), x, 1)
    exact = [float(np.mean((x[2 * i] - x[2 * i + 1]) ** 2)) for i in range(3)]
    for i, distance in enumerate(exact):
        a, b = 2 * i, 2 * i + 1
        assert K[a, a] + K[b, b] - 2 * K[a, b] == pytest.approx(distance, abs=4e-16)
    assert_equal_covariances(K, x @ x.T / 50, rtol=1e-13)


@pytest.mark.parametrize("spec", ["relu6", "tanh", lambda x: np.where(x > 0.3, x - 0.3, 0.2 * x)])
def test_inputs_of_equal_norm_give_the_kernel_that_each_pair_gives(spec):
    x = np.random.default_rng(0).standard_normal((40, 12)) + 0.5
    x *= np.sqrt(12) / np.linalg.norm(x, axis=1, keepdims=True)
    block = mf.mlp(spec, 1.6, 0.2)
    K = mf.kernel(block, x, 3)
    for i, j in ((0, 0), (1, 0), (7, 31), (39, 20)):
        run = mf.propagate(block, 3, c=min(float(x[i] @ x[j] / 12), 1.0))
        assert K[i, j] == pytest.approx(run.q[3] * run.c[3], rel=1e-11)
    assert np.array_equal(K, K.T)
    assert np.linalg.eigvalsh(K)[0] > -1e-12


def test_a_pair_that_is_one_point_may_stand_beside_others_where_the_activation_jumps():
    run = mf.propagate("sign", 2, q=[1.0, 2.0], q2=[1.0, 3.0], c=1.0)
    np.testing.assert_allclose(run.one_minus_c[1:], 0.0, atol=1e-7)
