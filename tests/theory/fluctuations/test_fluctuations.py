"""Fluctuations at finite width against published numbers, closed forms, exact chains and simulated networks."""

import math

import mpmath
import numpy as np
import pytest
from finite_width_chains import plain, residual, variance

import meanfield as mf
from meanfield.theory.fluctuations.families import PlainLayer
from meanfield.theory.fluctuations.two_inputs import _moments

N = 10**6  # width at which results per unit are read
ON_LINE = {"tanh": (1.687975120577535, 0.03804120111126852, 0.5)}  # χ₁ = 1 at q* = ½


def per_unit(block, depth, **given):
    found = mf.fluctuations(block, depth, N, **given)
    assert found.valid
    return found


@pytest.mark.parametrize(
    ("phi", "w", "b", "q", "depth", "expected"),
    [
        ("relu", 2.0, 0.0, 1.0, 10, (50, -25, 50, -25, 10, 0.2)),  # 5/n a layer (Hanin & Nica 2019)
        ("relu", 2.0, 0.0, 1.0, 50, (250, -125, 250, -125, 50, 0.2)),
        ("linear", 1.0, 0.0, 1.0, 10, (20, -10, 20, -10, 0, 0)),
        ("tanh", *ON_LINE["tanh"], 10,
         (1.05673633513, -0.991690882725, 36.5354101375, -16.1912248571, 10.5505276065, -0.228682434108)),
        ("tanh", *ON_LINE["tanh"], 50,
         (1.05674263111, -0.994905859921, 192.67043041, -80.5837536876, 62.746017755, -0.0999519409712)),
        ("gelu", 1.983058257437547, 0.1729223907560673, 3.5615528128088303, 50,
         (245.211310323, -125.678780707, 564.35951209, -228.443306198, 358.413191463, 0.67937028418)),
    ],
)  # fmt: skip
def test_of_published_networks(phi, w, b, q, depth, expected):
    f = per_unit(mf.mlp(phi, math.sqrt(w), math.sqrt(b)), depth, q=q)
    fields = ("var_log_q", "shift_log_q", "var_log_gradient", "shift_log_gradient", "var_log_jacobian")
    found = [N * getattr(f, name)[-1] for name in fields]
    assert [*found, f.correlation[-1]] == pytest.approx(expected, rel=1e-10, abs=1e-10)
    assert f.width_for(0.1) == math.ceil(N * f.var_log_gradient[-1] / 0.01 - 1e-6)


def test_widths_that_differ():
    w, b, q = ON_LINE["tanh"]
    f = mf.fluctuations(mf.mlp("tanh", math.sqrt(w), math.sqrt(b)), 6, [64, 96, 128, 64, 48, 96, 1], q=q)
    found = f.var_log_q[-1], f.var_log_gradient[-1], f.correlation[-1]
    assert found == pytest.approx((0.01361697277250469, 0.2814327455050356, -0.31290424885196605), rel=1e-10)


@pytest.mark.parametrize(
    ("phi", "skip2", "scale", "w", "b", "depth", "expected"),
    [
        ("relu", 0.75, 0.5, 2.0, 0.0, 12, (22.842229721281473, 16.2732518594021, 0.32579714454673037)),
        ("tanh", 1.0, 0.5, 1.5, 0.1, 12, (0.13100609459799453, 5.107359333786641, -0.4773463061704723)),
        ("gelu", 1.0, 0.3, 2.0, 0.0, 12, (4.06590585, 3.36713318, 0.331735)),
    ],
)
def test_of_streams_with_one_dense_layer(phi, skip2, scale, w, b, depth, expected):
    branch = mf.Residual(phi, mf.Dense(math.sqrt(w), math.sqrt(b)), skip_scale=math.sqrt(skip2), branch_scale=scale)
    f = per_unit(mf.Network(branch), depth)
    found = N * f.var_log_q[-1], N * f.var_log_gradient[-1], f.correlation[-1]
    assert found == pytest.approx(expected, rel=1e-6 if phi == "gelu" else 1e-8)


@pytest.mark.parametrize("skip2", [0.25, 0.5, 0.75, 0.9])
def test_of_relu_streams_by_the_arc_sine(skip2):
    """Var ln q of a ReLU stream at constant q: Cov(φ²(u), φ²(v)) is a closed form in the correlation skip^{l − k}."""
    depth, g = 8, math.sqrt(skip2)
    f = per_unit(mf.Network(mf.Residual("relu", mf.Dense(math.sqrt(2 * (1 - skip2))), skip_scale=g)), depth)

    def cov(rho):
        angle = math.pi - math.acos(rho)
        return (3 * rho * math.sqrt(1 - rho**2) + angle * (1 + 2 * rho**2)) / (2 * math.pi) - 0.25

    gain = 2 * (1 - skip2)
    expected = gain**2 * sum(cov(g ** abs(k - l)) for k in range(depth) for l in range(depth))
    assert N * f.var_log_q[-1] == pytest.approx(expected, rel=1e-10)


def test_of_a_growing_relu_stream_by_the_arc_sine():
    """Var of the log-gradient of h′ = h + W φ(h)/√24 over 24 layers: Cov(φ′²(u), φ′²(v)) is an arc sine."""
    depth, gain = 24, 2 / 24
    f = per_unit(mf.Network(mf.Residual("relu", mf.Dense(math.sqrt(2)), branch_scale=24**-0.5)), depth)
    share = gain / (1 + gain / 2)

    def cov(layers):
        """Of the noises of two layers, so many apart; signal and derivative grow by the same factor."""
        rho = (1 + gain / 2) ** (-layers / 2)
        together = (math.pi - math.acos(rho)) / (2 * math.pi)
        return together * (1 + 2 * rho**2) - 0.25

    expected = share**2 * sum(cov(abs(k - l)) for k in range(depth) for l in range(depth))
    assert N * f.var_log_gradient[-1] == pytest.approx(expected, rel=1e-10)


def test_the_rate_of_relu_streams():
    """Var ln q grows by these numbers over n a layer at last, not by those of independent layers."""
    for skip2, rate in ((0.25, 6.4963125439656775), (0.5, 5.442478042879465)):
        block = mf.Network(mf.Residual("relu", mf.Dense(math.sqrt(2 * (1 - skip2))), skip_scale=math.sqrt(skip2)))
        variance = mf.fluctuations(block, 50, 10**8).var_log_q * 1e8
        assert variance[-1] - variance[-2] == pytest.approx(rate, rel=1e-6)


@pytest.mark.parametrize(
    ("phi", "w", "expected"),
    [("relu", 2.0, (11.04, 11.04, 0.04347826087)), ("tanh", 1.5, (2.089004087, 5.909554152, -0.1739845793))],
)
def test_of_streams_with_two_dense_layers(phi, w, expected):
    f = per_unit(mf.Network(mf.Residual(mf.Dense(math.sqrt(w)), phi, mf.Dense(1.0), branch_scale=0.5)), 12)
    assert (N * f.var_log_q[-1], N * f.var_log_gradient[-1], f.correlation[-1]) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("phi", "w", "b", "start", "depth", "expected"),
    [
        ("tanh", *ON_LINE["tanh"][:2], (0.5, 0.25, 0.5), 8, (0.652657073651, 1.84385317907, -0.00302910929)),
        ("gelu", 2.0, 0.2, (2.0, 0.6, 1.5), 4, (0.717985064203, 0.806977519648, 0.470011544501)),
        ("erf", 1.5, 0.1, (1.0, 0.3, 0.8), 6, (0.642107906630, 1.23242320125, 0.207728901298)),
    ],
)
def test_of_correlations(phi, w, b, start, depth, expected):
    q, both, q2 = start
    f = per_unit(mf.mlp(phi, math.sqrt(w), math.sqrt(b)), depth, q=q, q2=q2, c=both / math.sqrt(q * q2))
    assert (f.c[-1], N * f.var_c[-1], N * f.shift_c[-1]) == pytest.approx(expected, rel=1e-9)


def test_of_correlations_of_relu_by_derivatives_of_the_arc_cosine_kernel():
    """One layer from an exact start: Var c by E φ(u)²φ(v)² and the delta method with 30 digits."""
    q, q2, c, n = 1.3, 0.6, 0.4, 1000
    f = mf.fluctuations(mf.mlp("relu", 1.2, 0.3), 1, n, q=q, q2=q2, c=c)
    with mpmath.workdps(30):
        w, b, c, first, second = (
            mpmath.mpf(1.2) ** 2,
            mpmath.mpf(0.3) ** 2,
            mpmath.mpf(c),
            mpmath.mpf(q),
            mpmath.mpf(q2),
        )
        angle, root = mpmath.pi - mpmath.acos(c), mpmath.sqrt(1 - c * c)
        size = mpmath.sqrt(first * second)
        one = size * (root + angle * c) / (2 * mpmath.pi)  # E φφ
        two = size**2 * (3 * c * root + angle * (1 + 2 * c * c)) / (2 * mpmath.pi)  # E φ²φ²

        def third(a, other):
            """E φ(u)³φ(v) with u of variance a, in polar coordinates."""
            low, turn = mpmath.acos(c) - mpmath.pi / 2, mpmath.acos(c)
            angular = mpmath.quad(lambda t: mpmath.cos(t) ** 3 * mpmath.cos(t - turn), [low, mpmath.pi / 2])
            return mpmath.sqrt(a) ** 3 * mpmath.sqrt(other) * 8 * angular / (2 * mpmath.pi)

        mean = mpmath.matrix([first / 2, one, second / 2])
        raw = mpmath.matrix(
            [[first**2 * 1.5, third(first, second), two], [0, two, third(second, first)], [0, 0, second**2 * 1.5]]
        )
        cov = mpmath.matrix(3, 3)
        for i in range(3):
            for j in range(3):
                cov[i, j] = w**2 * (raw[min(i, j), max(i, j)] - mean[i] * mean[j]) / n
        s = w * mean + mpmath.matrix([b, b, b])
        scale = mpmath.sqrt(s[0] * s[2])
        after = s[1] / scale
        slope = mpmath.matrix([-after / (2 * s[0]), 1 / scale, -after / (2 * s[2])])
        expected = (slope.T * cov * slope)[0]
    assert f.c[1] == pytest.approx(float(after), rel=1e-13)
    assert f.var_c[1] == pytest.approx(float(expected), rel=1e-11)


def own_kinked(x):
    return np.minimum(np.maximum(x - 0.3, 0), 2) + 0.1 * x


DRAWN = {  # φ as given, φ, φ′, sigma_w, sigma_b, q, depth, width
    "elu": (
        "elu", lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))), lambda x: np.exp(np.minimum(x, 0)),
        1.2, 0.1, 1.0, 4, 256,
    ),
    "leaky": (
        mf.activation("leaky_relu", negative_slope=0.2), lambda x: np.maximum(x, 0.2 * x),
        lambda x: np.where(x > 0, 1.0, 0.2), 1.3, 0.2, 0.7, 3, 256,
    ),
    "own kinked": (
        own_kinked, own_kinked, lambda x: 0.1 + ((x > 0.3) & (x < 2.3)), 1.5, 0.3, 2.0, 3, 400,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DRAWN)
def test_networks_fluctuate_so(name):
    """3,000 networks, drawn by the exact chain: variances within 4 standard errors, the mean of ln q too."""
    given, phi, slope, sigma_w, sigma_b, q, depth, width = DRAWN[name]
    f = mf.fluctuations(mf.mlp(given, sigma_w, sigma_b), depth, width, q=q)
    rng = np.random.default_rng(5)
    s = plain(rng, phi, slope, sigma_w**2, sigma_b**2, (q, 0, 1), depth, width, 3000)
    for sample, expected in ((s[:, 0], f.var_log_q), (s[:, 2], f.var_log_gradient)):
        found, spread = variance(np.log(sample))
        assert abs(found - expected[-1]) < 4 * spread < 0.2 * expected[-1]
    log_q = np.log(s[:, 0] / f.q[-1])
    assert abs(log_q.mean() - f.shift_log_q[-1]) < 4 * log_q.std() / math.sqrt(3000)
    assert np.corrcoef(np.log(s[:, [0, 2]]).T)[0, 1] == pytest.approx(f.correlation[-1], abs=0.08)


def test_streams_and_pairs_fluctuate_so():
    rng = np.random.default_rng(6)
    block = mf.Network(mf.Residual(own_kinked, mf.Dense(1.3, 0.2), skip_scale=0.9, branch_scale=0.6))
    f = mf.fluctuations(block, 5, 256, q=1.2)
    s = residual(rng, own_kinked, DRAWN["own kinked"][2], 1.3**2, 0.2**2, 0.9, 0.6, 1.2, 5, 256, 2000)
    for sample, expected in zip(s.T, (f.var_log_q, f.var_log_gradient), strict=True):
        found, spread = variance(np.log(sample))
        assert abs(found - expected[-1]) < 4 * spread < 0.25 * expected[-1]
    f = mf.fluctuations(mf.mlp(own_kinked, 1.5, 0.3), 3, 300, q=1.5, q2=0.6, c=-0.3)
    start = (1.5, -0.3 * math.sqrt(1.5 * 0.6), 0.6)
    s = plain(rng, own_kinked, None, 1.5**2, 0.3**2, start, 3, 300, 3000)
    c = s[:, 1] / np.sqrt(s[:, 0] * s[:, 2])
    found, spread = variance(c)
    assert abs(found - f.var_c[-1]) < 4 * spread < 0.2 * f.var_c[-1]
    assert abs(c.mean() - f.c[-1] - f.shift_c[-1]) < 4 * c.std() / math.sqrt(3000)


@pytest.mark.parametrize(
    ("block", "why"),
    [
        ("attention, tanh, dense", "does not know Attention"),
        ("layernorm, tanh, dense", "does not know LayerNorm"),
        (mf.Network("tanh", mf.Conv(1.3)), "does not know Conv"),
        (mf.Network(mf.Residual("tanh", mf.Conv(1.3))), "knows the residual branches"),
        (mf.Network(mf.Residual(mf.Conv(1.3), "tanh", mf.Conv(1.3))), "knows the residual branches"),
        ("dense, tanh", "Dense layer at the end"),
        ("residual(layernorm, gelu, dense)", "knows the residual branches"),
        ([mf.mlp("tanh"), mf.network("residual(tanh, dense)"), mf.mlp("tanh")], "one family"),
    ],
)
def test_other_blocks_have_none_and_say_so(block, why):
    f = mf.fluctuations(block, 3, 64, c=0.5)
    assert not f.valid
    assert why in f.reason
    assert np.isnan([f.var_log_q, f.var_c]).all()
    assert set(f.not_finite["var_log_gradient"]) == {f.reason}
    with pytest.raises(mf.InvalidInput, match="no width can be given"):
        f.width_for()


def test_where_first_order_ends_it_says_so():
    deep = mf.fluctuations(mf.mlp("relu", math.sqrt(2)), 20, 128)
    assert not deep.valid
    assert "at layer 8" in deep.reason  # 5·8/128 > 0.3
    unstable = mf.fluctuations(mf.mlp("silu", 1.6233, 0.25), 50, 10_000)
    assert not unstable.valid
    near = mf.fluctuations(mf.mlp("tanh", 1.2), 3, 512, c=0.9999)
    assert not near.valid
    assert "does not converge" in near.reason
    assert np.isfinite(near.var_log_q).all()


def test_a_jump_has_no_gradient():
    f = mf.fluctuations(mf.mlp("sign", 1.0, 0.1), 3, 512)
    assert f.valid
    assert np.isfinite(f.var_log_q).all()
    assert not np.isfinite(f.var_log_gradient[1:]).any()


def test_blocks_of_several_dense_layers_are_so_many_layers():
    one = mf.fluctuations(mf.mlp("tanh", 1.2, 0.1), 6, 256)
    two = mf.fluctuations(mf.network("tanh, dense(1.2, 0.1), tanh, dense(1.2, 0.1)"), 3, 256)
    np.testing.assert_allclose(two.var_log_gradient, one.var_log_gradient[::2], rtol=1e-13)


@pytest.mark.parametrize("given", [{"q": 0.0}, {"q": [1.0, 2.0]}, {"c": 1.5}, {"width": 1}, {"depth": 0}])
def test_bad_arguments(given):
    arguments = {"block": "tanh", "depth": 3, "width": 64} | given
    with pytest.raises(mf.InvalidInput):
        mf.fluctuations(**arguments)


@pytest.mark.parametrize("c", [0.5, 0.9, 0.99, -0.98])
def test_derivatives_of_the_kernel_are_those_of_the_arc_cosine(c):
    """E φ(u)φ(v) of ReLU is (r + kθ)/2π with r² = q₁q₂ − k²: its first and second derivatives in k and q₁."""
    q1, q2 = 1.3, 0.7
    k = c * math.sqrt(q1 * q2)
    r, angle = math.sqrt(q1 * q2 - k * k), math.pi - math.acos(c)
    layer = PlainLayer(mf.activation("relu"), 1.0, 0.0)
    mean, _, slope, bend = _moments(layer, np.array([q1, k, q2]))
    assert mean[1] == pytest.approx((r + k * angle) / (2 * math.pi), rel=1e-11)
    assert slope[1, :2] == pytest.approx([r / (4 * math.pi * q1), angle / (2 * math.pi)], rel=1e-12)
    assert bend[1, 1, 1] == pytest.approx(1 / (2 * math.pi * r), rel=1e-12)
    assert bend[1, 0, 1] == pytest.approx(-k / (4 * math.pi * q1 * r), rel=1e-12)
