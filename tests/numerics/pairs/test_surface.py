"""The pair map of many pairs at once: every digit of the adaptive method, within the error that it claims."""

import numpy as np
import pytest

import meanfield as mf
from meanfield.numerics.pairs.by_quadrature import distance, slope
from meanfield.numerics.pairs.differences import Differences
from meanfield.numerics.pairs.surface import PairSurface
from meanfield.numerics.quadrature.piecewise_smooth import PiecewiseSmooth

FUNCTIONS = {
    "tanh": np.tanh,
    "kinked": lambda x: np.where(x > -0.3, x + 0.3, np.expm1(np.minimum(x + 0.3, 0.0))),
    "relu6": lambda x: np.clip(x, 0, 6),
    "far from zero mean": lambda x: np.tanh(x) + 1000.0,
    "bent": lambda x: np.clip(x, -1, 1) + 0.2 * np.clip(x, 0, 3),
    "jump": lambda x: (x > 0.5) * 1.0,
    "jumps": lambda x: (x > 0) + 0.5 * (x > 1) + 0.1 * x,
    "square": lambda x: x * x,
}


@pytest.mark.sweep(2)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_all_correlations_at_many_variances(name):
    rng = np.random.default_rng(3)
    pieces = mf.activation(FUNCTIONS[name]).pieces
    surface = PairSurface(pieces, None)
    q = np.exp(rng.uniform(-1, 2, 24))
    gap = np.r_[10 ** rng.uniform(-7, 0, 10), rng.uniform(0, 2, 10), 2 - 10 ** rng.uniform(-7, 0, 4)]
    value, error = surface.distance(q, gap)
    truth, bound = np.array([distance(pieces, *pair) for pair in zip(q, q, gap, strict=True)]).T
    assert np.all(np.abs(value - truth) <= error + bound)
    if name not in ("far from zero mean", "square"):  # digits lost to 1000, and a distance that vanishes at c = −1
        assert np.all(error <= 1e-10 * value)


@pytest.mark.parametrize("name", ["gelu", "erf", "relu6", "sign"])
def test_closed_forms_and_quadrature_make_the_same_series(name):
    phi = mf.activation(name)
    q, gap = np.full(50, 1.7), np.linspace(1e-3, 1.99, 50)
    by_form = phi.moments.distance(q, q, q * gap)[0]
    by_series = PairSurface(phi.pieces, None).distance(q, gap)[0]
    assert by_series == pytest.approx(by_form, rel=1e-11)


def test_the_ends_are_exact():
    surface = PairSurface(mf.activation(FUNCTIONS["kinked"]).pieces, None)
    value, _ = surface.distance(np.ones(3), np.array([0.0, 1e-300, 2.0]))
    assert value[0] == 0
    assert value[1] / 1e-300 == pytest.approx(
        float(mf.activation(FUNCTIONS["kinked"]).moments.derivative_moment(1.0)[0])
    )
    assert np.isfinite(value[2])


@pytest.mark.filterwarnings("error")
def test_a_constant_has_no_differences():
    value, _ = PairSurface(PiecewiseSmooth(np.ones_like), None).distance(np.ones(3), np.array([0.01, 0.7, 1.9]))
    assert np.all(np.abs(value) <= 1e-14)


def test_what_cannot_be_computed_is_said():
    surface = PairSurface(mf.activation(lambda x: np.exp(np.minimum(x * x, 500))).pieces, None)
    assert np.isinf(surface.distance(np.full(4, 3.0), np.full(4, 0.5))[1]).all()


def test_a_staircase_with_many_steps_is_left_to_the_other_method():
    pieces = mf.activation(lambda x: np.floor(np.clip(3 * np.exp(x), 0, 40))).pieces
    surface = PairSurface(pieces, None)
    value, error = surface.distance(np.ones(2), np.full(2, 0.1))
    assert not np.any(error <= 1e-6 * value)


STEEP = {
    "step": lambda x: np.tanh(500 * (x - 0.3)),
    "two steps": lambda x: np.tanh(500 * (x - 0.3)) + np.tanh(800 * (x + 0.51)),
    "two bumps": lambda x: np.exp(-((40 * (x - 0.4)) ** 2)) + np.exp(-((40 * (x + 0.9)) ** 2)) + 0.1 * x,
    "rounded kinks": lambda x: np.hypot(x - 0.3, 1e-4) + np.hypot(x + 0.7, 1e-4),
}


@pytest.mark.sweep(2)
@pytest.mark.parametrize("name", STEEP)
def test_features_between_the_nodes_of_the_half_difference_are_in_the_error(name):
    pieces = mf.activation(STEEP[name]).pieces
    gap = np.array([0.1, 1.9])
    value, error = PairSurface(pieces, None).distance(np.full(2, 3.0), gap)
    truth, bound = np.array([distance(pieces, 3.0, 3.0, g) for g in gap]).T
    assert np.all(np.abs(value - truth) <= error + bound)


@pytest.mark.parametrize("width", [1e-3, 0.0362])
def test_a_cut_near_zero_does_not_make_the_next_panel_longer_than_the_density(width):
    low, q, c = -1.6334, 1.083, 1 - np.array([1e-2, 1e-4, 1e-6])
    pieces = mf.activation(lambda x: np.where((x > low) & (x < low + width), 1.0, 0.0)).pieces
    value, error = PairSurface(pieces, None).distance(np.full(3, q), 1 - c)
    truth, bound = np.array([distance(pieces, q, q, 1 - one) for one in c]).T
    assert np.all(np.abs(value - truth) <= error + bound)


def test_small_differences_keep_their_digits():
    pieces = mf.activation(np.tanh).pieces
    s, t = np.array([0.5, 1.0]), np.array([1e-6, 1e-3, 0.4])
    (values,) = Differences(pieces, s, 0.5)(t)
    for i in range(2):
        for k in range(3):
            q, gap = s[i] * (1 + t[k] ** 2), 2 * t[k] ** 2 / (1 + t[k] ** 2)
            assert values[i, k] == pytest.approx(distance(pieces, q, q, gap)[0], rel=1e-11)


@pytest.mark.sweep(2)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_slopes_at_all_correlations(name):
    rng = np.random.default_rng(4)
    pieces = mf.activation(FUNCTIONS[name]).pieces
    surface = PairSurface(pieces, None)
    q = np.exp(rng.uniform(-1, 2, 20))
    gap = np.r_[10 ** rng.uniform(-4, 0, 8), rng.uniform(0, 2, 8), 2 - 10 ** rng.uniform(-4, 0, 4)]
    value, error, distances = surface.slope(q, gap)
    for k in range(0, 20, 5):
        truth, bound = slope(pieces, q[k], q[k], gap[k])
        assert abs(value[k] - truth) <= error[k] + bound
    np.testing.assert_allclose(distances, surface.distance(q, gap)[0], rtol=1e-13)
    if name in ("tanh", "kinked", "relu6", "bent"):
        assert np.all(error[:16] <= 1e-9 * np.maximum(np.abs(value[:16]), 1e-3))


def test_next_to_correlation_one_the_slope_errs_by_no_more_than_its_bound():
    """E φ′(U)φ′(V) = E φ′² − d·E φ″² + O(d²), by trapezoidal sums, which err by rounding alone."""
    z = np.arange(-12, 12, 0.02)
    weight = 0.02 * np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
    surface = PairSurface(mf.activation(np.tanh).pieces, None)
    q, gap = np.array([1e-3, 1e-2, 0.1, 1.0, 10.0]), np.full(5, 1e-9)
    first = 1 / np.cosh(np.sqrt(q)[:, None] * z) ** 2
    second = 2 * np.tanh(np.sqrt(q)[:, None] * z) * first
    truth = first**2 @ weight - q * gap * (second**2 @ weight)
    value, error, _ = surface.slope(q, gap)
    assert np.all(np.abs(value - truth) <= error + 1e-15)
    assert np.all(error <= 5e-13 * value)
