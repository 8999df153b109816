"""The moments of one activation that fluctuations need, with their derivatives in the variance."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from meanfield._types import Floats
from meanfield.activations.activation import Activation
from meanfield.numerics.quadrature.one_gaussian import COVERED


class OneGaussianMoments(NamedTuple):
    """Expectations over X = √q·Z; those with φ′ are infinite if φ jumps."""

    v: float  # E φ²
    v1: float  # dV/dq
    v2: float  # d²V/dq²
    d: float  # E φ′²
    d1: float  # its first derivative in q
    d2: float  # its second one
    ffff: float  # E φ⁴
    ffdd: float  # E φ²φ′²
    dddd: float  # E φ′⁴


def moments_at(phi: Activation, q: Floats) -> list[OneGaussianMoments]:
    """The moments of φ at each q > 0 of a 1-d array.

    Derivatives are d/dq E f = E f·(Z² − 1)/2q, which needs no derivative of f, so that f may have kinks. Those of a
    homogeneous φ are powers of q.
    """
    if phi.is_scale_invariant:
        unit = _at_one(phi)
        rows = [(x * unit.v, unit.v, 0, unit.d, 0, 0, x**2 * unit.ffff, x * unit.ffdd, unit.dddd) for x in q.tolist()]
        return [OneGaussianMoments(*row) for row in rows]
    return _by_quadrature(phi, q)


@lru_cache(maxsize=64)
def _at_one(phi: Activation) -> OneGaussianMoments:
    return _by_quadrature(phi, np.ones(1))[0]


def _by_quadrature(phi: Activation, q: Floats) -> list[OneGaussianMoments]:
    def mean(product: str) -> Floats:
        return phi.moments.mixed(product, q)

    def with_derivatives(square: str) -> tuple[Floats, Floats, Floats]:
        value, second, fourth = mean(square), mean("xx" + square) / q, mean("xxxx" + square) / q**2
        return value, (second - value) / (2 * q), (fourth - 6 * second + 3 * value) / (4 * q**2)

    none = np.full(q.shape, np.inf)
    if phi.pieces.jumps_within(COVERED * float(np.sqrt(q.max()))):
        columns = (*with_derivatives("ff"), none, none, none, mean("ffff"), none, none)
    else:
        columns = (*with_derivatives("ff"), *with_derivatives("dd"), mean("ffff"), mean("ffdd"), mean("dddd"))
    return [OneGaussianMoments(*row) for row in np.array(columns).T.tolist()]
