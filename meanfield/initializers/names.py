"""The names that initialisation schemes have in torch, Keras, JAX, Haiku and papers."""

import difflib
import re

from meanfield.errors import InvalidInput, shown
from meanfield.initializers.catalogue import SCHEMES

Arguments = dict[str, str | float]

TRUNCATED: Arguments = {"law": "truncated_normal"}
UNCORRECTED: Arguments = {"convention": "uncorrected"}
#: A name elsewhere: the scheme, and the arguments that the name implies.
ALIASES: dict[str, tuple[str, Arguments]] = {
    "gaussian": ("normal", {}),
    "random_normal": ("normal", {}),
    "random_uniform": ("uniform", {}),
    "trunc_normal": ("truncated_normal", {"convention": "absolute"}),
    "keras_truncated_normal": ("truncated_normal", UNCORRECTED),
    "jax_truncated_normal": ("truncated_normal", UNCORRECTED),
    "haiku_truncated_normal": ("truncated_normal", UNCORRECTED),
    "glorot_normal": ("xavier_normal", {}),
    "glorot_uniform": ("xavier_uniform", {}),
    "keras_dense": ("xavier_uniform", {}),
    "keras_default": ("xavier_uniform", {}),
    "kaiming_normal": ("he_normal", {}),
    "kaiming_uniform": ("he_uniform", {}),
    "msra": ("he_normal", {}),  # Caffe's filler
    "msra_fill": ("he_normal", {}),
    "c2_msra_fill": ("he_normal", {"mode": "fan_out"}),  # of fvcore and Detectron2
    "c2_xavier_fill": ("lecun_uniform", {}),
    "flax_dense": ("lecun_normal", TRUNCATED),
    "flax_default": ("lecun_normal", TRUNCATED),
    "jax_default": ("lecun_normal", TRUNCATED),
    "haiku_linear": ("lecun_normal", {**TRUNCATED, **UNCORRECTED}),  # stddev = 1/√fan_in before the cut at ±2 stddev
    "haiku_default": ("lecun_normal", {**TRUNCATED, **UNCORRECTED}),
    "torch_default": ("torch_linear", {}),
    "torch_conv": ("torch_linear", {}),
    "torch_gru": ("torch_lstm", {}),
    "torch_rnn": ("torch_lstm", {}),
    "deepnorm": ("deepnet", {}),
    "identity": ("diagonal_plus_noise", {"noise": 0.0}),
    "eye": ("diagonal_plus_noise", {"noise": 0.0}),
    "gpt_neox_small_init": ("small_init", {}),
    "olmo": ("mitchell", {}),
}
#: Names of families: which of their laws is meant cannot be told.
FAMILIES = {
    **dict.fromkeys(("xavier", "glorot"), ("xavier_normal", "xavier_uniform")),
    **dict.fromkeys(("kaiming", "he"), ("he_normal", "he_uniform")),
    "lecun": ("lecun_normal", "lecun_uniform"),
    **dict.fromkeys(("torch", "pytorch", "default"), ("torch_linear", "torch_lstm")),
    "keras": ("keras_dense", "variance_scaling"),
    "jax": ("flax_dense", "haiku_linear", "variance_scaling"),
    "mup": ("spectral", "lecun_normal"),
}
NOT_RANDOM = ("zeros", "ones", "constant", "dirac")
#: The framework to which the first word before a dot belongs.
FRAMEWORKS = {
    **dict.fromkeys(("torch", "nn", "init", "timm"), "torch"),
    **dict.fromkeys(("keras", "tf", "tensorflow"), "keras"),
    **dict.fromkeys(("jax", "flax", "linen", "nnx"), "jax"),
    **dict.fromkeys(("hk", "haiku"), "haiku"),
}
#: Layers of a framework: the scheme that they draw by default.
OF_LAYERS = {
    "torch": {
        **dict.fromkeys(("linear", "conv1d", "conv2d", "conv3d"), "torch_linear"),
        **dict.fromkeys(("lstm", "gru", "rnn"), "torch_lstm"),
        "dense": "flax_dense",  # flax.linen is imported as nn
    },
    "keras": dict.fromkeys(("dense", "conv1d", "conv2d", "conv3d"), "keras_dense"),
    "jax": dict.fromkeys(("dense", "linear", "conv"), "flax_dense"),
    "haiku": dict.fromkeys(("linear", "conv1d", "conv2d", "conv3d"), "haiku_linear"),
}
PLAIN_ELSEWHERE = ("xavier_normal", "he_normal", "lecun_normal")  # Keras, JAX and Haiku truncate them


def normalised(name: str) -> str:
    """A name without letter case and the characters ``-_ ``."""
    return re.sub(r"[-_ ]", "", name.casefold())


_NAMES: dict[str, tuple[str, Arguments]] = {name: (name, {}) for name in SCHEMES}
_BY_NAME = {normalised(name): meant for name, meant in (_NAMES | ALIASES).items()}


def find_scheme(name: str) -> tuple[str, Arguments]:
    """The canonical name of a scheme, and the arguments that `name` implies.

    Examples
    --------
    >>> find_scheme("torch.nn.init.kaiming_uniform_"), find_scheme("keras.initializers.HeNormal")
    (('he_uniform', {}), ('he_normal', {'law': 'truncated_normal'}))
    """
    in_place = name.strip().endswith("_") and _BY_NAME.get(f"torch{normalised(name)}")  # sparse_ is torch's
    if meant := in_place or _BY_NAME.get(normalised(name)):
        return meant
    path, _, last = name.strip().rpartition(".")
    framework, word = FRAMEWORKS.get(path.partition(".")[0].casefold()), normalised(last)
    if framework is not None:
        word = normalised(OF_LAYERS[framework].get(word, word))
        for full in (f"{framework}{word}", word):
            if meant := _BY_NAME.get(full):
                truncated = framework != "torch" and meant[0] in PLAIN_ELSEWHERE
                return (meant[0], TRUNCATED | meant[1]) if truncated else meant
    if word in FAMILIES:
        raise InvalidInput(f"{shown(name)} names several schemes: choose {' or '.join(FAMILIES[word])}")
    if word in NOT_RANDOM:
        raise InvalidInput(f"{shown(name)} draws nothing at random; the theory is of random weights")
    near = difflib.get_close_matches(word[:64], _BY_NAME, n=6, cutoff=0.55)
    names = list(dict.fromkeys(_BY_NAME[match][0] for match in near))[:3]
    hint = f"the nearest names are {', '.join(names)}" if names else "meanfield.schemes() lists the names"
    raise InvalidInput(f"no initialisation scheme is called {shown(name)}; {hint}")
