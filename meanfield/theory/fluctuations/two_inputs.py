"""The correlation c of two inputs through plain layers of finite width.

The second moments S = (S₁₁, S₁₂, S₂₂) of both inputs' units follow S′ = w·(1/n) Σ f(u_i) + b with f = (φ(u)², φ(u)φ(v),
φ(v)²): covariances and mean shifts of order 1/n obey linear maps with the first and second derivatives of E f in S.
With Hermite coefficients aₙ and bₙ of φ at both variances each of them is a series, as E φ(u)φ(v) = Σ aₙbₙcⁿ.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from meanfield._types import Floats
from meanfield.activations.activation import Activation
from meanfield.theory.fluctuations.families import NoExpansion, PlainLayer, within_floats
from meanfield.theory.fluctuations.hermite_products import coefficients, terms

NEAR_ONE = 0.99  # |c| beyond which the series of second derivatives take too many terms


class OfCorrelation(NamedTuple):
    """The correlation at infinite width, and its variance and shift to first order in 1/width, by layer."""

    c: Floats
    var_c: Floats
    shift_c: Floats


def two_inputs(layers: Sequence[PlainLayer], q: float, q2: float, c: float, per_unit: Floats) -> OfCorrelation:
    """The expansion before each layer and after the last; `per_unit` is 1/width of the units that each layer reads."""
    within_floats(np.array([q, q2]))
    s = np.array([q, c * np.sqrt(q) * np.sqrt(q2), q2])
    covariance, shift = np.zeros((3, 3)), np.zeros(3)
    rows = [_of_c(s, covariance, shift)]
    for layer, share in zip(layers, per_unit, strict=True):
        mean, fresh, slope, bend = _moments(layer, s)
        turn = layer.w * slope
        curved = 0.5 * layer.w * np.einsum("aij,ij->a", bend, covariance)
        shift = turn @ shift + curved
        covariance = turn @ covariance @ turn.T + layer.w**2 * fresh * share
        s = layer.w * mean + layer.b
        rows.append(_of_c(s, covariance, shift))
    return OfCorrelation(*np.array(rows).T)


def _power(phi: Activation, k: int, x: Floats) -> Floats:
    return phi(x) ** k


def _of_c(s: Floats, covariance: Floats, shift: Floats) -> tuple[float, float, float]:
    """c = S₁₂/√(S₁₁S₂₂), and its variance and shift by its derivatives in S."""
    first, both, second = s.tolist()
    size = np.sqrt(first) * np.sqrt(second)
    c = both / size
    slope = np.array([-c / (2 * first), 1 / size, -c / (2 * second)])
    mixed = c / (4 * first * second)
    bend = np.array(
        [
            [3 * c / (4 * first**2), -1 / (2 * first * size), mixed],
            [-1 / (2 * first * size), 0.0, -1 / (2 * second * size)],
            [mixed, -1 / (2 * second * size), 3 * c / (4 * second**2)],
        ]
    )
    return c, float(slope @ covariance @ slope), float(slope @ shift + 0.5 * np.sum(bend * covariance))


def _moments(layer: PlainLayer, s: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """E f, Cov f, and the first and second derivatives of E f in S, of shapes (3,), (3, 3), (3, 3) and (3, 3, 3)."""
    phi, (first, both, second) = layer.phi, s.tolist()
    size = float(np.sqrt(first) * np.sqrt(second))
    c = both / size
    order = terms(c)
    if order is None or abs(c) > NEAR_ONE:
        raise NoExpansion(f"the series of the expansion does not converge at the correlation {c:.6f}")
    q = np.array([first, second])
    # One expansion for each variance: they may be octaves apart.
    powers = [
        np.vstack([coefficients(phi, partial(_power, phi, k), one, order, degree=k) for one in (q[:1], q[1:])])
        for k in (1, 2, 3)
    ]

    def paired(a: Floats, b: Floats) -> float:
        """E F(u)G(v) by the coefficients of F and G."""
        count = min(a.size, b.size)
        return float(np.polynomial.polynomial.polyval(c, a[:count] * b[:count]))

    def derived(a: Floats, variance: float, times: int) -> Floats:
        """The coefficients of the derivative of a function, taken several times."""
        for _ in range(times):
            a = a[1:] * np.sqrt(np.arange(1, a.size)) / np.sqrt(variance)
        return a

    (one, other), (square, other_square), (cube, other_cube) = powers
    fourth = [float(phi.moments.mixed("ffff", q)[i]) for i in range(2)]
    means = [float(phi.moments.mixed("ff", q)[i]) for i in range(2)]
    mean = np.array([means[0], paired(one, other), means[1]])
    third, three = paired(cube, other), paired(one, other_cube)
    squares = paired(square, other_square)
    raw = np.array([[fourth[0], third, squares], [third, squares, three], [squares, three, fourth[1]]])

    def derivative(i: int, j: int) -> float:
        """E φ⁽ⁱ⁾(u) φ⁽ʲ⁾(v)."""
        return paired(derived(one, first, i), derived(other, second, j))

    def of_square(a: Floats, variance: float, times: int) -> float:
        """E of a derivative of φ²: of the second one, 2 dV/dq, and of the fourth one, 4 d²V/dq²."""
        return float(derived(a, variance, times)[0])

    slope, bend = np.zeros((3, 3)), np.zeros((3, 3, 3))
    slope[0, 0], slope[2, 2] = of_square(square, first, 2) / 2, of_square(other_square, second, 2) / 2
    slope[1] = [derivative(2, 0) / 2, derivative(1, 1), derivative(0, 2) / 2]
    bend[0, 0, 0], bend[2, 2, 2] = of_square(square, first, 4) / 4, of_square(other_square, second, 4) / 4
    bend[1] = [
        [derivative(4, 0) / 4, derivative(3, 1) / 2, derivative(2, 2) / 4],
        [derivative(3, 1) / 2, derivative(2, 2), derivative(1, 3) / 2],
        [derivative(2, 2) / 4, derivative(1, 3) / 2, derivative(0, 4) / 4],
    ]
    return mean, raw - np.outer(mean, mean), slope, bend
