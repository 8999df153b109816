r"""The rule of the pair map: each pair is served by the cheapest representation whose bound meets the tolerance.

A closed form serves every pair where there is one. For the rest `ONE_FUNCTION` and `TWO_FUNCTIONS` are the only tables
of thresholds. Their rows are tried in turn. A row is asked for the pairs that it serves, by their variances and |c|, if
what it needs is at hand, or costs no more than what it saves; its value is taken where its bound is within the
tolerance, or where no later row does better. What is left goes to the next row, and the last one, the rotated
quadrature, takes every pair. The costs, in units of 4 ms of CPU, about that of ½E(f(U) − f(V))² by quadrature for
smooth f and equal variances, as measured:

=======================  ===========  ==============  ======================  =========================
representation           variances    correlations    to make                 a pair, when made
=======================  ===========  ==============  ======================  =========================
closed form              any          any             nothing                 1e-4
surface in (ln q, θ)     equal        any             16 a panel of ln q      1e-4
short series along ln q  any          \|c\| ≤ 0.85    28 a panel of ln q      1e-4
short Hermite series     any          \|c\| ≤ 0.85    1 a variance            1e-4
long series along ln q   any          \|c\| ≤ 0.999   448 a panel of ln q     1e-3
long Hermite series      any          \|c\| ≤ 0.999   8 a variance            1e-3
surface of φ′            equal        c < −0.85       16 a panel of ln q      1e-4
series in the angle      any          \|c\| > 0.85    48 a pair of variances  1e-3
rotated quadrature       any          any             nothing                 1; 2 if q₁ ≠ q₂; slopes 8
=======================  ===========  ==============  ======================  =========================
"""

from typing import NamedTuple, Protocol, Self

import numpy as np

from meanfield._types import Bools, Floats, Ints

#: The relative error that a representation may have if a later one may have a smaller one. That of a slope is relative
#: to a lower bound on E φ′², that of a product to the product of the two root mean squares.
TOLERANCE = {"distance": 1e-11, "slope": 1e-10, "product": 1e-12}
#: What a pair costs by quadrature, for equal variances; twice that for unequal ones.
BY_QUADRATURE = {"distance": 1, "slope": 8, "product": 1}
#: And by a series that is at hand.
BY_SERIES = 2e-4


class Representation(NamedTuple):
    """Where a representation serves, and from how many pairs on it pays.

    Attributes
    ----------
    name : str
        What the maps call it.
    smallest, largest : float
        It serves |c| in (smallest, largest].
    pays : int
        What each of its parts costs that has to be made; the quadratures that it saves are to cost as much.
    equal, negative : bool
        Whether it serves equal variances only, and negative correlations only.
    kinds : tuple of str
        The quantities that it gives.
    final : bool
        Whether no later row has a smaller error, so that its value is taken whatever its bound is.
    """

    name: str
    smallest: float = -1.0
    largest: float = 1.0
    pays: int = 0
    equal: bool = False
    negative: bool = False
    kinds: tuple[str, ...] = ("distance", "slope", "product")
    final: bool = False

    def serves(self, pairs: "Pairs") -> Bools:
        """The pairs that it can be asked for."""
        size = np.abs(1.0 - pairs.gap)
        served = (self.smallest < size) & (size <= self.largest)
        if self.equal:
            served &= pairs.q1 == pairs.q2
        if self.negative:
            served &= pairs.gap > 1.0
        return served


SHORT, LONG = 0.85, 0.999  # the largest |c| of the two Hermite series
SHORT_ORDER, LONG_ORDER = 300, 1200  # 0.85³⁰⁰ = 7e-22; the long one serves while its bound is within the tolerance

SURFACE = Representation("surface", equal=True, pays=16)
SHORT_ALONG = Representation("short series along ln q", largest=SHORT, pays=28)
SHORT_SERIES = Representation("short series", largest=SHORT, pays=1, final=True)
LONG_ALONG = Representation("long series along ln q", smallest=SHORT, largest=LONG, pays=448)
LONG_SERIES = Representation("long series", smallest=SHORT, largest=LONG, pays=8)
OF_DERIVATIVE = Representation(
    "surface of the derivative", smallest=SHORT, equal=True, negative=True, pays=16, kinds=("slope",)
)
IN_ANGLE = Representation("series in the angle", smallest=SHORT, pays=48)
QUADRATURE = Representation("quadrature", final=True)

ONE_FUNCTION = (SURFACE, SHORT_ALONG, SHORT_SERIES, LONG_ALONG, LONG_SERIES, OF_DERIVATIVE, QUADRATURE)
TWO_FUNCTIONS = (SHORT_SERIES, LONG_SERIES, IN_ANGLE, QUADRATURE)


class Pairs(NamedTuple):
    """Pairs of Gaussians, as 1-d arrays: Var U, Var V and 1 − c."""

    q1: Floats
    q2: Floats
    gap: Floats

    def at(self, index: Ints) -> Self:
        """Some of them."""
        return self._replace(q1=self.q1[index], q2=self.q2[index], gap=self.gap[index])

    def where(self, mask: Bools) -> Self:
        """Those of a mask."""
        return self if mask.all() else self.at(np.flatnonzero(mask))

    def cost(self, kind: str) -> Ints:
        """What each pair costs by quadrature."""
        return np.asarray(BY_QUADRATURE[kind] * np.where(self.q1 == self.q2, 1, 2))

    def distinct(self) -> tuple[Floats, Ints, Ints]:
        """The distinct variances, and which of them U and V have."""
        if np.all(self.q1 == self.q1[:1]) and np.all(self.q2 == self.q2[:1]):
            one = np.zeros(self.q1.size, dtype=np.intp)
            q1, q2 = self.q1[:1], self.q2[:1]
            return (q1, one, one) if np.array_equal(q1, q2) else (np.concatenate([q1, q2]), one, one + 1)
        q, where = np.unique(np.r_[self.q1, self.q2], return_inverse=True)
        return q, where[: self.q1.size], where[self.q1.size :]


class Representations(Protocol):
    """What has the representations of one map, by their names in the table."""

    def pays(self, row: Representation, kind: str, pairs: Pairs) -> Bools:
        """Whether what a row needs is at hand or worth making, by pair."""

    def evaluate(self, row: Representation, kind: str, pairs: Pairs) -> tuple[Floats, Floats, Floats]:
        """Values, bounds on their errors, and what the tolerance is relative to."""


def cheapest(
    table: tuple[Representation, ...], kind: str, pairs: Pairs, representations: Representations
) -> tuple[Floats, Floats]:
    """The quantity `kind` of all pairs by the rule, and bounds on its error."""
    value, error = np.zeros(pairs.gap.size), np.full(pairs.gap.size, np.inf)
    left, rest = np.arange(pairs.gap.size), pairs  # the numbers of the pairs that no row has served yet, and these
    for row in table:
        if kind not in row.kinds or not left.size:
            continue
        asked = row.serves(rest)
        if asked.any():
            asked[asked] = representations.pays(row, kind, rest.where(asked))
        if not asked.any():
            continue
        chosen = left[asked]
        found, bound, scale = representations.evaluate(row, kind, rest.where(asked))
        better = ~(bound >= error[chosen])
        value[chosen[better]], error[chosen[better]] = found[better], bound[better]
        done = asked.copy()
        if not row.final:
            done[asked] = bound <= TOLERANCE[kind] * scale
        left, rest = left[~done], rest.where(~done)
    return value, error
