"""The words of a network's text: names of layers, and of what goes into their parentheses."""

import inspect
from functools import cache
from typing import Any

from meanfield.activations.catalogue.table import normalised
from meanfield.networks.layers.attention import Attention
from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.batchnorm import BatchNorm
from meanfield.networks.layers.concatenation import Concatenate
from meanfield.networks.layers.convolution import Conv
from meanfield.networks.layers.dense import Dense
from meanfield.networks.layers.dropout import Dropout
from meanfield.networks.layers.gated import Gated
from meanfield.networks.layers.network import Network
from meanfield.networks.layers.noise import AdditiveNoise, MultiplicativeNoise
from meanfield.networks.layers.normalisation import LayerNorm, RMSNorm
from meanfield.networks.layers.pooling import AveragePool, Flatten, GlobalAveragePool
from meanfield.networks.layers.residual import Residual

# What goes into the parentheses is what the class takes. A kind of layer is one row.
LAYERS: dict[str, type[Layer]] = {
    "dense": Dense,
    "conv": Conv,
    "residual": Residual,
    "concatenate": Concatenate,
    "network": Network,
    "dropout": Dropout,
    "layernorm": LayerNorm,
    "rmsnorm": RMSNorm,
    "batchnorm": BatchNorm,
    "gated": Gated,
    "attention": Attention,
    "multiplicative_noise": MultiplicativeNoise,
    "additive_noise": AdditiveNoise,
    "average_pool": AveragePool,
    "global_average_pool": GlobalAveragePool,
    "flatten": Flatten,
}
ALIASES = {"scale": "branch_scale", "skip": "skip_scale"}
REQUIRED = inspect.Parameter.empty
_BY_NAME = {normalised(name): name for name in LAYERS}


def known(name: str) -> str | None:
    """The name in LAYERS that `name` is but for case and ``-_ ``, or None."""
    return _BY_NAME.get(normalised(name))


@cache
def arguments_of(name: str) -> tuple[dict[str, Any], bool]:
    """The values that a layer of LAYERS takes, with their defaults or REQUIRED, and whether layers come before them.

    Examples
    --------
    >>> arguments_of("dense"), arguments_of("residual")
    (({'sigma_w': 1.0, 'sigma_b': 0.0}, False), ({'branch_scale': 1.0, 'skip_scale': 1.0}, True))
    """
    parameters = inspect.signature(LAYERS[name]).parameters.values()
    around = any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters)
    return {p.name: p.default for p in parameters if p.kind is not p.VAR_POSITIONAL}, around


def name_of(layer: type[Layer]) -> str | None:
    """What a kind of layer is called, or None if it has no name here."""
    return next((name for name, kind in LAYERS.items() if kind is layer), None)
