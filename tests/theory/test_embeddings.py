"""Tokens behind an embedding: published numbers, tables that are drawn, sinusoids that are summed, and norms."""

import json
import math

import numpy as np
import pytest
from scipy import integrate

import meanfield as mf

ZIPF = 1 / np.arange(1, 50258)


def test_gpt2_as_published():
    """std 0.02 for both tables, and 0.01 for positions in the original code; LayerNorm with ε = 10⁻⁵."""
    for position, q, c, kept in ((0.02, 8e-4, 0.006326175, 0.98765432), (0.01, 5e-4, 0.01012188, 0.98039216)):
        words = mf.embedding(64, frequencies=ZIPF, position_std=position)
        assert (words.q, words.token_c) == pytest.approx((q, c), rel=1e-6)
        assert words.normalised().q == pytest.approx(kept, rel=1e-7)
        assert words.norm_gradient() == pytest.approx(1 / (q + 1e-5), rel=1e-12)
        assert words.alike
        assert words.c == pytest.approx((4e-4 * 0.0126523503506 + position**2) / q, rel=1e-10)


def test_sinusoidal_positions_of_infinite_width():
    found = mf.embedding(128, std=0.0, positions="sinusoidal")
    second = {0: 0.5, 1: 0.486981385605, 2: 0.453998333804, 8: 0.362425107993, 64: 0.243667690967, 127: 0.206106449061}
    mean = {0: 0.5, 1: 0.538335789034, 8: 0.447839259815, 64: 0.328249378605, 127: 0.290587951613}
    assert [found.covariance[0, at] for at in second] == pytest.approx(list(second.values()), rel=1e-11)
    assert [found.mean[at] for at in mean] == pytest.approx(list(mean.values()), rel=1e-11)
    assert found.covariance[3, 11] == found.covariance[0, 8]
    half = [mf.embedding(4, std=0.0, positions="sinusoidal", base=50.0).covariance[0, 3]]
    by_scipy = 0.5 * integrate.quad(lambda u: math.cos(3 * 50.0**-u), 0, 1, epsabs=1e-13)[0]
    assert half == pytest.approx([by_scipy], rel=1e-11)
    assert found.normalised(eps=0.0).covariance[0, 0] == pytest.approx(1.0, rel=1e-14)
    v = found.covariance - np.outer(found.mean, found.mean)  # at position 0 the variance is 1/4, not 1/2
    assert v[0, 0] == pytest.approx(0.25)
    assert found.norm_gradient(eps=0.0)[0] == pytest.approx(4.0)
    assert found.norm_gradient("rmsnorm", eps=0.0)[0] == pytest.approx(2.0)


def test_sinusoidal_positions_of_a_width_are_those_of_the_formula():
    d, t = 32, np.arange(6)
    table = np.empty((6, d))
    angles = t[:, None] / 10000 ** (np.arange(0, d, 2) / d)
    table[:, ::2], table[:, 1::2] = np.sin(angles), np.cos(angles)
    found = mf.embedding(6, std=0.0, positions="sinusoidal", width=d)
    np.testing.assert_allclose(found.covariance, table @ table.T / d, rtol=1e-12)
    np.testing.assert_allclose(found.mean, table.mean(axis=1), rtol=1e-12)


def test_tables_that_are_drawn():
    words, d = [3, 1, 3, 7, 1], 40_000
    rng = np.random.default_rng(0)
    table, place = rng.normal(0, 0.5, (8, d)), rng.normal(0, 0.3, (5, d))
    x = 2.0 * table[words] + place
    found = mf.embedding(words, std=0.5, position_std=0.3, scale=2.0)
    np.testing.assert_allclose(x @ x.T / d, found.covariance, atol=5 * 1.1 / math.sqrt(d))
    assert not found.alike
    assert math.isnan(mf.embedding(1).token_c)
    assert mf.embedding(5).token_c == 0


def test_words_of_a_law_on_average():
    """Over sequences of words drawn with the weights 3:1, the mean covariance is that of the law."""
    law = mf.embedding(6, frequencies=[3, 1], std=1.0, position_std=0.5)
    rng = np.random.default_rng(0)
    drawn = [mf.embedding(rng.choice(2, 6, p=[0.75, 0.25]), std=1.0, position_std=0.5).token_c for _ in range(400)]
    assert law.token_c == pytest.approx(0.625 / 1.25)
    assert np.mean(drawn) == pytest.approx(law.token_c, abs=5 * np.std(drawn) / 20)
    assert mf.embedding(6, frequencies=100).token_c == pytest.approx(0.005)


def test_class_tokens():
    found = mf.embedding(9, patches=(1.0, 0.2), class_std=0.0)
    assert found.covariance[0, 0] == pytest.approx(4e-4)
    assert np.all(found.covariance[0, 1:] == 0)
    assert found.covariance[1, 2] == 0.2
    normed = found.normalised(eps=0.0)
    np.testing.assert_allclose(np.diagonal(normed.covariance), 1.0, rtol=1e-14)
    assert found.norm_gradient(eps=1e-6)[0] == pytest.approx(1 / (4e-4 + 1e-6))
    run = mf.propagate_pixels(mf.Network(mf.LayerNorm(), mf.Attention()), found.covariance, 1)
    np.testing.assert_allclose(run.q[-1], (9 + 56 * 0.2 / 1.0004) / 81)


def test_it_is_shown_and_drawn():
    found = mf.embedding([1, 2, 1])
    assert repr(found) == "Embedding(tokens=3, q=0.0008, token_c=0.166667)"
    assert "which differ" in str(found)
    assert json.loads(json.dumps(found.to_dict()))["covariance"][0][2] == pytest.approx(4e-4)
    assert found.plot(title="words").get_title("left") == "words"


@pytest.mark.parametrize(
    "arguments",
    [
        {"tokens": 0},
        {"tokens": [1.5]},
        {"tokens": [[1]]},
        {"tokens": 4, "std": -1},
        {"tokens": 4, "frequencies": [-1.0, 2.0]},
        {"tokens": [1, 2], "frequencies": 10},
        {"tokens": 4, "patches": (1.0, 2.0)},
        {"tokens": 4, "patches": (1.0, 0.5), "frequencies": 10},
        {"tokens": 4, "positions": "rotary"},
        {"tokens": 4, "width": 8},
        {"tokens": 4, "positions": "sinusoidal", "width": 7},
        {"tokens": 4, "positions": "sinusoidal", "base": 1.0},
        {"tokens": 4, "scale": math.inf},
    ],
)
def test_what_makes_no_sense_is_refused(arguments):
    with pytest.raises(mf.InvalidInput):
        mf.embedding(**arguments)
    with pytest.raises(mf.InvalidInput, match="divide by zero"):
        mf.embedding(2, std=0.0, position_std=0.0).normalised(eps=0.0)
