"""The theory's side of a cross-check: the simulated averages at infinite width."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from meanfield._types import Floats
from meanfield.errors import InvalidInput
from meanfield.montecarlo.input_states import input_root
from meanfield.networks.images import pixels_of, tells_apart
from meanfield.networks.layers.attention import Attention
from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.batchnorm import batch_size
from meanfield.networks.layers.network import Network
from meanfield.theory.depth.pixel_means import pixel_means
from meanfield.theory.depth.propagate import propagate
from meanfield.theory.depth.trajectory import Trajectory

ALIKE = 1e-9  # relative to q


def scaled(block: Network, factor: float, kind: type[Layer] = Layer, parameter: str = "sigma_w") -> Network:
    """The same block with every sigma_w, or another parameter of layers of type `kind`, multiplied by `factor`."""
    return block.with_parameters(
        lambda layer: {
            name: factor * getattr(layer, name)
            for name in layer.parameters
            if name == parameter and isinstance(layer, kind)
        }
    )


def attention_layers(blocks: Sequence[Network]) -> list[Attention]:
    """The attention layers of all blocks."""
    return [layer for block in blocks for layer in block.walk() if isinstance(layer, Attention)]


def attention_excess(blocks: Sequence[Network], widths: Sequence[int], tokens: int) -> float:
    """Relative excess, by finite width, of the squared overlaps of n tokens in Attention with Gaussian scores.

    Orthogonal tokens have overlaps of variance at most (4 + 6/n)/width after another such layer, and each token has
    n − 1 of these beside its overlap with itself.
    """
    if not any(layer.overlaps for layer in attention_layers(blocks)):
        return 0.0
    return (4.0 + 6.0 / tokens) * (tokens - 1.0) / min(widths)


def predict(
    blocks: Sequence[Network],
    widths: Sequence[int],
    q: float,
    c: float | None,
    inputs: ArrayLike | None,
    pixels: int | Sequence[int] | None = None,
    tokens: int | None = None,
    token_c: float | None = None,
) -> dict[str, Floats]:
    """q, gradient and, for two or more inputs, 1 − c by layer, averaged over inputs and over pairs of inputs.

    For sequences of exchangeable `tokens` also 1 − c of two tokens of one sequence.
    """
    depth = len(widths) - 1
    block = list(blocks) if len(blocks) == depth else blocks[0]
    if tokens is not None:
        return _found(propagate(block, depth, q=q, c=c, width=widths, tokens=tokens, token_c=token_c))
    images = pixels_of(blocks, inputs, pixels)
    of_points = inputs is not None and np.ndim(inputs) > 2
    if tells_apart(*blocks) or of_points:
        root = input_root(q, c, inputs)
        means = pixel_means(blocks, depth, root @ root.T, images, of_points)
        return means | {"gradient": means["gradient"] * widths[-1] / np.asarray(widths, dtype=np.float64)}
    batch = batch_size(*blocks)
    if batch is not None:
        q, c = (q, c or 0.0) if inputs is None else _exchangeable(inputs)
    if inputs is None or batch is not None:
        return _found(propagate(block, depth, q=q, c=c, width=widths))
    x = np.asarray(inputs, dtype=np.float64)
    moments = x @ x.T / x.shape[1]
    own = np.diagonal(moments)
    single = propagate(block, depth, q=own, width=widths)
    found = {"q": single.q, "gradient": single.gradient}
    if len(x) > 1:
        a, b = np.tril_indices(len(x), -1)
        correlation = np.clip(moments[a, b] / np.sqrt(own[a] * own[b]), -1.0, 1.0)
        distances = propagate(block, depth, q=own[a], q2=own[b], c=correlation).one_minus_c
        assert distances is not None
        found["one_minus_c"] = distances
    return {name: np.mean(entry, axis=1) for name, entry in found.items()}


def _found(run: Trajectory) -> dict[str, Floats]:
    """What a trajectory has of the simulated averages."""
    values = {name: getattr(run, name) for name in ("q", "gradient", "one_minus_c", "one_minus_token_c")}
    return {name: entry for name, entry in values.items() if entry is not None}


def _exchangeable(inputs: ArrayLike) -> tuple[float, float]:
    """q and c of a batch whose inputs have equal second moments and whose pairs have equal correlations."""
    x = np.asarray(inputs, dtype=np.float64)
    moments = x @ x.T / x.shape[1]
    own, pairs = np.diagonal(moments), moments[np.tril_indices(len(x), -1)]
    q, k = float(own.mean()), float(pairs.mean())
    if np.ptp(own) > ALIKE * q or np.ptp(pairs) > ALIKE * q:
        raise InvalidInput(
            "the theory of BatchNorm needs inputs of equal length and equal pairwise correlation: give q and c"
        )
    return q, k / q
