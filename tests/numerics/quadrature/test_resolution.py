"""Features of a callable that are as wide as the stated resolution are seen, wherever they are."""

import numpy as np
import pytest
from scipy.special import ndtr

import meanfield as mf


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
