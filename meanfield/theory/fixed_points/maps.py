"""The maps of a block as functions of arrays: of one signal's second moment, and of a pair of equally large signals.

The parameters of the block's layers broadcast against the arguments, so that ``signal_map(block.take(which), q)``
is the map of network number ``which[i]`` at ``q[i]``.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Floats
from meanfield.networks.layers.base import Layer
from meanfield.theory.layer_maps import one_point, pair_slope, two_points
from meanfield.theory.states import Pair, Point


class Signal(NamedTuple):
    """One signal after a block, with bounds on errors; arrays of one shape."""

    q: Floats  # second moment q′
    error: Floats
    slope: Floats  # dq′/dq
    slope_error: Floats
    chi: Floats  # growth factor of the mean squared gradient; inf where an activation jumps
    chi_error: Floats


def signal_map(block: Layer, q: ArrayLike) -> Signal:
    """The signal after `block` of one with second moment q ≥ 0 before it."""
    before = np.asarray(q, dtype=np.float64)
    after = one_point(block, Point.at(before))
    columns = (part for number in (after.q, after.slope, after.chi) for part in (number.value, number.error))
    return Signal(*(_shaped(column, after.q.value, before) for column in columns))


def distance_map(block: Layer, q: ArrayLike, d: ArrayLike) -> Floats:
    """½E(u − v)² after `block` of a pair with E u² = E v² = q > 0 and ½E(u − v)² = d before it."""
    equal, distance = (np.asarray(a, dtype=np.float64) for a in (q, d))
    return _shaped(two_points(block, Pair.at(equal, distance)).d.value, equal, distance)


def distance_slope(block: Layer, q: ArrayLike, d: ArrayLike) -> Floats:
    """The derivative of `distance_map` in d, at constant q."""
    equal, distance = (np.asarray(a, dtype=np.float64) for a in (q, d))
    return _shaped(pair_slope(block, Pair.at(equal, distance)).value, equal, distance)


def _shaped(value: ArrayLike, *others: ArrayLike) -> Floats:
    """`value` in the shape that it and `others` broadcast to."""
    array = np.asarray(value, dtype=np.float64)
    return np.broadcast_to(array, np.broadcast_shapes(array.shape, *(np.shape(other) for other in others)))
