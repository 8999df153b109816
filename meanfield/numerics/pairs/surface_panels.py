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

NEAR, FAR = 0.5, 0.6  # the end of t, and the c at which it is
FAR_NODES = 32  # of c: T has its singularities at ±1, so that its series converges like 3⁻ⁿ as well
ORDER = 72  # Hermite coefficients: 0.6⁷² = 1e-16
RTOL = 3e-14  # panels of t are halved until what they leave out is this part of the largest value
HALVINGS, MOST = 8, 24  # how often, and how many of them there may be
CANCELLED = 1e-13  # rounding of W relative to its largest value, where f(u) − f(v) cancels: 5e-14 was seen
WIDENED = float(np.log1p(NEAR**2))  # by this ln s can be below ln q


class InAngle(NamedTuple):
    """A function of ln q and t = tan(θ/2) on one panel of ln q, and on panels of t in [0, ½]."""

    edges: Floats  # of the panels of t
    series: Floats  # (NODES, panels of t, N): degrees in ln q, panel, degrees in t
    smooth_error: float  # bound on the error that the series in ln q leaves, which is smooth in t
    rough_error: Floats  # (panels of t,): bound on what the series in t leave


def in_angle(pieces: PiecewiseSmooth, closed_form: Distance | None, low: float, *, opposite: bool = False) -> InAngle:
    """W(q, t) on the panel of ln q that begins at `low`.

    W is tᵖ·D/(q(1 − c)) with p = 1 if f jumps and 0 otherwise; with `opposite` it is D/q, and t is that of −c.
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
    """For each node t in [a, b] the matrix from values at the nodes of ln s to those at the nodes of ln q."""
    t = nodes_between(a, b)
    log_q = nodes_between(0.0, PANEL, NODES)
    log_s = log_q - np.log1p(t**2)[:, None]  # q = s(1 + t²)
    return interpolation(2 * (log_s + WIDENED) / (PANEL + WIDENED) - 1, NODES)


def hermite_sums(pieces: PiecewiseSmooth, q: Floats) -> tuple[Floats, Floats, Floats]:
    """E f and Var f at each q, and T there at the nodes of c."""
    rows = expand(pieces, q, ORDER)
    c = nodes_between(-FAR, FAR, FAR_NODES)
    return rows.mean, rows.variance, (rows.coefficients**2) @ c ** np.arange(ORDER)[:, None]
