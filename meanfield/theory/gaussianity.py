"""The maps' one assumption about units: an activation reads Gaussian ones, as sums over many weights are."""

import numpy as np

from meanfield.errors import InvalidInput
from meanfield.networks.layers import Elementwise, Layer
from meanfield.networks.network import Network
from meanfield.networks.residual import Residual

__all__ = ["check_gaussian"]


def check_gaussian(block: Layer, *, repeated: bool = True) -> None:
    """Refuse a block in which an activation reads what another one left, be it in the next repetition.

    Raises
    ------
    InvalidInput
        Naming both, since second moments do not determine what the second one does.
    """
    left = _after(block, "")
    if repeated and left:
        _after(block, left)


def _after(layer: Layer, left: str) -> str:
    """Which activation keeps the units from being Gaussian after `layer`; "" if they are Gaussian."""
    if isinstance(layer, Elementwise):
        if left:
            raise InvalidInput(
                f"{layer.activation.name} would act on what {left} left, which is not Gaussian: put a Dense layer "
                "between them, or make one activation of both, as 'sin(tanh(x))'"
            )
        return layer.activation.name
    if layer.fresh:
        return ""
    inside = left
    for inner in layer.inner:
        inside = _after(inner, inside)
    if isinstance(layer, Network) or (isinstance(layer, Residual) and not np.any(layer.skip_scale)):
        return inside
    return left or inside or ("" if layer.keeps_gaussian else type(layer).__name__)
