"""Transformer layers: attention and a feed-forward network, each in a residual branch with a norm."""

from numpy.typing import ArrayLike

from meanfield.arguments import choice, standard_deviation
from meanfield.networks.blocks.residual_scales import ResidualScales, residual_scales
from meanfield.networks.layers.attention import Attention
from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.dense import Dense
from meanfield.networks.layers.elementwise import ActivationLike, as_layer
from meanfield.networks.layers.gated import Gated
from meanfield.networks.layers.network import Network
from meanfield.networks.layers.normalisation import LayerNorm, RMSNorm
from meanfield.networks.layers.parallel import Parallel
from meanfield.networks.layers.residual import Residual

NORMS = {"layernorm": LayerNorm, "rmsnorm": RMSNorm}


def pre_ln_transformer(
    activation: ActivationLike = "gelu",
    *,
    gate: ActivationLike | None = None,
    sigma_attention: ArrayLike = 1.0,
    sigma_qk: ArrayLike = 1.0,
    sigma_1: ArrayLike = 1.0,
    sigma_2: ArrayLike = 1.0,
    sigma_b: ArrayLike = 0.0,
    scores: str = "softmax",
    causal: bool = False,
    norm: str = "layernorm",
    residual: ArrayLike | str = 1.0,
    layers: int | None = None,
) -> Network:
    """A transformer layer with norms before its branches: x + f(LN(x)), as in GPT-2 and most networks since.

    The widths of the feed-forward network do not matter, since sigma_1 and sigma_2 are times √fan_in.

    Parameters
    ----------
    activation : str, callable or Activation
        φ between the two Dense layers of the feed-forward network.
    gate : str, callable, Activation or None
        Activation of a gated feed-forward network in its place, "silu" for SwiGLU.
    sigma_attention : float or array_like
        Product of the standard deviations of value and output weights (times √fan_in).
    sigma_qk : float or array_like
        Product of the standard deviations of query and key weights (times √fan_in).
    sigma_1, sigma_2 : float or array_like
        Standard deviations of the weights of the feed-forward network (times √fan_in).
    sigma_b : float or array_like
        Standard deviation of the biases of the output and feed-forward layers.
    scores, causal
        As `meanfield.Attention` takes them.
    norm : {"layernorm", "rmsnorm"}
        What stands before each branch.
    residual : float, array_like or str
        Factor of both branches: a number, as 1 or a value of LayerScale; "per_layer" for 1/√layers, "per_branch" for
        1/√(2·layers), or "rezero" for 0.
    layers : int, optional
        Depth, for the words that depend on it.

    Returns
    -------
    Network
        Two residual layers.

    Raises
    ------
    InvalidInput
        If an argument is out of its range.

    References
    ----------
    Xiong et al. 2020 (arXiv:2002.04745), table 1; Touvron et al. 2021 (arXiv:2103.17239) for LayerScale.

    Examples
    --------
    >>> import meanfield as mf
    >>> print(mf.written(mf.blocks.pre_ln_transformer("relu", sigma_2=2**0.5, residual="per_branch", layers=8)))
    residual(layernorm, attention(softmax), scale=0.25), residual(layernorm, dense(1.0), relu, \
dense(1.4142135623730951), scale=0.25)
    """
    scales = residual_scales(residual, layers)
    attention = _attention(sigma_attention, sigma_b, scores, sigma_qk, causal)
    mlp = _feed_forward(activation, gate, sigma_1, sigma_2, sigma_b)
    return Network(*(_around(scales, _norm(norm), *branch) for branch in ((attention,), mlp)))


def post_ln_transformer(
    activation: ActivationLike = "gelu",
    *,
    gate: ActivationLike | None = None,
    sigma_attention: ArrayLike = 1.0,
    sigma_qk: ArrayLike = 1.0,
    sigma_1: ArrayLike = 1.0,
    sigma_2: ArrayLike = 1.0,
    sigma_b: ArrayLike = 0.0,
    scores: str = "softmax",
    causal: bool = False,
    norm: str = "layernorm",
    residual: ArrayLike | str = 1.0,
    layers: int | None = None,
) -> Network:
    """A transformer layer with norms behind the sums: LN(x + f(x)), as in the first transformer and BERT.

    Parameters
    ----------
    activation, gate, sigma_attention, sigma_qk, sigma_1, sigma_2, sigma_b, scores, causal, norm, layers
        As `pre_ln_transformer` takes them.
    residual : float, array_like or str
        As there; also "deepnorm" for LN((2·layers)^¼ x + f(x)) with the weights of values, output and feed-forward
        network times (8·layers)^−¼.

    Returns
    -------
    Network
        Two residual layers with a norm behind each.

    Raises
    ------
    InvalidInput
        If an argument is out of its range.

    References
    ----------
    Vaswani et al. 2017 (arXiv:1706.03762), section 3.1; Wang et al. 2022 (arXiv:2203.00555), figure 2, for DeepNorm.

    Examples
    --------
    >>> import meanfield as mf
    >>> print(mf.written(mf.blocks.post_ln_transformer("relu", residual="deepnorm", layers=2)))
    residual(attention(0.25, softmax), skip=1.4142135623730951), layernorm, residual(dense(0.5), relu, dense(0.5), \
skip=1.4142135623730951), layernorm
    """
    scales = residual_scales(residual, layers, post_ln=True)
    values = scales.weights**2 * standard_deviation(sigma_attention, "sigma_attention")
    first, second = (
        scales.weights * standard_deviation(sigma, name) for sigma, name in ((sigma_1, "sigma_1"), (sigma_2, "sigma_2"))
    )
    attention = _attention(values, sigma_b, scores, sigma_qk, causal)
    mlp = _feed_forward(activation, gate, first, second, sigma_b)
    return Network(*(layer for branch in ((attention,), mlp) for layer in (_around(scales, *branch), _norm(norm))))


def parallel_transformer(
    activation: ActivationLike = "gelu",
    *,
    gate: ActivationLike | None = None,
    sigma_attention: ArrayLike = 1.0,
    sigma_qk: ArrayLike = 1.0,
    sigma_1: ArrayLike = 1.0,
    sigma_2: ArrayLike = 1.0,
    sigma_b: ArrayLike = 0.0,
    scores: str = "softmax",
    causal: bool = False,
    norm: str = "layernorm",
    residual: ArrayLike | str = 1.0,
    layers: int | None = None,
) -> Network:
    """A transformer layer whose branches are beside each other: x + f(LN(x)) + g(LN(x)), as in GPT-J and PaLM.

    Parameters
    ----------
    activation, gate, sigma_attention, sigma_qk, sigma_1, sigma_2, sigma_b, scores, causal, norm, residual, layers
        As `pre_ln_transformer` takes them.

    Returns
    -------
    Network
        One residual layer.

    Raises
    ------
    InvalidInput
        If an argument is out of its range.

    References
    ----------
    Wang & Komatsuzaki 2021 (GPT-J); Chowdhery et al. 2022 (arXiv:2204.02311), section 2.

    Examples
    --------
    >>> import meanfield as mf
    >>> print(mf.written(mf.blocks.parallel_transformer("relu", causal=True)))
    residual(layernorm, parallel(attention(softmax, causal), network(dense(1.0), relu, dense(1.0))))
    """
    attention = _attention(sigma_attention, sigma_b, scores, sigma_qk, causal)
    mlp = _feed_forward(activation, gate, sigma_1, sigma_2, sigma_b)
    return Network(_around(residual_scales(residual, layers), _norm(norm), Parallel(attention, mlp)))


def _attention(sigma: ArrayLike, sigma_b: ArrayLike, scores: str, sigma_qk: ArrayLike, causal: bool) -> Attention:
    return Attention(standard_deviation(sigma, "sigma_attention"), sigma_b, scores, sigma_qk, causal)


def _feed_forward(
    activation: ActivationLike, gate: ActivationLike | None, first: ArrayLike, second: ArrayLike, sigma_b: ArrayLike
) -> tuple[Layer, ...]:
    first, second = standard_deviation(first, "sigma_1"), standard_deviation(second, "sigma_2")
    inside = (Dense(first, sigma_b), as_layer(activation)) if gate is None else (Gated(gate, first, sigma_b),)
    return *inside, Dense(second, sigma_b)


def _norm(norm: str) -> Layer:
    return NORMS[choice(norm, "norm", tuple(NORMS))]()


def _around(scales: ResidualScales, *branch: Layer) -> Residual:
    return Residual(*branch, branch_scale=scales.branch, skip_scale=scales.skip)
