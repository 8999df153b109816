"""The precision of a callable is found before anything else, and its jumps, derivative and moments are judged by it.

The truth is the same function in float64: rounding to single precision changes moments by about 1e-7.
"""

import numpy as np
import pytest
from scipy import special

import meanfield as mf
from meanfield.activations.callables.precision import precision_of
from meanfield.errors import BadActivation, DivergentExpectation, NoFixedPoint

HALF, SINGLE, DOUBLE = (float(np.finfo(t).eps) for t in (np.float16, np.float32, np.float64))
BRAIN = 2.0**-7  # bfloat16


def brain(x):
    return (np.asarray(x, np.float32).view(np.uint32) & 0xFFFF0000).view(np.float32).astype(float)


def single(function):
    return lambda x: function(np.asarray(x).astype(np.float32))


TABLE = np.linspace(-10, 10, 2001)

PRECISIONS = [
    (np.tanh, DOUBLE),
    (lambda x: np.sin(500 * x), DOUBLE),
    (lambda x: special.expit(1e4 * (x - 0.9)), DOUBLE),
    (np.sign, DOUBLE),
    (np.round, DOUBLE),
    (lambda x: np.floor(64 * x) / 64, DOUBLE),
    (lambda x: np.floor(1000 * x) / 1000, DOUBLE),
    (lambda x: np.maximum(x, 0), DOUBLE),
    (lambda x: np.interp(x, TABLE, np.tanh(TABLE).astype(np.float32)), DOUBLE),  # exact between rounded values
    (lambda x: np.tanh(x.astype(np.float32)).astype(float), SINGLE),
    (lambda x: np.tanh(x.astype(np.float32).astype(float)), SINGLE),
    (lambda x: 1.05 * np.tanh(x.astype(np.float32)).astype(float), SINGLE),
    (lambda x: np.maximum(x.astype(np.float32).astype(float), 0), SINGLE),
    (lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0).astype(np.float32)).astype(float)), SINGLE),
    (lambda x: np.tanh(x.astype(np.float16)).astype(float), HALF),
    (lambda x: np.tanh(x).astype(np.float16).astype(float), HALF),
    (lambda x: np.tanh(x.astype(np.float16).astype(float)), HALF),
    (lambda x: brain(np.tanh(x)), BRAIN),
    (lambda x: np.sin(brain(x)), BRAIN),
]


@pytest.mark.parametrize(("function", "unit"), PRECISIONS)
def test_the_arithmetic_of_a_function_is_recognised_behind_float64(function, unit):
    assert precision_of(function, DOUBLE).unit == unit


SINGLES = {
    "silu": (lambda y: y / (1 + np.exp(-y)), "silu"),
    "sigmoid": (lambda y: 1 / (1 + np.exp(-y)), "sigmoid"),
    "1 + tanh": (lambda y: 1 + np.tanh(y), "1 + tanh(x)"),
    "(1 + tanh)/2": (lambda y: (1 + np.tanh(y)) / 2, "(1 + tanh(x))/2"),
    "softplus": (lambda y: np.log(1 + np.exp(y)), "softplus"),
    "tanh": (np.tanh, "tanh"),
    "relu": (lambda y: np.maximum(y, 0), "relu"),
}


@pytest.mark.parametrize("name", SINGLES)
def test_moments_of_functions_in_single_precision_hold_within_their_bounds(name):
    function, truth = mf.activation(single(SINGLES[name][0])), mf.activation(SINGLES[name][1])
    assert function.jumps == ()
    assert function.breakpoints == truth.breakpoints
    for q in (1e-3, 1.0, 20.0):
        for moment in ("mean", "variance", "second_moment", "second_moment_slope", "derivative_moment"):
            value, error = getattr(function.moments, moment)(q)
            right, _ = getattr(truth.moments, moment)(q)
            size = float(truth.moments.second_moment(q)[0])
            assert abs(value - right) <= error, (q, moment)
            if q >= 1:
                assert error < 1e-4 * max(abs(right), size), (q, moment)


@pytest.mark.parametrize("name", ["silu", "sigmoid", "1 + tanh", "softplus"])
def test_overflow_at_88_is_no_jump(name):
    function = mf.activation(single(SINGLES[name][0]))
    function.pieces.breakpoints_within(87.0)  # the search goes to 128
    assert function.jumps == ()


def test_an_mlp_of_single_precision_has_the_analysis_of_the_double_one():
    silu, right = mf.analyze(mf.mlp(single(SINGLES["silu"][0]), 1.4, 0.3)), mf.analyze(mf.mlp("silu", 1.4, 0.3))
    assert silu.phase == "ordered"
    assert abs(float(silu.chi_1) - 0.572587068) < 2e-6
    assert abs(float(silu.q_star) - float(right.q_star)) < 1e-7


def test_a_critical_network_in_single_precision_is_critical():
    relu, right = mf.analyze(mf.mlp(single(SINGLES["relu"][0]), 2**0.5)), mf.analyze(mf.mlp("relu", 2**0.5))
    for name in ("phase", "xi_q", "xi_c", "xi_gradient", "c_star"):
        assert getattr(relu, name) == getattr(right, name), name


def test_true_jumps_in_short_arithmetic_are_jumps():
    step = mf.activation(lambda x: np.where(x.astype(np.float32) > np.float32(0.3), x, 0).astype(np.float32))
    assert step.jumps == pytest.approx((0.3,), abs=3e-8)
    half = mf.activation(lambda x: np.where(x.astype(np.float16) > 0.3, x, 0).astype(np.float16))
    assert half.jumps == pytest.approx((0.3,), abs=3e-4)


def test_overflow_inside_the_gaussian_is_refused_and_half_precision_has_no_fixed_points():
    softplus = mf.activation(single(SINGLES["softplus"][0]))
    with pytest.raises(DivergentExpectation, match="exceeds the range of a float"):
        softplus.moments.second_moment(400.0)
    with pytest.raises(NoFixedPoint, match="rounds to one part in 1024: give one in single precision or better"):
        mf.analyze(mf.mlp(lambda x: np.tanh(x.astype(np.float16)), 1.4, 0.3))


@pytest.mark.parametrize("name", ["tanh", "relu", "silu"])
def test_critical_points_of_single_precision_are_those_of_double_precision(name):
    found, right = mf.critical_point(single(SINGLES[name][0])), mf.critical_point(name)
    assert found.universality == right.universality
    assert found.sigma_w == pytest.approx(right.sigma_w, rel=1e-6)
    assert found.sigma_b == pytest.approx(right.sigma_b, rel=1e-4)
    assert found.q == pytest.approx(right.q, rel=1e-4)


@pytest.mark.parametrize("kind", [np.float32, np.float16])
def test_a_right_derivative_passes_and_a_wrong_one_does_not(kind):
    def tanh(x):
        return np.tanh(x.astype(kind))

    mf.activation(tanh, derivative=lambda x: 1 - np.tanh(x) ** 2)
    with pytest.raises(BadActivation, match="where the function rises by"):
        mf.activation(tanh, derivative=lambda x: 1 - np.tanh(x))


def test_a_derivative_in_single_precision_is_judged_by_its_own():
    phi = mf.activation(np.tanh, derivative=single(lambda y: 1 / np.cosh(np.clip(y, -40, 40)) ** 2))
    value, error = phi.moments.derivative_moment(1.0)
    right, _ = mf.activation("tanh").moments.derivative_moment(1.0)
    assert abs(value - right) <= error < 1e-5
    assert phi.moments.second_moment(1.0)[1] < 1e-14
