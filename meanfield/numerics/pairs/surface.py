"""The pair map of one function at equal variances q and any correlation, by two-dimensional Legendre series.

Let D = ½E(f(U) − f(V))², c = cos θ and t = tan(θ/2), so that 1 − c = 2t²/(1 + t²). Each range of correlations has a
smooth function:

* for c > 0.6, W(q, t) = tᵖ·D/(q(1 − c)) with p = 1 if f jumps and p = 0 otherwise, on panels of t in [0, ½];
* for c in [−0.6, 0.6], T(q, c) = Σ aₙ² c^{n−1} over the Hermite coefficients, so that D = Var f − c·T;
* for c < −0.6, S(q, t) = D/q with t = tan((π − θ)/2), on panels of t in [0, ½].

The derivatives of W, T and S in t and c give E f′(U)f′(V) = dD/dd, d = q(1 − c), without another integral. The series
of a panel of ln q are computed when the panel is first needed.
"""

from typing import NamedTuple

import numpy as np

from meanfield._types import Floats
from meanfield.errors import DivergentExpectation, NotConverged
from meanfield.numerics.pairs.surface_panels import (
    FAR,
    FAR_NODES,
    Distance,
    InAngle,
    basis_at,
    hermite_sums,
    in_angle,
    sums,
)
from meanfield.numerics.pairs.variance_panels import NODES, PANEL, panel_nodes, panel_number
from meanfield.numerics.quadrature.gauss_legendre import N, rule, tail
from meanfield.numerics.quadrature.one_gaussian import ROUNDING
from meanfield.numerics.quadrature.piecewise_smooth import PiecewiseSmooth

BLOCK = 8192  # pairs a block, to limit memory
SMOOTH = 8.0  # most sign changes of a smooth error on a panel of t
ROUGH = N**2 / 2  # Markov-type bound: largest slope over largest value on [−1, 1] of a polynomial of degree < N


class PairPanel(NamedTuple):
    """The series on one panel of ln q; the first axis of the coefficients is the degree in ln q."""

    low: float  # lower end of the panel in ln q
    near: InAngle  # series of W
    far: Floats  # (NODES, FAR_NODES): series of T
    mean: Floats  # (NODES,): series of E f
    variance: Floats  # (NODES,): series of Var f
    far_error: float  # bound on the error of T and of its derivative in c


class PairSurface:
    """The pair map of one function at equal variances, in panels numbered ⌊ln q/PANEL⌋.

    Parameters
    ----------
    pieces : PiecewiseSmooth
        The function f.
    distance : callable or None
        The closed form of D as a function of (q, q, d), if it is known.
    """

    def __init__(self, pieces: PiecewiseSmooth, distance: Distance | None) -> None:
        self.pieces, self._distance = pieces, distance
        self.power = 1 if pieces.jumps else 0
        self._panels: dict[int, PairPanel | None] = {}
        self._opposites: dict[int, InAngle | None] = {}

    def panel(self, index: int) -> PairPanel | None:
        """Panel number `index`, computed at the first call; None if it cannot be computed."""
        with self.pieces.lock:
            if index not in self._panels:
                try:
                    self._panels[index] = self._make(index)
                except (DivergentExpectation, NotConverged):
                    self._panels[index] = None
        return self._panels[index]

    def opposite(self, index: int) -> InAngle | None:
        """The series of S = D/q for c near −1 on panel `index`; None if they cannot be computed."""
        with self.pieces.lock:
            if index not in self._opposites:
                try:
                    self._opposites[index] = in_angle(self.pieces, self._distance, index * PANEL, opposite=True)
                except (DivergentExpectation, NotConverged):
                    self._opposites[index] = None
        return self._opposites[index]

    def made(self, index: int, *, opposite: bool) -> bool:
        """Whether the series of panel `index` are cached, or known not to be computable.

        If `opposite` is true, this includes the series for c near −1.
        """
        return index in self._panels and (not opposite or index in self._opposites or self._panels[index] is None)

    def _make(self, index: int) -> PairPanel:
        low = index * PANEL
        near = in_angle(self.pieces, self._distance, low)
        mean, variance, far = hermite_sums(self.pieces, panel_nodes(index))
        error = tail(far).max() + tail(far.T).max() + ROUNDING * np.abs(far).max()
        in_q = rule(NODES).coefficients
        products = in_q @ far @ rule(FAR_NODES).coefficients.T
        return PairPanel(low, near, products, in_q @ mean, in_q @ variance, float(error) * FAR_NODES**2 / FAR)

    def distance(self, q: Floats, gap: Floats) -> tuple[Floats, Floats]:
        """½E(f(U) − f(V))² of many pairs with Var U = Var V = q at 1 − c = gap, and bounds on its error.

        Arguments and results have shape (pairs,). The error is infinite where the panel of q could not be computed.
        """
        value, _, error, _ = self._evaluate(q, gap)
        return value, error

    def slope(self, q: Floats, gap: Floats) -> tuple[Floats, Floats, Floats]:
        """E f′(U)f′(V), bounds on its error, and ½E(f(U) − f(V))², each of shape (pairs,)."""
        distance, value, _, error = self._evaluate(q, gap, slopes=True)
        return value, error, distance

    def _evaluate(self, q: Floats, gap: Floats, *, slopes: bool = False) -> Floats:
        """Shape (4, pairs): D, dD/dd, and bounds on their errors; dD/dd is only meaningful if `slopes` is true."""
        result = np.zeros((4, q.size))
        result[2:] = np.inf
        log_q, number = np.log(q), panel_number(q)
        for index in np.unique(number).tolist():
            panel, members = self.panel(index), np.flatnonzero(number == index)
            if panel is None:
                continue
            for start in range(0, members.size, BLOCK):
                part = members[start : start + BLOCK]
                near, beyond = gap[part] < 1 - FAR, gap[part] > 1 + FAR
                here, far, there = part[near], part[~(near | beyond)], part[beyond]
                if here.size:
                    result[:, here] = _near(panel, self.power, log_q[here], gap[here], slopes)
                if far.size:
                    result[:, far] = _far(panel, log_q[far], 1 - gap[far], slopes)
                if there.size and (opposite := self.opposite(index)) is not None:
                    result[:, there] = _beyond(opposite, log_q[there], gap[there], slopes)
        result[::2] *= q
        return result


def _far(panel: PairPanel, log_q: Floats, c: Floats, slopes: bool) -> Floats:
    """D/q = (Var f − c·T)/q, its derivative (T + c·T′)/q in 1 − c, and bounds on their errors."""
    basis = basis_at(log_q, panel.low)
    t, steepness = sums(panel.far.T @ basis, c / FAR, slopes)
    variance = panel.variance @ basis
    error = panel.far_error / FAR_NODES**2 * FAR * np.abs(c) + ROUNDING * variance
    slope_error = panel.far_error * (1 + np.abs(c))
    return np.stack([variance - c * t, t + c * steepness / FAR, error, slope_error]) / np.exp(log_q)


def _near(panel: PairPanel, power: int, log_q: Floats, gap: Floats, slopes: bool) -> Floats:
    """D/q = (1 − c)·W/tᵖ, its derivative in 1 − c, and bounds on their errors."""
    t = np.sqrt(gap / (2 - gap))
    *orders, length = panel.near.at(log_q, t, slopes)
    w, steepness, smooth, rough = (column[0] for column in orders)
    turn = 0.5 * (1 + t**2)  # (1 − c)·dt/d(1 − c) = t·turn
    scale = np.where(t > 0, t, 1.0) ** -power
    slope = scale * (w * (1 - power * turn) + t * turn * steepness)
    weight = t * turn * 2 / length
    slope_error = scale * (smooth * (1 + SMOOTH * weight) + rough * (1 + ROUGH * weight))
    slope_error[(t == 0) & (power > 0)] = np.inf
    return np.stack([gap * scale * w, slope, gap * scale * (smooth + rough), slope_error])


def _beyond(opposite: InAngle, log_q: Floats, gap: Floats, slopes: bool) -> Floats:
    """D/q = S, its derivative in 1 − c = 2/(1 + t²), and bounds on their errors."""
    t = np.sqrt((2 - gap) / gap)
    *orders, length = opposite.at(log_q, t, slopes)
    s, steepness, smooth, rough = (column[0] for column in orders)
    per_t = (1 + t**2) ** 2 / (4 * np.where(t > 0, t, 1.0))
    slope_error = np.where(t > 0, per_t * 2 / length * (SMOOTH * smooth + ROUGH * rough), np.inf)
    return np.stack([s, -steepness * per_t, smooth + rough, slope_error])
