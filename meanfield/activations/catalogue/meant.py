"""Words that name no activation, and what is meant by them."""

from meanfield.activations.catalogue.table import normalised

NORMS = ("layernorm", "rmsnorm", "batchnorm", "groupnorm")
#: Layers by the names that they have in frameworks, in the words of a network's text.
LAYER_WORDS = {
    **dict.fromkeys(("dense", "fc", "fully_connected", "affine", "nn.linear"), "dense(sigma_w, sigma_b)"),
    **dict.fromkeys(
        ("conv", "conv1d", "conv2d", "conv3d", "conv1x1", "conv3x3", "convolution"), "conv(sigma_w, sigma_b)"
    ),
    **dict.fromkeys(("layernorm", "ln", "layer_normalization"), "layernorm"),
    **dict.fromkeys(("rmsnorm", "rms", "rms_normalization"), "rmsnorm"),
    **dict.fromkeys(("batchnorm", "bn", "batchnorm1d", "batch_normalization"), "batchnorm(batch_size)"),
    **dict.fromkeys(("batchnorm2d", "batchnorm3d"), "batchnorm(batch_size, pixels)"),
    **dict.fromkeys(("groupnorm", "gn", "group_normalization"), "groupnorm(groups)"),
    **dict.fromkeys(("dropout", "dropout1d", "dropout2d"), "dropout(rate)"),
    **dict.fromkeys(("avgpool", "avgpool1d", "avgpool2d", "average_pool", "average_pooling2d"), "average_pool(size)"),
    **dict.fromkeys(
        ("gap", "global_avg_pool", "global_average_pool", "global_average_pooling2d", "adaptive_avg_pool2d"),
        "global_average_pool",
    ),
    **dict.fromkeys(("skip", "skip_connection", "shortcut", "res", "resblock", "residual"), "residual(…)"),
    **dict.fromkeys(("concatenate", "concat", "dense_block"), "concatenate(…)"),
    **dict.fromkeys(("sequential", "network", "mlp"), "network(…)"),
    **dict.fromkeys(
        ("attention", "mha", "multihead_attention", "self_attention", "softmax_attention"),
        "attention(softmax)",
    ),
    **dict.fromkeys(("flatten", "reshape"), "flatten"),
    **dict.fromkeys(("noise", "gaussian_noise"), "additive_noise(std)"),
    "gaussian_dropout": "multiplicative_noise(std)",
    "additive_noise": "additive_noise(std)",
    "multiplicative_noise": "multiplicative_noise(std)",
    # Dauphin et al. 2017 (arXiv:1612.08083), Shazeer 2020 (arXiv:2002.05202)
    **dict.fromkeys(("gated", "glu"), "gated(sigmoid)"),
    "swiglu": "gated(silu)",
    "geglu": "gated(gelu)",
    "reglu": "gated(relu)",
    "bilinear": "gated(linear)",
}
#: Functions that read several units or points at once.
COUPLED = ("softmax", "log_softmax", "softmin", "gumbel_softmax", "softmax2d", "maxout", "crelu", "sparsemax", "entmax")
POOLS = ("maxpool", "maxpool1d", "maxpool2d", "max_pooling2d", "adaptive_max_pool2d")
NO_LAYERS = ("lstm", "gru", "rnn", "embedding", "transformer", "mamba")
OTHER_NORMS = ("instancenorm", "instancenorm1d", "instancenorm2d", "weightnorm", "spectralnorm")
#: Functions that the grammar of formulas can write, but that have several meanings or no row.
FORMULAS = {
    "laplace": "Phi((x - 0.707107)/0.282095), as in transformers",
    "sinc": "sin(x)/x, or sin(pi*x)/(pi*x) as in NumPy",
    "mod": "x - n*floor(x/n)",
    "fmod": "x - n*trunc(x/n)",
    "int": "trunc(x)",
    "erfcx": "exp(x**2)*erfc(x)",
    "cbrt": "sign(x)*abs(x)**(1/3)",
}

_LAYERS = {normalised(word): layer for word, layer in LAYER_WORDS.items()}
_COUPLED, _POOLS, _NORMS, _NO_LAYERS = (
    {normalised(word) for word in words} for words in (COUPLED, POOLS, OTHER_NORMS, NO_LAYERS)
)


def layer_meant(name: str) -> str | None:
    """The layer, in the words of a network's text, that a word names elsewhere; None if it names none.

    Examples
    --------
    >>> layer_meant("SwiGLU"), layer_meant("nn.Conv2d"), layer_meant("tanh")
    ('gated(silu)', 'conv(sigma_w, sigma_b)', None)
    """
    return _LAYERS.get(normalised(name)) or _LAYERS.get(normalised(name.rpartition(".")[2]))


def meant(name: str) -> str:
    """The end of a sentence that says what is meant by a word that is no activation; "" if nothing is known of it.

    Examples
    --------
    >>> meant("fc")
    'it is a layer: write dense(sigma_w, sigma_b) in a network'
    """
    word = normalised(name.rpartition(".")[2])
    if layer := layer_meant(name):
        return f"it is a layer: write {layer} in a network"
    if word in _COUPLED:
        return "it reads several units at once, and an activation reads one; softmax over tokens is the layer attention"
    if word in _POOLS:
        return "the moments of a maximum over pixels are not known; average_pool is the pooling layer"
    if word in _NORMS:
        return f"the norms are {', '.join(NORMS)}"
    if word in _NO_LAYERS:
        return "it is none of the layers whose moments are known"
    return f"write {FORMULAS[word]}" if word in FORMULAS else ""
