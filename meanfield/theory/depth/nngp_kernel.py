"""The second moments of many inputs' signals: the kernel of the Gaussian process that a wide network is (NNGP)."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Floats, Ints
from meanfield.arguments import real, whole
from meanfield.error_state import own_error_state
from meanfield.errors import InvalidInput
from meanfield.networks.layers.batchnorm import batch_size
from meanfield.networks.layers.network import Network
from meanfield.networks.stack import as_blocks
from meanfield.theory.assumptions.block import check_gaussian, needs_mean
from meanfield.theory.depth.propagate import DEEPEST
from meanfield.theory.depth.scan import by_layer, last, scan
from meanfield.theory.layer_maps import one_point, two_points
from meanfield.theory.states import Pair, Point, known

__all__ = ["Inputs", "Tile", "kernel", "merged", "one_alone", "take_inputs", "take_layers"]

BLOCK = 1_000_000  # numbers of such differences that are held at once
EQUAL = 64 * float(np.finfo(float).eps)  # relative spread of second moments that is rounding
CANCELS = 0.01  # of two second moments: a distance below it is not taken as their difference
FEW = 96  # inputs whose pairs are one tile
LEAST = 32  # of more inputs, the parts whose pairs are one list
TILE = 16384  # pairs of a tile: the arrays of one layer fit into the cache of a processor


class Tile(NamedTuple):
    """Some of the pairs of inputs: those of the inputs i with the inputs j, which broadcast."""

    i: Ints
    j: Ints
    pair: Pair


class Inputs(NamedTuple):
    """N inputs: `each` by itself, and `tiles` which together hold every pair of different inputs once."""

    number: int
    each: Point
    tiles: list[Tile]

    def matrix(self, each: Any, pairs: list[Floats]) -> Floats:
        """The symmetric matrix of values of each input, on the diagonal, and of the pairs of each tile."""
        result = np.diag(np.broadcast_to(each, self.number))
        for tile, values in zip(self.tiles, pairs, strict=True):
            result[tile.i, tile.j] = result[tile.j, tile.i] = values
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
    q = np.broadcast_to(last(scan(layers(), start.each, one_alone)).q.value, start.number)

    def covariance(tile: Tile) -> Floats:
        behind = last(scan(layers(), tile.pair, lambda layer, pair: merged(two_points(layer, pair))))
        return np.asarray(0.5 * (q[tile.i] + q[tile.j]) - behind.d.value)

    return start.matrix(q, [covariance(tile) for tile in start.tiles])


def one_alone(layer: Network, each: Point) -> Point:
    """Each input behind a layer, as a new start; its mean is kept where such layers read means."""
    after = one_point(layer, each)
    return Point(q=after.q, spread=known(after.spread) if needs_mean(layer) else None)


def take_layers(block: Any, depth: int, name: str) -> Callable[[], Iterator[Network]]:
    """Returns iterators over the blocks of layers 1 … `depth`, checked to read each input by itself, for `name`.

    Raises
    ------
    InvalidInput
        If `depth` is not ≥ 1, a sigma is an array, there is a BatchNorm, or units would not be Gaussian.
    """
    blocks = as_blocks(block, whole(depth, "depth", DEEPEST))
    if (shape := Network(*blocks).shape) != ():
        raise InvalidInput(f"{name} takes one sigma_w and sigma_b, not arrays of shape {shape}")
    check_gaussian(*blocks, repeated=len(blocks) == 1, means=len(blocks) == 1)
    if batch_size(*blocks) is not None:
        raise InvalidInput(f"{name} takes each input by itself, and BatchNorm does not: use propagate, with c=")
    return lambda: by_layer(blocks, depth)


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
    q = np.einsum("nd,nd->n", x, x) / x.shape[1]
    products = x @ x.T / x.shape[1]
    tiles = [
        Tile(i, j, merged(Pair.of(q[i], q[j], _half_squared_distances(x, q, products, i, j))))
        for i, j in _tiles(len(x))
    ]
    return Inputs(len(x), Point.at(q), tiles)


def _tiles(number: int) -> Iterator[tuple[Ints, Ints]]:
    """Indices i and j, which broadcast, of tiles that hold every pair of different inputs once.

    A tile has the pairs of one half of some inputs with the other half, for several parts of the inputs of one size, or
    some rows of them. The pairs within the smallest parts are one list.
    """
    parts = [np.arange(number)]
    while parts and parts[0].size > (LEAST if number > FEW else FEW):
        halves = [np.array_split(part, 2) for part in parts]
        for shape in sorted({(first.size, second.size) for first, second in halves}):
            alike = [pair for pair in halves if (pair[0].size, pair[1].size) == shape]
            first, second = (np.array([pair[k] for pair in alike]) for k in (0, 1))
            for rows in np.array_split(np.arange(shape[0]), -(-first.size * shape[1] // TILE)):
                yield first[:, rows, None], second[:, None, :]
        parts = [half for pair in halves for half in pair]
    within = [part[np.array(np.triu_indices(part.size, 1))] for part in parts]
    i, j = np.concatenate(within, axis=1)
    for some in np.array_split(np.arange(i.size), -(-i.size // TILE)) if i.size else []:
        yield i[some], j[some]


def merged(pair: Pair) -> Pair:
    """The pairs with one number for q where all second moments agree up to rounding and no mean is known."""
    low = min(np.min(pair.q1), np.min(pair.q2))
    high = max(np.max(pair.q1), np.max(pair.q2))
    if pair.spread1 or high - low > EQUAL * high:
        return pair
    return Pair.at(np.ravel(pair.q1)[:1], pair.d)


def _half_squared_distances(x: Floats, q: Floats, products: Floats, i: Ints, j: Ints) -> Floats:
    """½ mean (x_i − x_j)²: from the products, or from differences where the products cancel."""
    total = 0.5 * (q[i] + q[j])
    d = total - products[i, j]
    i, j = (index[d < CANCELS * total] for index in np.broadcast_arrays(i, j))
    close = np.empty(i.size)
    for some in np.array_split(np.arange(i.size), i.size * x.shape[1] // BLOCK + 1):
        close[some] = 0.5 * np.mean((x[i[some]] - x[j[some]]) ** 2, axis=1)
    d[d < CANCELS * total] = close
    return np.asarray(d)
