"""Random functions of sixteen families, with their derivatives, breakpoints and the lengths on which they vary."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.special import expit

NEAR = 1e-9  # panels of the twin next to a breakpoint are half as long


@dataclass(frozen=True)
class Shape:
    """A function and what its maker knows of it.

    Attributes
    ----------
    f, derivative : callable
        On float64 arrays; the derivative is the one almost everywhere.
    breakpoints : tuple of float
        Places where f or one of its derivatives jumps.
    scale : float
        Length on which f varies everywhere.
    features : tuple of (float, float)
        Places and widths of the features that are narrower than `scale`.
    jumps : bool
        Whether f itself jumps.
    narrowest : float
        Length of the shortest interval outside of which f is another function that is smooth; inf if there is none.
    """

    f: Callable
    derivative: Callable
    breakpoints: tuple[float, ...] = ()
    scale: float = 1.0
    features: tuple[tuple[float, float], ...] = ()
    jumps: bool = False
    narrowest: float = np.inf


@dataclass(frozen=True)
class Problem(Shape):
    """A shape of a random size, with the variances and the correlation at which it is asked."""

    family: str = ""
    q: float = 1.0
    q2: float = 1.0
    c: float = 0.0


def _pieces(rng, continuous):
    """Two to five pieces of random polynomials of degree up to 4."""
    points = np.sort(rng.uniform(-3, 3, rng.integers(1, 5)))
    points = points[np.r_[True, np.diff(points) > 1e-2]]
    pieces = [
        np.polynomial.Polynomial(rng.normal(size=rng.integers(1 + continuous, 6))) for _ in range(points.size + 1)
    ]
    if continuous:
        for i, x in enumerate(points):
            pieces[i + 1] = pieces[i + 1] - pieces[i + 1](x) + pieces[i](x)

    def piecewise(parts):
        return lambda x: np.select([x < p for p in points], [part(x) for part in parts[:-1]], parts[-1](x))

    slopes = piecewise([piece.deriv() for piece in pieces])
    narrowest = np.diff(points).min() if points.size > 1 else np.inf
    return Shape(piecewise(pieces), slopes, tuple(points), jumps=not continuous, narrowest=narrowest)


def continuous_pieces(rng):
    """Polynomials that meet at kinks."""
    return _pieces(rng, True)


def pieces_with_jumps(rng):
    """Polynomials that do not meet."""
    return _pieces(rng, False)


def sigmoids(rng):
    """A sum of steps of random steepness: widths from 1 to 1e-3."""
    n = rng.integers(1, 5)
    a, k, m = rng.normal(size=n), 10.0 ** rng.uniform(0, 3, n), rng.uniform(-3, 3, n)

    def f(x):
        return sum(ai * expit(ki * (x - mi)) for ai, ki, mi in zip(a, k, m, strict=True))

    def d(x):
        return sum(ai * ki * expit(ki * (x - mi)) * expit(-ki * (x - mi)) for ai, ki, mi in zip(a, k, m, strict=True))

    return Shape(f, d, features=tuple(zip(m, 1 / k, strict=True)))


def kinks(rng):
    """A smooth function with kinks at random places."""
    n = rng.integers(1, 6)
    a, m, w = rng.normal(size=n), np.sort(rng.uniform(-4, 4, n)), rng.uniform(0.3, 3)

    def f(x):
        return np.tanh(w * x) + sum(ai * np.maximum(x - mi, 0) for ai, mi in zip(a, m, strict=True))

    def d(x):
        return w * _sech2(w * x) + sum(ai * (x > mi) for ai, mi in zip(a, m, strict=True))

    return Shape(f, d, tuple(m), 1 / w, narrowest=np.diff(m).min() if n > 1 else np.inf)


def wave(rng):
    """An oscillation, on one side of a kink only in half of the cases."""
    w, p = rng.uniform(1, 60), rng.uniform(0, 2 * np.pi)
    if rng.integers(2):
        return Shape(lambda x: np.sin(w * x + p), lambda x: w * np.cos(w * x + p), scale=1 / w)
    m = rng.uniform(-2, 2)

    def f(x):
        return np.where(x > m, np.sin(w * (x - m)), 0.3 * (x - m))

    def d(x):
        return np.where(x > m, w * np.cos(w * (x - m)), 0.3)

    return Shape(f, d, (m,), 1 / w)


def bump(rng):
    """A thin bump on a slope."""
    width, m, a = 10.0 ** rng.uniform(-2, 0), rng.uniform(-2.5, 2.5), rng.normal()

    def f(x):
        return 0.2 * x + a * np.exp(-(((x - m) / width) ** 2))

    def d(x):
        return 0.2 - 2 * a * (x - m) / width**2 * np.exp(-(((x - m) / width) ** 2))

    return Shape(f, d, features=((m, width),), narrowest=4 * width)


def tails(rng):
    """A one-sided exponential or an algebraic tail, with or without a kink."""
    m, r = rng.uniform(-1.5, 1.5), rng.uniform(0.2, 2.0)
    if rng.integers(2):
        return Shape(
            lambda x: np.where(x > m, x - m, np.expm1(r * np.minimum(x - m, 0)) / r),
            lambda x: np.where(x > m, 1.0, np.exp(r * np.minimum(x - m, 0))),
            (m,),
            1 / r,
        )
    return Shape(lambda x: (x - m) / (1 + r * np.abs(x - m)), lambda x: (1 + r * np.abs(x - m)) ** -2.0, (m,), 1 / r)


def staircase(rng):
    """Three to thirty steps of random heights on a slope, or on none."""
    points = np.sort(rng.uniform(-4, 4, rng.integers(3, 31)))
    points = points[np.r_[True, np.diff(points) > 5e-3]]
    heights, slope = rng.normal(size=points.size + 1), rng.integers(2) * rng.normal()

    def f(x):
        return slope * x + heights[np.searchsorted(points, x, side="right")]

    return Shape(
        f, lambda x: np.full_like(x, slope), tuple(points), jumps=True, narrowest=np.diff(points).min(initial=np.inf)
    )


def spline(rng):
    """A natural cubic spline through random points, continued by straight lines."""
    x = np.sort(rng.uniform(-4, 4, rng.integers(4, 25)))
    x = x[np.r_[True, np.diff(x) > 0.05]]
    inside = CubicSpline(x, rng.normal(size=x.size), bc_type="natural")
    slope = inside.derivative()

    def f(t):
        u = np.clip(t, x[0], x[-1])
        return inside(u) + slope(u) * (t - u)

    return Shape(f, lambda t: slope(np.clip(t, x[0], x[-1])), tuple(x), narrowest=np.diff(x).min())


def rational(rng):
    """A straight line and one to four Lorentz curves, of half-widths from 3e-3 to 1."""
    n, slope = rng.integers(1, 5), rng.normal()
    a, m, w = rng.normal(size=n), rng.uniform(-3, 3, n), 10.0 ** rng.uniform(-2.5, 0, n)

    def f(x):
        return slope * x + sum(ai / (1 + ((x - mi) / wi) ** 2) for ai, mi, wi in zip(a, m, w, strict=True))

    def d(x):
        t = [(x - mi) / wi for mi, wi in zip(m, w, strict=True)]
        return slope - sum(2 * ai * ti / wi / (1 + ti**2) ** 2 for ai, wi, ti in zip(a, w, t, strict=True))

    return Shape(f, d, features=tuple(zip(m, w, strict=True)))


def near_kinks(rng):
    """Kinks smeared over 1e-6 to 0.1."""
    n = rng.integers(1, 4)
    a, m, w = rng.normal(size=n), rng.uniform(-2.5, 2.5, n), 10.0 ** rng.uniform(-6, -1, n)

    def f(x):
        return sum(ai * np.hypot(x - mi, wi) for ai, mi, wi in zip(a, m, w, strict=True))

    def d(x):
        return sum(ai * (x - mi) / np.hypot(x - mi, wi) for ai, mi, wi in zip(a, m, w, strict=True))

    return Shape(f, d, features=tuple(zip(m, w, strict=True)))


def box(rng):
    """A box or a hat of total width from 1e-3 to 1 on a smooth function: nothing of it is seen from outside."""
    width, m, a, w = 10.0 ** rng.uniform(-3, 0), rng.uniform(-2.5, 2.5), rng.normal(), rng.uniform(0.3, 3)
    low, high = m - width / 2, m + width / 2
    if rng.integers(2):
        return Shape(
            lambda x: np.tanh(w * x) + a * ((x > low) & (x < high)),
            lambda x: w * _sech2(w * x),
            (low, high),
            1 / w,
            jumps=True,
            narrowest=width,
        )

    def hat(x):
        return np.tanh(w * x) + a * np.maximum(1 - np.abs(x - m) / (width / 2), 0)

    def slope(x):
        return w * _sech2(w * x) - a * np.sign(x - m) / (width / 2) * ((x > low) & (x < high))

    return Shape(hat, slope, (low, m, high), 1 / w, narrowest=width)


def exponential(rng):
    """An exponential on one side that does not meet the line on the other, or a growing one."""
    m, r, a = rng.uniform(-1.5, 1.5), 10.0 ** rng.uniform(-1, 1), rng.normal()
    if rng.integers(2):
        return Shape(
            lambda x: np.where(x > m, x - m, a * np.exp(r * np.minimum(x - m, 0))),
            lambda x: np.where(x > m, 1.0, a * r * np.exp(r * np.minimum(x - m, 0))),
            (m,),
            1 / r,
            jumps=True,
        )
    r = min(r, 0.5)
    return Shape(lambda x: a * x + np.exp(r * x), lambda x: a + r * np.exp(r * x), scale=1 / r)


def composition(rng):
    """tanh, sine or a Gaussian of a continuous function with kinks or near-kinks."""
    inner = (kinks, near_kinks, spline)[rng.integers(3)](rng)
    outer, slope = (
        (np.tanh, _sech2),
        (np.sin, np.cos),
        (lambda u: np.exp(-(u**2)), lambda u: -2 * u * np.exp(-(u**2))),
    )[rng.integers(3)]
    return Shape(
        lambda x: outer(inner.f(x)),
        lambda x: slope(inner.f(x)) * inner.derivative(x),
        inner.breakpoints,
        0.1 * inner.scale,  # tanh and sine of a steep line vary on shorter lengths than the line
        inner.features,
        narrowest=inner.narrowest,
    )


def product(rng):
    """The product of two shapes of other families."""
    makers = [kinks, near_kinks, sigmoids, staircase, tails, rational]
    one, two = (makers[i](rng) for i in rng.choice(len(makers), 2, replace=False))
    return Shape(
        lambda x: one.f(x) * two.f(x),
        lambda x: one.f(x) * two.derivative(x) + one.derivative(x) * two.f(x),
        tuple(sorted((*one.breakpoints, *two.breakpoints))),
        min(one.scale, two.scale),
        (*one.features, *two.features),
        one.jumps or two.jumps,
        min(one.narrowest, two.narrowest),
    )


def table(rng):
    """Straight lines between the points of a table, constant outside of it."""
    x = np.sort(rng.uniform(-5, 5, rng.integers(4, 60)))
    x = x[np.r_[True, np.diff(x) > 0.01]]
    y = np.cumsum(rng.normal(size=x.size)) / 3
    steps = np.r_[0.0, np.diff(y) / np.diff(x), 0.0]
    return Shape(
        lambda t: np.interp(t, x, y),
        lambda t: steps[np.searchsorted(x, t, side="right")],
        tuple(x),
        narrowest=np.diff(x).min(),
    )


def _sech2(x):
    return 1 / np.cosh(np.minimum(np.abs(x), 300)) ** 2


FAMILIES = (
    continuous_pieces,
    pieces_with_jumps,
    sigmoids,
    kinks,
    wave,
    bump,
    tails,
    staircase,
    spline,
    rational,
    near_kinks,
    box,
    exponential,
    composition,
    product,
    table,
)


def problem(seed, index):
    """Problem number `index` of the corpus of a seed: the same wherever and in whatever order it is made."""
    rng = np.random.default_rng([seed, index])
    family = FAMILIES[index % len(FAMILIES)]
    shape = family(rng)
    size = 10.0 ** rng.uniform(-3, 3)
    q, q2, c = 10.0 ** rng.uniform(-1.5, 1.2), 10.0 ** rng.uniform(-1.5, 1.2), 1 - 10.0 ** rng.uniform(-8, 0.3)
    if family is exponential:
        q, q2 = min(q, 4.0), min(q2, 4.0)
    return Problem(
        lambda x: size * shape.f(x),
        lambda x: size * shape.derivative(x),
        shape.breakpoints,
        shape.scale,
        shape.features,
        shape.jumps,
        shape.narrowest,
        family=family.__name__.replace("_", " "),
        q=q,
        q2=q if rng.integers(2) else q2,
        c=max(c, -1.0),
    )
