"""Fixed points, their stability, and depth scales: against other root finders and against the orbits themselves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

import meanfield as mf

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(160)
WEIGHTS = WEIGHTS / np.sqrt(2 * np.pi)
FIELDS = ("q_star", "chi_parallel", "chi_1", "c_star", "chi_c", "xi_q", "xi_c", "xi_gradient", "phase")


def kinked(x):
    return np.maximum(x, 0.1 * x)


def scan(phi, sigma_w, sigma_b, low=1e-5, high=1e4):
    """All fixed points between two bounds by Gauss–Hermite quadrature and a dense scan."""

    def excess(log_q):
        q = np.exp(log_q)
        return float(sigma_w**2 * WEIGHTS @ phi(np.sqrt(q) * NODES) ** 2 + sigma_b**2 - q)

    grid = np.linspace(np.log(low), np.log(high), 1500)
    values = np.array([excess(u) for u in grid])
    return [
        np.exp(brentq(excess, a, b, xtol=1e-14))
        for a, b, s, t in zip(grid[:-1], grid[1:], values[:-1], values[1:], strict=True)
        if s * t < 0
    ]


def orbit(block, q=1.0, depth=500):
    for _ in range(depth):
        q = mf.variance_map(block, q).value
    return q


@pytest.mark.parametrize(
    ("spec", "sigma_w", "sigma_b"),
    [
        ("tanh", 2.0, 0.3),
        ("gelu", 2.05**0.5, 0.1**0.5),
        ("gelu", 1.5, 0.3),
        ("silu", 1.7, 0.1),
        ("sin", 1.4, 0.2),
        ("x**2", 0.3, 0.1),
    ],
)
def test_all_fixed_points_are_found(spec, sigma_w, sigma_b):
    found = [point.q for point in mf.fixed_points(mf.mlp(spec, sigma_w, sigma_b)) if 1e-5 < point.q < 1e4]
    assert found == pytest.approx(scan(mf.activation(spec), sigma_w, sigma_b), rel=1e-9)


def test_the_two_fixed_points_of_gelu():
    lower, upper = mf.fixed_points(mf.mlp("gelu", 2.05**0.5, 0.1**0.5))
    assert (lower.q, upper.q) == pytest.approx((0.3865, 2.3166), abs=5e-5)
    assert (lower.stable, upper.stable) == (True, False)
    assert lower.slope < 1 < upper.slope
    for point in (lower, upper):
        assert mf.variance_map(mf.mlp("gelu", 2.05**0.5, 0.1**0.5), point.q).value == pytest.approx(point.q, rel=1e-12)


@pytest.mark.parametrize("q", [0.3, 2.2, 2.4])
def test_an_orbit_leaves_the_unstable_one(q):
    block = mf.mlp("gelu", 2.05**0.5, 0.1**0.5)
    end = orbit(block, q, 400)
    assert end == pytest.approx(0.38653968683921536, rel=1e-9) if q < 2.3166 else end > 4


@pytest.mark.parametrize("name", ["tanh", "gelu", "relu", "sigmoid", "elu", "cos", "gaussian", "hardtanh"])
@pytest.mark.parametrize(("sigma_w", "sigma_b"), [(0.7, 0.3), (1.2, 0.0), (3.0, 0.5)])
def test_stability_is_what_the_map_does(name, sigma_w, sigma_b):
    block = mf.mlp(name, sigma_w, sigma_b)
    for point in mf.fixed_points(block):
        if point.q == 0 or abs(abs(point.slope) - 1) < 1e-6:
            continue
        ends = [orbit(block, point.q * (1 + s), 40) for s in (-1e-3, 1e-3)]
        assert point.stable == all(abs(end / point.q - 1) < 1e-3 for end in ends)


def test_zero_is_a_fixed_point_where_the_map_keeps_it():
    ordered, chaotic, critical = (mf.fixed_points(mf.mlp("tanh", s)) for s in (0.8, 1.5, 1.0))
    assert [(p.q, p.stable) for p in ordered] == [(0.0, True)]
    assert [(p.q > 0, p.stable) for p in chaotic] == [(False, False), (True, True)]
    assert [(p.q, p.stable) for p in critical] == [(0.0, True)]
    assert all(p.q > 0 for p in mf.fixed_points(mf.mlp("tanh", 1.5, 0.1)))


def test_none_is_an_answer():
    assert mf.fixed_points(mf.mlp("relu", 2.0, 0.5)) == ()
    assert mf.fixed_points(mf.mlp("tanh", 2.0, 0.3), q_max=0.1) == ()


def test_a_map_that_keeps_every_q_is_neutral():
    (point,) = mf.fixed_points(mf.mlp("relu", 2**0.5))
    assert (point.q, point.slope, point.stable) == (1.0, pytest.approx(1, rel=1e-14), False)


def test_a_neutral_map_reports_a_fixed_point_within_the_range_asked_for():
    assert all(point.q <= 0.5 for point in mf.fixed_points(mf.mlp("relu", 2**0.5), q_max=0.5))


def test_a_map_that_overflows_beyond_its_fixed_points():
    # 0.09·e^{2q} = q has two solutions, far below where exp overflows.
    found = mf.fixed_points(mf.mlp("exponential", 0.3, 0.0))
    expected = [brentq(lambda q: 0.09 * np.exp(2 * q) - q, *ends) for ends in ((0.01, 0.5), (0.5, 3))]
    assert [point.q for point in found] == pytest.approx(expected, rel=1e-11)
    assert [point.stable for point in found] == [True, False]
    assert mf.analyze(mf.mlp("exponential", 0.3, 0.0)).q_star == pytest.approx(expected[0], rel=1e-11)


@pytest.mark.parametrize("spec", [np.exp, np.expm1])
def test_a_callable_that_overflows(spec):
    a = mf.analyze(mf.mlp(spec, 0.3, 0.0))
    scalar = mf.variance_map(mf.mlp(spec, 0.3, 0.0), float(a.q_star)).value
    assert scalar == pytest.approx(float(a.q_star), rel=1e-10, abs=1e-300)


@pytest.mark.sweep(2)
@pytest.mark.parametrize(
    ("spec", "sigma_w", "sigma_b"),
    [
        ("tanh", 2.5, 0.3),
        ("tanh", 0.9, 0.2),
        ("gelu", 1.3, 0.2),
        ("cos", 3.0, 0.1),
        ("gaussian", 30.0, 0.1),
        ("sin", 6.0, 0.0),
        ("sigmoid", 50.0, 1.0),
        ("step", 2.0, 0.1),
        ("sign", 1.0, 0.5),
        ("hardtanh", 3.0, 0.2),
        ("relu", 1.2, 0.3),
        ("abs", 0.9, 0.2),
    ],
)
def test_q_star_and_c_star_are_where_orbits_end(spec, sigma_w, sigma_b):
    block = mf.mlp(spec, sigma_w, sigma_b)
    a = mf.analyze(block)
    q = orbit(block)
    assert a.q_star == pytest.approx(q, rel=1e-10)
    c = mf.propagate(block, 500, q=q, c=0.3).c[-1]
    assert a.c_star == pytest.approx(c, abs=1e-9)


@pytest.mark.parametrize(
    ("spec", "sigma_w", "sigma_b"),
    [
        ("tanh", 2.5, 0.3),
        ("gelu", 1.3, 0.2),
        ("cos", 3.0, 0.1),
        ("hardtanh", 3.0, 0.2),
        ("sigmoid", 50.0, 1.0),
        ("step", 2.0, 0.1),
    ],
)
def test_slopes_are_derivatives_of_the_maps(spec, sigma_w, sigma_b):
    block = mf.mlp(spec, sigma_w, sigma_b)
    a = mf.analyze(block)
    q, c, h = float(a.q_star), float(a.c_star), 1e-4
    up, down = (mf.variance_map(block, q * (1 + s)).value for s in (h, -h))
    assert a.chi_parallel == pytest.approx((up - down) / (2 * h * q), abs=1e-6)
    if c < 1:
        up, down = (mf.correlation_map(block, c + s, q=q).value for s in (h, -h))
        assert a.chi_c == pytest.approx((up - down) / (2 * h), abs=1e-6)
    else:
        assert a.chi_c == a.chi_1
    if np.isfinite(a.chi_1):
        gap = 1e-9
        near = mf.propagate(block, 1, q=q, c=1 - gap).one_minus_c
        assert near[1] / near[0] == pytest.approx(float(a.chi_1), rel=2e-3)


@pytest.mark.sweep(7)
@pytest.mark.parametrize("sigma_w", [0.0, 1e-8, 1e-4, 1.0, 30.0, 1e4])
@pytest.mark.parametrize("sigma_b", [0.0, 1e-8, 1e-4, 1.0, 1e4])
@pytest.mark.parametrize("name", ["tanh", "sigmoid", "erf", "sign"])
def test_extreme_sigmas_have_their_fixed_point(name, sigma_w, sigma_b):
    block = mf.mlp(name, sigma_w, sigma_b)
    a = mf.analyze(block)
    for field in set(FIELDS) - {"phase"}:
        assert not np.any(np.isnan(getattr(a, field)))
    q = float(a.q_star)
    assert mf.variance_map(block, q).value == pytest.approx(q, rel=1e-9)
    assert q >= sigma_b**2 * (1 - 1e-9)
    assert q > 0 or orbit(block, depth=60) < 0.01  # tanh and erf at sigma_w ≤ 1 lose the signal
    assert 0 <= a.c_star <= 1
    assert a.phase in ("ordered", "critical", "chaotic")


@pytest.mark.parametrize("sigma_w", [1e6, 1e8, 1e10])
def test_a_bounded_activation_keeps_q_bounded_however_large_sigma_w(sigma_w):
    a = mf.analyze(mf.mlp("erf", sigma_w, 0.1))
    assert a.q_star == pytest.approx(sigma_w**2, rel=1e-3)
    assert a.phase == "chaotic"


def test_sigmas_whose_squares_overflow_are_refused():
    with pytest.raises(mf.InvalidInput, match=r"0 or from 1e-150 to 1e\+150, not 1e\+200"):
        mf.analyze(mf.mlp("tanh", 1e200, 0.0))


def test_no_weights_leave_the_biases():
    a = mf.analyze(mf.mlp("gelu", 0.0, 0.5))
    assert (a.q_star, a.chi_parallel, a.chi_1, a.c_star) == (0.25, 0, 0, 1)
    assert a.xi_q == a.xi_c == a.xi_gradient == 0
    assert a.phase == "ordered"


@pytest.mark.sweep(3)
@pytest.mark.slow
@pytest.mark.parametrize("spec", ["relu", "silu", "sparse_plus", "smelu", "leaky_relu", "abs"])
def test_unbounded_networks(spec):
    block = mf.mlp(spec, 1.8, 0.1)
    a = mf.analyze(block)
    assert (a.q_star, a.phase) == (np.inf, "unbounded")
    assert a.c_star == pytest.approx(mf.propagate(block, 150, c=0.9).c[-1], abs=2e-3)
    assert a.chi_1 > 1


@pytest.mark.parametrize("spec", [np.abs, kinked])
def test_an_unbounded_callable_takes_seconds_at_most(spec):
    a = mf.analyze(mf.mlp(spec, 1.5, 0.2))
    assert (a.q_star, a.phase) == (np.inf, "unbounded")
    assert a.c_star == pytest.approx(1.0, abs=1e-12)


def test_the_critical_relu_network():
    a = mf.analyze(mf.mlp("relu", 2**0.5))
    assert a.phase == "critical"
    assert (a.q_star, a.c_star) == (1, 1)
    assert a.xi_q == a.xi_c == a.xi_gradient == np.inf


@pytest.mark.parametrize("name", ["gelu", "silu", "mish"])
def test_half_stable_points_are_critical_from_one_side(name):
    point = mf.critical_point(name)
    found = mf.fixed_points(mf.mlp(name, point.sigma_w, point.sigma_b))
    nearest = min(found, key=lambda p: abs(p.q - point.q))
    assert nearest.q == pytest.approx(point.q, rel=1e-4)
    assert nearest.slope == pytest.approx(1, abs=1e-7)
    assert not nearest.stable


@pytest.mark.parametrize(
    ("name", "q", "c", "chi"), [("sign", 1.0, 0.0, 2 / np.pi), ("step", 0.5, 0.78983262837344197, None)]
)
def test_jumps_have_infinite_gradients_and_finite_correlations(name, q, c, chi):
    a = mf.analyze(name)
    assert a.q_star == pytest.approx(q, rel=1e-13)
    assert (a.chi_1, a.phase) == (np.inf, "chaotic")
    assert a.c_star == pytest.approx(c, abs=1e-8)
    assert 0 < a.chi_c < 1
    if chi:
        assert a.chi_c == pytest.approx(chi, rel=1e-12)


def test_jumps_of_a_callable_cost_no_more():
    a = mf.analyze(mf.mlp(lambda x: (x > 0) * 1.0, 1.3, 0.2))
    b = mf.analyze(mf.mlp("step", 1.3, 0.2))
    assert (a.q_star, a.c_star, a.chi_c) == pytest.approx((float(b.q_star), float(b.c_star), float(b.chi_c)), rel=1e-9)


def test_a_constant_forgets_everything():
    a = mf.analyze(mf.mlp(lambda x: np.ones_like(x), 1.3, 0.2))
    assert a.q_star == pytest.approx(1.73, rel=1e-13)
    assert (float(a.chi_1), float(a.chi_parallel)) == pytest.approx((0, 0), abs=1e-15)
    assert a.c_star == 1


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("tanh", np.tanh),
        ("leaky_relu", lambda x: np.where(x > 0, x, 0.01 * x)),
        ("softplus", lambda x: np.logaddexp(0, x)),
        ("hardtanh", lambda x: np.clip(x, -1, 1)),
    ],
)
def test_a_callable_is_as_good_as_the_catalogue(name, function):
    sigma_w, sigma_b = np.array([0.8, 1.1]), 0.3
    a, b = (mf.analyze(mf.mlp(spec, sigma_w, sigma_b)) for spec in (function, name))
    for field in FIELDS[:-1]:
        assert getattr(a, field) == pytest.approx(getattr(b, field), rel=1e-8), field
    assert (a.phase == b.phase).all()


@pytest.mark.parametrize(("name", "function"), [("tanh", np.tanh), ("hardtanh", lambda x: np.clip(x, -1, 1))])
def test_a_callable_is_as_good_as_the_catalogue_in_the_chaotic_phase(name, function):
    a, b = (mf.analyze(mf.mlp(spec, 2.5, 0.3)) for spec in (function, name))
    for field in FIELDS[:-1]:
        assert getattr(a, field) == pytest.approx(float(getattr(b, field)), rel=1e-8), field


def test_every_field_has_the_shape_of_the_sigmas():
    for block, shape in (
        (mf.mlp("tanh", 1.5, 0.1), ()),
        (mf.mlp("tanh", [1.5], 0.1), (1,)),
        (mf.mlp("tanh", np.ones((2, 1, 1)), np.full((3, 1), 0.1)), (2, 3, 1)),
        (mf.Network("tanh", mf.Dense([0.5, 1.0], 0.1), "relu", mf.Dense(1.0, [[0.1], [0.2]])), (2, 2)),
    ):
        a = mf.analyze(block)
        for field in FIELDS:
            kind = np.ndarray if shape else str if field == "phase" else np.float64
            assert isinstance(getattr(a, field), kind), field
            assert np.shape(getattr(a, field)) == shape, field


def test_a_block_of_two_layers_has_the_squares_of_one():
    layer = mf.mlp("tanh", 2.0, 0.3)
    one, two = mf.analyze(layer), mf.analyze(mf.Network(layer, layer))
    assert two.q_star == pytest.approx(float(one.q_star), rel=1e-12)
    assert two.c_star == pytest.approx(float(one.c_star), rel=1e-10)
    for field in ("chi_parallel", "chi_1", "chi_c"):
        assert getattr(two, field) == pytest.approx(float(getattr(one, field)) ** 2, rel=1e-10), field
    assert two.xi_c == pytest.approx(float(one.xi_c) / 2, rel=1e-9)


@pytest.mark.parametrize("name", ["gelu", "silu", "mish"])
def test_a_touching_fixed_point_is_found_beside_a_crossing_one(name):
    # Next to its half-stable q each of them has a stable one as well: 3.035 for GELU, 14.593 for SiLU.
    point = mf.critical_point(name)
    block = mf.mlp(name, point.sigma_w, point.sigma_b)
    found = [p.q for p in mf.fixed_points(block)]
    assert any(abs(q / point.q - 1) < 1e-4 for q in found)
    for q in found:
        assert mf.variance_map(block, q).value == pytest.approx(q, rel=1e-11)


def test_two_layers_can_swing_and_then_nothing_is_called_stable():
    # V₄(V_gauss(q)) falls like q⁻² : its only fixed point repels, and q alternates between two values.
    block = mf.Network("gaussian", mf.Dense(3.0), "x**4", mf.Dense(1.0))
    (point,) = mf.fixed_points(block)
    assert point.slope < -1
    assert not point.stable
    orbit_of_one = mf.propagate(block, 60).q
    assert abs(np.log(orbit_of_one[-1] / orbit_of_one[-2])) > 1
    assert abs(mf.analyze(block).chi_parallel) > 1  # so that nobody takes what it describes for an attractor


@settings(max_examples=25)
@given(st.sampled_from(["tanh", "erf", "gelu", "relu", "hardtanh"]), st.floats(0.05, 5), st.floats(0.05, 2))
def test_an_analysis_agrees_with_itself(name, sigma_w, sigma_b):
    block = mf.mlp(name, sigma_w, sigma_b)
    a = mf.analyze(block)
    if not np.isfinite(a.q_star):
        assert a.phase == "unbounded"
        return
    q, c = float(a.q_star), float(a.c_star)
    assert mf.variance_map(block, q).value == pytest.approx(q, rel=1e-11)
    assert mf.correlation_map(block, c, q=q).value == pytest.approx(c, abs=1e-11)
    assert abs(a.chi_parallel) <= 1 + 1e-9
    assert a.chi_c <= 1 + 1e-9
    assert (a.c_star == 1) == (a.chi_1 <= 1 + 1e-9)
    assert a.phase == ("critical" if abs(a.chi_1 - 1) <= 1e-9 else "ordered" if a.chi_1 < 1 else "chaotic")
    for xi, factor in ((a.xi_q, abs(a.chi_parallel)), (a.xi_c, a.chi_c), (a.xi_gradient, a.chi_1)):
        assert np.exp(-1 / xi) == pytest.approx(float(factor), rel=1e-8)


@pytest.mark.parametrize("sigma_b", [0.0, 0.1, 1.0])
def test_critical_relu_under_dropout_forgets_at_its_own_rate_though_q_grows(sigma_b):
    """Biases add to q without end, a vanishing share of it: ξ_c is that of Pretorius et al. 2018 without biases."""
    found = mf.analyze(mf.Network("relu", mf.Dropout(0.2), mf.Dense(1.6**0.5, sigma_b)))
    assert found.xi_c == pytest.approx(1.553794935258602, rel=1e-9)
