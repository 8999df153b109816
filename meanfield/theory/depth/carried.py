"""What passes from block to block: second moments, and means over units where a block depends on them."""

from dataclasses import dataclass, replace

import numpy as np

from meanfield._types import Floats
from meanfield.networks.layers.network import Network
from meanfield.theory.layer_maps import one_point, two_points
from meanfield.theory.states import Batch, LazySpread, Pair, Point, known

SETTLED = 1e-13  # relative change of q in a layer below which it has settled


@dataclass(frozen=True)
class Carried:
    """One input, or two, at a layer; `after` is the first input behind the block that begins there."""

    block: Network
    q: Floats
    pair: Pair | None
    after: Point
    in_batch: bool
    carry: bool  # means

    @classmethod
    def at(
        cls, block: Network, q: Floats, pair: Pair | None, in_batch: bool, carry: bool, spread: LazySpread = None
    ) -> "Carried":
        """The layer at which `block` begins."""
        batch = Batch(distance=np.asarray(pair.d.value)) if pair is not None and in_batch else None
        return cls(block, q, pair, one_point(block, Point.at(q, spread=spread, batch=batch)), in_batch, carry)

    def through(self, following: Network) -> "Carried":
        """The next layer, at which the block `following` begins."""
        pair = None if self.pair is None else two_points(self.block, self.pair)
        q = np.broadcast_to(self.after.q.value, np.shape(self.q))
        if not self.carry:
            return Carried.at(following, q, pair, self.in_batch, False)
        if pair is not None:
            pair = replace(pair, spread1=known(pair.spread1), spread2=known(pair.spread2))
        return Carried.at(following, q, pair, self.in_batch, True, known(self.after.spread))

    @property
    def settled(self) -> bool:
        """Whether all of one block's signals have the second moment that it reproduces, to rounding."""
        q, drift = self.q, np.abs(self.after.q.value - self.q)
        if self.block.shape != () or np.ptp(q) > 0 or not np.all(drift <= SETTLED * q) or not np.all(q > 0):
            return False
        return self.pair is None or np.array_equal(self.pair.q1, self.pair.q2)


def mean_of(after: Point) -> Floats | float:
    """E u behind a block."""
    return np.asarray(after.spread().mean.value) if after.spread else 0.0
