"""Smooth functions that change within 1e-5 … 1e-3, at one point or two: the truth is a rule with declared features."""

import numpy as np
import pytest

from meanfield.numerics.pairs.by_quadrature import distance, product
from meanfield.numerics.pairs.hermite import expand
from meanfield.numerics.pairs.mehler import product as by_series
from meanfield.numerics.pairs.pair_map import PairMap
from meanfield.numerics.pairs.representations import SHORT_SERIES, Pairs
from meanfield.numerics.quadrature.piecewise_smooth import PiecewiseSmooth

NODES, WEIGHTS = np.polynomial.legendre.leggauss(20)

ROUNDED = {
    "kink": lambda x, width: np.hypot(x, width),
    "ramp": lambda x, width: width * np.logaddexp(0, x / width),
    "step": lambda x, width: np.tanh(x / width),
}
#: Where the function changes, within which width, and the variances; the first line is where E f² is a polynomial.
CASES = [
    (0.2829000905990904, 2.6826957952797274e-05, 1.6101518607797844, 1.4571841491929405),
    (-0.04249392350463266, 3.136e-5, 3.2170458579866352, 3.677122613630229),
    (-0.13070813735533182, 1.3277e-4, 3.2976247654827424, 2.7334091802166056),
    (0.03319792070873118, 3.577e-5, 3.233703996946802, 2.2857445813061448),
    (0.3, 1e-4, 1.0, 1.0),
]


def rule(sd, points, width):
    """Nodes and weights over ±10 sd on panels that shrink towards each of the `points` down to a quarter of `width`."""
    near = width * 2.0 ** np.arange(-2, 40)
    near = near[near < 3 * sd]
    parts = [np.linspace(-10, 10, 41) * sd, *(np.r_[x, x + near, x - near] for x in points)]
    edges = np.unique(np.concatenate(parts))
    edges = edges[np.abs(edges) <= 10 * sd]
    half, middle = 0.5 * np.diff(edges), 0.5 * (edges[1:] + edges[:-1])
    return (middle[:, None] + half[:, None] * NODES).ravel(), (half[:, None] * WEIGHTS).ravel()


def mean(f, q, m, width):
    x, weights = rule(q**0.5, [m], width)
    return weights @ (f(x) * np.exp(-(x**2) / (2 * q))) / np.sqrt(2 * np.pi * q)


@pytest.mark.parametrize("kind", ROUNDED)
@pytest.mark.parametrize(("m", "width", "q1", "q2"), CASES)
def test_independent_pairs_have_the_product_of_the_means(kind, m, width, q1, q2):
    def f(x):
        return ROUNDED[kind](x - m, width)

    truth = mean(f, q1, m, width) * mean(f, q2, m, width)
    pieces = PiecewiseSmooth(f)
    value, error = product(pieces, pieces, q1, q2, 1.0)
    assert abs(value - truth) <= error + 2e-15 * max(1.0, abs(truth))
    assert error < 1e-12
    rows = expand(pieces, np.array([q1, q2]), 72)
    value, error = by_series(rows, rows, np.array([0]), np.array([1]), np.zeros(1))
    assert abs(value[0] - truth) <= error[0] + 2e-15 * max(1.0, abs(truth))


@pytest.mark.parametrize("gap", [1.88e-9, 3e-7, 0.1])
def test_close_pairs_see_how_a_kink_is_rounded(gap):
    m, width, q = 1.1684635030470005, 1.54e-5, 3.677122613630229
    along, across = np.sqrt(q * (1 - gap / 2)), np.sqrt(q * gap / 2)
    deltas, weights = rule(across, [0.0], width)
    deltas, weights = deltas[deltas > 0], 2 * weights[deltas > 0]
    squares = np.empty(deltas.size)
    for i, delta in enumerate(deltas):
        a, inner = rule(along, [m - delta, m, m + delta], width)
        apart = 4 * delta * (a - m) / (np.hypot(a - m + delta, width) + np.hypot(a - m - delta, width))
        squares[i] = inner @ (0.5 * apart**2 * np.exp(-((a / along) ** 2) / 2)) / np.sqrt(2 * np.pi) / along
    truth = weights @ (squares * np.exp(-((deltas / across) ** 2) / 2)) / np.sqrt(2 * np.pi) / across
    value, error = distance(PiecewiseSmooth(lambda x: np.hypot(x - m, width)), q, q, gap)
    assert abs(value - truth) <= error + 2e-14 * truth
    assert error < 1e-10 * truth


@pytest.mark.parametrize(
    ("m", "width", "q", "q2", "c"),
    [(0.28, 0.0077, 0.98, 1.66, -0.8), (-1.53, 0.0156, 2.76, 4.7, -0.5), (2.4493, 0.0216, 4.0, 6.8, -0.7)],
)
def test_bumps_that_meet_are_seen_by_the_quadrature(m, width, q, q2, c):
    pieces = PiecewiseSmooth(lambda x: 0.2 * x + np.exp(-(((x - m) / width) ** 2)))
    pairs = Pairs(np.array([q]), np.array([q2]), np.array([1 - c]))
    truth, bound, _ = PairMap(pieces).evaluate(SHORT_SERIES, "distance", pairs)
    value, error = distance(pieces, q, q2, 1 - c)
    assert abs(value - truth[0]) <= error + bound[0]
    assert error <= 1e-12 * value
