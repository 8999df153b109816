"""Samples between the nodes of the panels, which show features that fall between the nodes.

The samples of a base panel are evenly spaced, and half of them belong to each half of a panel. A panel is resolved only
if its interpolant agrees with all of its samples.
"""

from functools import cache

import numpy as np
from numpy.polynomial import chebyshev

from meanfield._types import ArrayFunction, Bools, Floats, Ints
from meanfield.numerics.breakpoints.chebyshev_panels import MARGIN, N, Panels, matches, resolved

PHASE = 0.381966  # of the samples; at round numbers a function may have values of their own
SEEN = 1.25  # a feature this many spacings wide has a sample well inside


class Samples:
    """Values of the function at `count` evenly spaced points, a power of 2, in each base panel."""

    def __init__(self, sample: ArrayFunction, panels: Panels, count: int) -> None:
        length = panels["b"] - panels["a"]
        self.x = (panels["a"][:, None] + length[:, None] * _positions(count)).ravel()
        self.f = sample(self.x)
        self.resolution = SEEN * float(length.max()) / count
        panels["samples"], panels["first"] = count, count * np.arange(panels.size)

    def compare(self, panels: Panels) -> None:
        """Mark the resolved panels whose interpolant disagrees with a sample; each panel is compared once."""
        new = resolved(panels) & ~panels["compared"]
        for count in np.unique(panels["samples"][new & (panels["samples"] > 0)]):
            some = np.flatnonzero(new & (panels["samples"] == count))
            values = self.f[panels["first"][some, None] + np.arange(count)]
            difference = np.abs(panels["c"][some] @ _polynomials(int(count)) - values).max(axis=1)
            panels["missed"][some] = ~(difference <= MARGIN * N * panels["tolerance"][some])
        panels["compared"] |= new

    def agree(self, panels: Panels, left: Ints, right: Ints, x: Floats) -> Bools:
        """Whether the samples between panels number `left` and `right` fit the continuation of their side of x."""
        fit = np.ones(x.size, dtype=bool)
        between = np.where(right == left + 2, left + 1, -1)
        counts = np.where(between >= 0, panels["samples"][between], 0)
        for count in np.unique(counts[counts > 0]):
            k = np.flatnonzero(counts == count)
            index = panels["first"][between[k], None] + np.arange(count)
            place, values = self.x[index], self.f[index]
            (on_left, _), (on_right, _) = (matches(panels[side[k]], place, values) for side in (left, right))
            fit[k] = np.where(place < x[k, None], on_left, on_right).all(axis=1)
        return fit


@cache
def _positions(count: int) -> Floats:
    return np.asarray((np.arange(count) + PHASE) / count)


@cache
def _polynomials(count: int) -> Floats:
    """Chebyshev polynomials of degree < N at the samples of a panel, shape (N, count)."""
    return np.ascontiguousarray(chebyshev.chebvander(2 * _positions(count) - 1, N - 1).T)
