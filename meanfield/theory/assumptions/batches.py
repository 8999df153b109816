"""Which blocks with batch normalisation have exact maps: what a batch must be like for them, and the block."""

from collections.abc import Sequence

import numpy as np

from meanfield.errors import InvalidInput
from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.batchnorm import BatchNorm, batch_size
from meanfield.networks.layers.dense import Dense
from meanfield.networks.layers.dropout import Dropout
from meanfield.networks.layers.elementwise import Elementwise
from meanfield.networks.layers.network import in_sequence
from meanfield.networks.layers.noise import AdditiveNoise, MultiplicativeNoise
from meanfield.networks.layers.residual import Residual

__all__ = ["check_batches"]


def check_batches(*blocks: Layer) -> None:
    """Refuse blocks with batch normalisation whose gradients are not those of `Batch`; pass those without any.

    A batch is symmetric: all inputs have one q, and all pairs one d. Gradients that come out of a BatchNorm sum to zero
    over the batch, and skip connections and weights keep that; an activation that reads anything else does not.

    Raises
    ------
    InvalidInput
        Naming the layer.
    """
    if batch_size(*blocks) is None:
        return
    for block in blocks:
        _normalised(list(in_sequence(block)), False)


def _normalised(layers: Sequence[Layer], before: bool) -> bool:
    """Whether all of the signal has gone through a BatchNorm after the layers."""
    for i, layer in enumerate(layers):
        if isinstance(layer, BatchNorm):
            if i + 1 == len(layers) or not isinstance(layers[i + 1], Dense | Elementwise):
                raise InvalidInput(
                    "BatchNorm leaves units that are not Gaussian: an activation or a Dense layer must follow it in "
                    "the same block or branch"
                )
            before = True
        elif isinstance(layer, Residual):
            inside = _normalised(list(in_sequence(layer.branch)), before)
            before = before or (inside and not np.any(layer.skip_scale))
        elif isinstance(layer, Elementwise) and not before:
            raise InvalidInput(
                f"{layer.activation.name} comes before the first BatchNorm of its block or residual branch: begin with "
                "BatchNorm, as in Network(BatchNorm(32), 'relu', Dense())"
            )
        elif isinstance(layer, Dropout | MultiplicativeNoise | AdditiveNoise):
            if not before:
                raise InvalidInput(
                    f"{type(layer).__name__} acts on what has not gone through a BatchNorm of its block or residual "
                    "branch: put it behind the activation that follows BatchNorm"
                )
        elif not isinstance(layer, Dense | Elementwise):
            raise InvalidInput(f"no map is known for {type(layer).__name__} and BatchNorm in one network")
    return before
