"""Series of the pair map of one function on one panel of ln q, by the correlation: near ±1 in t, elsewhere in c."""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.polynomial.legendre import legval

from meanfield._types import Floats
from meanfield.numerics.pairs.differences import Differences
from meanfield.numerics.pairs.hermite import expand
from meanfield.numerics.pairs.variance_panels import NODES, PANEL, panel_basis
from meanfield.numerics.quadrature.gauss_legendre import N, interpolation, nodes_between, rule, tail
from meanfield.numerics.quadrature.one_gaussian import ROUNDING
from meanfield.numerics.quadrature.piecewise_smooth import PiecewiseSmooth
from meanfield.numerics.solve.legendre_series import values_and_slopes

Distance = Callable[[Floats, Floats, Floats], Floats]

NEAR, FAR = 0.5, 0.6  # the largest t, and its c = (1 − t²)/(1 + t²)
FAR_NODES = 32  # nodes in c: T is singular only at c = ±1, so its series on [−0.6, 0.6] converges like 3⁻ⁿ
ORDER = 72  # Hermite coefficients: 0.6⁷² = 1e-16
RTOL = 3e-14  # panels of t are halved until the tail of their series is this part of the largest value
HALVINGS, MOST = 8, 24  # most halvings of a panel of t, and most panels of t
CANCELLED = 1e-13  # rounding of W relative to its largest value, due to cancellation in f(u) − f(v); 5e-14 observed


class InAngle(NamedTuple):
    """Functions of ln q and t = tan(θ/2) on one panel of ln q, and on panels of t in [0, largest]: one an order n."""

    low: float  # lower end of the panel in ln q
    length: float  # length of the panel in ln q
    edges: Floats  # (panels of t + 1,): edges of the panels of t
    series: Floats  # (orders + 1, nodes, panels of t, N): order, degree in ln q, panel, degree in t
    smooth_error: Floats  # (orders + 1,): bounds on the truncation error in ln q, which is smooth in t
    rough_error: Floats  # (orders + 1, panels of t): bounds on the truncation and rounding errors in t

    def at(self, log_q: Floats, t: Floats, slopes: bool) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        """At each ln q and t, arrays of shape (points,), the values and their slopes, errors, and panel lengths.

        Values and derivatives in t have the shape (orders + 1, points), as have the smooth and the rough errors of the
        values. The slopes are 0 unless `slopes` is true.
        """
        value, steepness = np.empty((2, len(self.series), t.size))
        where = np.clip(np.searchsorted(self.edges, t, side="right") - 1, 0, self.edges.size - 2)
        length = np.diff(self.edges)
        for k in np.unique(where):
            chosen = np.flatnonzero(where == k)
            x = (2 * t[chosen] - self.edges[k] - self.edges[k + 1]) / length[k]
            basis = basis_at(log_q[chosen], self.low, self.length, self.series.shape[1])
            for n, series in enumerate(self.series[:, :, k]):
                value[n, chosen], over_x = sums(np.asarray(series.T @ basis), x, slopes)
                steepness[n, chosen] = over_x * 2 / length[k]
        return value, steepness, self.smooth_error[:, None], self.rough_error[:, where], length[where]


def in_angle(
    pieces: PiecewiseSmooth,
    closed_form: Distance | None,
    low: float,
    *,
    opposite: bool = False,
    length: float = PANEL,
    nodes: int = NODES,
    largest: float = NEAR,
    orders: int = 0,
) -> InAngle:
    """W(q, t), or S(q, t) if `opposite` is true, on the panel of ln q of this length from `low` on, for t ≤ `largest`.

    W = tᵖ·D/(q(1 − c)) with p = 1 if f jumps and p = 0 otherwise, and t² = (1 − c)/(1 + c). S = D/q, and
    t² = (1 + c)/(1 − c). With `orders` above 0, the same of the Dₙ in `Differences`.
    """
    log_q = nodes_between(low, low + length, nodes)
    q, left_out = np.exp(log_q)[:, None], np.zeros(orders + 1)
    differences = None
    if closed_form is None:
        log_s = nodes_between(low - np.log1p(largest**2), low + length, nodes)
        differences = Differences(pieces, np.exp(log_s), largest, opposite=opposite, orders=orders)
        left_out = (differences.left_out * np.exp(-log_s)).max(axis=1)
    power = 0 if opposite else 1 if pieces.jumps else 2

    def values(a: float, b: float) -> Floats:
        t = nodes_between(a, b)
        gap = 2 / (1 + t**2) if opposite else 2 * t**2 / (1 + t**2)
        if differences is not None:
            d = np.einsum("tqs,nst->nqt", _from_s(a, b, largest, length, nodes), differences(t))
        elif closed_form is not None:
            d = np.asarray(closed_form(*np.broadcast_arrays(q, q, q * gap)))[None]
        return np.asarray(d / q if opposite else d * (1 + t**2) / (2 * t**power * q))

    rounding = max(CANCELLED, differences.noise) if differences is not None and power == 2 else ROUNDING
    resolved = max(RTOL, rounding if orders else 0.0)
    parts = [(0.0, largest, values(0.0, largest))]
    done: list[tuple[float, Floats]] = []
    while parts:
        a, b, w = parts.pop()
        few = len(parts) + len(done) < MOST
        if few and tail(w).max() > resolved * np.abs(w[0]).max() and b - a > largest * 0.5**HALVINGS:
            middle = 0.5 * (a + b)
            parts += [(middle, b, values(middle, b)), (a, middle, values(a, middle))]
        else:
            done.append((a, w))
    at_nodes = np.stack([w for _, w in done], axis=2)
    in_t = np.einsum("ijkn,mn->ijkm", at_nodes, rule(N).coefficients)
    return InAngle(
        low,
        length,
        np.array([a for a, _ in done] + [largest]),
        np.einsum("ij,ljkm->likm", rule(nodes).coefficients, in_t),
        left_out + tail(np.moveaxis(at_nodes, 1, -1)).max(axis=(1, 2)),
        tail(at_nodes).max(axis=1) + rounding * np.abs(at_nodes[0]).max(),
    )


def basis_at(log_q: Floats, low: float, length: float = PANEL, nodes: int = NODES) -> Floats:
    """Legendre polynomials at each `log_q`, shape (nodes, points), or (nodes, 1) if all `log_q` are equal."""
    same = bool(np.all(log_q == log_q[0]))
    return panel_basis(log_q[:1] if same else log_q, low, length, nodes)


def sums(curves: Floats, x: Floats, slopes: bool) -> tuple[Floats, Floats]:
    """The series at x, and their derivatives in x, which are 0 unless `slopes` is true; see `values_and_slopes`."""
    if slopes:
        return values_and_slopes(curves, x)
    alone = curves[:, 0] if curves.shape[1] == 1 else curves
    return np.asarray(legval(x, alone, tensor=False)), np.zeros(x.size)


@cache
def _from_s(a: float, b: float, largest: float, length: float, nodes: int) -> Floats:
    """Interpolation matrices from the nodes of ln s to the nodes of ln q, one for each node t in [a, b]."""
    t, widened = nodes_between(a, b), float(np.log1p(largest**2))  # largest ln q − ln s, since q = s(1 + t²)
    log_s = nodes_between(0.0, length, nodes) - np.log1p(t**2)[:, None]
    return interpolation(2 * (log_s + widened) / (length + widened) - 1, nodes)


def hermite_sums(pieces: PiecewiseSmooth, q: Floats) -> tuple[Floats, Floats, Floats]:
    """E f and Var f at each q, shape (q,), and T at each q and each node of c, shape (q, FAR_NODES)."""
    rows = expand(pieces, q, ORDER)
    c = nodes_between(-FAR, FAR, FAR_NODES)
    return rows.mean, rows.variance, (rows.coefficients**2) @ c ** np.arange(ORDER)[:, None]
