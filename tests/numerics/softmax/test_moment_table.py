"""Tables of softmax moments against the integrals."""

import numpy as np
import pytest
from work import calls

from meanfield.errors import InvalidInput
from meanfield.numerics.softmax.exchangeable import softmax_moments
from meanfield.numerics.softmax.moment_table import SoftmaxTable
from meanfield.numerics.softmax.row_distance import MANY, row_moments_and_distance

FIELDS = ("squares", "cubes", "squared_squares", "overlap", "mixed_cubes", "squared_overlap", "with_squares")


@pytest.mark.parametrize("tokens", [2, 50])
def test_table_is_within_its_bounds(tokens):
    rng = np.random.default_rng(tokens)
    table = SoftmaxTable(tokens)
    b2 = np.r_[0.0, 1e-9, 0.249, rng.uniform(0.0, 0.25, 4)]
    c2 = b2 * np.r_[0.0, 1.0, -1.0, rng.uniform(-1.0, 1.0, 4)]
    fast, slow = table(b2, c2), softmax_moments(tokens, b2, c2)
    for name in FIELDS:
        one, other = getattr(fast, name), getattr(slow, name)
        assert (np.abs(one.value - other.value) <= one.error + other.error).all()
        assert (one.error < 2e-9 * other.value.max()).all()
    scalar = table(float(b2[5]), float(c2[5]))
    assert abs(scalar.overlap.value - fast.overlap.value[5]) < 1e-14


def test_the_cost_of_points_does_not_grow_with_their_number():
    table = SoftmaxTable(50)
    table(0.1, 0.03)  # the panel is computed here
    few, many = (calls(lambda size=size: table(np.full(size, 0.1), np.full(size, 0.03))) for size in (10, 10_000))
    assert many == few


def test_refusals():
    with pytest.raises(InvalidInput):
        SoftmaxTable(0)
    with pytest.raises(InvalidInput):
        SoftmaxTable(5)(1.0, 1.5)


def test_many_distances_come_from_the_table():
    b2 = np.repeat([0.0, 1e-4, 0.04, 0.2], MANY)
    rest = b2 * np.tile(np.linspace(0.0, 1.0, MANY), 4)
    many = row_moments_and_distance(30, b2, rest)
    some = slice(7, None, 40)
    few = row_moments_and_distance(30, b2[some], rest[some])
    for fast, slow in zip(many, few, strict=True):
        off = np.abs(fast.value[some] - slow.value)
        assert (off <= fast.error[some] + slow.error).all()
        assert (off <= 1e-8 * slow.value).all()
