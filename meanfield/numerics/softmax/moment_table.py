"""Tables of the moments of softmax rows, for many points with one number of tokens, as in phase diagrams.

At constant b² a moment of two rows is a power series in r = c²/b² (Mehler's formula), so few Legendre polynomials in r
are enough; in b² one panel holds an octave. A panel is computed when the first point falls into it.
"""

import threading
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.polynomial.legendre import legvander

from meanfield._types import Floats
from meanfield.bounded import Bounded
from meanfield.numerics.quadrature.gauss_legendre import nodes_between, rule
from meanfield.numerics.softmax.exchangeable import WIDEST, SoftmaxMoments, checked, pair_moments, row_moments
from meanfield.numerics.softmax.laplace import WIDE
from meanfield.numerics.softmax.one_row import OneRow
from meanfield.numerics.softmax.two_rows import TwoRows

EDGES = np.array([0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, WIDEST])  # of the panels in b²
NODES = 13  # in b²
SHARES = (14, 18, 20, 24, 26, 28, 30, 32, 32, 32)  # nodes in r of each panel
LEBESGUE = 70.0  # bound on the product of the Lebesgue constants of 13 and of 32 Gauss nodes
LAST = 2  # coefficients that show how fast a series ends
NOISE = 1e-11  # allowance for the relative error of integrals over two rows with wide steps; tests compare narrow ones


class _Panel(NamedTuple):
    """Legendre coefficients of the moments and bounds on the errors of the series."""

    own: Floats  # (moments, nodes in b²)
    pair: Floats  # (moments, nodes in b², nodes in r)
    own_error: Floats  # (moments,)
    pair_error: Floats


class SoftmaxTable:
    """The function `softmax_moments` of one number of tokens, in microseconds a point once its panels are computed.

    Parameters
    ----------
    tokens : int
        Number of tokens.
    """

    def __init__(self, tokens: int) -> None:
        checked((tokens, tokens), (0.0, 0.0), 0.0)
        self.tokens = tokens
        self._panels: dict[int, _Panel] = {}
        self._lock = threading.RLock()

    def __call__(self, b2: float | Floats, c2: float | Floats) -> SoftmaxMoments:
        """The moments at these variances and covariances of scores, with bounds on their errors.

        Ranges and shapes are those of `softmax_moments`.
        """
        variance, covariance = np.broadcast_arrays(*checked((self.tokens,) * 2, (b2, b2), c2)[1:])
        shape, x = variance.shape, variance.ravel()
        share = np.clip(np.divide(covariance.ravel(), x, out=np.zeros(x.size), where=x > 0), -1.0, 1.0)
        at = np.clip(np.searchsorted(EDGES, x, side="right") - 1, 0, EDGES.size - 2)
        found = np.empty((2, len(OneRow._fields) + len(TwoRows._fields), x.size))
        for index in np.unique(at):
            here = at == index
            found[:, :, here] = self._on(int(index), x[here], share[here])
        own, pair = np.split(np.moveaxis(found.reshape(2, -1, *shape), 1, 0), [len(OneRow._fields)])
        return SoftmaxMoments.of(OneRow(*map(_bounded, own)), TwoRows(*map(_bounded, pair)))

    def _on(self, index: int, b2: Floats, share: Floats) -> Floats:
        """Values and bounds, shape (2, moments, points), of points in one panel."""
        panel = self._panel(index)
        low, high = EDGES[index : index + 2]
        x = legvander((2 * b2 - low - high) / (high - low), panel.pair.shape[1] - 1)
        y = legvander(share, panel.pair.shape[2] - 1)
        values = np.vstack([panel.own @ x.T, *(np.einsum("pa,pa->p", x @ one, y) for one in panel.pair)])
        errors = np.broadcast_to(np.r_[panel.own_error, panel.pair_error][:, None], values.shape)
        return np.stack([values, errors])

    def _panel(self, index: int) -> _Panel:
        with self._lock:
            if index not in self._panels:
                self._panels[index] = self._computed(index)
            return self._panels[index]

    def _computed(self, index: int) -> _Panel:
        shares = SHARES[index]
        b2, r = nodes_between(EDGES[index], EDGES[index + 1], NODES), rule(shares).nodes
        one = row_moments(self.tokens, b2)
        two = pair_moments((self.tokens,) * 2, (b2[:, None],) * 2, b2[:, None] * r, WIDE)
        in_b2, in_r = rule(NODES).coefficients, rule(shares).coefficients
        own = np.array([in_b2 @ moment.value for moment in one])
        pair = np.array([in_b2 @ moment.value @ in_r.T for moment in two])
        own_error = LEBESGUE * np.array([np.max(moment.error) for moment in one]) + _ends(own[:, :, None])
        pair_error = LEBESGUE * NOISE * np.array([np.max(moment.value) for moment in two])
        pair_error += _ends(pair) + _ends(np.swapaxes(pair, 1, 2))
        return _Panel(own, pair, own_error, pair_error)


def _bounded(parts: Floats) -> Bounded:
    value, error = parts
    return Bounded(value[()], error[()])


def _ends(series: Floats) -> Floats:
    """Twice the largest of the last coefficients of the middle axis, summed over the last axis."""
    return np.asarray(2 * np.abs(series[:, -LAST:]).max(axis=1).sum(axis=-1))


@lru_cache(maxsize=32)
def softmax_table(tokens: int) -> SoftmaxTable:
    """The table of one number of tokens, which later calls share."""
    return SoftmaxTable(tokens)
