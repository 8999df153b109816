"""The moments that a closed form provides, and coordinates of a pair in which formulas do not cancel near c = 1.

A pair (u, v) is given by the variances q₁, q₂ and the distance d = ½E(u − v)², so that k = E uv = (q₁ + q₂)/2 − d.
At correlation ρ = 1, d has its least value ½(√q₁ − √q₂)². The formulas use the remainder e = √(q₁q₂) − k =
√(q₁q₂)(1 − ρ). D(q₁, q₂, d) = ½E(φ(u) − φ(v))² is the sum of D at ρ = 1 and ∫₀ᵉ E φ′(u)φ′(v) (Price's theorem, 1958),
and both terms are written without cancellation.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import factorial, inf
from typing import NamedTuple

import numpy as np

from meanfield._types import Floats

CHORD = [(-1) ** (n + 1) * 2 * n / factorial(2 * n + 1) for n in range(9, 0, -1)]  # of sin t − t cos t, divided by t
ANY_SIZE = 5e307  # the largest q of formulas that are accurate wherever their values and 2q are floats
Moment = Callable[[Floats], Floats]
PairMoment = Callable[[Floats, Floats, Floats], Floats]


@dataclass(frozen=True)
class ClosedForm:
    """Exact Gaussian moments of one activation function.

    Every function takes float64 arrays that broadcast: variances q ≥ 0 (pre-activation second moments), and for pairs
    the distance d = ½E(u − v)² between ½(√q₁ − √q₂)² and ½(√q₁ + √q₂)², or the covariance k.

    Attributes
    ----------
    second_moment : callable
        V(q) = E φ(√q z)².
    second_moment_slope : callable
        dV/dq.
    derivative_moment : callable or None
        E φ′(√q z)²; None where it is infinite because φ jumps.
    mean : callable
        M(q) = E φ(√q z).
    distance : callable or None
        D(q₁, q₂, d) = ½E(φ(u) − φ(v))², with a small relative error however small d is; None: no closed form is known.
    distance_slope : callable or None
        dD/dd at fixed q₁ and q₂, which is E φ′(u)φ′(v); infinite at correlation one where φ jumps.
    dual : callable or None
        The dual kernel E φ(u)φ(v) of (q₁, q₂, k).
    source : str
        Paper and equation.
    largest_q : float
        Largest variance for which no product in the formulas exceeds the range of floats.

    Examples
    --------
    >>> from meanfield.activations.closed_forms import closed_form
    >>> relu = closed_form("relu")
    >>> float(relu.second_moment(np.float64(3.0)))
    1.5
    >>> float(relu.distance(1.0, 1.0, 1e-20)) / 0.5e-20
    0.9999999999699893
    """

    second_moment: Moment
    second_moment_slope: Moment
    derivative_moment: Moment | None
    mean: Moment
    distance: PairMoment | None = None
    distance_slope: PairMoment | None = None
    dual: PairMoment | None = None
    source: str = ""
    largest_q: float = 1e70


class Pair(NamedTuple):
    """A pair in the coordinates of this package: √q₁, √q₂, (√q₁ − √q₂)², their product, e = √(q₁q₂) − k and k."""

    s1: Floats
    s2: Floats
    gap: Floats
    product: Floats
    e: Floats
    k: Floats

    @property
    def angle(self) -> Floats:
        """Θ = arccos ρ, accurate at both ends."""
        return 2 * np.arctan2(np.sqrt(self.e), np.sqrt(self.product + self.k))

    @property
    def supplement(self) -> Floats:
        """π − θ."""
        return 2 * np.arctan2(np.sqrt(self.product + self.k), np.sqrt(self.e))


def pair(q1: Floats, q2: Floats, d: Floats) -> Pair:
    """The pair with variances q₁, q₂ and distance d; e is clipped so that rounding keeps −1 ≤ ρ ≤ 1."""
    s1, s2 = np.sqrt(q1), np.sqrt(q2)
    total = s1 + s2
    gap = np.divide(q1 - q2, total, out=np.zeros(np.shape(total)), where=total > 0) ** 2
    product = s1 * s2
    e = np.clip(d - gap / 2, 0.0, 2 * product)
    return Pair(s1, s2, gap, product, e, product - e)


def root_of_determinant(q1: Floats, q2: Floats, k: Floats) -> Floats:
    """√(q₁q₂ − k²), without overflow or underflow of the products."""
    half1, half2 = np.frexp(q1)[1] // 2, np.frexp(q2)[1] // 2
    x, y, z = np.ldexp(q1, -2 * half1), np.ldexp(q2, -2 * half2), np.ldexp(k, -half1 - half2)
    root: Floats = np.ldexp(np.sqrt(np.maximum(x * y - z * z, 0.0)), half1 + half2)
    return root


def sine_minus_chord(t: Floats) -> Floats:
    """Sin t − t cos t = t³/3 − …, without cancellation for small t."""
    series, large = _chord_series(t), t >= 1
    return np.where(large, np.sin(t) - t * np.cos(t), series) if np.any(large) else series


def chord_defect(least: Floats, most: Floats) -> Floats:
    """½(least + most)·(sin t − t cos t) for tan(t/2) = √(least/most), without cancellation for small t.

    The sine is √(least·most) and the cosine ½(most − least), each times 2/(least + most).
    """
    root, other = np.sqrt(least), np.sqrt(most)
    t = 2 * np.arctan2(root, other)
    series = 0.5 * (least + most) * _chord_series(t)
    return np.where(t >= 1, root * other - t * (0.5 * (most - least)), series)


def _chord_series(t: Floats) -> Floats:
    """Sin t − t cos t by its Taylor series, for |t| ≤ 1."""
    square = t * t
    value = np.full(np.shape(t), CHORD[0])
    for coefficient in CHORD[1:]:
        value *= square
        value += coefficient
    return np.asarray(value * square * t)


def reciprocal_gap(u: Floats, v: Floats, w: Floats, difference: Floats) -> Floats:
    """½(1/u + 1/v) − 1/w ≥ 0 for w² = ½(u² + v²) and difference = u − v, without cancellation for u near v."""
    return difference**2 * (0.5 + (u + v) / (4 * w + 2 * (u + v))) / (2 * u * v * w)


def standardised(b: float, q: Floats) -> Floats:
    """b/√(2q), also at q = 0."""
    limit = np.full(np.shape(q), b * inf if b else 0.0)
    quotient: Floats = np.divide(b, np.sqrt(2 * q), out=limit, where=np.asarray(q) > 0)
    return quotient


def affine(form: ClosedForm, scale: float = 1.0, slope: float = 1.0, offset: float = 0.0) -> ClosedForm:
    """The closed form of slope·φ(scale·x) + offset; φ must be odd where the offset is not zero."""
    a, b = scale**2, slope**2

    def moment(f: Moment, factor: float, shift: float = 0.0) -> Moment:
        return lambda q: factor * f(a * q) + shift

    def of_pair(f: PairMoment | None, factor: float, shift: float = 0.0) -> PairMoment | None:
        return f and (lambda q1, q2, other: factor * f(a * q1, a * q2, a * other) + shift)

    return ClosedForm(
        second_moment=moment(form.second_moment, b, offset**2),
        second_moment_slope=moment(form.second_moment_slope, a * b),
        derivative_moment=form.derivative_moment and moment(form.derivative_moment, a * b),
        mean=moment(form.mean, slope, offset),
        distance=of_pair(form.distance, b),
        distance_slope=of_pair(form.distance_slope, a * b),
        dual=of_pair(form.dual, b, offset**2),
        source=form.source,
        largest_q=min(form.largest_q / a, ANY_SIZE) if a else ANY_SIZE,
    )


def uncorrelated(first: ClosedForm, second: ClosedForm) -> ClosedForm:
    """The closed form of an odd function plus an even one; both have all moments in closed form."""

    def moment(name: str) -> Moment:
        f, g = getattr(first, name), getattr(second, name)
        return lambda q: f(q) + g(q)

    def of_pair(name: str) -> PairMoment:
        f, g = getattr(first, name), getattr(second, name)
        return lambda q1, q2, other: f(q1, q2, other) + g(q1, q2, other)

    return ClosedForm(
        second_moment=moment("second_moment"),
        second_moment_slope=moment("second_moment_slope"),
        derivative_moment=moment("derivative_moment"),
        mean=moment("mean"),
        distance=of_pair("distance"),
        distance_slope=of_pair("distance_slope"),
        dual=of_pair("dual"),
        source=first.source,
        largest_q=min(first.largest_q, second.largest_q),
    )
