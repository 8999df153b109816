"""The first four moments of a spectrum, from truncated series of 1/z in powers of m, with bounds on their errors.

The moments of a law are the coefficients of its ψ-transform in powers of 1/z, which reversion turns into the series of
1/z in m. That series is a product over the factors, so nothing is integrated but the moments of φ′².
"""

from functools import reduce
from typing import TypeAlias

import numpy as np

from meanfield.activations.activation import Activation
from meanfield.bounded import Bounded
from meanfield.numerics.quadrature.one_gaussian import moment
from meanfield.theory.spectrum.free_products.factors import Skip, Slopes
from meanfield.theory.spectrum.free_products.master_curve import MasterCurve
from meanfield.theory.spectrum.slopes.slope_law import SlopeLaw

ORDER = 4
EPS = float(np.finfo(float).eps)
#: Coefficients of x, x², x³, x⁴, or of 1, x, x², x³ where a function says so.
Series: TypeAlias = list[Bounded]


def moments(curve: MasterCurve) -> list[Bounded]:
    """m1 … m4 of the spectrum of a curve."""
    # log(1/(z·m)) as coefficients of 1, m, m², m³: everything but the power of m, which is 1 in the end.
    total = [-1.0 * Bounded(curve.constant, 4 * EPS * abs(curve.constant)), *(Bounded(0.0) for _ in range(ORDER - 1))]
    for a, power in curve.rational:
        if a:  # log(a + m) = log a + m/a − …
            terms = [
                Bounded(float(np.log(a)), EPS * abs(np.log(a))),
                *(Bounded((-1.0) ** (k + 1) / (k * a**k), EPS / a**k) for k in (1, 2, 3)),
            ]
            total = [one - float(power) * term for one, term in zip(total, terms, strict=True)]
    for factor, count, c in curve.members:
        own = _log_inverse(factor)
        total = [one + float(count) * (c**k * term) for k, (one, term) in enumerate(zip(total, own, strict=True))]
        total[0] = total[0] + float(count) * _log(Bounded(c, EPS * c))
    return reverted(_exp(total))


def slope_moments(law: SlopeLaw, order: int = ORDER) -> list[Bounded]:
    """E t^k for k = 1 … `order`."""
    if not law.base_size:
        return [
            Bounded(
                sum(atom.mass * atom.t**k for atom in law.atoms),
                8 * EPS * sum(atom.mass * atom.t**k for atom in law.atoms),
            )
            for k in range(1, order + 1)
        ]
    found = []
    for k in range(1, order + 1):
        own = [share * moment_of(phi, k, law.q) for share, phi in law.parts]
        found.append(reduce(lambda one, other: one + other, own))
    return found


def moment_of(phi: Activation, k: int, q: float) -> Bounded:
    """E φ′(√q Z)^2k."""
    if k == 1:
        value, error = phi.moments.derivative_moment(q)
        return Bounded(float(value), float(error))
    found = moment(phi.pieces, "dd" * k, q)
    return Bounded(float(found.value), float(found.error))


def _log_inverse(factor: Slopes | Skip) -> Series:
    """log(1/(ζ·m)) of a factor as coefficients of 1, m, m², m³: ζ is its part of z."""
    inverse = reverted(slope_moments(factor.law))  # 1/w in powers of y
    if isinstance(factor, Slopes):
        return _log_series(inverse)
    # u in powers of y, then y and v in powers of u, then u in powers of m.
    powers = [1.0, *(float(_binomial(factor.power, k)) for k in (1, 2, 3))]
    gain = Bounded(1 / factor.gain, EPS / factor.gain)
    u = [gain * reduce(lambda a, b: a + b, [powers[j] * inverse[k - j] for j in range(k + 1)]) for k in range(ORDER)]
    y = reverted(u)
    s2 = Bounded(factor.skip, 0.0)
    v = [s2, -1.0 * s2**2, 2.0 * s2**3, -5.0 * s2**4]
    return _log_series(reverted([one + other for one, other in zip(y, v, strict=True)]))


def reverted(a: Series) -> Series:
    """The series of x in powers of y = a₁x + a₂x² + a₃x³ + a₄x⁴; it is its own inverse."""
    a1, a2, a3, a4 = a
    b, c, d = a2 / a1, a3 / a1, a4 / a1
    one = 1.0 / a1
    return [
        one,
        -1.0 * b * one**2,
        (2.0 * b**2 - c) * one**3,
        (5.0 * b * c - d - 5.0 * b**3) * one**4,
    ]


def _log_series(a: Series) -> Series:
    """log(a₁ + a₂x + a₃x² + a₄x³) in powers of x, from 1 on."""
    b, c, d = (one / a[0] for one in a[1:])
    return [_log(a[0]), b, c - 0.5 * b**2, d - b * c + (1 / 3) * b**3]


def _exp(a: Series) -> Series:
    """exp(a₀ + a₁x + a₂x² + a₃x³) in powers of x, from 1 on."""
    b, c, d = a[1:]
    value = float(np.exp(a[0].value))
    scale = Bounded(value, value * (float(np.expm1(a[0].error)) + 4 * EPS))
    return [scale, scale * b, scale * (c + 0.5 * b**2), scale * (d + b * c + (1 / 6) * b**3)]


def _log(x: Bounded) -> Bounded:
    value, relative = float(np.log(x.value)), x.error / x.value
    return Bounded(value, float(-np.log1p(-relative) if relative < 1 else np.inf) + EPS * abs(value))


def _binomial(power: int, k: int) -> int:
    """Coefficient of y^k in (1 + y)^power, power ≥ 0."""
    found = 1
    for i in range(k):
        found = found * (power - i) // (i + 1)
    return found
