"""Every fixed point of the variance map of a block (Poole et al. 2016, arXiv:1606.05340, eq. 3)."""

from typing import Any

import numpy as np

from meanfield._types import Bools, Floats, Ints
from meanfield.arguments import number
from meanfield.error_state import own_error_state
from meanfield.errors import InvalidInput, shown
from meanfield.numerics.solve.far_fixed_points import LEAST, MOST, far_fixed_points
from meanfield.numerics.solve.fixed_points import Map, every_fixed_point, logarithmic_grid
from meanfield.theory.assumptions.block import Block
from meanfield.theory.assumptions.tokens import start_of
from meanfield.theory.fixed_points.finite_variance import largest_q
from meanfield.theory.fixed_points.maps import signal_map
from meanfield.theory.fixed_points.stability import FixedPoint, fixed_point
from meanfield.theory.tokens.settled import settled_or_lost

__all__ = ["fixed_points"]

LOWEST = 1e-12  # the search begins here, or at a tenth of the image of 0 if that is smaller
SMALLEST = 1e-100  # but not below this
SEARCHED = 1e30  # the end of the search on a grid
OTHERS = 1e6  # up to which fixed points are counted
STARTS = (1e-3, 1e-1, 1.0, 10.0)  # q from which sequences of tokens start
FALLS = -1e-6  # a slope of the map below this may make orbits leap over a fixed point


@own_error_state
def fixed_points(
    block: Any, *, q_max: float = 1e6, tokens: int | None = None, token_c: float | None = None
) -> tuple[FixedPoint, ...]:
    """Every fixed point of the variance map in [0, q_max].

    Parameters
    ----------
    block : Network or activation
        With scalar sigmas; a bare activation means ``mlp(activation)``.
    q_max : float
        Upper end of the search, > 0.
    tokens, token_c
        As in `analyze`: the points are then the q at which sequences settle that start with the correlation `token_c`
        of their tokens and a q from 0.001 to 10.

    Returns
    -------
    tuple of FixedPoint
        Ascending in q; empty if there is none. A map that reproduces every q (ReLU at sigma_w² = 2) gives one neutral
        fixed point at q = 1, which is not stable.

    Raises
    ------
    InvalidInput
        If the block's parameters are arrays, `q_max` is not positive, or second moments do not determine what the
        block does.

    References
    ----------
    Roberts, Yaida & Hanin 2022 (arXiv:2106.10165), chapter 5, on how many there are and which are stable.

    Examples
    --------
    GELU can have two, and only the lower one is stable:

    >>> import meanfield as mf
    >>> for point in mf.fixed_points(mf.mlp("gelu", 2.05**0.5, 0.1**0.5)):
    ...     print(f"{point.q:.4f} {point.slope:.4f} {point.stable}")
    0.3865 0.8783 True
    2.3166 1.0318 False
    """
    block, sequence = start_of(block, tokens, token_c)
    if block.shape != ():
        raise InvalidInput(f"fixed_points takes one value of each parameter, not arrays of shape {block.shape}")
    q_max = number(q_max, "q_max")
    if not LEAST <= q_max <= MOST:
        raise InvalidInput(f"q_max must be one number from {LEAST:g} to {MOST:g}, not {shown(q_max)}")
    if sequence is not None:
        return _of_tokens(block, q_max, *sequence)
    mapping = variance_maps(block)
    low = min(lowest_q(block), 1e-3 * q_max)
    roots = every_fixed_point(mapping, 1, logarithmic_grid(low, largest_q(block, low, min(q_max, SEARCHED))))
    if roots.neutral[0]:
        return (FixedPoint(min(1.0, q_max), 1.0, False, "neutral"),)
    at_zero = float(np.max(signal_map(block, 0.0).q))
    candidates = [*([0.0] if at_zero == 0 else []), *roots.q.tolist()]
    ends = [*([at_zero] if 0 < at_zero <= low else []), *([SEARCHED] if q_max > SEARCHED else [])]
    far = far_fixed_points(mapping, np.zeros(len(ends), dtype=int), np.array(ends))
    for start, q in zip(ends, far.tolist(), strict=True):
        candidates += [q] if (q < low if start <= low else SEARCHED < q <= q_max) else []
    return tuple(fixed_point(mapping, q) for q in sorted(candidates))


def _of_tokens(block: Block, q_max: float, tokens: int, token_c: float) -> tuple[FixedPoint, ...]:
    """The q at which exchangeable tokens settle, from several starts."""
    found: list[FixedPoint] = []
    for q0 in STARTS:
        at = settled_or_lost(block, tokens, q0, np.array([1.0 - token_c]))
        q, slopes = float(at.q[0]), at.slopes[0]
        if np.isfinite(q) and q <= q_max and not any(abs(q - other.q) <= 1e-9 * q for other in found):
            stable = bool(np.abs(np.linalg.eigvals(slopes)).max() < 1)
            found.append(FixedPoint(q, float(slopes[0, 0]), stable, "both" if stable else "neither"))
    return tuple(sorted(found, key=lambda point: point.q))


def multiple_q(block: Block) -> Bools:
    """Whether the variance map has more than one fixed point in [0, 1e6], for all the block's sigmas, flattened."""
    count = int(np.prod(block.shape, dtype=int))
    low = lowest_q(block)
    roots = every_fixed_point(variance_maps(block), count, logarithmic_grid(low, largest_q(block, low, OTHERS)))
    at_zero = signal_map(block.take(np.arange(count)), np.zeros(count)).q == 0
    return np.asarray((np.bincount(roots.which, minlength=count) + at_zero > 1) & ~roots.neutral)


def variance_maps(block: Block) -> Map:
    """The variance maps of all the block's sigmas, numbered, as `every_fixed_point` takes them."""

    def mapping(which: Ints, q: Floats) -> tuple[Floats, Floats, Floats]:
        signal = signal_map(block.take(which), q)
        return signal.q, signal.error, signal.slope

    return mapping


def lowest_q(block: Block) -> float:
    """Where to begin the search: below every fixed point that is not 0, since none is below the image of 0."""
    least = signal_map(block, 0.0).q
    return float(max(min(LOWEST, 0.1 * np.min(least, where=least > 0, initial=1.0)), SMALLEST))
