"""Step functions: Heaviside, sign and quantisers. Pairs are Owen's T function."""

from collections.abc import Sequence
from dataclasses import replace
from math import inf, pi

import numpy as np

from meanfield._types import Floats
from meanfield.activations.closed_forms.form import ANY_SIZE, ClosedForm, Moment, Pair, pair, standardised
from meanfield.special_functions import special

SOURCE = "Sheppard 1899 (Phil. Trans. A 192) for steps at zero; Owen 1956 (Ann. Math. Stat. 27), eq. 3.1, for others"


def _tail(x: Floats) -> Floats:
    return special.erfc(x / 2**0.5) / 2


def _far_wedge(h: Floats, slope: Floats) -> Floats:
    """T(h, ∞) − T(h, slope) for h ≥ 0, small where it is small (Owen 1956, eq. 2.3 beyond slope one)."""
    steep = np.maximum(slope, 1.0)
    beyond = special.owens_t(steep * h, 1 / steep) - _tail(steep * h) * (0.5 - _tail(h))
    return np.where(slope > 1, beyond, _tail(h) / 2 - special.owens_t(h, slope))


def _turn(h: Floats, other: Floats, e: Floats, sine: Floats) -> Floats:
    """What T(h, α) gains from angle 0 to θ, with α = (other − h cos θ)/(h sin θ) and e = 1 − cos θ."""
    side = np.sign(other - h) * np.sign(h)
    rise = (other - h + h * e) * np.sign(h)
    run = np.abs(h) * sine
    slope = np.divide(rise, run, out=np.where(rise == 0, 0.0, np.copysign(inf, rise)), where=run > 0)
    gain = np.where(
        side == 0, special.owens_t(np.abs(h), slope), -side * _far_wedge(np.abs(h), np.where(side < 0, -slope, slope))
    )
    return np.where(h == 0, 0.0, gain)


def _crossings(a: Floats, b: Floats, at: Pair) -> Floats:
    """∫ exp(−(a² + b² − 2ab cos t)/(2 sin² t)) dt/2π from 0 to the angle of the pair, for thresholds a√q₁ and b√q₂."""
    e = np.divide(at.e, at.product, out=np.zeros(np.shape(at.e)), where=at.product > 0)
    turns = _turn(a, b, e, np.sqrt(e * (2 - e))) + _turn(b, a, e, np.sqrt(e * (2 - e)))
    return np.where((a == 0) & (b == 0), at.angle / (2 * pi), turns)


def _overtaken(a: Floats, b: Floats) -> Floats:
    """P(z > a) less P(z > b), where b > a."""
    return np.where(b > a, np.where(a > 0, _tail(a) - _tail(b), _tail(-b) - _tail(-a)), 0.0)


def steps(thresholds: Sequence[float], levels: Sequence[float]) -> ClosedForm:
    """φ takes the first level below the first threshold, the second one above it, and so on."""
    edges, values = np.asarray(thresholds, dtype=np.float64), np.asarray(levels, dtype=np.float64)
    jumps = np.diff(values)

    def expectation(f: Floats) -> Moment:
        """E of the step function with levels f, summed outwards from 0: nothing cancels if |f| grows outwards."""
        centre, changes = (f[np.sum(edges < 0)] + f[np.sum(edges <= 0)]) / 2, np.diff(f) * np.sign(edges)
        terms = [(t, c / 2) for t, c in zip(np.abs(edges), changes, strict=True) if c]
        return lambda q: sum((c * special.erfc(standardised(t, q)) for t, c in terms), np.full(np.shape(q), centre))

    def second_moment_slope(q: Floats) -> Floats:
        total = np.zeros(np.shape(q))
        for t, change in zip(edges, np.diff(values**2), strict=True):
            h = np.clip(standardised(t, q), -1e3, 1e3)
            total = total + change * h * np.exp(-h * h) / (2 * pi**0.5)
        return np.divide(total, q, out=np.zeros(np.shape(q)), where=np.asarray(q) > 0)

    def rows(q1: Floats, q2: Floats) -> tuple[Floats, Floats]:
        """Thresholds in standard deviations, along a new last axis."""
        a, b = (np.stack([standardised(t, q) for t in edges], axis=-1) * 2**0.5 for q in (q1, q2))
        return np.clip(a, -99, 99), np.clip(b, -99, 99)

    def distance(q1: Floats, q2: Floats, d: Floats) -> Floats:
        q1, q2, d = np.broadcast_arrays(q1, q2, d)
        at = Pair(*(field[..., np.newaxis] for field in pair(q1, q2, d)))
        a, b = rows(q1, q2)
        total = np.zeros(np.shape(d))
        for i, jump in enumerate(jumps):
            ai, bi = a[..., i, np.newaxis], b[..., i, np.newaxis]
            ray = _overtaken(a, bi) + _overtaken(b, ai)
            weight = np.sign(np.arange(edges.size) - i) / 2 + 0.5
            total = total + jump * ((_crossings(ai, b, at) + weight * ray) @ jumps)
        return total

    def distance_slope(q1: Floats, q2: Floats, d: Floats) -> Floats:
        q1, q2, d = np.broadcast_arrays(q1, q2, d)
        at = Pair(*(field[..., np.newaxis] for field in pair(q1, q2, d)))
        a, b = rows(q1, q2)
        near, far = at.e / at.product, (at.product + at.k) / at.product
        total = np.zeros(np.shape(d))
        with np.errstate(divide="ignore", invalid="ignore"):
            for i, jump in enumerate(jumps):
                ai = a[..., i, np.newaxis]
                apart = np.where(ai == b, 0.0, (ai - b) ** 2 / (near * far))
                total = total + jump * (np.exp(-apart / 2 - np.where(ai * b == 0, 0.0, ai * b / far)) @ jumps)
            return total / (2 * pi * np.sqrt(at.e * (at.product + at.k)))[..., 0]

    second_moment, mean = expectation(values**2), expectation(values)
    return ClosedForm(
        second_moment=second_moment,
        second_moment_slope=second_moment_slope,
        derivative_moment=None,
        mean=mean,
        distance=distance,
        distance_slope=distance_slope,
        dual=lambda q1, q2, k: (second_moment(q1) + second_moment(q2)) / 2 - distance(q1, q2, (q1 + q2) / 2 - k),
        source=SOURCE,
        largest_q=ANY_SIZE,
    )


def step() -> ClosedForm:
    """φ(x) = 1 for x > 0, else 0."""
    return steps([0.0], [0.0, 1.0])


def sign() -> ClosedForm:
    """φ(x) = ±1, the sign of x."""
    return steps([0.0], [-1.0, 1.0])


def quantised_sign(levels: int) -> ClosedForm:
    """Blumenfeld's sign with N levels from −1 to 1, stepping up at 2(k − N/2)/(N − 1), k = 1 … N − 1."""
    n = int(levels)
    form = steps([(2 * k - n) / (n - 1) for k in range(1, n)], [(2 * k + 1 - n) / (n - 1) for k in range(n)])
    return replace(form, mean=lambda q: np.zeros(np.shape(q)))
