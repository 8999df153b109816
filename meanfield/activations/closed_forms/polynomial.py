"""Polynomials, monomials among them, by their Hermite expansion at the variance of the pre-activation."""

from collections.abc import Sequence
from math import factorial, perm, prod

import numpy as np

from meanfield._types import Floats
from meanfield.activations.closed_forms.form import ANY_SIZE, ClosedForm, Moment, pair


def _odd_factorial(n: int) -> int:
    """E z^n for even n: (n − 1)!!."""
    return prod(range(1, n, 2))


def _moment(coefficients: Sequence[float]) -> Moment:
    """E p(√q z) as a polynomial in q."""
    even = [c * _odd_factorial(2 * m) for m, c in enumerate(coefficients[::2])]

    def evaluate(q: Floats) -> Floats:
        with np.errstate(over="ignore"):
            return np.asarray(np.polyval(even[::-1], q), dtype=np.float64)

    return evaluate


def polynomial(coefficients: Sequence[float]) -> ClosedForm:
    """φ(x) = Σ cₙ xⁿ, coefficients in ascending order."""
    c = np.trim_zeros(np.asarray(coefficients, dtype=np.float64), "b")
    c = c if c.size else np.zeros(1)
    slopes = c[1:] * np.arange(1, c.size) if c.size > 1 else np.zeros(1)
    square = np.convolve(c, c)
    mass = [m * v * _odd_factorial(2 * m) for m, v in enumerate(square[::2])]
    # E φ⁽ʲ⁾(s z) = Σₙ rows[j, n] s^{n − j}; the kernel is Σⱼ E φ⁽ʲ⁾(u) E φ⁽ʲ⁾(v) kʲ/j!
    rows = np.zeros((c.size, c.size))
    for j in range(c.size):
        for n in range(j, c.size, 2):
            rows[j, n] = c[n] * perm(n, j) * _odd_factorial(n - j)

    def derivative_mean(j: int, s: Floats) -> Floats:
        return np.asarray(np.polyval(rows[j, j:][::-1], s), dtype=np.float64)

    def ray_difference(j: int, s1: Floats, s2: Floats, difference: Floats) -> Floats:
        powers = (rows[j, n] * s1**i * s2 ** (n - 1 - i) for n in range(j, c.size) for i in range(n) if rows[j, n])
        return difference * sum(powers, np.zeros(np.shape(difference)))

    def distance(q1: Floats, q2: Floats, d: Floats) -> Floats:
        at = pair(q1, q2, d)
        total = np.zeros(np.shape(at.e))
        for j in range(c.size):
            both = derivative_mean(j, at.s1) * derivative_mean(j, at.s2)
            powers = sum((at.product ** (j - 1 - i) * at.k**i for i in range(j)), np.zeros(np.shape(at.e)))
            ray = ray_difference(j, at.s1, at.s2, np.sqrt(at.gap)) ** 2 / 2
            total = total + (ray + both * at.e * powers) / factorial(j)
        return total

    def kernel(q1: Floats, q2: Floats, k: Floats, order: int) -> Floats:
        s1, s2 = np.sqrt(q1), np.sqrt(q2)
        terms = [derivative_mean(j, s1) * derivative_mean(j, s2) / factorial(j - order) for j in range(order, c.size)]
        return sum((term * k**j for j, term in enumerate(terms)), np.zeros(np.shape(k)))

    return ClosedForm(
        second_moment=_moment(list(square)),
        second_moment_slope=lambda q: np.polyval(mass[:0:-1], q),
        derivative_moment=_moment(list(np.convolve(slopes, slopes))),
        mean=_moment(list(c)),
        distance=distance,
        distance_slope=lambda q1, q2, d: kernel(q1, q2, (q1 + q2) / 2 - d, 1),
        dual=lambda q1, q2, k: kernel(q1, q2, k, 0),
        source="Daniely, Frostig & Singer 2016 (arXiv:1602.05897), Hermite expansion of the dual",
        largest_q=ANY_SIZE,
    )


def monomial(degree: int) -> ClosedForm:
    """φ(x) = x^degree."""
    return polynomial([0.0] * degree + [1.0])
