"""Means over the coins of stochastic depth, exactly: what counts is how many layers an input has passed.

Behind k branches that were kept an input is where the network without dropping, whose branches are multiplied by
1/(1 − rate), is at layer k. The number k of l layers is binomial. The mean squared gradient follows backwards from
T_l(k) = rate·T_{l+1}(k) + (1 − rate) χ_k T_{l+1}(k + 1), where χ_k is the gradient factor of that network at layer k.
"""

from collections.abc import Sequence

import numpy as np

from meanfield._types import Floats
from meanfield.errors import InvalidInput
from meanfield.networks.layers.network import Network, in_sequence
from meanfield.networks.layers.stochastic_depth import StochasticDepth
from meanfield.theory.depth.trajectory import Trajectory
from meanfield.theory.layer_maps.dispatch import hiding
from meanfield.theory.layer_maps.stochastic_depth import WHY

DEEPEST = 4000  # layers: the cost is quadratic


def dropped(blocks: Sequence[Network], depth: int) -> StochasticDepth | None:
    """The layer that is repeated, if it drops its branch at random; None if nothing is dropped.

    Raises
    ------
    InvalidInput
        If layers are dropped in a network of another form, or one that is too deep.
    """
    found = [one for block in blocks for one in block.walk() if isinstance(one, StochasticDepth) and one.draws_noise]
    if not found:
        return None
    layers = list(in_sequence(blocks[0]))
    if len(blocks) > 1 or len(layers) > 1 or len(found) > 1 or layers[0] is not found[0]:
        raise InvalidInput(WHY)
    if depth > DEEPEST:
        raise InvalidInput(f"the law of StochasticDepth is followed over at most {DEEPEST} layers, not {depth}")
    return found[0]


def over_coins(kept: Trajectory, rate: Floats | float) -> Trajectory:
    """The means over coins, from the trajectory of the network whose branches are all kept."""
    depth = len(kept.q) - 1
    keep = 1.0 - np.asarray(rate, dtype=np.float64)
    share, shares = np.zeros(kept.q.shape), []
    share[0] = 1.0
    for _ in range(depth + 1):
        shares.append(share)
        moved = keep * share
        share = share - moved
        share[1:] += moved[:-1]
    q = np.array([hiding(weights, kept.q).sum(axis=0) for weights in shares])
    mean = None if kept.mean is None else np.array([hiding(weights, kept.mean).sum(axis=0) for weights in shares])
    ahead = np.ones(kept.q.shape)  # T of the last layer
    gradient = np.ones(kept.q.shape)
    chi = np.empty(kept.q.shape)
    chi[depth] = hiding(shares[depth], (1.0 - keep) + keep * kept.chi).sum(axis=0)
    for layer in range(depth - 1, -1, -1):
        passed = hiding(keep * kept.chi[:-1], ahead[1:])
        ahead = np.concatenate([(1.0 - keep) * ahead[:-1] + passed, ahead[-1:]])
        gradient[layer] = hiding(shares[layer], ahead).sum(axis=0)
        chi[layer] = gradient[layer] / gradient[layer + 1]
    return Trajectory(
        q, None, None, chi, gradient, band_reason="bands are not known where layers are dropped at random", mean=mean
    )
