"""The second moments of many inputs' signals: the kernel of the Gaussian process that a wide network is (NNGP)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from meanfield._types import Floats
from meanfield.arguments import real, whole
from meanfield.error_state import own_error_state
from meanfield.errors import InvalidInput
from meanfield.networks.layers.batchnorm import batch_size
from meanfield.networks.layers.network import Network
from meanfield.networks.stack import as_blocks
from meanfield.theory.assumptions.block import check_gaussian
from meanfield.theory.depth.propagate import DEEPEST
from meanfield.theory.depth.scan import by_layer, last, scan
from meanfield.theory.layer_maps import one_point, two_points
from meanfield.theory.states import Pair, Point

__all__ = ["Inputs", "kernel", "merged", "take_inputs", "take_layers"]

BLOCK = 1_000_000  # numbers of such differences that are held at once
EQUAL = 64 * float(np.finfo(float).eps)  # relative spread of second moments that is rounding
CANCELS = 0.01  # of two second moments: a distance below it is not taken as their difference


@dataclass(frozen=True)
class Inputs:
    """N inputs: `each` by itself, and `pairs` of the i-th with the j-th."""

    number: int
    each: Point
    pairs: Pair
    i: NDArray[np.intp]
    j: NDArray[np.intp]

    def matrix(self, each: Any, pairs: Any) -> Floats:
        """The symmetric matrix of values of each input, on the diagonal, and of pairs."""
        result = np.diag(np.broadcast_to(each, self.number))
        result[self.i, self.j] = result[self.j, self.i] = pairs
        return result


@own_error_state
def kernel(block: Any, inputs: ArrayLike, depth: int) -> Floats:
    """Second moments of the signals of several inputs after `depth` layers (the NNGP kernel).

    Parameters
    ----------
    block : Network, activation, or list of them
        With scalar sigmas; a bare activation means ``mlp(activation)``; a list gives one block a layer.
    inputs : array_like, shape (N, d)
        The signals at layer 0, one row each; their second moments are ``inputs @ inputs.T / d``.
    depth : int
        Number of layers, ≥ 1.

    Returns
    -------
    ndarray, shape (N, N)
        Symmetric, with the variances q on the diagonal.

    Raises
    ------
    InvalidInput
        If `inputs` is not a finite (N, d) array without zero rows, or `depth` is not ≥ 1.

    References
    ----------
    Lee et al. 2018 (arXiv:1711.00165), eq. 5.

    Examples
    --------
    >>> import meanfield as mf
    >>> mf.kernel(mf.mlp("relu", 2**0.5), [[1.0, 1.0], [1.0, -1.0]], 1)
    array([[1.        , 0.31830989],
           [0.31830989, 1.        ]])
    """
    layers, start = take_layers(block, depth, "kernel"), take_inputs(inputs)

    def rule(layer: Network, state: tuple[Point, Pair]) -> tuple[Point, Pair]:
        each, pairs = state
        behind = two_points(layer, pairs) if start.number > 1 else pairs
        return merged(Point(q=one_point(layer, each).q), behind)

    each, pairs = last(scan(layers, (start.each, start.pairs), rule))
    q = np.broadcast_to(each.q.value, start.number)
    return start.matrix(q, 0.5 * (q[start.i] + q[start.j]) - pairs.d.value)


def take_layers(block: Any, depth: int, name: str) -> Iterator[Network]:
    """The blocks of layers 1 … `depth`, checked to read each input by itself; `name` is the function that asks.

    Raises
    ------
    InvalidInput
        If `depth` is not ≥ 1, a sigma is an array, there is a BatchNorm, or units would not be Gaussian.
    """
    blocks = as_blocks(block, whole(depth, "depth", DEEPEST))
    if (shape := Network(*blocks).shape) != ():
        raise InvalidInput(f"{name} takes one sigma_w and sigma_b, not arrays of shape {shape}")
    check_gaussian(*blocks, repeated=len(blocks) == 1)
    if batch_size(*blocks) is not None:
        raise InvalidInput(f"{name} takes each input by itself, and BatchNorm does not: use propagate, with c=")
    return by_layer(blocks, depth)


def take_inputs(inputs: ArrayLike) -> Inputs:
    """The rows of an (N, d) array as signals.

    Raises
    ------
    InvalidInput
        If it is not a finite (N, d) array without zero rows.
    """
    x = real(inputs, "inputs", "an array of numbers of shape (N, d)")
    if x.ndim != 2 or not np.all(np.isfinite(x)) or not np.all(np.abs(x).max(axis=1) > 0):
        raise InvalidInput(f"inputs must be a finite (N, d) array without zero rows, not one of shape {x.shape}")
    i, j = np.triu_indices(len(x), 1)
    q = np.einsum("nd,nd->n", x, x) / x.shape[1]
    distances = _half_squared_distances(x, q, i, j)
    return Inputs(len(x), *merged(Point.at(q), Pair.of(q[i], q[j], distances)), i, j)


def merged(each: Point, pairs: Pair) -> tuple[Point, Pair]:
    """Inputs and pairs; with one number for q where all second moments agree up to rounding and no mean is known."""
    q = np.asarray(each.q.value)
    if q.size == 1 or np.ptp(q) > EQUAL * q.max() or each.spread or pairs.spread1:
        return each, pairs
    return Point.at(q[:1]), Pair.at(q[:1], pairs.d)


def _half_squared_distances(x: Floats, q: Floats, i: NDArray[np.intp], j: NDArray[np.intp]) -> Floats:
    """½ mean (x_i − x_j)²: from products, or from differences where the products cancel."""
    total = 0.5 * (q[i] + q[j])
    d = total - (x @ x.T / x.shape[1])[i, j]
    close = np.flatnonzero(d < CANCELS * total)
    for some in np.array_split(close, close.size * x.shape[1] // BLOCK + 1):
        d[some] = 0.5 * np.mean((x[i[some]] - x[j[some]]) ** 2, axis=1)
    return np.asarray(d)
