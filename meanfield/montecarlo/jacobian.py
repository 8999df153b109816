"""Squared singular values of the input-output Jacobians of finite random networks."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from meanfield._types import Floats
from meanfield.arguments import whole
from meanfield.error_state import own_error_state
from meanfield.errors import InvalidInput
from meanfield.montecarlo.input_states import draw_state, input_root
from meanfield.montecarlo.layer_passes import forward
from meanfield.montecarlo.materialized import Materialized
from meanfield.montecarlo.random_generators import RandomSource, spawn
from meanfield.montecarlo.weight_laws import WeightLaw, check_law
from meanfield.networks.layers.batchnorm import batch_size
from meanfield.networks.layers.network import Network
from meanfield.networks.stack import as_blocks, as_widths, check_widths
from meanfield.workers import Workers, map_tasks

__all__ = ["jacobian"]

MANY = 10**9


@own_error_state
def jacobian(
    block: Any,
    depth: int,
    width: int | Sequence[int],
    *,
    networks: int = 8,
    q: float = 1.0,
    weights: WeightLaw | Sequence[WeightLaw] = "gaussian",
    rng: RandomSource = None,
    workers: Workers = 1,
) -> Floats:
    """Draw random networks and return the squared singular values of their Jacobians at one random input each.

    Parameters
    ----------
    block : Network, Layer, str, callable or Activation, or list of them
        As `simulate` takes it; layers that read several points of an input or a batch are refused.
    depth : int
        Number of blocks, ≥ 1.
    width : int or sequence of int
        Units of every layer, ≥ 2, or of each of layers 0 … depth. The cost is depth·width³.
    networks : int
        Independent networks, ≥ 1.
    q : float
        Second moment of the input, > 0, exactly.
    weights : str, callable, or list of them
        Law of the weight matrices, as `simulate` takes it: "gaussian", "orthogonal" or another.
    rng : None, int, SeedSequence or Generator
        Source of randomness. Each network has its own child generator.
    workers : int or callable
        Number of threads, −1 for all cores, or a map-like callable.

    Returns
    -------
    ndarray, shape (networks, smaller of the first and last width)
        Squared singular values, descending.

    Raises
    ------
    InvalidInput
        If an argument is out of range, or the Jacobian overflows.

    References
    ----------
    Pennington, Schoenholz & Ganguli 2017 (arXiv:1711.04735), figure 1.

    Examples
    --------
    >>> import meanfield as mf
    >>> found = mf.jacobian(mf.mlp("tanh", 1.1, 0.1), 4, 64, networks=2, weights="orthogonal", rng=0)
    >>> found.shape, bool(found.max() < 1.1**8)
    ((2, 64), True)
    """
    depth, networks = whole(depth, "depth", MANY), whole(networks, "networks", MANY)
    blocks, widths = as_blocks(block, depth), as_widths(width, depth)
    if (shape := Network(*blocks).shape) != ():
        raise InvalidInput(f"jacobian takes one sigma_w and sigma_b, not arrays of shape {shape}")
    if batch_size(*blocks) is not None or any(layer.reads_points for one in blocks for layer in one.walk()):
        raise InvalidInput(
            "jacobian is of one input of one point: layers that read a batch, pixels or tokens have none"
        )
    check_widths(blocks, widths)
    blocks *= depth // len(blocks)
    check_law(weights, sum(layer.matrices for one in blocks for layer in one.flattened()))
    root = input_root(q, None, None)
    run = partial(_singular_values, blocks, widths, root, weights)
    return np.array(map_tasks(run, spawn(rng, networks), workers, False, "networks"))


@own_error_state
def _singular_values(
    blocks: Sequence[Network],
    widths: Sequence[int],
    root: Floats,
    weights: WeightLaw | Sequence[WeightLaw],
    rng: np.random.Generator,
) -> Floats:
    """The squared singular values of one network: every row of the Jacobian is the gradient of one output."""
    draw = Materialized(rng, widths[0], np.dtype(np.float64), weights)
    x = draw_state(root, widths[0], rng, np.dtype(np.float64))
    pullbacks = []
    with np.errstate(all="ignore"):
        for layer, (block, width) in enumerate(zip(blocks, widths[1:], strict=True), 1):
            draw.layer, draw.width = layer, width
            x, pullback = forward(block, x, draw)
            pullbacks.append(pullback)
        rows = np.eye(x.shape[1])
        while pullbacks:
            rows = np.asarray(pullbacks.pop()(rows), dtype=np.float64)
        if not np.isfinite(rows).all():
            raise InvalidInput("the Jacobian overflows float64; take fewer layers or smaller weights")
        return np.asarray(np.linalg.svd(rows, compute_uv=False) ** 2)
