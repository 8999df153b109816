"""Chebyshev panels, and where the continuations of two of them meet."""

from typing import NamedTuple

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray

from meanfield._types import ArrayFunction, Bools, Floats, Ints

Panels = NDArray[np.void]

N = 24  # nodes a panel
ORDERS = 5  # derivatives 0 … 4 are compared
TAIL = 3  # coefficients that must have vanished; more than two, so that neither parity hides
EPS = float(np.finfo(np.float64).eps)
SPARE = 2  # coefficients kept beyond those that have not vanished
ROUNDING = 12.0  # a coefficient below so many roundings of the function is nothing
NOISE = 4.0  # the same for the noise that was measured
NEWTON = 4  # steps; a guess that is not good yet is improved on a shorter interval
MARGIN = 4.0  # a difference counts if it is so many error bounds

_n = np.arange(N)
_angles = np.pi * (2 * _n[::-1] + 1) / (2 * N)
NODES = np.cos(_angles)  # of the first kind: the ends of a panel, where breakpoints like to sit, are not among them
COEFFICIENTS = np.cos(_n[:, None] * _angles) * np.where(_n == 0, 1.0, 2.0)[:, None] / N  # from values at the nodes
DERIVATIVES = np.zeros((ORDERS, N, N))  # from coefficients, as a row, to those of the k-th derivative
for _k in range(ORDERS):
    for _row in range(_k, N):
        _c = chebyshev.chebder(np.eye(N)[_row], _k)
        DERIVATIVES[_k, _row, : _c.size] = _c
GROWTH = DERIVATIVES.cumsum(axis=1)  # of errors of 1 in the coefficients 0 … n
AT_RIGHT_END = DERIVATIVES.sum(axis=2)  # T_n^(k)(1)
AT_LEFT_END = DERIVATIVES @ (-1.0) ** _n
_r = np.arange(ORDERS)

PANEL = np.dtype(
    [
        ("a", "f8"),
        ("b", "f8"),
        ("f", "f8", (N,)),  # values at the nodes
        ("c", "f8", (N,)),  # coefficients, those that are not kept set to 0
        ("degree", "i8"),  # N where the values are not finite
        ("scale", "f8"),  # what rounding is relative to
        ("noise", "f8"),  # as measured, in coefficients; 0 if it was not
        ("tolerance", "f8"),  # error of a coefficient
        ("noisy", "?"),  # resolved only because noise is allowed for
        ("settled", "?"),  # its breakpoint has been found
    ]
)


class Crossings(NamedTuple):
    """Where pairs of continuations meet: place, its error, which derivative jumps there (−1: none) and by how much."""

    x: Floats
    error: Floats
    order: Ints
    size: Floats


def nodes(a: Floats, b: Floats) -> Floats:
    """The nodes of the panels [a, b], shape ``(*a.shape, N)``."""
    return 0.5 * (a + b)[..., None] + 0.5 * (b - a)[..., None] * NODES


def fit(a: Floats, b: Floats, f: Floats, scale: Floats | float = 0.0, noise: Floats | float = 0.0) -> Panels:
    """Panels [a, b] with values `f` at their nodes, whose size is at least `scale` and noise at least `noise`."""
    panels = np.zeros(a.size, PANEL)
    panels["a"], panels["b"], panels["f"], panels["noise"] = a, b, f, noise
    finite = np.asarray(np.isfinite(f).all(axis=1))
    f = np.where(finite[:, None], f, 0.0)
    c = (f - f[:, :1]) @ COEFFICIENTS.T
    c[:, 0] += f[:, 0]
    panels["scale"] = np.maximum(scale, np.abs(f).max(axis=1, initial=0.0))
    steepness = np.abs(np.diff(f) / (np.diff(NODES) * 0.5 * (b - a)[:, None])).max(axis=1)
    ulp = EPS * np.maximum(np.abs(a), np.abs(b))  # a node is an x rounded to a float
    rounding = ROUNDING * (EPS * panels["scale"] + ulp * steepness)
    panels["tolerance"] = np.maximum(rounding, NOISE * panels["noise"])
    degree = _degree(c, panels["tolerance"])
    panels["degree"] = np.where(finite, degree, N)
    panels["c"] = np.where(_n <= panels["degree"][:, None] + SPARE, c, 0.0)
    panels["noisy"] = resolved(panels) & (_degree(c, NOISE * rounding) >= N - TAIL)
    return panels


def _degree(c: Floats, tolerance: Floats) -> Ints:
    return np.asarray(np.where(np.abs(c) > tolerance[:, None], _n, 0).max(axis=1))


def resolved(panels: Panels) -> Bools:
    """Whether the last coefficients of each panel have vanished."""
    return np.asarray(panels["degree"] < N - TAIL)


def length(panels: Panels) -> Floats:
    """Of panels, relative to max(1, |x|)."""
    return np.asarray((panels["b"] - panels["a"]) / np.maximum(1.0, np.maximum(abs(panels["a"]), abs(panels["b"]))))


def refit(panels: Panels, scale: Floats | float, noise: Floats | float) -> Panels:
    """The same panels, of at least this scale and noise."""
    scale, noise = np.maximum(panels["scale"], scale), np.maximum(panels["noise"], noise)
    return fit(panels["a"], panels["b"], panels["f"], scale, noise)


def halve(sample: ArrayFunction, panels: Panels, chosen: Bools) -> Panels:
    """The chosen panels halved, which inherit scale and noise, and the others, in ascending order."""
    old = panels[chosen]
    middle = 0.5 * (old["a"] + old["b"])
    a, b = np.r_[old["a"], middle], np.r_[middle, old["b"]]
    new = fit(a, b, sample(nodes(a, b)), np.tile(old["scale"], 2), np.tile(old["noise"], 2))
    panels = np.r_[panels[~chosen], new]
    return np.asarray(panels[np.argsort(panels["a"])])


def continuation(panels: Panels, x: Floats) -> Floats:
    """Derivatives 0 … ORDERS − 1, on axis 1, of each panel's polynomial at any x of shape (panels, m)."""
    s, unit = _unit(panels, x)
    return np.asarray(np.moveaxis(panels["c"] @ DERIVATIVES, 0, 1) @ _chebyshev(s) * unit)


def continuation_error(panels: Panels, x: Floats) -> Floats:
    """Error bounds on those, for an error of `tolerance` in every coefficient that is kept."""
    s, unit = _unit(panels, x)
    coefficients = GROWTH[_r, np.maximum(np.minimum(panels["degree"][:, None] + SPARE, N - 1), _r)]
    return np.asarray(coefficients @ _chebyshev(np.maximum(np.abs(s), 1.0)) * panels["tolerance"][:, None, None] * unit)


def _unit(panels: Panels, x: Floats) -> tuple[Floats, Floats]:
    half = 0.5 * (panels["b"] - panels["a"])[:, None]
    return (x - panels["a"][:, None]) / half - 1.0, (half**-_r)[:, :, None]


def _chebyshev(s: Floats) -> Floats:
    """T_n(s), inside [−1, 1] or not, from T_{m+n} = 2 T_m T_n − T_{m−n}: (panels, N, m)."""
    t = np.stack([np.ones_like(s), s])
    while t.shape[0] < N:
        t = np.concatenate([t, 2 * t[-1] * t[1:] - t[-2::-1]])
    return np.moveaxis(t[:N], 0, 1)


def matches(panels: Panels, x: Floats, f: Floats) -> tuple[Bools, Floats]:
    """Whether the values `f` at `x` lie on the panels' continuations, and the difference that is allowed for."""
    allowed = MARGIN * continuation_error(panels, x)[:, 0]
    return np.abs(f - continuation(panels, x)[:, 0]) <= allowed, allowed


def fits(left: Panels, right: Panels) -> Bools:
    """Whether no derivative jumps where each panel of `left` meets that of `right`."""
    jump, bound = 0.0, 0.0
    for panels, ends in ((left, -AT_RIGHT_END), (right, AT_LEFT_END)):
        unit = (0.5 * (panels["b"] - panels["a"])[:, None]) ** -_r
        last = np.maximum(np.minimum(panels["degree"][:, None] + SPARE, N - 1), _r)
        jump = jump + panels["c"] @ ends.T * unit
        bound = bound + AT_RIGHT_END.cumsum(axis=1)[_r, last] * panels["tolerance"][:, None] * unit
    return np.asarray((np.abs(jump) <= MARGIN * bound).all(axis=1))


def crossings(left: Panels, right: Panels, lo: Floats, hi: Floats) -> Crossings:
    """The breakpoints in [lo, hi] that the continuations of `left` and `right` agree on.

    A jump of the r-th derivative alone makes the difference vanish like (x − x₀)^r, so x₀ is a simple root of its
    derivative r − 1. The highest r counts at whose root all lower derivatives vanish; r = 0 is anywhere in [lo, hi].
    """
    r, n, both = _r, lo.size, np.r_[left, right]
    lo, hi = lo[:, None], hi[:, None]
    x = np.repeat(0.5 * (lo + hi), ORDERS, axis=1)  # column r is about a jump of the r-th derivative
    for _ in range(NEWTON):
        d = continuation(both, np.r_[x, x])
        d = d[n:] - d[:n]
        step = d[:, r[:-1], r[1:]] / d[:, r[1:], r[1:]]
        x[:, 1:] = np.clip(x[:, 1:] - np.where(np.isfinite(step), step, 0.0), lo, hi)
    d, errors = continuation(both, np.r_[x, x]), continuation_error(both, np.r_[x, x])
    d, errors = d[n:] - d[:n], errors[n:] + errors[:n]
    large = np.abs(d) > MARGIN * errors
    explains = large[:, r, r] & ~(large & (r[:, None] < r)).any(axis=1)
    order = np.where(explains.any(axis=1), ORDERS - 1 - np.argmax(explains[:, ::-1], axis=1), -1)
    row = np.arange(n)
    size = d[row, order, order]
    error = np.where(order > 0, errors[row, order - 1, order] / np.abs(size), 0.5 * (hi - lo)[:, 0])
    return Crossings(x[row, order], error, order, size)
