"""What the maps assume of units: activations read Gaussian ones, as sums over many weights are; means are known."""

import numpy as np

from meanfield.activations.activation import Activation
from meanfield.errors import InvalidInput
from meanfield.networks.images import check_alike
from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.batchnorm import BatchNorm
from meanfield.networks.layers.concatenation import Concatenate
from meanfield.networks.layers.dropout import Dropout
from meanfield.networks.layers.elementwise import Elementwise
from meanfield.networks.layers.network import Network
from meanfield.networks.layers.noise import MultiplicativeNoise
from meanfield.networks.layers.normalisation import LayerNorm
from meanfield.networks.layers.residual import Residual
from meanfield.theory.assumptions.batches import check_batches

__all__ = ["check_gaussian"]


BATCH = "BatchNorm"  # what it leaves is known to the activation that follows it
POINTS = np.linspace(0.1, 6.0, 23)  # where a function is odd that is taken to be


def check_gaussian(*blocks: Layer, repeated: bool = True, alike: bool = True) -> None:
    """Refuse blocks in which an activation reads what another one left, or a norm a mean, be it in the next repetition.

    Within a block means are tracked; from block to block the state is a second moment alone. It is that of any pixel,
    so those that do not keep pixels alike are refused too, unless these are followed by themselves (`alike` is False).

    Raises
    ------
    InvalidInput
        Naming both, since second moments do not determine what the second one does.
    """
    check_batches(*blocks)
    if alike:
        check_alike(*blocks)
    left = mean = ""
    for block in blocks * 2 if repeated else blocks:
        left = _after(block, left)
        _refuse_mean(block, mean)
        mean = _mean_after(block, mean)


def _after(layer: Layer, left: str) -> str:
    """What keeps the units from being Gaussian after `layer`, an activation or a layer; "" if they are Gaussian."""
    if isinstance(layer, Elementwise):
        if left and left != BATCH:
            layered = any(kind.__name__ == left for kind in Layer.__subclasses__())  # and not the name of an activation
            raise InvalidInput(
                f"{layer.activation.name} would act on what {left} left, which is not Gaussian: put a Dense layer "
                + ("between them" if layered else "between them, or make one activation of both, as 'sin(tanh(x))'")
            )
        return layer.activation.name
    if isinstance(layer, BatchNorm):
        if left:
            raise InvalidInput(
                f"BatchNorm would act on what {left} left, which is not Gaussian: put a Dense layer between them"
            )
        return BATCH
    if layer.fresh:
        return "" if layer.keeps_gaussian else type(layer).__name__
    if isinstance(layer, Dropout | MultiplicativeNoise) and not np.any(getattr(layer, layer.parameters[0])):
        return left  # it does nothing
    inside = left
    for inner in layer.inner:
        inside = _after(inner, inside)
    if isinstance(layer, Concatenate) and not np.any(layer.growth):
        return left
    if isinstance(layer, Network) or (isinstance(layer, Residual) and not np.any(layer.skip_scale)):
        return inside
    return left or inside or ("" if layer.keeps_gaussian else type(layer).__name__)


def _mean_after(layer: Layer, left: str) -> str:
    """What leaves a mean over units after `layer`; "" if there is none."""
    if isinstance(layer, Elementwise):
        return "" if _odd(layer.activation) else layer.activation.name
    if layer.fresh or isinstance(layer, LayerNorm):
        return ""
    inside = left
    for inner in layer.inner:
        inside = _mean_after(inner, inside)
    return inside if isinstance(layer, Network) else left or inside


def _refuse_mean(layer: Layer, unknown: str) -> str:
    """What left a mean before the block that is still there after `layer`; refused where a norm subtracts it."""
    if isinstance(layer, LayerNorm) and unknown:
        raise InvalidInput(
            f"LayerNorm would subtract the mean that {unknown} leaves in the block before, which second moments do not "
            "tell: begin the block one layer later, so that both are in the same one"
        )
    if layer.fresh or isinstance(layer, Elementwise | LayerNorm):
        return ""
    inside = unknown
    for inner in layer.inner:
        inside = _refuse_mean(inner, inside)
    return inside if isinstance(layer, Network) else unknown or inside


def _odd(phi: Activation) -> bool:
    return bool(np.allclose(phi(-POINTS), -phi(POINTS), rtol=1e-13, atol=0.0))
