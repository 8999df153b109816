"""The critical line and the critical point: recomputed by what they claim, and against 30 digits."""

from functools import cache

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import meanfield as mf

STEP, REACH = 96, 12  # points a unit of Z, and how far: the rule's error is exp(−2π·96·π/(2√q)), 1e-32 at q = 160


@cache
def nodes():
    """Points z > 0 and the weights of the trapezoidal rule for E f(Z), f even, at 30 digits."""
    with mp.workdps(30):
        z = [mp.mpf(k) / STEP for k in range(1, REACH * STEP)]
        return z, [2 * mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi) / STEP for x in z], 1 / mp.sqrt(2 * mp.pi) / STEP


def moments_of_tanh(q):
    """E tanh² and E sech⁴ of √q·Z at 30 digits."""
    z, weights, middle = nodes()
    squares = [mp.tanh(mp.sqrt(q) * x) ** 2 for x in z]
    return mp.fdot(weights, squares), middle + mp.fdot(weights, [(1 - t) ** 2 for t in squares])


def tanh_line(sigma_b2, start):
    """σ_w of the critical tanh network, by mpmath alone."""
    with mp.workdps(30):

        def excess(q):
            v, d = moments_of_tanh(q)
            return q - v / d - mp.mpf(sigma_b2)

        q = mp.findroot(excess, (mp.mpf(start), mp.mpf(start) * mp.mpf("1.0001")), tol=mp.mpf(10) ** -40)
        return 1 / mp.sqrt(moments_of_tanh(q)[1])


@pytest.mark.parametrize(
    "name", ["tanh", "gelu", "silu", "elu", "sin", "cos", "hardtanh", "sigmoid", "softplus", "gaussian", "mish"]
)
def test_chi_1_is_one_on_the_line(name):
    sigma_b = np.array([0.0, 1e-3, 0.1, 0.5, 2.0])
    line = mf.critical_line(name, sigma_b)
    assert len(line) == line.q.size == line.sigma_b.size == line.stable.size == line.error.size
    for i in range(len(line)):
        block = mf.mlp(name, line.sigma_w[i], line.sigma_b[i])
        if line.q[i] == 0:
            assert line.sigma_w[i] == pytest.approx(1 / abs(float(mf.activation(name).derivative(0.0))), rel=1e-12)
            continue
        q = line.q[i]
        assert mf.variance_map(block, q).value == pytest.approx(q, rel=1e-10, abs=1e-12 * line.sigma_b[i] ** 2)
        assert mf.propagate(block, 1, q=q).chi[0] == pytest.approx(1, rel=1e-12)
        if line.stable[i] and abs(line.chi_parallel[i] - 1) > 1e-4:
            orbit = mf.propagate(block, 1, q=q * np.array([1 - 1e-3, 1 + 1e-3])).q
            assert np.all(np.abs(orbit[1] - q) < np.abs(orbit[0] - q))


@pytest.mark.parametrize(
    ("name", "sigma_b"),
    [("tanh", 0.2), ("tanh", 1.0), ("elu", 0.2), ("gelu", 0.6), ("sigmoid", 0.0), ("hardtanh", 0.3)],
)
def test_analyze_calls_the_stable_line_critical(name, sigma_b):
    line = mf.critical_line(name, sigma_b, stable_only=True)
    assert len(line) == 1
    a = mf.analyze(mf.mlp(name, line.sigma_w[0], sigma_b))
    assert a.chi_1 == pytest.approx(1, rel=1e-11)
    assert a.phase == "critical"
    assert a.q_star == pytest.approx(line.q[0], rel=1e-9)
    assert a.xi_c == np.inf
    for s, phase in ((1 - 1e-4, "ordered"), (1 + 1e-4, "chaotic")):
        assert mf.analyze(mf.mlp(name, line.sigma_w[0] * s, sigma_b)).phase == phase


@pytest.mark.parametrize("name", ["gelu", "silu", "tanh", "elu", "cos", "sin"])
def test_stability_is_what_the_map_does(name):
    line = mf.critical_line(name, [0.1, 0.3, 0.9])
    for i in range(len(line)):
        block = mf.mlp(name, line.sigma_w[i], line.sigma_b[i])
        start = line.q[i] * np.array([1 - 1e-3, 1 + 1e-3])
        end = mf.propagate(block, 30, q=start).q[-1]
        assert line.stable[i] == bool(np.all(np.abs(end - line.q[i]) < np.abs(start - line.q[i])))


@pytest.mark.sweep(2)
@pytest.mark.parametrize("name", ["tanh", "gelu", "cos", "gaussian", "sin", "x*cos(x)", "sin(2*x)*exp(-x**2) + x/2"])
def test_every_solution_is_found(name):
    sigma_b = 0.25
    phi = mf.activation(name)
    x = np.linspace(-45, 45, 9001)
    q = np.geomspace(1e-2, 20, 800)
    density = np.exp(-x * x / (2 * q[:, None]))  # the trapezoidal rule converges exponentially for it
    bias = q - (density @ phi(x) ** 2) / (density @ phi.derivative(x) ** 2) - sigma_b**2
    crossings = np.sqrt(q[:-1] * q[1:])[bias[:-1] * bias[1:] < 0]
    line = mf.critical_line(name, sigma_b)
    found = line.q[(line.q > 1e-2) & (line.q < 20)]
    assert found == pytest.approx(crossings, rel=1e-2)


def test_several_solutions_come_in_order():
    line = mf.critical_line("x*cos(x)", np.linspace(0.3, 0.5, 5)[::-1])
    order = np.lexsort((line.q, line.sigma_b))
    assert order.tolist() == list(range(len(line)))  # "ascending in sigma_b, then in q"


def test_stable_only_leaves_out_what_runs_away():
    for sigma_b in (0.2, 0.4, 0.5):
        every, stable = (mf.critical_line("gelu", sigma_b, stable_only=s) for s in (False, True))
        assert stable.q.tolist() == every.q[every.stable].tolist()
        assert stable.stable.all()


@pytest.mark.parametrize(("sigma_b2", "start"), [(0.05, 0.57), (1.0, 3.0), (1e-6, 0.009), (100.0, 158.0)])
def test_errors_are_bounds_for_tanh(sigma_b2, start):
    sigma_b = sigma_b2**0.5
    line = mf.critical_line("tanh", sigma_b)
    assert len(line) == 1
    truth = tanh_line(mp.mpf(sigma_b) ** 2, start)
    difference = abs(float(mp.mpf(float(line.sigma_w[0])) - truth))
    assert difference <= line.error[0]
    assert line.error[0] < 1e-9 * line.sigma_w[0]


@pytest.mark.parametrize("sigma_b", [1e-4, 1e-6, 1e-8, 1e-10])
def test_errors_are_bounds_where_the_line_meets_the_origin(sigma_b):
    line = mf.critical_line("erf", sigma_b)
    with mp.workdps(40):
        target = mp.mpf(sigma_b) ** 2
        start = mp.cbrt(target * 3 / 4)

        def excess(q):
            return q - mp.sqrt(1 + 4 * q) / 2 * mp.asin(2 * q / (1 + 2 * q)) - target

        q = mp.findroot(excess, (start / 2, start), solver="anderson", tol=1e-60)
        truth = mp.sqrt(mp.pi / 4 * mp.sqrt(1 + 4 * q))
        assert len(line) == 1
        assert abs(float(line.sigma_w[0] - truth)) <= line.error[0]
        assert line.error[0] < 1e-6


@pytest.mark.parametrize("sigma_b", [0.41583, 0.415839, 0.4158393809, 0.41584, 0.4159])
def test_errors_are_bounds_next_to_the_half_stable_point(sigma_b):
    line = mf.critical_line("gelu", sigma_b)
    with mp.workdps(40):

        def v(q):
            return q / 4 + q / (2 * mp.pi) * mp.asin(q / (1 + q)) + q * q / (mp.pi * (1 + q) * mp.sqrt(1 + 2 * q))

        def d(q):
            return (
                mp.mpf(1) / 4
                + mp.asin(q / (1 + q)) / (2 * mp.pi)
                + q * (3 + 5 * q) / (2 * mp.pi * (1 + q) * (1 + 2 * q) ** 1.5)
            )

        for q, sigma_w, error in zip(line.q, line.sigma_w, line.error, strict=True):
            root = mp.findroot(lambda q: q - v(q) / d(q) - mp.mpf(sigma_b) ** 2, mp.mpf(float(q)))
            assert abs(float(sigma_w - 1 / mp.sqrt(d(root)))) <= error


def test_without_biases_the_origin_is_on_the_line_of_an_odd_activation():
    line = mf.critical_line("tanh", 0.0)
    assert (line.sigma_w.tolist(), line.q.tolist(), line.stable.tolist()) == ([1.0], [0.0], [True])
    assert line.chi_parallel == pytest.approx([1.0], rel=1e-12)


@pytest.mark.parametrize("spec", ["x**2", "x**3", "squared_relu", "tanhshrink", "softshrink", lambda x: x * x])
def test_a_slope_of_zero_at_the_origin_is_critical_for_no_finite_weights(spec):
    line = mf.critical_line(spec, [0.0, 0.1])
    assert np.all(line.sigma_w < 1e6)
    assert np.all(line.sigma_b > 0) or np.all(line.q[line.sigma_b == 0] > 0)
    assert not np.isnan(line.error).any()


@pytest.mark.parametrize("slope", [0.0, 0.01, 0.3, 1.0, -1.0])
def test_scale_invariant_activations_are_critical_without_biases_only(slope):
    phi = mf.activation("leaky_relu", negative_slope=slope)
    line = mf.critical_line(phi, [0.0, 0.1, 1.0])
    assert line.sigma_b.tolist() == [0.0]
    assert line.sigma_w == pytest.approx([(2 / (1 + slope**2)) ** 0.5], rel=1e-14)
    assert line.chi_parallel == pytest.approx([1.0], rel=1e-14)


def test_a_zero_activation_is_critical_nowhere():
    assert len(mf.critical_line(lambda x: 0.0 * x, [0.0, 0.2])) == 0


def test_a_constant_is_critical_nowhere():
    assert len(mf.critical_line(lambda x: np.ones_like(x), [0.0, 0.2])) == 0


def test_jumps_are_critical_nowhere():
    for name in ("sign", "step", "hardshrink"):
        with pytest.raises(mf.InfiniteDerivative):
            mf.critical_line(name, 0.1)
        assert mf.critical_point(name).universality == "none"


def test_the_block_may_have_other_layers_before_its_weights():
    line = mf.critical_line(mf.Network("tanh", mf.Dense(7.0, 5.0)), 0.3)
    assert line.sigma_w == pytest.approx(mf.critical_line("tanh", 0.3).sigma_w, rel=1e-14)
    for wrong in (mf.Network("tanh"), mf.Network("tanh", "sin", mf.Dense(1.0))):
        with pytest.raises(mf.InvalidInput):
            mf.critical_line(wrong, 0.3)


@pytest.mark.parametrize("block", [mf.Network(mf.Dense(), "erf"), mf.Network("erf", mf.Dense(), "erf", mf.Dense())])
def test_blocks_of_another_form_are_critical_where_their_gradient_factor_crosses_one(block):
    line, simple = (mf.critical_line(spec, [0.0, 0.3]) for spec in (block, "erf"))
    assert np.all(np.abs(line.sigma_w - simple.sigma_w) <= line.error + simple.error)
    assert line.error == pytest.approx(0, abs=1e-10)
    assert line.stable.tolist() == simple.stable.tolist()
    a = mf.analyze(block.at(sigma_w=line.sigma_w, sigma_b=line.sigma_b))
    assert a.chi_1 == pytest.approx(1, rel=1e-10)
    assert a.q_star == pytest.approx(line.q, abs=1e-10)


def test_linear_networks_are_critical_at_one():
    assert mf.critical_line(mf.Dense(3.0), 0.0).sigma_w == pytest.approx([1.0])


@pytest.mark.sweep(3)
@pytest.mark.parametrize("name", mf.catalogue())
def test_every_activation_of_the_catalogue_has_a_class(name):
    point = mf.critical_point(name)
    if point.universality == "none":
        assert np.isnan([point.sigma_w, point.sigma_b, point.q]).all()
        return
    assert point.universality in ("scale_invariant", "k_star_zero", "half_stable")
    assert point.sigma_w > 0
    assert point.sigma_b >= 0
    block = mf.mlp(name, point.sigma_w, point.sigma_b)
    q = max(point.q, 1e-12)
    assert mf.propagate(block, 1, q=q).chi[0] == pytest.approx(1, abs=1e-5 if point.q == 0 else 1e-11)
    assert mf.variance_map(block, q).value == pytest.approx(q, rel=1e-5 if point.q == 0 else 1e-11)
    if point.universality == "half_stable":
        h = 1e-2 * q  # χ_∥ − 1 changes sign or touches: q marginal, and drifting to the same side from both sides
        drift = [mf.variance_map(block, q + s).value - (q + s) for s in (-h, h)]
        assert drift[0] * drift[1] > 0
    if point.universality == "k_star_zero":
        q = mf.propagate(block, 200, q=0.5).q
        assert q[-1] <= q[0] * (1 + 1e-9)


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("gelu", lambda x: 0.5 * x * (1 + np.tanh((2 / np.pi) ** 0.5 * (x + 0.044715 * x**3)))),
        ("tanh", np.tanh),
        ("relu", lambda x: np.maximum(x, 0)),
    ],
)
def test_callables_have_the_same_points(name, function):
    named, given = mf.critical_point("gelu_tanh" if name == "gelu" else name), mf.critical_point(function)
    assert given.universality == named.universality
    assert (given.sigma_w, given.sigma_b, given.q) == pytest.approx((named.sigma_w, named.sigma_b, named.q), rel=1e-9)


@pytest.mark.parametrize("factor", [1e-6, 1e-3, 0.5, 30.0, 1e5, -2.0])
def test_the_scale_of_the_output_goes_into_sigma_w(factor):
    point = mf.critical_point(f"{factor!r}*tanh(x)")
    assert point.universality == "k_star_zero"
    assert point.sigma_w == pytest.approx(1 / abs(factor), rel=1e-12)


@pytest.mark.sweep(2)
@pytest.mark.parametrize("factor", [1e-3, 0.1, 7.0, 1e3])
def test_the_scale_of_the_input_goes_into_sigma_b_and_sigma_w(factor):
    point, reference = mf.critical_point(f"x*(1 + erf({factor}*x/sqrt(2)))/2"), mf.critical_point("gelu")
    assert point.universality == "half_stable"
    assert point.sigma_w == pytest.approx(reference.sigma_w, rel=1e-10)
    assert point.sigma_b == pytest.approx(reference.sigma_b / factor, rel=1e-9)


def test_a_shifted_kink_is_not_scale_invariant():
    assert mf.critical_point(lambda x: np.maximum(x - 1e-3, 0)).universality != "scale_invariant"
    assert mf.critical_point(lambda x: np.maximum(x, 0.1 * x)).universality == "scale_invariant"


@settings(max_examples=15)
@given(st.floats(1e-3, 3), st.sampled_from(["tanh", "erf", "sin", "elu", "hardtanh"]))
def test_the_line_rises(sigma_b, name):
    lower, upper = (mf.critical_line(name, sigma_b * s) for s in (1, 1.05))
    assert len(lower) == len(upper) == 1
    assert lower.sigma_w[0] < upper.sigma_w[0] + lower.error[0] + upper.error[0]
    assert lower.q[0] < upper.q[0]
