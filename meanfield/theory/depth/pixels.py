"""The covariance between all pixels of images, layer by layer through a convolutional network."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Axes, Floats
from meanfield.arguments import real, whole
from meanfield.error_state import own_error_state
from meanfield.errors import InvalidInput
from meanfield.networks.layers.network import Network
from meanfield.networks.stack import as_blocks
from meanfield.reports.numbers import numbers, thinned
from meanfield.reports.report import Report, Table
from meanfield.reports.result import Result
from meanfield.theory.assumptions.block import check_gaussian, needs_mean
from meanfield.theory.depth.fourier_modes import image_shape
from meanfield.theory.depth.scan import by_layer, scan
from meanfield.theory.layer_maps.covariance import Covariance, Pullback, all_points
from meanfield.theory.states import known

__all__ = ["PixelTrajectory", "check_images", "propagate_pixels"]

DEEPEST = 1_000_000
MEMORY = 4 * 2**30
HELD = 8  # arrays of a number for each pair of points that a layer takes
LARGEST = 1e300  # entry of a covariance, of which sums are floats
ROUNDING = 1e-10  # of the largest entry of a covariance


@dataclass(frozen=True, repr=False)
class PixelTrajectory(Result):
    """Second moments between points, which are inputs × pixels (or tokens), at layers 0 … depth.

    Where layers have fewer points than the first, each attribute is a tuple of arrays, one a layer.

    Attributes
    ----------
    q : ndarray, shape (depth + 1, points)
        Second moment of each point.
    covariance : ndarray, shape (depth + 1, points, points)
        Σ, between all of them.
    one_minus_c : ndarray, shape (depth + 1, points, points)
        1 − c of all pairs, which keeps its digits where pixels become alike; 0 where a point has no signal.
    gradient : ndarray, shape (depth + 1, points)
        Squared gradient of each point, summed over units, of a function whose gradients with respect to the points of
        the last layer are uncorrelated and have a square of 1 each.
    """

    q: Any
    covariance: Any
    one_minus_c: Any
    gradient: Any

    def report(self) -> Report:
        """Ranges over the points, of about twenty layers."""
        rows = tuple(
            (str(layer), str(len(self.q[layer])), *map(numbers, (self.q[layer], self.gradient[layer])))
            for layer in thinned(len(self.q) - 1)
        )
        return [Table(("layer", "points", "q", "gradient"), rows)]

    def plot(self, ax: Axes = None, *, label: str | None = None, title: str | None = None) -> Axes:
        """Draw the second moment of every point by layer; returns the Axes."""
        from meanfield.plotting.axes import axes_for, named

        ax = axes_for(ax)
        colour = f"C{len(ax.get_lines()) % 10}"
        for point in range(len(self.q[0])):
            deep = [q[point] for q in self.q if point < len(q)]
            ax.plot(range(len(deep)), deep, color=colour, linewidth=0.8, label=None if point else label)
        ax.locator_params(axis="x", integer=True)
        ax.set(xlabel="layer", ylabel="second moment $q$ of each point")
        return named(ax, label, title)


@own_error_state
def propagate_pixels(
    block: Any, covariance: ArrayLike, depth: int, *, pixels: int | Sequence[int] | None = None
) -> PixelTrajectory:
    """Carry the covariance between the pixels of images, or the tokens of sequences, through `depth` layers.

    Σ′_{a,a′} = σ_b² + σ_w² Σ_β v_β E φ(u_{a+β}) φ(u_{a′+β}) for an activation and a convolution.

    Parameters
    ----------
    block : Network, Layer, or list of them
        With scalar sigmas and at least one layer that reads several points, as Conv, AveragePool and Attention do; a
        list gives one block a layer.
    covariance : array_like, shape (points, points)
        Second moments of the signal at layer 0 between all points: of all pixels of the first input, in the order of a
        flattened image, then of the next one. Positive semi-definite, with a positive diagonal.
    depth : int
        Number of layers, ≥ 1.
    pixels : int or sequence of int, optional
        Size of an image along each axis, or tokens of a sequence; by default all points are one input of one axis.

    Returns
    -------
    PixelTrajectory

    Raises
    ------
    InvalidInput
        If `covariance` is no covariance or not one of whole images, another argument is out of range, or second moments
        do not determine what the block does.

    References
    ----------
    Xiao et al. 2018 (arXiv:1806.05393), section 2; Novak et al. 2019 (arXiv:1810.05148), sections 2 and 3.

    Examples
    --------
    An image of one bright pixel is spread by a third to each side a layer, as by diffusion:

    >>> import numpy as np
    >>> from meanfield.networks.layers.convolution import Conv
    >>> run = propagate_pixels(Conv(1.0, 0.0), np.diag([1.0, 1.0, 4.0, 1.0, 1.0]), 1)
    >>> run.q
    array([[1., 1., 4., 1., 1.],
           [1., 2., 2., 2., 1.]])
    """
    depth = whole(depth, "depth", DEEPEST)
    blocks = as_blocks(block, depth)
    if (whole_shape := Network(*blocks).shape) != ():
        raise InvalidInput(f"propagate_pixels takes one sigma_w and sigma_b, not arrays of shape {whole_shape}")
    check_gaussian(*blocks, repeated=len(blocks) == 1, alike=False, means=len(blocks) == 1)
    sigma = _square(covariance)
    points = len(sigma)
    shape = image_shape(points if pixels is None else pixels, *blocks)
    if points % math.prod(shape):
        raise InvalidInput(f"{points} points are not a whole number of images of {' x '.join(map(str, shape))} pixels")
    check_images(blocks, points // math.prod(shape), shape, depth)
    sigma = _covariance(sigma)
    start = _Layer(Covariance.of(np.diagonal(sigma), sigma, shape), lambda g: g)
    with np.errstate(invalid="ignore"):  # where φ jumps, bounds of equal points are 0·∞: they are not used
        layers = list(scan(by_layer(blocks, depth), start, _Layer.through))
    states, pullbacks = [layer.state for layer in layers], [layer.back for layer in layers[1:]]
    gradients = list(scan(reversed(pullbacks), np.eye(states[-1].q.size), lambda back, g: back(g)))
    return PixelTrajectory(
        q=_by_layer([state.q for state in states]),
        covariance=_by_layer([state.covariance for state in states]),
        one_minus_c=_by_layer([state.pair.one_minus_c for state in states]),
        gradient=_by_layer([np.diagonal(one) for one in reversed(gradients)]),
    )


class _Layer(NamedTuple):
    """The covariances and means at a layer, and the way back of gradients through the block before it."""

    state: Covariance
    back: Pullback

    @staticmethod
    def through(block: Network, layer: "_Layer") -> "_Layer":
        """The next layer; means pass from block to block where such blocks read them."""
        after, back = all_points(block, layer.state)
        spread = known(after.spread) if needs_mean(block) else None
        return _Layer(Covariance(q=after.q, d=after.d, spread=spread, images=after.images), back)


def check_images(blocks: Sequence[Network], inputs: int, images: tuple[int, ...], depth: int) -> None:
    """Refuse images that do not fit a layer, or whose pairs of pixels do not fit into memory.

    Raises
    ------
    InvalidInput
        Saying why.
    """
    held, first = math.prod(images) ** 2, inputs * math.prod(images)
    sizes = scan(by_layer(tuple(blocks), depth), images, lambda block, images: block.images_after(images))
    for layer, (before, images) in enumerate(pairwise(sizes)):
        if len(blocks) == 1 and images == before:
            held += (depth - layer) * math.prod(images) ** 2
            break
        held += math.prod(images) ** 2
    if (needed := 8 * HELD * inputs**2 * held) > MEMORY:
        raise InvalidInput(
            f"all pairs of {first} points at {depth} layers would take {needed / 2**30:.3g} GiB, more than "
            f"{MEMORY / 2**30:g}: take fewer pixels, inputs or layers"
        )


def _by_layer(values: list[Floats]) -> Any:
    """One array if all layers have as many points, else a tuple."""
    return np.array(values) if len({value.shape for value in values}) == 1 else tuple(values)


def _square(given: ArrayLike) -> Floats:
    """`given` as a finite array of shape (points, points)."""
    if isinstance(given, np.ndarray) and 8 * HELD * given.size > MEMORY:
        raise InvalidInput(
            f"all pairs of {len(given)} points would take more than {MEMORY / 2**30:g} GiB: take fewer pixels or inputs"
        )
    sigma = real(given, "covariance", "an array of numbers of shape (points, points)")
    if sigma.ndim != 2 or len(sigma) != sigma.shape[1] or not np.all(np.isfinite(sigma)):
        raise InvalidInput(f"covariance must be a finite array of shape (points, points), not of shape {sigma.shape}")
    return sigma


def _covariance(sigma: Floats) -> Floats:
    """`sigma` made symmetric; refused unless it is a covariance of points that all have a signal."""
    if (largest := np.abs(sigma).max()) > LARGEST:
        raise InvalidInput(f"covariance may have entries of at most {LARGEST:g}, not {largest:g}")
    rounding = ROUNDING * largest
    if np.abs(sigma - sigma.T).max() > rounding:
        raise InvalidInput("covariance must be symmetric")
    sigma = 0.5 * (sigma + sigma.T)
    if not np.all(np.diagonal(sigma) > 0):
        raise InvalidInput("covariance must have a positive diagonal: every point needs a signal")
    if (least := np.linalg.eigvalsh(sigma)[0]) < -rounding * len(sigma):
        raise InvalidInput(f"covariance must be positive semi-definite, but its least eigenvalue is {least:g}")
    return sigma
