"""The kernel by which gradient descent moves a wide network's outputs."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Floats
from meanfield.error_state import own_error_state
from meanfield.errors import DivergentExpectation, InfiniteDerivative
from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.network import in_sequence
from meanfield.networks.stack import as_blocks
from meanfield.theory.assumptions.surrogates import refuse_surrogates
from meanfield.theory.depth.nngp_kernel import Tile, merged, take_inputs, take_layers
from meanfield.theory.depth.scan import last, scan
from meanfield.theory.layer_maps.tangent_kernel import tangent
from meanfield.theory.states import Pair, Point

__all__ = ["ntk"]


@own_error_state
def ntk(block: Any, inputs: ArrayLike, depth: int) -> Floats:
    """Neural tangent kernel of one output unit after `depth` layers, of infinite width.

    Θ(x, x′) = Σ_w ∂h(x)/∂w ∂h(x′)/∂w over all weights and biases, which are taken as variables of variance 1:
    h = sigma_w/√fan_in · W x + sigma_b · b. Gradient descent on them with a small rate η moves h(x) by −η Σ_x′ Θ(x, x′)
    times the loss's derivative in h(x′).

    Parameters
    ----------
    block : Network, activation, or list of them
        With scalar sigmas; a bare activation means ``mlp(activation)``; a list gives one block a layer. Without
        BatchNorm and Conv.
    inputs : array_like, shape (N, d)
        The signals at layer 0, one row each, as for `kernel`. They have no weights: begin a list with
        ``Network(Dense(...))`` for a first layer that reads the inputs.
    depth : int
        Number of layers, ≥ 1.

    Returns
    -------
    ndarray, shape (N, N)
        Symmetric. Where a layer is random, as Dropout, an entry on the diagonal takes one mask of its input, and an
        entry beside it takes independent masks of its two inputs.

    Raises
    ------
    InvalidInput
        If `inputs` is not a finite (N, d) array without zero rows, `depth` is not ≥ 1, a layer has no such kernel, or
        an activation has a surrogate derivative.
    InfiniteDerivative
        If an activation jumps that has weights before it.
    DivergentExpectation
        If the kernel exceeds the range of a float.

    References
    ----------
    Jacot, Gabriel & Hongler 2018 (arXiv:1806.07572), theorem 1; Lee et al. 2019 (arXiv:1902.06720) for training.

    Examples
    --------
    >>> import meanfield as mf
    >>> mf.ntk(mf.mlp("relu", 2**0.5), [[1.0, 1.0], [1.0, -1.0]], 3)  # depth·q on the diagonal
    array([[3.        , 1.06038811],
           [1.06038811, 3.        ]])
    """
    layers, start = take_layers(block, depth, "ntk"), take_inputs(inputs)
    refuse_surrogates(*as_blocks(block, depth), what="the tangent kernel is of derivatives")

    def inner() -> Iterator[Layer]:
        return chain.from_iterable(map(in_sequence, layers()))

    def shared(tile: Tile) -> Floats:
        return last(scan(inner(), (np.zeros(tile.pair.d.shape), tile.pair), _of_pairs))[0]

    own, _ = last(scan(inner(), (np.zeros(start.number), start.each), _of_each))
    return start.matrix(own, [shared(tile) for tile in start.tiles])


def _of_each(layer: Layer, state: tuple[Floats, Point]) -> tuple[Floats, Point]:
    """Θ of each input with itself, and the input, behind `layer`."""
    theta, each = tangent(layer, *state)
    if not np.all(np.isfinite(theta)):
        _refuse_infinite(layer)
    return theta, each


def _of_pairs(layer: Layer, state: tuple[Floats, Pair]) -> tuple[Floats, Pair]:
    """Θ of pairs, and the pairs, behind `layer`."""
    theta, pair = tangent(layer, *state)
    return theta, merged(pair)


def _refuse_infinite(after: Layer) -> None:
    for phi in after.activations:
        if phi.jumps:
            raise InfiniteDerivative(
                f"the tangent kernel of the weights before {phi.name} is infinite, since {phi.name} jumps"
            )
    raise DivergentExpectation(f"the tangent kernel after {after!r} exceeds the range of a float")
