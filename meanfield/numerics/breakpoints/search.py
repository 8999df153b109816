"""Search for the kinks and jumps of a black-box function.

The function is interpolated on panels, which are halved until their last Chebyshev coefficients are negligible and the
interpolants agree with samples between the nodes. An unresolved panel between two resolved panels is compared with the
continuations of the two. If its left part agrees with
the left continuation and its right part with the right one, there is a breakpoint between the parts. Chebfun splits
intervals for the same reason (Pachón, Platte & Trefethen, IMA J. Numer. Anal. 30 (2010) 898), but locates the
breakpoint by finite differences.
"""

from dataclasses import dataclass, field

import numpy as np

from meanfield._types import ArrayFunction, Bools, Floats
from meanfield.errors import InvalidInput
from meanfield.numerics.breakpoints.chebyshev_panels import (
    COEFFICIENTS,
    EPS,
    N,
    Panels,
    fit,
    halve,
    length,
    nodes,
    refit,
    resolved,
)
from meanfield.numerics.breakpoints.locate import Gaps, gaps_at_edges, gaps_in_panels, locate, runs, singularity
from meanfield.numerics.breakpoints.samples import Samples

WIDTH = 0.5  # length of a base panel
SAMPLES = 256  # most samples in a base panel, a power of 2
SHARE = 3  # at most 1/SHARE of the evaluations are samples
PANELS = 65  # about as many base panels at most, unless their width is given
GRADED = 2e-6  # a panel this short, relative to the base panels, approaches a singularity
PINNED = 1e-12  # a panel this short, relative to max(1, |x|), is not halved
WINDOW = 1e-6  # on an interval this short, relative to max(1, |x|), high coefficients are noise
FAINT = 1e-6  # largest relative noise outside base panels; only base panels may have more
EVERYWHERE = 0.25  # if this fraction of the base panels is noisy, all panels are


@dataclass(frozen=True)
class Breakpoint:
    """A place where a function or one of its derivatives is not continuous.

    Attributes
    ----------
    x : float
        Its place.
    order : int
        Order of the lowest derivative that jumps: 0 for a jump, 1 for a kink, 2 for a jump of f″, and so on.
    size : float
        Height of the jump of this derivative, right minus left; inf for an algebraic singularity like √|x|.
    error : float
        Bound on the error of the place; 0 for an algebraic singularity, near which no panel is resolved.
    """

    x: float
    order: int
    size: float
    error: float = 0.0


@dataclass(frozen=True)
class Search:
    """Result of a search for breakpoints.

    Attributes
    ----------
    breakpoints : tuple of Breakpoint
        In ascending order.
    evaluations : int
        Number of points at which the function was evaluated.
    resolved : bool
        Whether the function is resolved to rounding between the breakpoints, so that `unresolved` is empty.
    unresolved : tuple of (float, float)
        Intervals with noise, with values that are not finite, with structure too fine for `max_evaluations`, or with an
        algebraic singularity like √|x|. The place of such a singularity is among the breakpoints.
    resolution : float
        Features this wide were seen, narrower ones only by chance.
    x, values : ndarray, shape (n,)
        The nodes of the resolved panels, ascending, and f there. Interpolants of f between its breakpoints are right if
        they are right at all of them.
    """

    breakpoints: tuple[Breakpoint, ...]
    evaluations: int
    resolved: bool
    unresolved: tuple[tuple[float, float], ...]
    resolution: float
    x: Floats = field(repr=False, compare=False)
    values: Floats = field(repr=False, compare=False)


class _Counted:
    def __init__(self, f: ArrayFunction) -> None:
        self.f, self.evaluations = f, 0

    def __call__(self, x: Floats) -> Floats:
        self.evaluations += x.size
        values = np.asarray(self.f(x.ravel()), dtype=np.float64)
        if values.shape != (x.size,):
            raise InvalidInput(f"f returned shape {values.shape} for {x.size} points; it must act on each of them")
        return values.reshape(x.shape)


@np.errstate(all="ignore")
def find_breakpoints(
    f: ArrayFunction,
    a: float,
    b: float,
    *,
    max_evaluations: int = 60_000,
    width: float | None = None,
    noise: float = 0.0,
    precision: float = EPS,
) -> Search:
    """Find where a function, or one of its low derivatives, is not continuous.

    Parameters
    ----------
    f : callable
        On float64 arrays of shape (n,), to the same shape.
    a, b : float
        Ends of the interval, a < b; breakpoints at a or b itself are not searched for.
    max_evaluations : int
        Limit on the number of points at which f is evaluated; beyond it no panel is halved. Up to a third of them
        are samples between the nodes.
    width : float or None
        Length of the base panels, in units of x. None means 0.5, or about 1/65 of a longer interval. Structure narrower
        than a two hundredth of this length, or nearer to a or b than a thousandth of it, may be missed.
    noise : float
        Absolute noise of the values of f, if it is known; structure below a few times this height is no breakpoint.
    precision : float
        Relative rounding unit of the values of f.

    Returns
    -------
    Search
        If f is exact to rounding, the places of jumps and kinks have errors of about 1e-13, of jumps of f″ 1e-10.

    Raises
    ------
    InvalidInput
        If the interval is empty or not finite, or f does not return an array of the shape it was given.

    Examples
    --------
    >>> import numpy as np
    >>> from meanfield.numerics.breakpoints.search import find_breakpoints
    >>> search = find_breakpoints(lambda x: np.abs(x - 0.3) + (x > 2), -1, 3)
    >>> [(point.x, point.order) for point in search.breakpoints], search.resolved
    ([(0.3, 1), (2.0, 0)], True)
    """
    if not (np.isfinite(a) and np.isfinite(b) and a < b):
        raise InvalidInput(f"a search needs a finite interval with a < b, not [{a!r}, {b!r}]")
    if width is not None and not width > 0:
        raise InvalidInput(f"the width of the panels must be positive, not {width!r}")
    sample = _Counted(f)
    panels, base = _base(sample, a, b, width, max_evaluations), True
    panels = refit(panels, 0.0, np.maximum(noise, 0.25 * precision * panels["scale"]) if precision > EPS else noise)
    affordable = max(1.0, max_evaluations / (SHARE * panels.size))
    samples = Samples(sample, panels, min(SAMPLES, 2 ** int(np.log2(affordable))))
    graded = GRADED * (panels["b"] - panels["a"]).max()
    points: list[Breakpoint] = []
    cuts: list[float] = []  # edges at which a breakpoint has been found
    while True:
        panels = _allow_for_noise(sample, panels, base)
        samples.compare(panels)
        split, long = _rough(panels), panels["b"] - panels["a"] > graded
        eligible = resolved(panels) & ~panels["settled"] & long
        suspects = gaps_at_edges(panels, eligible, cuts), gaps_in_panels(panels, eligible, split & long)
        gaps = Gaps(*(np.concatenate(entries) for entries in zip(*suspects, strict=True)))
        located = locate(sample, panels, gaps)
        places = np.array([np.nan if found is None else found[0] for found in located])
        alone = samples.agree(panels, gaps.left, gaps.right, places)
        for i, j, edge, found, only in zip(gaps.left, gaps.right, gaps.edge, located, alone, strict=True):
            if found is not None and only:
                points.append(Breakpoint(*found))
                cuts.append(edge)
                panels["settled"][i + 1 : j], split[i + 1 : j] = True, False
            elif j == i + 1:
                split[[i, j]] = True
        halved = split & (length(panels) > PINNED)
        if not halved.any() or sample.evaluations + 2 * N * np.count_nonzero(halved) > max_evaluations:
            break
        panels, base = halve(sample, panels, halved), False
    finite = np.isfinite(panels["f"]).all(axis=1)
    points += [Breakpoint(*singularity(run)) for run in runs(panels[~long & finite])]
    given_up = runs(panels[split | ~long | panels["noisy"] | ~finite])
    unresolved = tuple((float(run["a"][0]), float(run["b"][-1])) for run in given_up)
    points.sort(key=lambda point: point.x)
    sure = panels[resolved(panels) & ~panels["settled"]]
    x, values = nodes(sure["a"], sure["b"]).ravel(), sure["f"].ravel()
    return Search(tuple(points), sample.evaluations, not unresolved, unresolved, samples.resolution, x, values)


def _base(sample: _Counted, a: float, b: float, width: float | None, max_evaluations: int) -> Panels:
    """The base panels; their edges are multiples of the width, so that 0 and other round numbers are edges."""
    if width is None:
        width = max(WIDTH, 2.0 ** np.ceil(np.log2((b - a) / PANELS)))
    width = max(width, 4 * N * (b - a) / max_evaluations)
    if b - a < 4 * width:
        width = 2.0 ** np.floor(np.log2((b - a) / 4))
    edges = np.r_[a, width * np.arange(np.ceil(a / width + 0.25), np.floor(b / width - 0.25) + 1), b]
    panels = fit(edges[:-1], edges[1:], sample(nodes(edges[:-1], edges[1:])))
    scale = panels["scale"]
    neighbours = np.maximum(np.r_[0.0, scale[:-1]], np.r_[scale[1:], 0.0])
    return refit(panels, np.maximum(np.median(scale), EPS * neighbours), 0.0)


def _rough(panels: Panels) -> Bools:
    return np.asarray(~resolved(panels) & ~panels["settled"] & np.isfinite(panels["f"]).all(axis=1))


def _allow_for_noise(sample: _Counted, panels: Panels, base: bool) -> Panels:
    """Measure the noise on a short interval in each rough panel with a rough neighbour, and refit these panels.

    The largest faint noise becomes a lower bound on the noise of all these panels. If more than a quarter of the base
    panels are of this kind, it becomes a lower bound for the smooth panels too: a panel may look smooth only because
    its rounded values are constant.
    """
    rough = _rough(panels)
    crowd = rough & (np.r_[False, rough[:-1]] | np.r_[rough[1:], False]) & (length(panels) > 64 * WINDOW)
    if not base:
        crowd &= np.abs(panels["c"][:, N // 2 :]).max(axis=1) < FAINT * panels["scale"]
    if crowd.any():
        some = panels[crowd]
        start = some["a"] + 0.382 * (some["b"] - some["a"])
        c = sample(nodes(start, start + WINDOW * np.maximum(1.0, np.abs(start)))) @ COEFFICIENTS.T
        relative = np.nan_to_num(np.abs(c[:, N // 2 :]).max(axis=1) / some["scale"])
        shared = relative.max(where=relative < FAINT, initial=0.0)
        panels[crowd] = refit(some, 0.0, np.maximum(relative, shared) * some["scale"])
        if base and crowd.mean() > EVERYWHERE:
            panels = refit(panels, 0.0, shared * panels["scale"])
    return panels
