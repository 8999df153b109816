"""Series of the pair map of one function on one panel of ln q, by the correlation: near ±1 in t, elsewhere in c."""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np

from meanfield._types import Floats
from meanfield.numerics.pairs.differences import Differences
from meanfield.numerics.pairs.hermite import expand
from meanfield.numerics.pairs.variance_panels import NODES
from meanfield.numerics.pairs.variance_panels import PANEL as PANEL
from meanfield.numerics.quadrature.gauss_legendre import N, interpolation, nodes_between, rule, tail
from meanfield.numerics.quadrature.one_gaussian import ROUNDING
from meanfield.numerics.quadrature.piecewise_smooth import PiecewiseSmooth

Distance = Callable[[Floats, Floats, Floats], Floats]

NEAR, FAR = 0.5, 0.6  # the largest t, and its c = (1 − t²)/(1 + t²)
FAR_NODES = 32  # nodes in c: T is singular only at c = ±1, so its series on [−0.6, 0.6] converges like 3⁻ⁿ
ORDER = 72  # Hermite coefficients: 0.6⁷² = 1e-16
RTOL = 3e-14  # panels of t are halved until the tail of their series is this part of the largest value
HALVINGS, MOST = 8, 24  # most halvings of a panel of t, and most panels of t
CANCELLED = 1e-13  # rounding of W relative to its largest value, due to cancellation in f(u) − f(v); 5e-14 observed
WIDENED = float(np.log1p(NEAR**2))  # largest ln q − ln s, since q = s(1 + t²)


class InAngle(NamedTuple):
    """A function of ln q and t = tan(θ/2) on one panel of ln q, and on panels of t in [0, ½]."""

    edges: Floats  # (panels of t + 1,): edges of the panels of t
    series: Floats  # (NODES, panels of t, N): degree in ln q, panel, degree in t
    smooth_error: float  # bound on the truncation error in ln q, which is smooth in t
    rough_error: Floats  # (panels of t,): bound on the truncation and rounding errors in t


def in_angle(pieces: PiecewiseSmooth, closed_form: Distance | None, low: float, *, opposite: bool = False) -> InAngle:
    """W(q, t), or S(q, t) if `opposite` is true, on the panel of ln q that begins at `low`.

    W = tᵖ·D/(q(1 − c)) with p = 1 if f jumps and p = 0 otherwise, and t² = (1 − c)/(1 + c). S = D/q, and
    t² = (1 + c)/(1 − c).
    """
    log_q = nodes_between(low, low + PANEL, NODES)
    q, left_out = np.exp(log_q)[:, None], 0.0
    differences = None
    if closed_form is None:
        log_s = nodes_between(low - WIDENED, low + PANEL, NODES)
        smallest = NEAR * 0.5**HALVINGS * 2e-3
        differences = Differences(pieces, np.exp(log_s), NEAR, smallest, opposite=opposite)
        left_out = float((differences.left_out * np.exp(-log_s)).max())
    power = 0 if opposite else 1 if pieces.jumps else 2

    def values(a: float, b: float) -> Floats:
        t = nodes_between(a, b)
        gap = 2 / (1 + t**2) if opposite else 2 * t**2 / (1 + t**2)
        if differences is not None:
            d = np.einsum("tqs,st->qt", _from_s(a, b), differences(t))
        elif closed_form is not None:
            d = np.asarray(closed_form(*np.broadcast_arrays(q, q, q * gap)))
        return np.asarray(d / q if opposite else d * (1 + t**2) / (2 * t**power * q))

    parts = [(0.0, NEAR, values(0.0, NEAR))]
    done: list[tuple[float, Floats]] = []
    while parts:
        a, b, w = parts.pop()
        few = len(parts) + len(done) < MOST
        if few and tail(w).max() > RTOL * np.abs(w).max() and b - a > NEAR * 0.5**HALVINGS:
            middle = 0.5 * (a + b)
            parts += [(middle, b, values(middle, b)), (a, middle, values(a, middle))]
        else:
            done.append((a, w))
    at_nodes = np.stack([w for _, w in done], axis=1)
    rounding = CANCELLED if differences is not None and power == 2 else ROUNDING
    in_t = np.einsum("jkn,mn->jkm", at_nodes, rule(N).coefficients)
    return InAngle(
        np.array([a for a, _ in done] + [NEAR]),
        np.einsum("ij,jkm->ikm", rule(NODES).coefficients, in_t),
        left_out + float(tail(np.moveaxis(at_nodes, 0, -1)).max()),
        tail(at_nodes).max(axis=0) + rounding * np.abs(at_nodes).max(),
    )


@cache
def _from_s(a: float, b: float) -> Floats:
    """Interpolation matrices from the nodes of ln s to the nodes of ln q, one for each node t in [a, b]."""
    t = nodes_between(a, b)
    log_q = nodes_between(0.0, PANEL, NODES)
    log_s = log_q - np.log1p(t**2)[:, None]  # q = s(1 + t²)
    return interpolation(2 * (log_s + WIDENED) / (PANEL + WIDENED) - 1, NODES)


def hermite_sums(pieces: PiecewiseSmooth, q: Floats) -> tuple[Floats, Floats, Floats]:
    """E f and Var f at each q, shape (q,), and T at each q and each node of c, shape (q, FAR_NODES)."""
    rows = expand(pieces, q, ORDER)
    c = nodes_between(-FAR, FAR, FAR_NODES)
    return rows.mean, rows.variance, (rows.coefficients**2) @ c ** np.arange(ORDER)[:, None]
