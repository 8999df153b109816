"""The words of a network's text: the names of layers and of their arguments."""

import inspect
from collections.abc import Callable
from functools import cache, partial
from typing import Any

from meanfield.activations.catalogue.table import normalised
from meanfield.networks.blocks import published, resnets, transformers
from meanfield.networks.layers.attention import Attention
from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.batchnorm import BatchNorm
from meanfield.networks.layers.concatenation import Concatenate
from meanfield.networks.layers.convolution import Conv
from meanfield.networks.layers.dense import Dense
from meanfield.networks.layers.dropout import Dropout
from meanfield.networks.layers.gated import Gated
from meanfield.networks.layers.groupnorm import GroupNorm
from meanfield.networks.layers.network import Network
from meanfield.networks.layers.noise import AdditiveNoise, MultiplicativeNoise
from meanfield.networks.layers.normalisation import LayerNorm, RMSNorm
from meanfield.networks.layers.parallel import Parallel
from meanfield.networks.layers.pooling import AveragePool, Flatten, GlobalAveragePool
from meanfield.networks.layers.residual import Residual
from meanfield.networks.layers.scale import Scale
from meanfield.networks.layers.stochastic_depth import StochasticDepth

# The arguments in the text are the arguments of the class, without those that the row gives. Each kind of layer has one
# row with its class alone.
LAYERS: dict[str, Callable[..., Layer]] = {
    "dense": Dense,
    "conv": Conv,
    "conv2d": partial(Conv, kernel_size=(3, 3)),
    "residual": Residual,
    "parallel": Parallel,
    "concatenate": Concatenate,
    "network": Network,
    "scale": Scale,
    "stochastic_depth": StochasticDepth,
    "dropout": Dropout,
    "layernorm": LayerNorm,
    "rmsnorm": RMSNorm,
    "batchnorm": BatchNorm,
    "groupnorm": GroupNorm,
    "gated": Gated,
    "glu": partial(Gated, "sigmoid"),  # Dauphin et al. 2017 (arXiv:1612.08083); the next ones: Shazeer 2020
    "reglu": partial(Gated, "relu"),
    "geglu": partial(Gated, "gelu"),
    "swiglu": partial(Gated, "silu"),
    "attention": Attention,
    "multiplicative_noise": MultiplicativeNoise,
    "additive_noise": AdditiveNoise,
    "average_pool": AveragePool,
    "global_average_pool": GlobalAveragePool,
    "flatten": Flatten,
    "pre_ln_transformer": transformers.pre_ln_transformer,
    "post_ln_transformer": transformers.post_ln_transformer,
    "parallel_transformer": transformers.parallel_transformer,
    "gpt2": published.gpt2,
    "llama": published.llama,
    "vit": published.vit,
    "resnet_v2": resnets.resnet_v2,
}
ALIASES = {"scale": "branch_scale", "skip": "skip_scale"}
# Bare words in the parentheses of a layer: the argument that each one gives, and its value.
WORDS: dict[str, dict[str, tuple[str, str | bool]]] = {
    "attention": {word: ("scores", word) for word in ("uniform", "gaussian", "softmax")} | {"causal": ("causal", True)}
}
#: Names of layers that are not those of their classes.
SYNONYMS = {"fc": "dense", "fully_connected": "dense", "affine": "dense", "conv1d": "conv", "ln": "layernorm"}
REQUIRED = inspect.Parameter.empty
_BY_NAME = {normalised(word): name for word, name in ({name: name for name in LAYERS} | SYNONYMS).items()}


def known(name: str) -> str | None:
    """The name in LAYERS that `name` or its synonym equals, up to case and the characters ``-_ ``; None without one."""
    return _BY_NAME.get(normalised(name))


@cache
def arguments_of(name: str) -> tuple[dict[str, Any], bool]:
    """The arguments of a layer of LAYERS with their defaults or REQUIRED, and whether it also takes inner layers.

    Examples
    --------
    >>> arguments_of("dense"), arguments_of("residual")
    (({'sigma_w': 1.0, 'sigma_b': 0.0}, False), ({'branch_scale': 1.0, 'skip_scale': 1.0}, True))
    """
    parameters = inspect.signature(LAYERS[name]).parameters.values()
    around = any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters)
    return {p.name: p.default for p in parameters if p.kind is not p.VAR_POSITIONAL}, around


def name_of(layer: type[Layer]) -> str | None:
    """The name of a kind of layer in texts; None if it has no name."""
    return next((name for name, kind in LAYERS.items() if kind is layer), None)
