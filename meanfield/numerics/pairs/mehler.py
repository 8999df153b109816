"""Mehler's formula: E f(U) g(V) = Σ aₙ bₙ cⁿ over the Hermite coefficients aₙ of f(U) and bₙ of g(V).

The squared difference ½E(f(U) − f(V))² and the derivative E f′(U) f′(V) in the covariance are other sums over the same
coefficients. Two error bounds follow from the Cauchy–Schwarz inequality. Truncation at order N costs at most |c|^{N+1}
times the norms of the truncated coefficients. Errors εₙ of the aₙ cost at most (Σ εₙ²c²ⁿ)^½·‖b‖.
"""

import numpy as np
from numpy.polynomial.polynomial import polyval

from meanfield._types import Floats, Ints
from meanfield.numerics.pairs.hermite import GRID, Expansions
from meanfield.numerics.quadrature.one_gaussian import ROUNDING

BLOCK, ALIKE = 256, 4096  # pairs summed at once: of different variances, and of the same two variances
SMALLEST = 1e-18  # smaller powers of c are dropped; 0.85³⁰⁰ = 7e-22 is smaller


def product(f: Expansions, g: Expansions, first: Ints, second: Ints, c: Floats) -> tuple[Floats, Floats]:
    """E f(U) g(V) for rows `first` of f and `second` of g at correlations |c| < 1, and bounds on its error."""
    means = f.mean[first] * g.mean[second]
    sizes = np.sqrt(f.variance[first]) * np.sqrt(g.variance[second])
    error = np.abs(f.mean[first]) * g.mean_error[second] + np.abs(g.mean[second]) * f.mean_error[first]
    error += _sum_error(f, g, first, second, c) + ROUNDING * (np.abs(means) + sizes)
    return means + _sum(f.coefficients, g.coefficients, first, second, c), error


def distance(f: Expansions, first: Ints, second: Ints, gap: Floats) -> tuple[Floats, Floats]:
    """½E(f(U) − f(V))² = ½(E f(U) − E f(V))² + ½(Var f(U) + Var f(V)) − Σ aₙbₙcⁿ at 1 − c = gap, with error bounds."""
    c, apart = 1.0 - gap, f.mean[first] - f.mean[second]
    size = 0.5 * (f.variance[first] + f.variance[second])
    value = 0.5 * apart**2 + size - _sum(f.coefficients, f.coefficients, first, second, c)
    error = np.where(first == second, 0.0, np.abs(apart)) * (f.mean_error[first] + f.mean_error[second])
    error += 0.5 * (f.variance_error[first] + f.variance_error[second])
    return value, error + _sum_error(f, f, first, second, c) + ROUNDING * size


def slope(f: Expansions, first: Ints, second: Ints, gap: Floats) -> tuple[Floats, Floats]:
    """E f′(U) f′(V) = Σ n aₙbₙ c^{n−1}/√(q₁q₂), the jumps of f included, and bounds on its error."""
    c, order = 1.0 - gap, f.coefficients.shape[1]
    size = np.sqrt(f.variance[first]) * np.sqrt(f.variance[second])
    scale = np.sqrt(f.q[first]) * np.sqrt(f.q[second])
    value = _sum(f.coefficients, f.coefficients, first, second, c, slopes=True)
    beyond = (
        (order + 1) * np.abs(c) ** order * np.sqrt(f.rest[first]) * np.sqrt(f.rest[second])
    )  # n|c|ⁿ decreases for these n
    rounding = ROUNDING * size * np.sqrt((1.0 + c**2) / (1.0 - c**2) ** 3)  # (Σ n² c^{2n−2})^½
    error = _inexact(f, f, f.slope_error, f.slope_error, first, second, c) + rounding + beyond
    return value / scale, error / scale


def _sum(a: Floats, b: Floats, first: Ints, second: Ints, c: Floats, *, slopes: bool = False) -> Floats:
    """Σ aₙbₙcⁿ, or Σ n aₙbₙc^{n−1}, from n = 1 on, with as many terms as each |c| needs."""
    value = np.empty(c.size)
    order = np.argsort(np.abs(c))
    alike = c.size > 0 and bool(np.all((first == first[0]) & (second == second[0])))
    if alike:  # one pair of variances: a power series
        series = a[first[0]] * b[second[0]] * (np.arange(1, a.shape[1] + 1) if slopes else 1)
    block = ALIKE if alike else BLOCK
    for start in range(0, c.size, block):
        chosen = order[start : start + block]
        terms = _terms(float(np.abs(c[chosen[-1]])), a.shape[1])
        if alike:
            powers = polyval(c[chosen], series[:terms], tensor=False)
            value[chosen] = powers if slopes else powers * c[chosen]
            continue
        x = np.broadcast_to(c[chosen, None], (chosen.size, terms)).copy()
        if slopes:
            x[:, 0] = 1.0
        powers = np.multiply.accumulate(x, axis=1)
        if slopes:
            powers *= np.arange(1, terms + 1)
        value[chosen] = np.einsum("pn,pn,pn->p", a[first[chosen], :terms], b[second[chosen], :terms], powers)
    return value


def _terms(largest: float, order: int) -> int:
    """Number of powers of |c| ≤ largest that exceed `SMALLEST`, at most `order`."""
    if largest <= SMALLEST:
        return 1
    return min(int(np.log(SMALLEST) / np.log(min(largest, 1 - 1e-9))) + 2, order)


def _inexact(f: Expansions, g: Expansions, of_f: Floats, of_g: Floats, first: Ints, second: Ints, c: Floats) -> Floats:
    """Bound on the error of a sum due to errors of the coefficients, with norms `of_f`, `of_g` on a grid of |c|."""
    at = np.minimum(np.ceil(np.abs(c) * GRID).astype(np.intp), GRID)
    return np.asarray(of_f[first, at] * np.sqrt(g.variance[second]) + of_g[second, at] * np.sqrt(f.variance[first]))


def _sum_error(f: Expansions, g: Expansions, first: Ints, second: Ints, c: Floats) -> Floats:
    left_out = np.abs(c) ** (f.coefficients.shape[1] + 1) * np.sqrt(f.rest[first]) * np.sqrt(g.rest[second])
    return np.asarray(_inexact(f, g, f.sum_error, g.sum_error, first, second, c) + left_out)
