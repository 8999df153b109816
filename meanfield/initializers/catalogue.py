"""The catalogue of initialisation schemes, one row each."""

import math

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
    OWN_LAW,
    Parts,
    Scheme,
    Settings,
)
from meanfield.initializers.scheme_parameters import LARGEST, SMALLEST, Parameter, count, number, positive, required
from meanfield.initializers.truncated_normal import TruncatedNormal
from meanfield.recommendation.recommend import recommend

GLOROT = "Glorot & Bengio 2010, eq. 12"
HE = "He et al. 2015 (arXiv:1502.01852), eqs. 10 and 14"
LECUN = "LeCun et al. 1998, Efficient BackProp, section 4.6"
DEEPNET = "Wang et al. 2022 (arXiv:2203.00555), figure 2"

NEOX = "EleutherAI's gpt-neox, megatron/model/init_functions.py"
SIREN = "Sitzmann et al. 2020 (arXiv:2006.09661), section 3.2, and its code"

LAYERS = required(count(1))
HIDDEN_SIZE = {"hidden_size": count(1)}
OMEGA = {"omega_0": positive(30.0)}
STD = required(number(None, SMALLEST, high=LARGEST))
SLOPE = {"negative_slope": number(None)}


def forward_gain(phi: Activation) -> float:
    """The exact forward gain 1/√E φ(Z)²."""
    return float(gain(phi))


def fixed(s: Settings) -> Parts:
    """Entries of a fixed standard deviation."""
    return Parts(Scaled(s.law, s.values.number("std"), "fixed"))


def uniform(s: Settings) -> Parts:
    """Entries uniform on ±bound."""
    return Parts(Scaled(Named("uniform"), s.values.number("bound") / math.sqrt(3), "fixed"))


def he(s: Settings) -> Parts:
    """Gain √2, or √(2/(1 + slope²)) for a leaky ReLU of the given negative_slope."""
    given = s.values["negative_slope"] is not None
    gain = math.sqrt(2) / math.hypot(1, s.values.number("negative_slope")) if given else s.gain
    return Parts(Scaled(s.law, gain, s.mode))


def torch_linear(_: Settings) -> Parts:
    """Weights and biases uniform on ±1/√fan_in."""
    both = Scaled(Named("uniform"), 1 / math.sqrt(3), "fan_in")
    return Parts(both, both)


def torch_lstm(s: Settings) -> Parts:
    """Weights and both biases uniform on ±1/√hidden_size."""
    both = Scaled(Named("uniform"), 1 / math.sqrt(3 * s.values.count("hidden_size")), "fixed")
    return Parts(both, both)


def siren(s: Settings) -> Parts:
    """Weights uniform on ±√(6/fan_in)/ω₀, biases as nn.Linear has them."""
    weights = Scaled(Named("uniform"), math.sqrt(2) / s.values.number("omega_0"), "fan_in")
    return Parts(weights, torch_linear(s).biases)


def siren_first(s: Settings) -> Parts:
    """Weights uniform on ±1/fan_in, biases as nn.Linear has them."""
    return Parts(Scaled(Named("uniform"), 1 / math.sqrt(3), "fan_in squared"), torch_linear(s).biases)


def delta_orthogonal(s: Settings) -> Parts:
    """An orthogonal matrix at the centre of the kernel."""
    return Parts(DeltaOrthogonal(s.gain, s.values.sizes("kernel_size")))


def kernel_size(name: str, value: object) -> tuple[int, ...]:
    """Sizes of a kernel; a single number means one dimension."""
    sizes = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    if not sizes:
        raise InvalidInput(f"{name} needs a size for each dimension of the kernel, as (3, 3)")
    return tuple(whole(size, name, 10_000) for size in sizes)


def gpt2(s: Settings) -> Parts:
    """Standard deviation `std`, divided by √(2·layers) for projections into the residual stream."""
    divisor = 1 if s.values["layers"] is None else math.sqrt(2 * s.values.count("layers"))
    return Parts(Scaled(s.law, s.values.number("std") / divisor, "fixed"))


def mitchell(s: Settings) -> Parts:
    """A normal law cut at three standard deviations; `layer`, from 0, for projections into the residual stream."""
    divisor = 1 if s.values["layer"] is None else math.sqrt(2 * (s.values.count("layer") + 1))
    return Parts(Scaled(TruncatedNormal("uncorrected", 3.0), 1 / divisor, "fan_in"))


def of_hidden_size(s: Settings, gain: float) -> Parts:
    """Entries of standard deviation gain/√hidden_size, with the fan-in in its place if it is not given."""
    if s.values["hidden_size"] is None:
        return Parts(Scaled(s.law, gain, "fan_in"))
    return Parts(Scaled(s.law, gain / math.sqrt(s.values.count("hidden_size")), "fixed"))


def deepnet(s: Settings) -> Parts:
    """An encoder or a decoder alone."""
    n = s.values.count("layers")
    return _deepnet(s, alpha=(2 * n) ** 0.25, beta=(8 * n) ** -0.25)


def deepnet_encoder(s: Settings) -> Parts:
    """An encoder of N layers beside a decoder of M layers."""
    size = s.values.count("encoder_layers") ** 4 * s.values.count("decoder_layers")
    return _deepnet(s, alpha=0.81 * size ** (1 / 16), beta=0.87 * size ** (-1 / 16))


def deepnet_decoder(s: Settings) -> Parts:
    """A decoder of M layers beside an encoder."""
    m = s.values.count("decoder_layers")
    return _deepnet(s, alpha=(3 * m) ** 0.25, beta=(12 * m) ** -0.25)


def _deepnet(s: Settings, alpha: float, beta: float) -> Parts:
    return Parts(Scaled(s.law, beta * s.gain, s.mode), constants={"alpha": alpha, "beta": beta})


def fixup(s: Settings) -> Parts:
    """He initialisation scaled by layers^(−1/(2·branch_layers − 2))."""
    scale = s.values.count("layers") ** (-1 / (2 * s.values.count("branch_layers") - 2))
    return Parts(Scaled(s.law, scale * s.gain, s.mode), constants={"scale": scale})


def lsuv(s: Settings) -> Parts:
    """Orthonormal weights; their scale after the rescaling follows from the activation."""
    sigma_w = None if s.activation is None else forward_gain(s.activation)
    return Parts(DataDriven(sigma_w), constants={"tol": s.values.number("tol")})


def critical(s: Settings) -> Parts:
    """sigma_w and sigma_b of `recommend`, with Gaussian biases."""
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
        "he_normal", HE, "N(0, gain²/fan_in), gain = √2 by default",
        gain=math.sqrt(2), mode="fan_in", parameters=SLOPE, make=he,
    ),
    Scheme(
        "he_uniform", HE, "U(±gain·√(3/fan_in)), gain = √2 by default",
        gain=math.sqrt(2), mode="fan_in", law="uniform",
        parameters=SLOPE, make=he,
    ),
    Scheme("lecun_normal", LECUN, "N(0, gain²/fan_in), gain = 1", mode="fan_in"),
    Scheme("lecun_uniform", LECUN, "U(±gain·√(3/fan_in)), gain = 1", mode="fan_in", law="uniform"),
    Scheme(
        "variance_scaling", "keras.initializers.VarianceScaling; jax.nn.initializers.variance_scaling",
        "variance scale/fan, of a truncated normal law by default",
        gain=None, mode="fan_in", law="truncated_normal", parameters={"scale": positive(1.0)},
        make=lambda s: Parts(Scaled(s.law, math.sqrt(s.values.number("scale")), s.mode)),
    ),
    Scheme(
        "torch_linear", "torch.nn.Linear.reset_parameters",
        "weights and biases U(±1/√fan_in), which is kaiming_uniform with a = √5",
        gain=None, law=OWN_LAW, make=torch_linear,
    ),
    Scheme(
        "torch_lstm", "torch.nn.LSTM, GRU and RNN: RNNBase.reset_parameters",
        "weights and each of two biases U(±1/√hidden_size), whatever the fan-in",
        gain=None, law=OWN_LAW, parameters={"hidden_size": required(count(1))}, make=torch_lstm,
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
        make=lambda s: Parts(SparseRows(s.values.count("connections"), s.values.number("std"))),
    ),
    Scheme(
        "torch_sparse", "torch.nn.init.sparse_", "N(0, std²) but for a share `sparsity` of each column that is 0",
        gain=None, law=OWN_LAW,
        parameters={"sparsity": required(number(None, 0.0, high=1.0)), "std": positive(0.01)},
        make=lambda s: Parts(SparseColumns(s.values.number("sparsity"), s.values.number("std"))),
    ),
    Scheme(
        "gpt2", "Radford et al. 2019, section 2.3, and its code",
        "N(0, 0.02²); N(0, 0.02²/(2N)) with layers=N, for projections into the residual stream",
        gain=None, parameters={"std": positive(0.02), "layers": count(1)}, make=gpt2,
    ),
    Scheme(
        "small_init", f"Nguyen & Salazar 2019 (arXiv:1910.05895), section 2.2; {NEOX}",
        "N(0, 2/(5·hidden_size)), with the fan-in for hidden_size by default",
        gain=None, parameters=HIDDEN_SIZE, make=lambda s: of_hidden_size(s, math.sqrt(2 / 5)),
    ),
    Scheme(
        "wang_init", NEOX, "N(0, 4/(layers²·hidden_size)), with the fan-in for hidden_size by default",
        gain=None, parameters={"layers": LAYERS, **HIDDEN_SIZE},
        make=lambda s: of_hidden_size(s, 2 / s.values.count("layers")),
    ),
    Scheme(
        "mitchell", "Groeneveld et al. 2024 (OLMo, arXiv:2402.00838): olmo/initialization.py",
        "N(0, 1/fan_in) cut at ±3/√fan_in; divided by √(2·(layer + 1)) for projections into the residual stream",
        gain=None, law=OWN_LAW, parameters={"layer": count(0)}, make=mitchell,
    ),
    Scheme(
        "spectral", "Yang, Simon & Bernstein 2023 (arXiv:2310.17813), parametrization 1",
        "N(0, gain²·min(1, fan_out/fan_in)/fan_in), gain = 1", mode="spectral",
    ),
    Scheme(
        "siren", SIREN, "weights U(±√(6/fan_in)/omega_0), biases U(±1/√fan_in) as in nn.Linear",
        gain=None, law=OWN_LAW, parameters=OMEGA, make=siren,
    ),
    Scheme(
        "siren_first", SIREN, "first layer: weights U(±1/fan_in), biases U(±1/√fan_in) as in nn.Linear",
        gain=None, law=OWN_LAW, make=siren_first,
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
        "He times L^(-1/(2m - 2)) in each of L branches of m layers; the last layer of a branch starts at 0",
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
        "diagonal·I + noise·N(0, 1/fan_in); the theory of independent weights holds for linear networks only",
        gain=None, parameters={"diagonal": number(1.0), "noise": number(0.1, 0.0)},
        make=lambda s: Parts(DiagonalPlusNoise(s.law, s.values.number("diagonal"), s.values.number("noise"))),
    ),
    Scheme(
        "critical", "meanfield.recommend", "N(0, sigma_w²/fan_in), biases N(0, sigma_b²), as recommended for φ",
        gain=None, activation=True, make=critical,
    ),
)  # fmt: skip

SCHEMES: dict[str, Scheme] = {row.name: row for row in ROWS}
