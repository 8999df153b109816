"""Covariances of functions of two correlated Gaussians by Hermite series of as many terms as the correlation needs."""

from collections.abc import Callable

import numpy as np

from meanfield._types import Floats
from meanfield.activations.activation import Activation
from meanfield.numerics.pairs.hermite import expand
from meanfield.numerics.quadrature.one_gaussian import COVERED
from meanfield.numerics.quadrature.piecewise_smooth import PiecewiseSmooth

SMALLEST = 1e-15  # power of the correlation at which a series ends
FEWEST, MOST = 120, 4000  # terms


def terms(correlation: float, smallest: float = SMALLEST) -> int | None:
    """The number of terms after which |c|ⁿ is below `smallest`; None if it is more than `MOST`."""
    size = abs(correlation)
    needed = FEWEST if size < 0.5 else int(np.ceil(np.log(smallest) / np.log(min(size, 1 - 1e-12))))
    return None if needed > MOST else max(needed, FEWEST)


def coefficients(
    phi: Activation, function: Callable[[Floats], Floats], q: Floats, order: int, *, degree: int, jumps: bool = False
) -> Floats:
    """E f(√q Z) heₙ(Z), n = 0 … order − 1, of a function f of φ that is smooth where φ is; shape (q.size, order).

    `jumps` says that f may jump at the kinks of φ, as φ′² does. `degree` is that of f where φ is homogeneous: f(λx) =
    λ^degree f(x) for λ > 0, so that one expansion serves every q.
    """
    if phi.is_scale_invariant and not np.all(q == 1.0):
        unit = coefficients(phi, function, np.ones(1), order, degree=degree, jumps=jumps)
        return np.asarray(q[:, None] ** (degree / 2) * unit)
    points = phi.pieces.breakpoints_within(COVERED * float(np.sqrt(q.max())))
    places = points if jumps else phi.pieces.jumps
    pieces = PiecewiseSmooth(function, None, points, places, features=phi.pieces.features, name=phi.name)
    rows = expand(pieces, q, order - 1)
    return np.column_stack([rows.mean, rows.coefficients])
