"""Second moments from 1e-300 to 1e300, against closed forms: no product of two of them may overflow or vanish."""

import math

import numpy as np
import pytest

import meanfield as mf
from meanfield.numerics.pairs.pair_map import PairMap
from meanfield.numerics.quadrature.piecewise_smooth import PiecewiseSmooth

SIZES = (1e-300, 1e-170, 1e-155, 1e-100, 1e100, 1e155, 1e170, 1e300)


def of_relu(c):
    """The correlation behind a ReLU layer without biases (Cho and Saul 2009)."""
    return (np.sqrt(1 - c * c) + (np.pi - np.arccos(c)) * c) / np.pi


@pytest.mark.parametrize("q", SIZES)
@pytest.mark.parametrize("ratio", [None, 1.0, 0.25])
def test_correlations_at_every_size(q, ratio):
    q2 = None if ratio is None else ratio * q
    truths = {
        "relu": of_relu(0.5),
        "max(x, 0)": of_relu(0.5),
        "linear": 0.5,
        "sign": 1 / 3,  # 2 asin(c)/π
        "tanh": 0.5 if q < 1 else 1 / 3,
        "erf": 0.5 if q < 1 else 1 / 3,
        "gelu": 0.5 if q < 1 else of_relu(0.5),  # x/2 near 0
        "gelu(2*x)": 0.5 if q < 1 else of_relu(0.5),
    }
    for name, truth in truths.items():
        found = mf.propagate(mf.mlp(name, 1.0, 0.0), 1, q=q, q2=q2, c=0.5)
        np.testing.assert_allclose(found.c, [0.5, truth], rtol=1e-9, err_msg=name)


@pytest.mark.parametrize("q", SIZES)
def test_moments_gains_and_maps_at_every_size(q):
    found = {
        "E relu²": (mf.moment("relu", "ff", q).value, q / 2),
        "E relu′²": (mf.moment("relu", "dd", q).value, 0.5),
        "E relu": (mf.expectation("relu", q).value, np.sqrt(q / (2 * np.pi))),
        "E tanh²": (mf.moment("tanh", "ff", q).value, min(q, 1.0)),
        "gain of relu": (mf.gain("relu", q=q).value, np.sqrt(2 / q)),
        "gain of tanh": (mf.gain("tanh", q=q).value, max(q**-0.5, 1.0)),
        "V of relu": (mf.variance_map(mf.mlp("relu", 1.0, 0.0), q).value, q / 2),
        "C of relu": (mf.correlation_map(mf.mlp("relu", 1.0, 0.0), 0.5, q=q).value, of_relu(0.5)),
    }
    for name, (value, truth) in found.items():
        assert value == pytest.approx(truth, rel=1e-9, abs=0), name


@pytest.mark.parametrize("sigma", [1e-150, 1e-100, 1e-10, 1e10, 1e100, 1e150])
def test_weights_and_biases_at_every_size(sigma):
    assert mf.variance_map(mf.mlp("relu", sigma, 0.0), 1.0).value == pytest.approx(sigma**2 / 2, rel=1e-12)
    assert mf.variance_map(mf.mlp("linear", 0.5, sigma), 1.0).value == pytest.approx(0.25 + sigma**2, rel=1e-12)
    behind = mf.propagate(mf.mlp("tanh", 1.0, sigma), 1, q=1e-300, c=0.5)  # equal biases make the inputs equal
    np.testing.assert_allclose(behind.c[1], 1.0 if sigma > 1e-140 else 0.75, rtol=1e-9)


LINEAR = {"relu": 0.5, "gelu": 0.25, "tanh": 1.0, "sin": 1.0, "erf": 4 / np.pi}  # V(q)/q at small q


@pytest.mark.parametrize("name", LINEAR)
@pytest.mark.parametrize("sigma", [1e-140, 1e-60, 1e-20])
def test_fixed_points_of_small_biases(name, sigma):
    block, slope = mf.mlp(name, 0.8, sigma), 0.64 * LINEAR[name]
    truth = sigma**2 / (1 - slope)
    found = mf.analyze(block)
    assert found.q_star == pytest.approx(truth, rel=1e-12, abs=0)
    assert (found.c_star, found.phase) == (1.0, "ordered")
    assert [point.q for point in mf.fixed_points(block)] == pytest.approx([truth], rel=1e-12, abs=0)


@pytest.mark.parametrize("sigma", [1e20, 1e60, 1e140])
def test_fixed_points_of_large_weights_and_biases(sigma):
    for name, level, slope in (("tanh", 1.0, 0.5319230405352436), ("erf", 1.0, 2 / np.pi), ("sin", 0.5, None)):
        block = mf.mlp(name, sigma, 0.1)
        found = mf.analyze(block)
        assert found.q_star == pytest.approx(level * sigma**2, rel=1e-12), name
        assert found.chi_1 == pytest.approx(slope * sigma if slope else 0.5 * sigma**2, rel=1e-12), name
        assert found.phase == "chaotic"
        assert found.c_star == pytest.approx(0.0, abs=1e-30)
        assert [point.q for point in mf.fixed_points(block, q_max=1e300)] == pytest.approx([level * sigma**2])
    for name in ("relu", "gelu"):
        assert mf.analyze(mf.mlp(name, 0.8, sigma)).q_star == pytest.approx(sigma**2 / 0.68, rel=1e-12), name
        assert mf.analyze(mf.mlp(name, sigma, 0.1)).phase == "unbounded"


def test_many_networks_have_the_same_far_fixed_points():
    sigma_w, sigma_b = np.meshgrid([0.5, 0.8, 1e60], np.geomspace(1e-100, 1e-20, 20))
    found = mf.phase_diagram("tanh", [0.5, 0.8, 1e60], np.geomspace(1e-100, 1e-20, 20)).q_star
    truth = np.where(sigma_w < 1, sigma_b**2 / (1 - np.minimum(sigma_w, 0.9) ** 2), sigma_w**2)
    np.testing.assert_allclose(found, truth.T if found.shape != truth.shape else truth, rtol=1e-11)


@pytest.mark.parametrize("start", [1e-300, 1e-100, 1e100, 1e300])
def test_orbits_from_every_size_end_at_the_fixed_point(start):
    assert mf.analyze(mf.mlp("erf", 1.3, 0.3), q=start).q_star == pytest.approx(0.805318147491415, rel=1e-12)


@pytest.mark.parametrize("name", ["gelu", "relu", "erf"])
@pytest.mark.parametrize("q", [1e-300, 1e-90, 1e90, 1e300])
def test_closed_forms_and_quadrature_agree_on_pairs_of_every_size(name, q):
    pieces = mf.activation(name).pieces
    twin = PairMap(PiecewiseSmooth(pieces.function, pieces.derivative_function, pieces.breakpoints))
    for q2 in (q, 0.25 * q, 1e-9 * q if q > 1e-200 else q):
        (value, error), (sampled, bound) = (
            pair.decorrelation(q, q2, 1.3) for pair in (mf.activation(name).moments.pair_map, twin)
        )
        assert abs(value - sampled) <= error + bound < 1e-10 * value


def test_what_floats_cannot_hold_is_refused():
    with pytest.raises(mf.InvalidInput, match="differ by a factor of 1e"):
        mf.propagate("linear", 1, q=1.0, q2=1e-13, c=0.5)
    with pytest.raises(mf.InvalidInput, match="0 or from 1e-150 to 1e"):
        mf.mlp("tanh", 1.0, 1e-160)
    with pytest.raises(mf.DivergentExpectation, match="range of a float"):
        mf.variance_map("monomial", 1e300)


@pytest.mark.parametrize("sigma_b", [1e-60, 1e60])
def test_a_critical_line_beyond_the_range_of_its_search_says_so(sigma_b):
    line = mf.critical_line("tanh", [sigma_b])
    assert len(line) == 0
    assert "looked for at q from 1e-10 to 1e8" in line.reason


def test_hermite_coefficients_at_the_largest_variance():
    """There tanh is a sign: E sign(Z)·Z = √(2/π). A grid for twice the variance would be beyond floats."""
    assert mf.hermite_coefficients("tanh", 2, q=1.5e308).value[1] == pytest.approx(math.sqrt(2 / math.pi), rel=1e-12)
