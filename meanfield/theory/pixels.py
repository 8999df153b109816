"""The covariance between all pixels of images, layer by layer through a convolutional network."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from meanfield.arguments import real, whole
from meanfield.errors import InvalidInput
from meanfield.networks.convolution import Conv
from meanfield.networks.layers import Layer
from meanfield.networks.network import Network
from meanfield.networks.stack import as_blocks
from meanfield.theory.fourier_modes import image_shape
from meanfield.theory.gaussianity import check_gaussian
from meanfield.theory.kernels import two_points
from meanfield.theory.kernels.convolution import OverPixels, specialised, with_convolutions
from meanfield.theory.signal import TwoPoints

__all__ = ["PixelTrajectory", "propagate_pixels"]

Floats = NDArray[np.float64]

DEEPEST = 1_000_000
ROUNDING = 1e-10  # of the largest entry of a covariance


@dataclass(frozen=True)
class PixelTrajectory:
    """Second moments between points, which are inputs × pixels, at layers 0 … depth.

    Attributes
    ----------
    q : ndarray, shape (depth + 1, points)
        Second moment of each point.
    covariance : ndarray, shape (depth + 1, points, points)
        Σ, between all of them.
    one_minus_c : ndarray, shape (depth + 1, points, points)
        1 − c of all pairs, which keeps its digits where pixels become alike.
    """

    q: Floats
    covariance: Floats
    one_minus_c: Floats


def propagate_pixels(
    block: Any, covariance: ArrayLike, depth: int, *, pixels: int | Sequence[int] | None = None
) -> PixelTrajectory:
    """Carry the covariance between the pixels of images through `depth` layers of a convolutional network.

    Σ′_{a,a′} = σ_b² + σ_w² Σ_β v_β E φ(u_{a+β}) φ(u_{a′+β}) for an activation and a convolution.

    Parameters
    ----------
    block : Network, Layer, or list of them
        With scalar sigmas and at least one convolution; a list gives one block a layer.
    covariance : array_like, shape (points, points)
        Second moments of the signal at layer 0 between all points: of all pixels of the first input, in the order of a
        flattened image, then of the next one. Positive semi-definite, with a positive diagonal.
    depth : int
        Number of layers, ≥ 1.
    pixels : int or sequence of int, optional
        Size of an image along each axis; by default the points are the pixels of one image of one axis.

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
    Xiao et al. 2018 (arXiv:1806.05393), section 2.

    Examples
    --------
    An image of one bright pixel is spread by a third to each side a layer, as by diffusion:

    >>> import numpy as np
    >>> from meanfield.networks.convolution import Conv
    >>> run = propagate_pixels(Conv(1.0, 0.0), np.diag([1.0, 1.0, 4.0, 1.0, 1.0]), 1)
    >>> run.q
    array([[1., 1., 4., 1., 1.],
           [1., 2., 2., 2., 1.]])
    """
    depth = whole(depth, "depth", DEEPEST)
    blocks = as_blocks(block, depth)
    if (whole_shape := Network(*blocks).shape) != ():
        raise InvalidInput(f"propagate_pixels takes one sigma_w and sigma_b, not arrays of shape {whole_shape}")
    check_gaussian(*blocks, repeated=len(blocks) == 1)
    sigma = _covariance(covariance)
    points = len(sigma)
    shape = image_shape(points if pixels is None else pixels, *blocks)
    if points % int(np.prod(shape)):
        raise InvalidInput(f"{points} points are not a whole number of images of {' x '.join(map(str, shape))} pixels")
    images = np.arange(points).reshape(-1, *shape)
    axes = tuple(range(1, images.ndim))

    def over_pixels(layer: Conv) -> Layer:
        neighbours = [np.roll(images, tuple(-beta), axes).ravel() for beta in layer.taps[0]]
        return specialised(OverPixels, layer, neighbours=neighbours)

    mixing = [with_convolutions(one, over_pixels) for one in blocks]
    q = np.diagonal(sigma)[:, None]
    pairs = TwoPoints(q, q.T, _distances(sigma))
    moments, covariances, gaps = [], [], []
    for layer in range(depth + 1):
        covariances.append(0.5 * (pairs.q1 + pairs.q2) - pairs.d)
        moments.append(np.diagonal(covariances[-1]))
        gaps.append(pairs.one_minus_c)
        if layer < depth:
            with np.errstate(invalid="ignore"):  # where φ jumps, bounds of equal points are 0·∞: they are not used
                after = two_points(mixing[min(layer, len(blocks) - 1)], pairs)
            apart = 0.5 * (after.d + after.d.T)
            np.fill_diagonal(apart, 0.0)  # a point is compared with itself, not with another of the same moments
            pairs = TwoPoints(after.q1, after.q2, apart)
    return PixelTrajectory(*map(np.array, (moments, covariances, gaps)))


def _covariance(given: ArrayLike) -> Floats:
    """`given` as a symmetric array; refused unless it is a covariance of points that all have a signal."""
    sigma = real(given, "covariance", "an array of numbers of shape (points, points)")
    if sigma.ndim != 2 or len(sigma) != sigma.shape[1] or not np.all(np.isfinite(sigma)):
        raise InvalidInput(f"covariance must be a finite array of shape (points, points), not of shape {sigma.shape}")
    rounding = ROUNDING * np.abs(sigma).max()
    if np.abs(sigma - sigma.T).max() > rounding:
        raise InvalidInput("covariance must be symmetric")
    sigma = 0.5 * (sigma + sigma.T)
    if not np.all(np.diagonal(sigma) > 0):
        raise InvalidInput("covariance must have a positive diagonal: every point needs a signal")
    if (least := np.linalg.eigvalsh(sigma)[0]) < -rounding * len(sigma):
        raise InvalidInput(f"covariance must be positive semi-definite, but its least eigenvalue is {least:g}")
    return sigma


def _distances(sigma: Floats) -> Floats:
    """½E(u_a − u_a′)² of all pairs, within what their correlation allows."""
    q = np.diagonal(sigma)
    root = np.sqrt(q)
    least, most = (0.5 * (root[:, None] + sign * root) ** 2 for sign in (-1, 1))
    return np.asarray(np.clip(0.5 * (q[:, None] + q) - sigma, least, most))
