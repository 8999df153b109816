"""The pair map of one function for all q and all correlations: two-dimensional Legendre series, made where needed.

With 1 − c = 2t²/(1 + t²), so t = tan(θ/2), and D = ½E(f(U) − f(V))², two functions carry it for c ≥ 0:

* near correlation one, W(q, t) = t^p·D/(q(1 − c)), p = 1 if f jumps and 0 otherwise, on panels of t in [0, ½];
* elsewhere T(q, c) = Σ aₙ² c^{n−1} over the Hermite coefficients, for c in [0, 0.6], where nothing cancels.

Both are analytic in ln q for |Im ln q| < π/2 whatever f is, since the density of (U, V) is integrable for Re 1/q > 0: a
fixed number of nodes serves a panel of fixed length in ln q. Only t needs panels that are halved.
"""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.polynomial.legendre import legvander
from numpy.typing import NDArray

from meanfield.errors import DivergentExpectation, NotConverged
from meanfield.numerics.differences import Differences
from meanfield.numerics.gaussian import integrate
from meanfield.numerics.legendre import N, interpolation, nodes_between, rule, tail
from meanfield.numerics.panels import PiecewiseSmooth

__all__ = ["FAR", "NEAR", "PANEL", "PairPanel", "PairSurface"]

Floats = NDArray[np.float64]

PANEL = 3 * float(np.log(2.0))  # length of a panel in ln q
NODES = 28  # of such a panel: its series converges like 3⁻ⁿ
NEAR, FAR = 0.5, 0.6  # the end of t, and the c at which it is
ORDER = 72  # Hermite coefficients: 0.6⁷² = 1e-16
FINE = 0.7  # panel length in standard deviations that resolves he₇₂
RTOL = 3e-14  # panels of t are halved until what they leave out is this part of the largest value
HALVINGS, MOST = 8, 24  # how often, and how many of them there may be
WIDENED = float(np.log1p(NEAR**2))  # by this ln s can be below ln q
ROUNDING = 8 * float(np.finfo(float).eps)  # of W, relative to the largest


class PairPanel(NamedTuple):
    """The series on one panel of ln q; first axis of coefficients = degree in ln q."""

    low: float  # its lower end in ln q
    edges: Floats  # panels of t
    near: Floats  # (NODES, panels of t, N): W
    far: Floats  # (NODES, N): T
    mean: Floats  # (NODES,): E f
    smooth_error: float  # bound on the error of W that the series in ln q leaves, which is smooth in t
    rough_error: Floats  # (panels of t,): bound on what the series in t leave
    far_error: float  # bound on that of T and of its derivative in c

    def basis(self, log_q: Floats) -> Floats:
        """Legendre polynomials at `log_q`, shape (points, NODES)."""
        return np.asarray(legvander(2 * (log_q - self.low) / PANEL - 1, NODES - 1))


class PairSurface:
    """Panels of the pair map of one function by their number ⌊ln q/PANEL⌋; `distance` is its closed form, if known."""

    def __init__(self, pieces: PiecewiseSmooth, distance: Callable[[Floats, Floats, Floats], Floats] | None) -> None:
        self.pieces, self._distance = pieces, distance
        self.power = 1 if pieces.jumps else 0
        self._panels: dict[int, PairPanel | None] = {}

    def panel(self, index: int) -> PairPanel | None:
        """Panel number `index`, made when it is first asked for; None where it reaches beyond what can be computed."""
        if index not in self._panels:
            try:
                self._panels[index] = self._make(index * PANEL)
            except (DivergentExpectation, NotConverged):
                self._panels[index] = None
        return self._panels[index]

    def _make(self, low: float) -> PairPanel:
        log_q = nodes_between(low, low + PANEL, NODES)
        edges, near, left_out = self._near(low, log_q)
        mean, far = _far(self.pieces, np.exp(log_q))
        in_q = rule(NODES).coefficients
        in_t = np.einsum("jkn,mn->jkm", near, rule(N).coefficients)
        rough = tail(near).max(axis=0) + ROUNDING * np.abs(near).max()
        far_error = tail(far).max() + tail(far.T).max() + ROUNDING * far.max()
        return PairPanel(
            low,
            edges,
            np.einsum("ij,jkm->ikm", in_q, in_t),
            in_q @ far @ rule(N).coefficients.T,
            in_q @ mean,
            left_out + float(tail(np.moveaxis(near, 0, -1)).max()),
            rough,
            float(far_error) * N**2 / FAR,
        )

    def _near(self, low: float, log_q: Floats) -> tuple[Floats, Floats, float]:
        """Edges of the panels of t, W at their nodes, and the error of these."""
        if self._distance is None:
            log_s = nodes_between(low - WIDENED, low + PANEL, NODES)
            differences = Differences(self.pieces, np.exp(log_s), NEAR, NEAR * 0.5**HALVINGS * 2e-3)

        def values(a: float, b: float) -> Floats:
            t = nodes_between(a, b)
            if self._distance is None:
                d = np.einsum("tqs,st->qt", _from_s(a, b), differences(t))
            else:
                q, gap = np.broadcast_arrays(np.exp(log_q)[:, None], 2 * t**2 / (1 + t**2))
                d = self._distance(q, q, q * gap)
            return np.asarray(d * (1 + t**2) / (2 * t ** (2 - self.power)) / np.exp(log_q)[:, None])

        parts = [(0.0, NEAR, values(0.0, NEAR))]
        done: list[tuple[float, float, Floats]] = []
        while parts:
            a, b, w = parts.pop()
            unresolved = tail(w).max()
            few = len(parts) + len(done) < MOST
            if few and unresolved > RTOL * np.abs(w).max() and b - a > NEAR * 0.5**HALVINGS:
                middle = 0.5 * (a + b)
                parts += [(middle, b, values(middle, b)), (a, middle, values(a, middle))]
            else:
                done.append((a, b, w))
        edges = np.array([a for a, _, _ in done] + [NEAR])
        left_out = 0.0 if self._distance else float((differences.left_out * np.exp(-log_s)).max())
        return edges, np.stack([w for _, _, w in done], axis=1), left_out


@cache
def _from_s(a: float, b: float) -> Floats:
    """For each node t in [a, b] the matrix from values at the nodes of ln s to those at the nodes of ln q."""
    t = nodes_between(a, b)
    log_q = nodes_between(0.0, PANEL, NODES)
    log_s = log_q - np.log1p(t**2)[:, None]  # q = s(1 + t²)
    return interpolation(2 * (log_s + WIDENED) / (PANEL + WIDENED) - 1, NODES)


def _far(pieces: PiecewiseSmooth, q: Floats) -> tuple[Floats, Floats]:
    """E f at each q, and T there at the nodes of c."""
    grid, root = pieces.grid(float(q.max())), np.sqrt(q)
    integrate(grid, "ff", q)  # refines and extends it to what f needs
    parts = np.maximum(np.ceil((grid.b - grid.a) / (FINE * root.min())).astype(int), 1)
    edges = [np.linspace(a, b, m + 1) for a, b, m in zip(grid.a, grid.b, parts, strict=True)]
    a, b = np.concatenate([e[:-1] for e in edges]), np.concatenate([e[1:] for e in edges])
    x = nodes_between(a, b)
    weighted = (pieces(x) * (0.5 * (b - a)[:, None] * rule().weights)).ravel()
    z = x.ravel() / root[:, None]
    weighted = weighted * np.exp(-0.5 * z**2) / (np.sqrt(2 * np.pi) * root[:, None])
    mean = weighted.sum(axis=1)
    squares = np.empty((ORDER, q.size))
    before, now = np.ones_like(z), z
    for n in range(1, ORDER + 1):
        squares[n - 1] = np.einsum("qx,qx->q", weighted, now) ** 2
        before, now = now, (z * now - np.sqrt(n) * before) / np.sqrt(n + 1)
    c = nodes_between(0.0, FAR)
    return mean, squares.T @ c ** np.arange(ORDER)[:, None]
