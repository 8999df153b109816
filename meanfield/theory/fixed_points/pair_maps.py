"""The pair maps of many networks at constant second moments, as functions of 1 − c.

For an MLP they are the activation's own pair map times σ_w², which needs no second moments on the way.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from meanfield._types import Floats, Ints
from meanfield.networks.layers.network import Network
from meanfield.numerics.solve.bracketed import NumberedFunction
from meanfield.theory.fixed_points.maps import distance_map, distance_slope, signal_map
from meanfield.theory.fixed_points.mlp_moments import MLPMoments, mlp_moments
from meanfield.theory.fixed_points.pair_increments import increments


class PairMaps(NamedTuple):
    """The maps of d = ½E(u − v)² = q(1 − c) for pairs of equally large signals, by the number of the network."""

    scale: Floats  # q′ of each network, so that 1 − c′ is d′/q′
    parted: Floats  # d′ of equal inputs: positive where noise parts them
    distance: NumberedFunction  # d′ at 1 − c
    slope: NumberedFunction  # derivative of d′/q′ in 1 − c
    independent: Callable[[Ints], Floats] | None = None  # c′ at c = 0, where it is known to a small relative error


def pair_maps(networks: Network, q: Floats) -> PairMaps:
    """The pair maps of networks whose parameters have one entry for each entry of `q`."""
    scale = signal_map(networks, q).q
    moments = mlp_moments(networks)
    if moments is not None:
        return _of_mlps(moments, q, scale)

    def distance(which: Ints, gap: Floats) -> Floats:
        return distance_map(networks.take(which), q[which], q[which] * gap)

    def slope(which: Ints, gap: Floats) -> Floats:
        return distance_slope(networks.take(which), q[which], q[which] * gap) * q[which] / scale[which]

    return PairMaps(scale, distance_map(networks, q, np.zeros(q.size)), distance, slope)


def increment_maps(networks: Network, q: Floats) -> PairMaps:
    """What networks that leave pairs nearly as they are add to q and to d; without noise and slope."""
    added, _ = increments(networks, q, q)

    def distance(which: Ints, gap: Floats) -> Floats:
        return increments(networks.take(which), q[which], q[which] * gap)[1]

    return PairMaps(added, np.zeros(q.size), distance, lambda which, gap: np.zeros(gap.shape))


def _of_mlps(moments: MLPMoments, q: Floats, scale: Floats) -> PairMaps:
    def distance(which: Ints, gap: Floats) -> Floats:
        return moments.w[which] * moments.distance(q[which], gap)

    def slope(which: Ints, gap: Floats) -> Floats:
        return moments.w[which] * moments.distance_slope(q[which], gap) * q[which] / scale[which]

    def independent(which: Ints) -> Floats:
        return (moments.w[which] * moments.independent(q[which]) + moments.beta[which]) / scale[which]

    return PairMaps(scale, np.zeros(q.size), distance, slope, independent)
