"""Moments of softmax rows over exchangeable tokens: published numbers, the tanh dual, mpmath and Gauss–Hermite."""

import mpmath as mp
import numpy as np
import pytest

from meanfield.errors import InvalidInput
from meanfield.numerics.softmax.exchangeable import pair_moments, row_moments, softmax_moments

# T, q, p, s² → p + (q − p)E ΣA², p + (q − p)E ΣAA′, E ΣA², and the gradient through queries and keys
TABLE = {
    (3, 1, 0.3, 1): (0.6138123526691, 0.5561500689163, 0.4483033609559, 0.2140137900977),
    (8, 1, 0.5, 1): (0.5902966381157, 0.5754062086486, 0.1805932762314, 0.09584386268355),
    (16, 1, 0.2, 1): (0.2940282839199, 0.257029252607, 0.1175353548999, 0.1272149701819),
    (16, 1, 0.2, 4): (0.4210380229241, 0.2703182744594, 0.2762975286551, 0.66637823592),
    (64, 1, 0.5, 2): (0.5194021198984, 0.5124060762252, 0.03880423979681, 0.05112047018294),
    (128, 1, 0.2, 1): (0.2134986339643, 0.2073018426017, 0.01687329245536, 0.02305349708799),
    (1024, 1, 0.2, 1): (0.2017316381152, 0.2009162729637, 0.00216454764404, 0.003094136561838),
}
# T, p, s² at q = 1 → E tr J², E tr JJ′, E ΣA², E ΣAA′
JACOBIANS = {
    (8, 0.2, 1): (0.132704506858, 0.0962044376072, 0.212372683182, 0.139780377823),
    (8, 0.5, 1): (0.127791816911, 0.110856168337, 0.180593276231, 0.150812417297),
    (6, 0.2, 1): (0.150833115636, 0.114493451089, 0.268572883124, 0.184380666846),
    (16, 0.2, 1): (0.088343729293, 0.0579999925858, 0.1175353549, 0.0712865657588),
}


def hermite(n):
    """Nodes and weights for a standard normal variable."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(n)
    return nodes, weights / weights.sum()


def by_hermite(b2, c2, n=24):
    """All moments of three tokens by Gauss–Hermite quadrature over the score differences of both rows."""
    g, w = hermite(n)
    axes = np.stack(np.meshgrid(g, g, g, g, indexing="ij"), -1).reshape(-1, 4)
    weight = np.prod(np.stack(np.meshgrid(w, w, w, w, indexing="ij"), -1).reshape(-1, 4), axis=1)
    contrast = np.array([[1, -1, 0], [1, 1, -2]]) / np.sqrt([[2], [6]])  # scores without their common part
    root = np.linalg.cholesky(np.array([[b2, c2], [c2, b2]]))
    scores = (axes.reshape(-1, 2, 2).swapaxes(1, 2) @ root.T).swapaxes(1, 2) @ contrast
    rows = np.exp(scores)
    a, other = (rows / rows.sum(axis=2, keepdims=True)).swapaxes(0, 1)
    o, s = (a * other).sum(1), (a * a).sum(1)
    return weight @ np.stack([s, (a**3).sum(1), s**2, o, (a * other**2).sum(1), o**2, o * s], 1)


@pytest.mark.parametrize("point", TABLE)
def test_published_table(point):
    tokens, q, p, s2 = point
    b2, c2 = s2 * q * (q - p), s2 * p * (q - p)
    moments = softmax_moments(tokens, b2, c2)
    scores = s2 * ((q - p) ** 2 + q * (q - p)) * moments.own_jacobian
    found = (p + (q - p) * moments.squares, p + (q - p) * moments.overlap, moments.squares, scores)
    for number, wanted in zip(found, TABLE[point], strict=True):
        assert abs(number.value / wanted - 1) < 5e-12
        assert number.error < 1e-12


@pytest.mark.parametrize("point", JACOBIANS)
def test_published_gradients(point):
    tokens, p, s2 = point
    moments = softmax_moments(tokens, s2 * (1 - p), s2 * p * (1 - p))
    found = (moments.own_jacobian, moments.pair_jacobian, moments.squares, moments.overlap)
    for number, wanted in zip(found, JACOBIANS[point], strict=True):
        assert abs(number.value / wanted - 1) < 6e-12


def test_two_tokens_are_the_tanh_dual():
    """A = (1 ± tanh(δ/2))/2 with δ = S₁ − S₂."""
    g = np.arange(-90, 91) / 10  # the trapezoidal rule errs by e^{−2π·10·1.2}
    w = np.exp(-(g**2) / 2) / np.exp(-(g**2) / 2).sum()
    for b2, c2 in ((0.8, 0.16), (3.0, -2.9), (1e-6, 3e-7), (0.5, 0.5)):
        x, y = np.meshgrid(g, g)
        share = c2 / b2
        one = np.tanh(np.sqrt(b2 / 2) * x)
        other = np.tanh(np.sqrt(b2 / 2) * (share * x + np.sqrt(1 - share**2) * y))
        moments = softmax_moments(2, b2, c2)
        assert abs(moments.overlap.value - (1 + np.outer(w, w).ravel() @ (one * other).ravel()) / 2) < 2e-14
        assert abs(moments.squares.value - (1 + w @ np.tanh(np.sqrt(b2 / 2) * g) ** 2) / 2) < 2e-14


@pytest.mark.parametrize(("b2", "c2"), [(0.25, 0.1), (0.2, -0.1), (0.3, 0.0)])
def test_three_tokens_by_gauss_hermite(b2, c2):
    moments = softmax_moments(3, b2, c2)
    names = ("squares", "cubes", "squared_squares", "overlap", "mixed_cubes", "squared_overlap", "with_squares")
    found = [getattr(moments, name).value for name in names]
    np.testing.assert_allclose(found, by_hermite(b2, c2), rtol=1e-9, atol=0)


@pytest.mark.parametrize(("tokens", "b2"), [(5, 0.25), (100_000, 1.0)])
def test_one_row_with_more_digits(tokens, b2):
    """The same integral with 20 digits and plain trapezoidal rules."""
    mp.mp.dps = 20
    b = mp.sqrt(b2)
    h, k = mp.mpf("0.24"), b * mp.mpf("0.4")
    score = [mp.exp(k * i) for i in range(-25, int(25 + 5 * b))]
    weight = [mp.exp(-(mp.log(s) ** 2) / 2 / b2) for s in score]
    total, wanted = mp.fsum(weight), mp.mpf(0)
    for i in range(-int((mp.log(tokens) + 22) / h), int((2 + 5 / mp.log(tokens)) / h)):
        x = [mp.exp(h * i) * s for s in score]
        e = [w * mp.exp(-y) for w, y in zip(weight, x, strict=True)]
        two = mp.fsum(y * y * z for y, z in zip(x, e, strict=True))
        wanted += h * tokens * two / total * (mp.fsum(e) / total) ** (tokens - 1)
    found = row_moments(tokens, b2).squares
    assert abs(found.value - wanted) < found.error < 1e-12 * found.value


def test_slopes_are_derivatives():
    b2, c2, h = 0.9, 0.4, 1e-4
    at = softmax_moments(7, b2, c2)
    for slope, (db, dc), field in (
        (at.squares_slope, (h, 0.0), "squares"),
        (at.overlap_slope, (h, 0.0), "overlap"),
        (at.pair_jacobian, (0.0, h), "overlap"),
    ):
        after, before = (getattr(softmax_moments(7, b2 + k * db, c2 + k * dc), field).value for k in (1, -1))
        assert abs(slope.value - (after - before) / (2 * h)) < 1e-8


def test_uniform_without_scores_and_equal_rows():
    for tokens in (1, 2, 9, 100_000):
        uniform = softmax_moments(tokens, 0.0, 0.0)
        for field, power in (("squares", 1), ("cubes", 2), ("overlap", 1), ("squared_overlap", 2)):
            value = getattr(uniform, field)
            assert abs(value.value * tokens**power - 1) < 1e-13
    apart = softmax_moments(6, 2.0, 0.0)  # independent rows
    assert abs(apart.overlap.value - 1 / 6) < 1e-14
    alike = softmax_moments(6, 2.0, 2.0)
    assert abs(alike.overlap.value - alike.squares.value) < 1e-14
    assert abs(alike.pair_jacobian.value - alike.own_jacobian.value) < 1e-13


def test_causal_rows():
    """A row that reads more tokens: its extra scores are independent of the shorter row."""
    rng = np.random.default_rng(3)
    common, own, extra = rng.normal(size=(3, 200_000, 5))
    short = np.exp(common[:, :3] * np.sqrt(0.5) + own[:, :3] * np.sqrt(0.4))
    long = np.exp(np.c_[common[:, :3] * np.sqrt(0.5) + extra[:, :3] * np.sqrt(0.7), extra[:, 3:] * np.sqrt(1.2)])
    short, long = short / short.sum(1, keepdims=True), long / long.sum(1, keepdims=True)
    o = (short * long[:, :3]).sum(1)
    simulated = np.stack(
        [o, (short**2 * long[:, :3]).sum(1), (short * long[:, :3] ** 2).sum(1), o**2, o * (short**2).sum(1)]
    )
    found = [moment.value for moment in pair_moments((3, 5), (0.9, 1.2), 0.5)]
    error = simulated.std(axis=1) / np.sqrt(simulated.shape[1])
    assert (np.abs(simulated.mean(axis=1) - found) < 4.5 * error).all()
    copies = pair_moments((1, 4), (0.9, 0.9), 0.3)
    assert abs(copies.overlap.value - 0.25) < 1e-14


def test_arrays_and_wide_scores():
    b2, c2 = np.array([[0.5], [20.0]]), np.array([0.1, -0.05, 0.1])
    moments = softmax_moments(12, b2, c2)
    assert moments.overlap.value.shape == moments.squares.value.shape == (2, 3)
    one = softmax_moments(12, 20.0, -0.05)
    assert moments.overlap.value[1, 1] == one.overlap.value
    assert softmax_moments(12, np.empty(0), np.empty(0)).overlap.value.shape == (0,)
    saturated = row_moments(4, 100.0)
    assert 0.88 < saturated.squares.value < 0.93
    assert saturated.squares.error < 1e-12


@pytest.mark.parametrize(("tokens", "b2", "c2"), [(0, 1, 0), (4, -0.1, 0), (4, 101, 0), (4, 1, 1.01), (4, np.nan, 0)])
def test_refusals(tokens, b2, c2):
    with pytest.raises(InvalidInput):
        softmax_moments(tokens, b2, c2)
