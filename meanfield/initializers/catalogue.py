"""The table of schemes. To add one, add a row."""

import math
from typing import Any

from meanfield.activations.activation import Activation
from meanfield.activations.gains import gain
from meanfield.arguments import whole
from meanfield.errors import InvalidInput
from meanfield.initializers.lsuv import DataDrivenInitializer
from meanfield.initializers.matrix_ensembles import (
    DataDriven,
    DeltaOrthogonal,
    DiagonalPlusNoise,
    Named,
    Scaled,
    SparseColumns,
    SparseRows,
)
from meanfield.initializers.scheme import (
    LARGEST,
    OWN_LAW,
    SMALLEST,
    Parameter,
    Parts,
    Scheme,
    Settings,
    count,
    needed,
    number,
    positive,
)
from meanfield.recommendation.recommend import recommend

GLOROT = "Glorot & Bengio 2010, eq. 12"
HE = "He et al. 2015 (arXiv:1502.01852), eqs. 10 and 14"
LECUN = "LeCun et al. 1998, Efficient BackProp, section 4.6"
DEEPNET = "Wang et al. 2022 (arXiv:2203.00555), figure 2"

LAYERS = needed(count(1))
STD = needed(number(None, SMALLEST, high=LARGEST))
SLOPE = {"negative_slope": number(None)}


def forward_gain(phi: Activation) -> float:
    """1/√E φ(Z)²."""
    return float(gain(phi))


def fixed(s: Settings) -> Parts:
    """Entries of a standard deviation that does not look at the fans."""
    return Parts(Scaled(s.law, s.values["std"], "fixed"))


def uniform(s: Settings) -> Parts:
    """Entries uniform within ±bound."""
    return Parts(Scaled(Named("uniform"), s.values["bound"] / math.sqrt(3), "fixed"))


def he(s: Settings) -> Parts:
    """With negative_slope, the gain √(2/(1 + slope²)) of that leaky ReLU."""
    slope = s.values["negative_slope"]
    return Parts(Scaled(s.law, s.gain if slope is None else math.sqrt(2) / math.hypot(1, slope), s.mode))


def torch_linear(_: Settings) -> Parts:
    """Weights and biases uniform within ±1/√fan_in."""
    both = Scaled(Named("uniform"), 1 / math.sqrt(3), "fan_in")
    return Parts(both, both)


def delta_orthogonal(s: Settings) -> Parts:
    """A matrix at the centre of the kernel."""
    return Parts(DeltaOrthogonal(s.gain, s.values["kernel_size"]))


def kernel_size(name: str, value: Any) -> tuple[int, ...]:
    """Sizes of a kernel; a number is a kernel of one dimension."""
    sizes = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    if not sizes:
        raise InvalidInput(f"{name} needs a size for each dimension of the kernel, as (3, 3)")
    return tuple(whole(size, name, 10_000) for size in sizes)


def gpt2(s: Settings) -> Parts:
    """With layers, what the projections into the residual stream get."""
    layers = s.values["layers"]
    return Parts(Scaled(s.law, s.values["std"] / math.sqrt(1 if layers is None else 2 * layers), "fixed"))


def deepnet(s: Settings) -> Parts:
    """Of an encoder or decoder alone."""
    n = s.values["layers"]
    return _deepnet(s, alpha=(2 * n) ** 0.25, beta=(8 * n) ** -0.25)


def deepnet_encoder(s: Settings) -> Parts:
    """Of an encoder of N layers that has a decoder of M."""
    size = s.values["encoder_layers"] ** 4 * s.values["decoder_layers"]
    return _deepnet(s, alpha=0.81 * size ** (1 / 16), beta=0.87 * size ** (-1 / 16))


def deepnet_decoder(s: Settings) -> Parts:
    """Of a decoder of M layers that has an encoder."""
    m = s.values["decoder_layers"]
    return _deepnet(s, alpha=(3 * m) ** 0.25, beta=(12 * m) ** -0.25)


def _deepnet(s: Settings, alpha: float, beta: float) -> Parts:
    return Parts(Scaled(s.law, beta * s.gain, s.mode), constants={"alpha": alpha, "beta": beta})


def fixup(s: Settings) -> Parts:
    """He's, scaled down by the number of branches."""
    scale = s.values["layers"] ** (-1 / (2 * s.values["branch_layers"] - 2))
    return Parts(Scaled(s.law, scale * s.gain, s.mode), constants={"scale": scale})


def lsuv(s: Settings) -> Parts:
    """Orthonormal; how large it becomes is known where the activation is."""
    sigma_w = None if s.activation is None else forward_gain(s.activation)
    return Parts(DataDriven(sigma_w), constants={"tol": s.values["tol"]})


def critical(s: Settings) -> Parts:
    """What `recommend` says, its biases Gaussian."""
    if s.activation is None:
        raise InvalidInput("critical needs the activation, as initializer('critical', activation='gelu')")
    advice = recommend(s.activation)
    biases = Scaled(Named("gaussian"), advice.sigma_b, "fixed") if advice.sigma_b else None
    return Parts(Scaled(s.law, advice.sigma_w, "fan_in"), biases, {"q": advice.q})


ROWS = (
    Scheme("normal", "torch.nn.init.normal_", "N(0, std²)", gain=None, parameters={"std": STD}, make=fixed),
    Scheme(
        "uniform", "torch.nn.init.uniform_", "U(-bound, bound), of variance bound²/3",
        gain=None, law=OWN_LAW, parameters={"bound": STD}, make=uniform,
    ),
    Scheme(
        "truncated_normal", "tf.random.truncated_normal; torch.nn.init.trunc_normal_; jax.nn.initializers",
        "N(0, std²) cut at ±bound, as the convention says",
        gain=None, law="truncated_normal", parameters={"std": STD}, make=fixed,
    ),
    Scheme("xavier_normal", GLOROT, "N(0, 2·gain²/(fan_in + fan_out))", mode="fan_avg"),
    Scheme("xavier_uniform", GLOROT, "U(±gain·√(6/(fan_in + fan_out)))", mode="fan_avg", law="uniform"),
    Scheme(
        "he_normal", HE, "N(0, gain²/fan_in), gain = √2 unless said otherwise",
        gain=math.sqrt(2), mode="fan_in", parameters=SLOPE, make=he,
    ),
    Scheme(
        "he_uniform", HE, "U(±gain·√(3/fan_in)), gain = √2 unless said otherwise",
        gain=math.sqrt(2), mode="fan_in", law="uniform",
        parameters=SLOPE, make=he,
    ),
    Scheme("lecun_normal", LECUN, "N(0, gain²/fan_in), gain = 1", mode="fan_in"),
    Scheme("lecun_uniform", LECUN, "U(±gain·√(3/fan_in)), gain = 1", mode="fan_in", law="uniform"),
    Scheme(
        "torch_linear", "torch.nn.Linear.reset_parameters",
        "weights and biases U(±1/√fan_in), which is kaiming_uniform with a = √5",
        gain=None, law=OWN_LAW, make=torch_linear,
    ),
    Scheme(
        "orthogonal", "Saxe et al. 2014 (arXiv:1312.6120)",
        "gain times orthonormal rows or columns, whichever are fewer; variance gain²/max(fan_in, fan_out)",
        mode="larger", law=OWN_LAW, make=lambda s: Parts(Scaled(Named("orthogonal"), s.gain, s.mode)),
    ),
    Scheme(
        "delta_orthogonal", "Xiao et al. 2018 (arXiv:1806.05393)",
        "gain times an orthogonal matrix at the kernel's centre, 0 elsewhere",
        law=OWN_LAW, parameters={"kernel_size": Parameter(kernel_size, (3, 3))}, make=delta_orthogonal,
    ),
    Scheme(
        "sparse", "Martens 2010 (ICML)", "N(0, std²) for `connections` inputs of each unit, else 0",
        gain=None, law=OWN_LAW,
        parameters={"connections": count(1, 15), "std": positive(1.0)},
        make=lambda s: Parts(SparseRows(s.values["connections"], s.values["std"])),
    ),
    Scheme(
        "torch_sparse", "torch.nn.init.sparse_", "N(0, std²) but for a share `sparsity` of each column that is 0",
        gain=None, law=OWN_LAW,
        parameters={"sparsity": needed(number(None, 0.0, high=1.0)), "std": positive(0.01)},
        make=lambda s: Parts(SparseColumns(s.values["sparsity"], s.values["std"])),
    ),
    Scheme(
        "gpt2", "Radford et al. 2019, section 2.3, and its code",
        "N(0, 0.02²); with layers=N that of projections into the residual stream, N(0, 0.02²/(2N))",
        gain=None, parameters={"std": positive(0.02), "layers": count(1)}, make=gpt2,
    ),
    Scheme(
        "deepnet", DEEPNET, "Xavier with gain (8N)^(-1/4) for values, output projections and feed-forward layers",
        mode="fan_avg", parameters={"layers": LAYERS}, make=deepnet,
    ),
    Scheme(
        "deepnet_encoder", DEEPNET, "Xavier with gain 0.87·(N⁴M)^(-1/16), N encoder and M decoder layers",
        mode="fan_avg", parameters={"encoder_layers": LAYERS, "decoder_layers": LAYERS}, make=deepnet_encoder,
    ),
    Scheme(
        "deepnet_decoder", DEEPNET, "Xavier with gain (12M)^(-1/4), M decoder layers",
        mode="fan_avg", parameters={"decoder_layers": LAYERS}, make=deepnet_decoder,
    ),
    Scheme(
        "fixup", "Zhang et al. 2019 (arXiv:1901.09321)",
        "He times L^(-1/(2m - 2)) in each of L branches of m layers, whose last one begins at 0",
        gain=math.sqrt(2), mode="fan_in",
        parameters={"layers": LAYERS, "branch_layers": count(2, 2)}, make=fixup,
    ),
    Scheme(
        "lsuv", "Mishkin & Matas 2016 (arXiv:1511.06422), algorithm 1",
        "orthonormal, then divided by the standard deviation of the outputs",
        gain=None, law=OWN_LAW, activation=True, kind=DataDrivenInitializer,
        parameters={"tol": positive(0.1)}, make=lsuv,
    ),
    Scheme(
        "diagonal_plus_noise", "identity: Le, Jaitly & Hinton 2015 (arXiv:1504.00941)",
        "diagonal·I + noise·N(0, 1/fan_in); its maps are those of independent weights in linear networks only",
        gain=None, parameters={"diagonal": number(1.0), "noise": number(0.1, 0.0)},
        make=lambda s: Parts(DiagonalPlusNoise(s.law, s.values["diagonal"], s.values["noise"])),
    ),
    Scheme(
        "critical", "meanfield.recommend", "N(0, sigma_w²/fan_in), biases N(0, sigma_b²), as recommended for φ",
        gain=None, activation=True, make=critical,
    ),
)  # fmt: skip

SCHEMES: dict[str, Scheme] = {row.name: row for row in ROWS}

TRUNCATED = {"law": "truncated_normal"}
#: Other names, as in torch, Keras and JAX, with the arguments that they stand for.
ALIASES: dict[str, tuple[str, dict[str, Any]]] = {
    "gaussian": ("normal", {}),
    "random_normal": ("normal", {}),
    "random_uniform": ("uniform", {}),
    "trunc_normal": ("truncated_normal", {"convention": "absolute"}),
    "keras_truncated_normal": ("truncated_normal", {"convention": "uncorrected"}),
    "jax_truncated_normal": ("truncated_normal", {"convention": "uncorrected"}),
    "glorot_normal": ("xavier_normal", {}),
    "glorot_uniform": ("xavier_uniform", {}),
    "keras_dense": ("xavier_uniform", {}),
    "keras_default": ("xavier_uniform", {}),
    "kaiming_normal": ("he_normal", {}),
    "kaiming_uniform": ("he_uniform", {}),
    "flax_dense": ("lecun_normal", TRUNCATED),
    "flax_default": ("lecun_normal", TRUNCATED),
    "jax_default": ("lecun_normal", TRUNCATED),
    "torch_default": ("torch_linear", {}),
    "deepnorm": ("deepnet", {}),
}
