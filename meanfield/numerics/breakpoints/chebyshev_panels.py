"""Chebyshev interpolants on panels, and the breakpoint between the continuations of two interpolants."""

from typing import NamedTuple

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray

from meanfield._types import ArrayFunction, Bools, Floats, Ints

Panels = NDArray[np.void]

N = 24  # Chebyshev nodes a panel
ORDERS = 5  # derivatives 0 … 4 are compared
TAIL = 3  # last coefficients that must be negligible; more than two, for even and odd functions
EPS = float(np.finfo(np.float64).eps)
SPARE = 2  # coefficients kept beyond the last one that is not negligible
ROUNDING = 12.0  # a coefficient below this multiple of the function's rounding is negligible
NOISE = 4.0  # and so is one below this multiple of the measured noise
NEWTON = 4  # Newton steps for a breakpoint; later calls on shorter intervals improve it
MARGIN = 4.0  # a difference is significant above this multiple of its error bound

_n = np.arange(N)
_angles = np.pi * (2 * _n[::-1] + 1) / (2 * N)
NODES = np.cos(_angles)  # of the first kind, which exclude the ends of a panel, where breakpoints are likely
COEFFICIENTS = np.cos(_n[:, None] * _angles) * np.where(_n == 0, 1.0, 2.0)[:, None] / N  # from node values
DERIVATIVES = np.zeros((ORDERS, N, N))  # row of coefficients → coefficients of the k-th derivative
for _k in range(ORDERS):
    for _row in range(_k, N):
        _c = chebyshev.chebder(np.eye(N)[_row], _k)
        DERIVATIVES[_k, _row, : _c.size] = _c
GROWTH = DERIVATIVES.cumsum(axis=1)  # effect of errors of 1 in the coefficients 0 … n
AT_RIGHT_END = DERIVATIVES.sum(axis=2)  # T_n^(k)(1)
AT_LEFT_END = DERIVATIVES @ (-1.0) ** _n
_r = np.arange(ORDERS)

PANEL = np.dtype(
    [
        ("a", "f8"),
        ("b", "f8"),
        ("f", "f8", (N,)),  # values at the nodes
        ("c", "f8", (N,)),  # Chebyshev coefficients; negligible ones are 0
        ("degree", "i8"),  # of the last coefficient that is not negligible; N if a value is not finite
        ("scale", "f8"),  # magnitude of the function, which its rounding error is relative to
        ("noise", "f8"),  # measured noise of a coefficient; 0 if not measured
        ("tolerance", "f8"),  # error bound of a coefficient
        ("noisy", "?"),  # resolved only within the measured noise
        ("settled", "?"),  # the breakpoint in the panel has been found
        ("samples", "i8"),  # number of samples in the panel
        ("first", "i8"),  # number of the first of them
        ("compared", "?"),  # the interpolant has been compared with the samples
        ("missed", "?"),  # it disagrees with one of them
    ]
)


class Crossings(NamedTuple):
    """Breakpoints between pairs of continuations; arrays of shape (pairs,)."""

    x: Floats  # the place
    error: Floats  # bound on its error
    order: Ints  # order of the derivative that jumps; −1 if none does
    size: Floats  # height of the jump, right minus left


def nodes(a: Floats, b: Floats) -> Floats:
    """The Chebyshev nodes of the panels [a, b], shape ``(*a.shape, N)``."""
    return 0.5 * (a + b)[..., None] + 0.5 * (b - a)[..., None] * NODES


def fit(a: Floats, b: Floats, f: Floats, scale: Floats | float = 0.0, noise: Floats | float = 0.0) -> Panels:
    """Panels [a, b], shape (panels,), from the values `f` at their nodes, shape (panels, N).

    `scale` and `noise` are lower bounds on the magnitude of the function and on the noise of its coefficients.
    """
    panels = np.zeros(a.size, PANEL)
    panels["a"], panels["b"], panels["f"], panels["noise"] = a, b, f, noise
    finite = np.asarray(np.isfinite(f).all(axis=1))
    f = np.where(finite[:, None], f, 0.0)
    c = (f - f[:, :1]) @ COEFFICIENTS.T
    c[:, 0] += f[:, 0]
    panels["scale"] = np.maximum(scale, np.abs(f).max(axis=1, initial=0.0))
    steepness = np.abs(np.diff(f) / (np.diff(NODES) * 0.5 * (b - a)[:, None])).max(axis=1)
    ulp = EPS * np.maximum(np.abs(a), np.abs(b))  # rounding error of a node
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
    """Whether the last coefficients of each panel are negligible, and no sample is known to disagree."""
    return np.asarray((panels["degree"] < N - TAIL) & ~panels["missed"])


def length(panels: Panels) -> Floats:
    """The lengths of panels, relative to max(1, |x|)."""
    return np.asarray((panels["b"] - panels["a"]) / np.maximum(1.0, np.maximum(abs(panels["a"]), abs(panels["b"]))))


def refit(panels: Panels, scale: Floats | float, noise: Floats | float) -> Panels:
    """The same panels, with `scale` and `noise` as lower bounds on the scale and noise of each."""
    scale, noise = np.maximum(panels["scale"], scale), np.maximum(panels["noise"], noise)
    again = fit(panels["a"], panels["b"], panels["f"], scale, noise)
    again["samples"], again["first"] = panels["samples"], panels["first"]
    return again


def halve(sample: ArrayFunction, panels: Panels, chosen: Bools) -> Panels:
    """All panels in ascending order, with the chosen ones halved; the halves inherit scale and noise."""
    old = panels[chosen]
    middle = 0.5 * (old["a"] + old["b"])
    a, b = np.r_[old["a"], middle], np.r_[middle, old["b"]]
    new = fit(a, b, sample(nodes(a, b)), np.tile(old["scale"], 2), np.tile(old["noise"], 2))
    half = old["samples"] // 2
    new["samples"], new["first"] = np.tile(half, 2), np.r_[old["first"], old["first"] + half]
    panels = np.r_[panels[~chosen], new]
    return np.asarray(panels[np.argsort(panels["a"])])


def continuation(panels: Panels, x: Floats) -> Floats:
    """Derivatives 0 … ORDERS − 1 of each panel's polynomial at x, shape (panels, m): shape (panels, ORDERS, m)."""
    s, unit = _unit(panels, x)
    return np.asarray(np.moveaxis(panels["c"] @ DERIVATIVES, 0, 1) @ _chebyshev(s) * unit)


def continuation_error(panels: Panels, x: Floats) -> Floats:
    """Bounds on the errors of `continuation`, for an error of `tolerance` in every coefficient that is kept."""
    s, unit = _unit(panels, x)
    coefficients = GROWTH[_r, np.maximum(np.minimum(panels["degree"][:, None] + SPARE, N - 1), _r)]
    return np.asarray(coefficients @ _chebyshev(np.maximum(np.abs(s), 1.0)) * panels["tolerance"][:, None, None] * unit)


def _unit(panels: Panels, x: Floats) -> tuple[Floats, Floats]:
    half = 0.5 * (panels["b"] - panels["a"])[:, None]
    return (x - panels["a"][:, None]) / half - 1.0, (half**-_r)[:, :, None]


def _chebyshev(s: Floats) -> Floats:
    """T_n(s) for any real s, from T_{m+n} = 2 T_m T_n − T_{m−n}, shape (panels, N, m)."""
    t = np.stack([np.ones_like(s), s])
    while t.shape[0] < N:
        t = np.concatenate([t, 2 * t[-1] * t[1:] - t[-2::-1]])
    return np.moveaxis(t[:N], 0, 1)


def matches(panels: Panels, x: Floats, f: Floats) -> tuple[Bools, Floats]:
    """Whether the values `f` at `x` agree with the panels' continuations, and the tolerance of the comparison."""
    allowed = MARGIN * continuation_error(panels, x)[:, 0]
    return np.abs(f - continuation(panels, x)[:, 0]) <= allowed, allowed


def fits(left: Panels, right: Panels) -> Bools:
    """Whether derivatives 0 … ORDERS − 1 are continuous at the common edge of each panel of `left` with its `right`."""
    jump, bound = 0.0, 0.0
    for panels, ends in ((left, -AT_RIGHT_END), (right, AT_LEFT_END)):
        unit = (0.5 * (panels["b"] - panels["a"])[:, None]) ** -_r
        last = np.maximum(np.minimum(panels["degree"][:, None] + SPARE, N - 1), _r)
        jump = jump + panels["c"] @ ends.T * unit
        bound = bound + AT_RIGHT_END.cumsum(axis=1)[_r, last] * panels["tolerance"][:, None] * unit
    return np.asarray((np.abs(jump) <= MARGIN * bound).all(axis=1))


def crossings(left: Panels, right: Panels, lo: Floats, hi: Floats) -> Crossings:
    """The breakpoint in [lo, hi] between the continuations of each panel of `left` and of `right`.

    If only the r-th derivative jumps at x₀, the difference of the continuations is proportional to (x − x₀)^r near x₀,
    and x₀ is a simple root of its derivative r − 1. The result has the largest r for which all lower derivatives of the
    difference vanish at this root. For r = 0, a jump, the continuations do not determine x₀; it is the middle of
    [lo, hi].
    """
    r, n, both = _r, lo.size, np.r_[left, right]
    lo, hi = lo[:, None], hi[:, None]
    x = np.repeat(0.5 * (lo + hi), ORDERS, axis=1)  # column r: the root if the r-th derivative jumps
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
