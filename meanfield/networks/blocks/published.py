"""Layers of published transformers, with the weights that their code draws."""

import math

from meanfield.arguments import number, whole
from meanfield.errors import InvalidInput, shown
from meanfield.networks.blocks.transformers import pre_ln_transformer
from meanfield.networks.layers.network import Network

WIDEST, MOST_LAYERS = 10**9, 10**9


def gpt2(*, width: int = 768, layers: int = 12, hidden_ratio: float = 4.0, std: float = 0.02) -> Network:
    """A layer of GPT-2: all weights N(0, 0.02²), those of projections into the residual stream N(0, 0.02²/(2·layers)).

    With the width of the stream both sigmas grow, so a wider GPT-2 adds more to its stream in every layer.

    Parameters
    ----------
    width : int
        Units of the residual stream: 768, 1024, 1280 and 1600 in the published sizes.
    layers : int
        Depth: 12, 24, 36 and 48.
    hidden_ratio : float
        Hidden units of the feed-forward network divided by `width`.
    std : float
        Standard deviation of the weights.

    Returns
    -------
    Network
        A pre-LN layer with causal softmax attention and the tanh form of GELU.

    Raises
    ------
    InvalidInput
        If an argument is out of its range.

    References
    ----------
    Radford et al. 2019 (GPT-2), section 2.3, and its code.

    Examples
    --------
    >>> import meanfield as mf
    >>> block = mf.blocks.gpt2(width=1600, layers=48)
    >>> [attention, first, second] = [layer for layer in block.walk() if "sigma_w" in layer.parameters]
    >>> print(f"{attention.sigma_w:.6f} {attention.sigma_qk:.6f} {first.sigma_w:.6f} {second.sigma_w:.6f}")
    0.065320 0.640000 0.800000 0.163299
    """
    one, hidden = _roots(width, hidden_ratio, std)
    into_stream = (2 * whole(layers, "layers", MOST_LAYERS)) ** -0.5
    return pre_ln_transformer(
        "gelu_tanh",
        sigma_attention=one**2 * into_stream,
        sigma_qk=one**2,
        sigma_1=one,
        sigma_2=hidden * into_stream,
        causal=True,
    )


def llama(*, width: int = 4096, hidden_ratio: float = 2.6875, std: float = 0.02, layers: int | None = None) -> Network:
    """A layer of Llama: RMSNorm, causal softmax attention and SwiGLU, all weights N(0, 0.02²).

    Rotary positions are left out: they turn queries and keys and so change the correlations of scores, but no variance.
    Keys and values that several heads share make no difference for many heads.

    Parameters
    ----------
    width : int
        Units of the residual stream: 4096 in the 7B model.
    hidden_ratio : float
        Hidden units of the feed-forward network divided by `width`: 11008/4096 in the 7B model.
    std : float
        Standard deviation of the weights.
    layers : int, optional
        Depth, for the weights of projections into the residual stream divided by √(2·layers), as in GPT-2; without it
        they are not divided.

    Returns
    -------
    Network
        A pre-norm layer.

    Raises
    ------
    InvalidInput
        If an argument is out of its range.

    References
    ----------
    Touvron et al. 2023 (arXiv:2302.13971), section 2.2, for the layer; `initializer_range` of transformers'
    LlamaConfig for the weights, which the paper does not state.

    Examples
    --------
    >>> import meanfield as mf
    >>> print(mf.written(mf.blocks.llama(width=2500, hidden_ratio=4.0)))
    residual(rmsnorm, attention(softmax, causal)), residual(rmsnorm, gated(silu), dense(2.0))
    """
    one, hidden = _roots(width, hidden_ratio, std)
    into_stream = 1.0 if layers is None else (2 * whole(layers, "layers", MOST_LAYERS)) ** -0.5
    return pre_ln_transformer(
        gate="silu",
        sigma_attention=one**2 * into_stream,
        sigma_qk=one**2,
        sigma_1=one,
        sigma_2=hidden * into_stream,
        causal=True,
        norm="rmsnorm",
    )


def vit(*, width: int = 768, hidden_ratio: float = 4.0, std: float | None = None) -> Network:
    """A layer of a Vision Transformer: Xavier weights, which depend on the ratio of widths alone.

    Parameters
    ----------
    width : int
        Units of the residual stream: 768 in ViT-B. It matters only if `std` is given.
    hidden_ratio : float
        Hidden units of the feed-forward network divided by `width`.
    std : float, optional
        Standard deviation of all weights, as the 0.02 of timm, in place of Xavier's.

    Returns
    -------
    Network
        A pre-LN layer with softmax attention and GELU.

    Raises
    ------
    InvalidInput
        If an argument is out of its range.

    References
    ----------
    Dosovitskiy et al. 2021 (arXiv:2010.11929), equations 2 and 3, and its code; Glorot & Bengio 2010, eq. 16.

    Examples
    --------
    >>> import meanfield as mf
    >>> print(mf.written(mf.blocks.vit(hidden_ratio=7.0)))
    residual(layernorm, attention(softmax)), residual(layernorm, dense(0.5), gelu, dense(1.3228756555322954))
    """
    one, hidden = _roots(width, hidden_ratio, 1.0 if std is None else std)
    if std is None:
        one, ratio = 1.0, float(hidden_ratio)
        first, hidden = math.sqrt(2 / (1 + ratio)), math.sqrt(2 * ratio / (1 + ratio))
    else:
        first = one
    return pre_ln_transformer("gelu", sigma_attention=one**2, sigma_qk=one**2, sigma_1=first, sigma_2=hidden)


def _roots(width: int, hidden_ratio: float, std: float) -> tuple[float, float]:
    """std times √fan_in of layers that read the stream, and of those that read the hidden units."""
    units = whole(width, "width", WIDEST)
    ratio, deviation = number(hidden_ratio, "hidden_ratio"), number(std, "std")
    for value, name in ((ratio, "hidden_ratio"), (deviation, "std")):
        if not 0 < value < 1e9:
            raise InvalidInput(f"{name} must be a number > 0 and below 1e9, not {shown(value)}")
    return deviation * math.sqrt(units), deviation * math.sqrt(units * ratio)
