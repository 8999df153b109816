"""The pair map of one function for all q and all correlations: two-dimensional Legendre series, made where needed.

With 1 − c = 2t²/(1 + t²), so t = tan(θ/2), and D = ½E(f(U) − f(V))², two functions carry it for c ≥ 0:

* near correlation one, W(q, t) = t^p·D/(q(1 − c)), p = 1 if f jumps and 0 otherwise, on panels of t in [0, ½];
* elsewhere T(q, c) = Σ aₙ² c^{n−1} over the Hermite coefficients, for c in [−0.6, 0.6], where nothing cancels.

Both are analytic in ln q for |Im ln q| < π/2 whatever f is, since the density of (U, V) is integrable for Re 1/q > 0: a
fixed number of nodes serves a panel of fixed length in ln q. Only t needs panels that are halved.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.polynomial.legendre import legder, legval

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
SMOOTH = 8.0  # how many times a smooth error changes its sign on a panel, at the most


class PairPanel(NamedTuple):
    """The series on one panel of ln q; first axis of coefficients = degree in ln q."""

    low: float  # its lower end in ln q
    near: InAngle  # W
    far: Floats  # (NODES, FAR_NODES): T
    mean: Floats  # (NODES,): E f
    variance: Floats  # (NODES,): Var f
    far_error: float  # bound on the error of T and of its derivative in c

    def basis(self, log_q: Floats) -> Floats:
        """Legendre polynomials at `log_q`, shape (NODES, points), by their recurrence."""
        x = 2 * (log_q - self.low) / PANEL - 1
        polynomials = np.empty((NODES, x.size))
        polynomials[0], polynomials[1] = 1.0, x
        for k in range(1, NODES - 1):
            following = np.multiply(polynomials[k], x, out=polynomials[k + 1])
            following *= (2 * k + 1) / (k + 1)
            following -= polynomials[k - 1] * (k / (k + 1))
        return polynomials


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

    def at_hand(self, q: Floats) -> bool:
        """Whether the panels of all `q` have been made."""
        with self.pieces.lock:
            return all(index in self._panels for index in set(_number(np.log(q)).ravel().tolist()))

    def distance(self, q: Floats, gap: Floats) -> tuple[Floats, Floats]:
        """½E(f(U) − f(V))² of many pairs with Var U = Var V = q at 1 − c = gap, and bounds on its error.

        Both arguments are 1-d. The error is infinite where nothing could be computed.
        """
        return self._by_angle(q, gap, slope=False)

    def slope(self, q: Floats, gap: Floats) -> tuple[Floats, Floats]:
        """E f′(U) f′(V) of the same pairs, the derivative of the distance in q(1 − c), and bounds on its error."""
        return self._by_angle(q, gap, slope=True)

    def _by_angle(self, q: Floats, gap: Floats, *, slope: bool) -> tuple[Floats, Floats]:
        value, error = np.zeros(q.size), np.full(q.size, np.inf)
        log_q = np.log(q)
        number = _number(log_q)
        for index in np.unique(number):
            panel, members = self.panel(int(index)), np.flatnonzero(number == index)
            if panel is None:
                continue
            for start in range(0, members.size, BLOCK):
                part = members[start : start + BLOCK]
                by_angle = gap[part] < 1 - FAR, gap[part] > 1 + FAR
                near, beyond, far = part[by_angle[0]], part[by_angle[1]], part[~(by_angle[0] | by_angle[1])]
                t = np.sqrt(gap[near] / (2 - gap[near]))
                if slope:
                    value[far], error[far] = _far_slope(panel, q[far], 1 - gap[far])
                    value[near], error[near] = _near_slope(panel, log_q[near], t, self.power)
                else:
                    value[far], error[far] = _far(panel, log_q[far], 1 - gap[far])
                    scale = q[near] * gap[near] / np.where(t > 0, t, 1.0) ** self.power
                    value[near], error[near] = _in_angle(panel.near, panel, log_q[near], t, scale)
                if beyond.size and (opposite := self.opposite(int(index))) is not None:
                    t = np.sqrt((2 - gap[beyond]) / gap[beyond])
                    if slope:
                        value[beyond], error[beyond] = _opposite_slope(opposite, panel, log_q[beyond], t)
                    else:
                        value[beyond], error[beyond] = _in_angle(opposite, panel, log_q[beyond], t, q[beyond])
        return value, error


def _number(log_q: Floats) -> Ints:
    return np.floor(log_q / PANEL).astype(np.intp)


def _curves(panel: PairPanel, log_q: Floats, series: Floats) -> Floats:
    """The series in the angle at each `log_q`: (degrees, points), or (degrees,) where they are all the same."""
    if log_q.size and np.all(log_q == log_q[0]):
        return np.asarray(series.T @ panel.basis(log_q[:1])[:, 0])
    return np.asarray(series.T @ panel.basis(log_q))


def _far(panel: PairPanel, log_q: Floats, c: Floats) -> tuple[Floats, Floats]:
    variance = _curves(panel, log_q, panel.variance[:, None])[0]
    value = variance - c * legval(c / FAR, _curves(panel, log_q, panel.far), tensor=False)
    return value, panel.far_error / FAR_NODES**2 * FAR * np.abs(c) + ROUNDING * variance


def _far_slope(panel: PairPanel, q: Floats, c: Floats) -> tuple[Floats, Floats]:
    """(cT)′/q."""
    curves = _curves(panel, np.log(q), panel.far)
    value, steepness = (legval(c / FAR, series, tensor=False) for series in (curves, legder(curves)))
    return (value + c * steepness / FAR) / q, panel.far_error / q


def _in_angle(made: InAngle, panel: PairPanel, log_q: Floats, t: Floats, scale: Floats) -> tuple[Floats, Floats]:
    """`scale` times the function that `made` carries."""
    value, error = np.empty(t.size), np.empty(t.size)
    for k, chosen in _by_panel(made, t):
        a, b = made.edges[k : k + 2]
        curves = _curves(panel, log_q[chosen], made.series[:, k])
        value[chosen] = legval((2 * t[chosen] - a - b) / (b - a), curves, tensor=False)
        error[chosen] = made.smooth_error + made.rough_error[k]
    return scale * value, scale * error


def _near_slope(panel: PairPanel, log_q: Floats, t: Floats, power: int) -> tuple[Floats, Floats]:
    """W + ½(1 + t²)(tW′ − pW), over tᵖ."""
    turn = 0.5 * (1 + t**2)
    value, steepness, error = _with_slope(panel.near, panel, log_q, t, turn * t)
    scale = np.where(t > 0, t, 1.0 - power) ** -power  # infinite at t = 0 where f jumps
    return scale * (value * (1 - power * turn) + turn * t * steepness), scale * error


def _opposite_slope(made: InAngle, panel: PairPanel, log_q: Floats, t: Floats) -> tuple[Floats, Floats]:
    """−(D/q)′·(1 + t²)²/4t, with the t of −c."""
    turn = 0.25 * (1 + t**2) ** 2 / np.maximum(t, np.finfo(float).tiny)
    _, steepness, error = _with_slope(made, panel, log_q, t, turn)
    return -turn * steepness, error


def _with_slope(
    made: InAngle, panel: PairPanel, log_q: Floats, t: Floats, factor: Floats
) -> tuple[Floats, Floats, Floats]:
    """The function that `made` carries, its derivative in t, and the error of the one plus `factor` times the other."""
    value, steepness, error = (np.empty(t.size) for _ in range(3))
    for k, chosen in _by_panel(made, t):
        a, b = made.edges[k : k + 2]
        x, curves = (2 * t[chosen] - a - b) / (b - a), _curves(panel, log_q[chosen], made.series[:, k])
        value[chosen] = legval(x, curves, tensor=False)
        steepness[chosen] = legval(x, legder(curves), tensor=False) * 2 / (b - a)
        weight = factor[chosen] * 2 / (b - a)
        rough = made.rough_error[k] * (1 + made.series.shape[2] ** 2 / 2 * weight)
        error[chosen] = made.smooth_error * (1 + SMOOTH * weight) + rough
    return value, steepness, error


def _by_panel(made: InAngle, t: Floats) -> Iterator[tuple[int, Ints]]:
    """The panels of t that are used, and the points on each."""
    where = np.clip(np.searchsorted(made.edges, t, side="right") - 1, 0, made.edges.size - 2)
    for k in np.unique(where):
        yield int(k), np.flatnonzero(where == k)
