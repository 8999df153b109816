import json
import math

import numpy as np
import pytest

from meanfield.errors import InvalidInput
from meanfield.weights import input_statistics as inputs
from meanfield.weights.input_statistics import input_statistics


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def correlations(x):
    """Of all pairs of rows, by the definition."""
    units = x / np.linalg.norm(x, axis=1)[:, None]
    return (units @ units.T)[np.triu_indices(len(x), 1)]


def test_second_moments_and_correlations_are_those_of_the_definitions():
    X = 0.7 + normal(60, 25) * np.linspace(0.5, 2, 25)
    found = input_statistics(X)
    q, c = np.mean(X**2, axis=1), correlations(X)
    for spread, exact in ((found.q, q), (found.c, c)):
        assert spread.mean == pytest.approx(exact.mean(), rel=1e-12)
        assert spread.std == pytest.approx(exact.std(), rel=1e-9)
        assert (spread.smallest, spread.largest) == pytest.approx((exact.min(), exact.max()), rel=1e-12)
    assert found.c_centred.mean == pytest.approx(correlations(X - X.mean(axis=0)).mean(), rel=1e-9)
    assert found.c_standardised.mean == pytest.approx(
        correlations((X - X.mean(axis=0)) / X.std(axis=0)).mean(), rel=1e-9
    )
    assert found.closest == pytest.approx(1 - c.max(), rel=1e-9)
    np.testing.assert_allclose(found.mean, X.mean(axis=0))
    np.testing.assert_allclose(found.std, X.std(axis=0))


@pytest.mark.parametrize(("sigma_b", "q"), [(0.0, 1.0), (0.5, 1.0), (0.2, 3.0)])
def test_digits_get_the_second_moment_asked_for_from_the_first_layer(sigma_b, q):
    X = pytest.importorskip("sklearn.datasets").load_digits().data[::3]
    found = input_statistics(X, sigma_b=sigma_b, q=q)
    units = 5_000
    rng = np.random.default_rng(1)
    W = found.first_sigma_w / math.sqrt(64) * rng.standard_normal((units, 64))
    by_unit = np.mean((X @ W.T + sigma_b * rng.standard_normal(units)) ** 2, axis=0)
    assert abs(by_unit.mean() - q) < 4 * by_unit.std() / math.sqrt(units) < 0.1 * q
    assert found.c.mean == pytest.approx(correlations(X).mean(), rel=1e-9)
    assert not found.centred
    assert found.constant_share == np.mean(np.ptp(X, axis=0) == 0) > 0
    assert input_statistics(X - X.mean(axis=0)).centred


def test_blocks_and_samples_agree_with_all_pairs(monkeypatch):
    X = 0.3 + normal(700, 40)
    whole = input_statistics(X)
    monkeypatch.setattr(inputs, "BLOCK", 64)
    blocks = input_statistics(X)
    for name in ("mean", "std", "smallest", "largest"):
        assert getattr(blocks.c, name) == pytest.approx(getattr(whole.c, name), rel=1e-9)
    monkeypatch.setattr(inputs, "PAIRED", 300)
    sample = input_statistics(X)
    assert sample.paired == 300
    assert sample.c.mean == pytest.approx(whole.c.mean, rel=1e-9)
    assert sample.c.std == pytest.approx(whole.c.std, rel=0.05)
    assert sample.c.largest <= whole.c.largest


def test_centred_and_standardised_data_are_known_as_such():
    X = normal(500, 30)
    scales = np.linspace(0.1, 3, 30)
    shifted = input_statistics(5 + X)
    assert (shifted.centred, shifted.standardised) == (False, False)
    assert "not centred" in shifted.advice
    centred = input_statistics(X * scales)
    assert (centred.centred, centred.standardised) == (True, False)
    assert "not of one scale" in centred.advice
    ready = input_statistics((X - X.mean(axis=0)) / X.std(axis=0))
    assert (ready.centred, ready.standardised) == (True, True)
    assert (
        ready.advice
        == f"Draw the first layer with sigma_w = {ready.first_sigma_w:.4g} and sigma_b = 0, so that its "
        + ("pre-activations have second moment 1.")
    )


def test_repetitions_zeros_and_constants_are_counted():
    X = normal(20, 10)
    X[5] = X[6] = X[0]
    X[7] = 0.0
    X[8] = -0.0
    X[:, 3] = 0.0
    found = input_statistics(X)
    assert (found.duplicates, found.zero_rows, found.constant_share) == (3, 2, 0.1)
    assert found.closest == 0.0
    assert found.c.largest == 1.0
    assert found.c.mean == pytest.approx(correlations(np.delete(X, [7, 8], axis=0)).mean(), rel=1e-9)
    assert "duplicates" in found.advice
    assert "all zeros" in found.advice


def test_inputs_that_differ_in_the_last_digits_are_close_and_not_equal():
    X = np.vstack([np.ones(8), np.ones(8)])
    X[1, 0] += 1e-7
    found = input_statistics(X)
    assert found.duplicates == 0
    assert found.closest == pytest.approx(0.5 * 1e-14 * (1 / 8 - 1 / 64), rel=1e-3)


@pytest.mark.parametrize("scale", [1e-140, 1e-20, 1e20, 1e140])
def test_the_units_of_the_inputs_do_not_matter(scale):
    X = 1 + normal(30, 12)
    plain, scaled = input_statistics(X), input_statistics(scale * X)
    assert scaled.first_sigma_w == pytest.approx(plain.first_sigma_w / scale, rel=1e-12)
    for name in ("c", "c_centred", "c_standardised"):
        assert getattr(scaled, name).mean == pytest.approx(getattr(plain, name).mean, rel=1e-6)


@pytest.mark.parametrize(
    "X", [np.ones((1, 3)), np.ones((4, 1)), np.ones((3, 5)), [[1, 2], [3, 4]], [[True, False]], np.eye(3)]
)
def test_small_data_give_numbers_and_standard_json(X):
    found = input_statistics(X)
    assert "nan" not in json.dumps(found.to_dict(), allow_nan=False) + repr(found)
    assert found.first_sigma_w == pytest.approx(1 / math.sqrt(np.mean(np.square(X, dtype=float))))


@pytest.mark.parametrize(
    ("X", "says"),
    [
        (np.ones(3), "shape"),
        (np.ones((2, 3, 4)), "shape"),
        (np.ones((0, 4)), "shape"),
        ([["a"]], "real"),
        ([[1j]], "real"),
        ([[1.0], [1.0, 2.0]], "array"),
        ([[1.0, np.nan]], r"X\[0, 1\] is nan"),
        (np.zeros((3, 3)), "zeros"),
        (np.full((3, 3), 1e200), "so large"),
        (None, "real"),
    ],
)
def test_what_is_no_data_set_is_refused(X, says):
    with pytest.raises(InvalidInput, match=says) as raised:
        input_statistics(X)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        *(({"q": q}, "q must be") for q in (0, -1, math.nan, math.inf, "1", None)),
        *(({"sigma_b": -1}, "sigma_b"), ({"sigma_b": 1}, "sigma_b² = 1"), ({"sigma_b": [0.1, 0.2]}, "single")),
    ],
)
def test_moments_that_cannot_be_had_are_refused(options, says):
    with pytest.raises(InvalidInput, match=says):
        input_statistics(np.eye(2), **options)


def test_the_largest_second_moments_have_a_finite_first_layer():
    assert input_statistics(np.eye(4), q=1e308).first_sigma_w == pytest.approx(2e154, rel=1e-14)
