"""Exchangeable tokens: all tokens of a sequence have one second moment, all pairs of them one covariance.

Layers keep tokens exchangeable, unless they tell positions apart, so three pairs stand for all of them: two tokens of
one sequence, and for two sequences tokens at one place and at different places. Gradients have a second moment π and,
for two tokens of one sequence, a covariance ρ; attention makes ρ even from gradients that are independent.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Floats
from meanfield.bounded import Bounded
from meanfield.networks.layers.base import Layer
from meanfield.theory.layer_maps.covariance import Pullback, between
from meanfield.theory.layer_maps.dispatch import hiding, one_point, two_points
from meanfield.theory.states import Pair, Point


@dataclass(frozen=True)
class Tokens:
    """Second moments of one or two sequences of exchangeable tokens; arrays of any shape that broadcast.

    Attributes
    ----------
    count : int
        Number T ≥ 2 of tokens of a sequence.
    within : Pair
        Two tokens of one sequence, of equal second moments.
    same, across : Pair or None
        Tokens at the same place, and at different places, of two sequences that are alike; None for one sequence.

    Examples
    --------
    Four tokens of second moment 2, of which any two have the correlation 0.25:

    >>> state = Tokens.at(4, 2.0, 0.25)
    >>> state.count, float(state.q), float(state.within.d.value)  # d = q·(1 − c)
    (4, 2.0, 1.5)
    """

    count: int
    within: Pair
    same: Pair | None = None
    across: Pair | None = None

    @classmethod
    def at(cls, count: int, q: ArrayLike, token_c: ArrayLike, c: ArrayLike | None = None) -> "Tokens":
        """Tokens of second moment q and correlation `token_c`; in two sequences with c and c·token_c between them."""
        second, t = np.asarray(q, dtype=np.float64), np.asarray(token_c, dtype=np.float64)
        pairs = [1.0 - t, *([] if c is None else [1.0 - np.asarray(c), 1.0 - np.asarray(c) * t])]
        one = np.broadcast_to(second, np.broadcast_shapes(second.shape, *map(np.shape, pairs)))
        return cls(count, *(Pair.at(one, one * gap) for gap in pairs))

    @property
    def q(self) -> Floats:
        """Second moment of each token."""
        return self.within.q1

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The pairs that are followed."""
        return tuple(pair for pair in (self.within, self.same, self.across) if pair is not None)

    def of(self, *pairs: Pair) -> "Tokens":
        """Other second moments of the same tokens, in the order of `pairs`."""
        return Tokens(self.count, *pairs)

    def joined(self, add: Callable[..., Pair], *after: "Tokens") -> "Tokens":
        """As in `Points`."""
        return self.of(*map(add, self.pairs, *(one.pairs for one in after)))

    def by_itself(self, layer: Layer, factor: Callable[[Pair], Bounded] | None = None) -> tuple["Tokens", Pullback]:
        """As in `Points`."""

        def back(g: Floats) -> Floats:
            own = one_point(layer, Point.at(self.q, spread=self.within.spread1)).chi.value
            slope = between(layer, self.within, factor).value if np.any(g[1]) else 0.0
            return stacked(hiding(own, g[0]), hiding(slope, g[1]))

        return self.of(*(two_points(layer, pair) for pair in self.pairs)), back

    @property
    def anew(self) -> "Tokens":
        """The same second moments without means: from block to block only second moments are tracked."""
        return self.of(*(replace(pair, spread1=None, spread2=None) for pair in self.pairs))


def stacked(pi: ArrayLike, rho: ArrayLike) -> Floats:
    """π and ρ as one array, π first."""
    return np.stack(np.broadcast_arrays(np.asarray(pi, dtype=np.float64), np.asarray(rho, dtype=np.float64)))
