"""The pair map of one function for all q and all correlations: two-dimensional Legendre series, made where needed.

With 1 − c = 2t²/(1 + t²), so t = tan(θ/2), and D = ½E(f(U) − f(V))², two functions carry it for c ≥ 0:

* near correlation one, W(q, t) = t^p·D/(q(1 − c)), p = 1 if f jumps and 0 otherwise, on panels of t in [0, ½];
* elsewhere T(q, c) = Σ aₙ² c^{n−1} over the Hermite coefficients, for c in [−0.6, 0.6], where nothing cancels.

Both are analytic in ln q for |Im ln q| < π/2 whatever f is, since the density of (U, V) is integrable for Re 1/q > 0: a
fixed number of nodes serves a panel of fixed length in ln q. Only t needs panels that are halved.
"""

from typing import NamedTuple

import numpy as np
from numpy.polynomial.legendre import legval, legvander

from meanfield._types import Floats, Ints
from meanfield.errors import DivergentExpectation, NotConverged
from meanfield.numerics.pairs.surface_panels import (
    FAR,
    FAR_NODES,
    NODES,
    PANEL,
    ROUNDING,
    Distance,
    InAngle,
    hermite_sums,
    in_angle,
)
from meanfield.numerics.quadrature.gauss_legendre import nodes_between, rule, tail
from meanfield.numerics.quadrature.piecewise_smooth import PiecewiseSmooth

BLOCK = 8192  # pairs whose series are held at once


class PairPanel(NamedTuple):
    """The series on one panel of ln q; first axis of coefficients = degree in ln q."""

    low: float  # its lower end in ln q
    near: InAngle  # W
    far: Floats  # (NODES, FAR_NODES): T
    mean: Floats  # (NODES,): E f
    variance: Floats  # (NODES,): Var f
    far_error: float  # bound on the error of T and of its derivative in c

    def basis(self, log_q: Floats) -> Floats:
        """Legendre polynomials at `log_q`, shape (points, NODES)."""
        return np.asarray(legvander(2 * (log_q - self.low) / PANEL - 1, NODES - 1))


class PairSurface:
    """Panels of the pair map of one function by their number ⌊ln q/PANEL⌋; `distance` is its closed form, if known."""

    def __init__(self, pieces: PiecewiseSmooth, distance: Distance | None) -> None:
        self.pieces, self._distance = pieces, distance
        self.power = 1 if pieces.jumps else 0
        self._panels: dict[int, PairPanel | None] = {}
        self._opposites: dict[int, InAngle | None] = {}

    def panel(self, index: int) -> PairPanel | None:
        """Panel number `index`, made when it is first asked for; None where it reaches beyond what can be computed."""
        with self.pieces.lock:
            if index not in self._panels:
                try:
                    self._panels[index] = self._make(index * PANEL)
                except (DivergentExpectation, NotConverged):
                    self._panels[index] = None
        return self._panels[index]

    def opposite(self, index: int) -> InAngle | None:
        """D/q by the t of −c on that panel."""
        with self.pieces.lock:
            if index not in self._opposites:
                try:
                    self._opposites[index] = in_angle(self.pieces, self._distance, index * PANEL, opposite=True)
                except (DivergentExpectation, NotConverged):
                    self._opposites[index] = None
        return self._opposites[index]

    def _make(self, low: float) -> PairPanel:
        near = in_angle(self.pieces, self._distance, low)
        mean, variance, far = hermite_sums(self.pieces, np.exp(nodes_between(low, low + PANEL, NODES)))
        error = tail(far).max() + tail(far.T).max() + ROUNDING * np.abs(far).max()
        in_q = rule(NODES).coefficients
        sums = in_q @ far @ rule(FAR_NODES).coefficients.T
        return PairPanel(low, near, sums, in_q @ mean, in_q @ variance, float(error) * FAR_NODES**2 / FAR)

    def distance(self, q: Floats, gap: Floats) -> tuple[Floats, Floats]:
        """½E(f(U) − f(V))² of many pairs with Var U = Var V = q at 1 − c = gap, and bounds on its error.

        Both arguments are 1-d. The error is infinite where nothing could be computed.
        """
        value, error = np.zeros(q.size), np.full(q.size, np.inf)
        log_q = np.log(q)
        number = np.floor(log_q / PANEL).astype(np.intp)
        for index in np.unique(number):
            panel, members = self.panel(int(index)), np.flatnonzero(number == index)
            if panel is None:
                continue
            for start in range(0, members.size, BLOCK):
                part = members[start : start + BLOCK]
                by_angle = gap[part] < 1 - FAR, gap[part] > 1 + FAR
                near, beyond, far = part[by_angle[0]], part[by_angle[1]], part[~(by_angle[0] | by_angle[1])]
                value[far], error[far] = _far(panel, log_q[far], 1 - gap[far])
                t = np.sqrt(gap[near] / (2 - gap[near]))
                scale = q[near] * gap[near] / np.where(t > 0, t, 1.0) ** self.power
                value[near], error[near] = _in_angle(panel.near, panel, log_q[near], t, scale)
                if beyond.size and (opposite := self.opposite(int(index))) is not None:
                    t = np.sqrt((2 - gap[beyond]) / gap[beyond])
                    value[beyond], error[beyond] = _in_angle(opposite, panel, log_q[beyond], t, q[beyond])
        return value, error


def _distinct(panel: PairPanel, log_q: Floats) -> tuple[Floats, Ints]:
    """The polynomials in ln q at each distinct value, and which belongs to each pair."""
    values, own = np.unique(log_q, return_inverse=True)
    return panel.basis(values), own


def _far(panel: PairPanel, log_q: Floats, c: Floats) -> tuple[Floats, Floats]:
    basis, own = _distinct(panel, log_q)
    sums = basis @ panel.far
    series = sums[0] if len(sums) == 1 else sums.T[:, own]
    variance = (basis @ panel.variance)[own]
    value = variance - c * legval(c / FAR, series, tensor=False)
    return value, panel.far_error / FAR_NODES**2 * FAR * np.abs(c) + ROUNDING * variance


def _in_angle(made: InAngle, panel: PairPanel, log_q: Floats, t: Floats, scale: Floats) -> tuple[Floats, Floats]:
    """`scale` times the function that `made` carries."""
    value, error = np.empty(t.size), np.empty(t.size)
    where = np.clip(np.searchsorted(made.edges, t, side="right") - 1, 0, made.edges.size - 2)
    for k in np.unique(where):
        chosen = np.flatnonzero(where == k)
        basis, own = _distinct(panel, log_q[chosen])
        curves = basis @ made.series[:, k]
        a, b = made.edges[k : k + 2]
        series = curves[0] if len(curves) == 1 else curves.T[:, own]
        value[chosen] = legval((2 * t[chosen] - a - b) / (b - a), series, tensor=False)
        error[chosen] = made.smooth_error + made.rough_error[k]
    return scale * value, scale * error
