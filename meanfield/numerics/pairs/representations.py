r"""The rule of the pair map: each pair is served by the cheapest representation whose bound meets the tolerance.

If a closed form is known, it serves every pair. Otherwise the rows of the table `ONE_FUNCTION` or `TWO_FUNCTIONS` are
tried in turn. These two tables have all thresholds between representations.

1. A row serves pairs by their variances and |c|. It is evaluated if its series or panels are cached, or if making them
   costs no more than the quadratures that they save.
2. Its value is accepted if its error bound is within the tolerance, or if no later row has a smaller error.
3. All other pairs go to the next row. The last row, the rotated quadrature, accepts every pair.

The unit of cost is 4 ms of CPU time, in which the quadrature computes ½E(f(U) − f(V))² once for smooth f and equal
variances. Measured costs:

=======================  ===========  ==============  ======================  =========================
representation           variances    correlations    to make                 a pair, once made
=======================  ===========  ==============  ======================  =========================
closed form              any          any             nothing                 1e-4
surface in (ln q, θ)     equal        any             16 a panel of ln q      1e-4
half differences         unequal      c > 0.6         8 to 48 a panel         2e-3
short series along ln q  any          \|c\| ≤ 0.85    8 a panel of ln q       1e-4
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
from meanfield.numerics.pairs.surface_panels import FAR

#: Largest relative error of an accepted value, unless the row is final. The error of a distance is relative to the
#: distance, the error of a slope to a lower bound on E φ′², the error of a product to the product of the two root mean
#: squares (standard deviations, for the products of one function).
TOLERANCE = {"distance": 1e-11, "slope": 5e-10, "product": 1e-12}
UNITS = 64  # errors of so many rounding units of the function are accepted too
#: Cost of a pair of equal variances by quadrature; a pair of unequal variances costs twice as much.
BY_QUADRATURE = {"distance": 1, "slope": 8, "product": 1}
#: Cost of a pair by a cached series.
BY_SERIES = 2e-4


class Representation(NamedTuple):
    """A row of the table: the pairs that a representation serves, and its cost.

    Attributes
    ----------
    name : str
        Name of the representation.
    smallest, largest : float
        The representation serves |c| in (smallest, largest].
    pays : int
        Cost of making one part (a panel, or a series at one variance), in units of one quadrature. The representation
        pays if the quadratures that it saves cost at least as much.
    equal, unequal, negative : bool
        Whether it serves only equal variances, only unequal ones, and only negative correlations.
    kinds : tuple of str
        The quantities that it computes: "distance" ½E(f(U) − f(V))², "slope" E f′(U)f′(V), "product" E f(U)g(V).
    final : bool
        Whether its value is accepted with any error bound, because no later row has a smaller error.
    """

    name: str
    smallest: float = -1.0
    largest: float = 1.0
    pays: int = 0
    equal: bool = False
    unequal: bool = False
    negative: bool = False
    kinds: tuple[str, ...] = ("distance", "slope", "product")
    final: bool = False

    def serves(self, pairs: "Pairs") -> Bools:
        """Mask of the pairs that the representation serves, shape (pairs,)."""
        size = np.abs(1.0 - pairs.gap)
        served = (self.smallest < size) & (size <= self.largest)
        if self.equal:
            served &= pairs.q1 == pairs.q2
        if self.unequal:
            served &= pairs.q1 != pairs.q2
        if self.negative:
            served &= pairs.gap > 1.0
        return served


SHORT, LONG = 0.85, 0.999  # the largest |c| of the two Hermite series
SHORT_ORDER, LONG_ORDER = 300, 1200  # 0.85³⁰⁰ = 7e-22; the bound of the long series decides up to which |c| it serves

SURFACE = Representation("surface", equal=True, pays=16)
UNEQUAL = Representation("series in the half difference", smallest=FAR, unequal=True, pays=48)
SHORT_ALONG = Representation("short series along ln q", largest=SHORT, pays=8)
SHORT_SERIES = Representation("short series", largest=SHORT, pays=1, final=True)
LONG_ALONG = Representation("long series along ln q", smallest=SHORT, largest=LONG, pays=448)
LONG_SERIES = Representation("long series", smallest=SHORT, largest=LONG, pays=8)
OF_DERIVATIVE = Representation(
    "surface of the derivative", smallest=SHORT, equal=True, negative=True, pays=16, kinds=("slope",)
)
IN_ANGLE = Representation("series in the angle", smallest=SHORT, pays=48)
QUADRATURE = Representation("quadrature", final=True)

ONE_FUNCTION = (SURFACE, UNEQUAL, SHORT_ALONG, SHORT_SERIES, LONG_ALONG, LONG_SERIES, OF_DERIVATIVE, QUADRATURE)
TWO_FUNCTIONS = (SHORT_SERIES, LONG_SERIES, IN_ANGLE, QUADRATURE)


class Pairs(NamedTuple):
    """Pairs of centred Gaussians (U, V): three arrays of shape (pairs,)."""

    q1: Floats  # Var U
    q2: Floats  # Var V
    gap: Floats  # 1 − c, in [0, 2]

    def at(self, index: Ints) -> Self:
        """The pairs with these indices."""
        return self._replace(q1=self.q1[index], q2=self.q2[index], gap=self.gap[index])

    def where(self, mask: Bools) -> Self:
        """The pairs for which the mask is true."""
        return self if mask.all() else self.at(np.flatnonzero(mask))

    def cost(self, kind: str) -> Ints:
        """Cost of each pair by quadrature, shape (pairs,)."""
        return np.asarray(BY_QUADRATURE[kind] * np.where(self.q1 == self.q2, 1, 2))

    def distinct(self) -> tuple[Floats, Ints, Ints]:
        """The distinct variances, and the indices of Var U and Var V among them, each of shape (pairs,)."""
        if np.all(self.q1 == self.q1[:1]) and np.all(self.q2 == self.q2[:1]):
            one = np.zeros(self.q1.size, dtype=np.intp)
            q1, q2 = self.q1[:1], self.q2[:1]
            return (q1, one, one) if np.array_equal(q1, q2) else (np.concatenate([q1, q2]), one, one + 1)
        q, where = np.unique(np.r_[self.q1, self.q2], return_inverse=True)
        return q, where[: self.q1.size], where[self.q1.size :]


class Representations(Protocol):
    """The representations of one map, by their rows in the table."""

    def pays(self, row: Representation, kind: str, pairs: Pairs) -> Bools:
        """Whether the row's series or panels are cached or pay for themselves, shape (pairs,)."""

    def evaluate(self, row: Representation, kind: str, pairs: Pairs) -> tuple[Floats, Floats, Floats]:
        """Values, bounds on their errors, and the scales that multiply the tolerance, each of shape (pairs,)."""


def cheapest(
    table: tuple[Representation, ...],
    kind: str,
    pairs: Pairs,
    representations: Representations,
    precision: float = 0.0,
) -> tuple[Floats, Floats]:
    """The quantity `kind` of all pairs by the rule of this module, and bounds on its error, each of shape (pairs,).

    `precision` is the relative rounding unit of the functions, below which no representation can go.
    """
    tolerance = max(TOLERANCE[kind], UNITS * precision)
    value, error = np.zeros(pairs.gap.size), np.full(pairs.gap.size, np.inf)
    left, rest = np.arange(pairs.gap.size), pairs  # indices of the pairs without an accepted value, and these pairs
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
            done[asked] = bound <= tolerance * scale
        left, rest = left[~done], rest.where(~done)
    return value, error
