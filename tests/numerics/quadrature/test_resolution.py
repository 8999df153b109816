"""Features of a callable that are as wide as the stated resolution are seen, wherever they are."""

import numpy as np
import pytest
from scipy.special import ndtr

import meanfield as mf
from meanfield.errors import InfiniteDerivative
from meanfield.numerics.quadrature.one_gaussian import moment
from meanfield.numerics.quadrature.piecewise_smooth import PiecewiseSmooth


def box(m, w):
    return lambda x: np.tanh(x) + 100.0 * (np.abs(x - m) < 0.5 * w)


@pytest.mark.parametrize("q", [1e-4, 1.0, 25.0])
def test_boxes_of_the_width_of_the_resolution_are_seen(q):
    sd = np.sqrt(q)
    w = mf.expectation(lambda x: np.tanh(x), q).resolution
    assert w <= min(0.0026, 0.016 * sd)
    for m in sd * np.random.default_rng(1).uniform(-3, 3, 10):
        found = mf.expectation(box(m, w), q)
        truth = 100.0 * (ndtr((m + 0.5 * w) / sd) - ndtr((m - 0.5 * w) / sd))  # tanh is odd
        assert abs(found.value - truth) <= found.error + 1e-12
        assert found.error < 1e-9


def test_declared_breakpoints_do_not_hide_narrow_features():
    k, m = 1e3, 0.4
    found = mf.expectation(mf.activation(lambda x: np.exp(-((k * (x - m)) ** 2)), breakpoints=()))
    assert found.agrees(np.exp(-((k * m) ** 2) / (1 + 2 * k * k)) / np.sqrt(1 + 2 * k * k))
    assert found.resolution < 0.003


def test_formulas_have_no_resolution():
    assert mf.gain("gelu").resolution is None
    assert mf.pair_expectation("tanh(x)", lambda x: x, c=0.5).resolution < 0.003


@pytest.mark.parametrize("x", [16.0, 32.0])
def test_jump_where_searches_used_to_end(x):
    assert mf.activation(lambda t: np.where(t > x, 1.0, 0.0)).pieces.breakpoints_within(40) == (x,)


@pytest.mark.parametrize("x", [-0.23420277503019168, -0.00878688025508594, 1 / 300, 1e-9 / 3])
def test_jumps_at_small_x_are_jumps(x):
    phi = mf.activation(lambda t: np.where(t > x, np.exp(-t), 0.0))
    assert len(phi.jumps) == 1
    with pytest.raises(InfiniteDerivative):
        mf.moment(phi, "dd", 0.1)


def test_jumps_beside_the_edge_of_a_panel_are_in_the_bound():
    pieces = PiecewiseSmooth(lambda x: np.where(x > 1.0 + 1e-8, 1.0, 0.0), None, ())  # 1 is an edge
    found = moment(pieces, "f", 1.0)
    assert abs(found.value - ndtr(-1.0 - 1e-8)) <= found.error < 1e-6
