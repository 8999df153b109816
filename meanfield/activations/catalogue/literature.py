"""Activations of the literature that torch.nn, jax.nn, Keras, transformers and timm do not have."""

import math

import numpy as np

from meanfield.activations import stable_functions as stable
from meanfield.activations.catalogue.entry import Entry, Real, integer, positive
from meanfield.activations.symmetry import EVEN, ODD, Symmetry, two_slopes
from meanfield.special_functions import special


def quantiser_thresholds(levels: int) -> tuple[float, ...]:
    """Where the quantised sign steps up: 2(k − N/2)/(N − 1) for k = 1 … N − 1."""
    return tuple((2 * k - levels) / (levels - 1) for k in range(1, levels))


def _quantiser_formula(levels: int) -> str:
    if levels > 64:
        return ""
    steps = " + ".join(f"where(x > ({t!r}), 1, 0)" for t in quantiser_thresholds(levels))
    return f"-1 + 2*({steps})/{levels - 1}"


def _symmetry_of_xielu(alpha_p: float, alpha_n: float, beta: float) -> Symmetry:
    straight = alpha_p == alpha_n == 0
    return two_slopes(beta, beta) if straight else Symmetry()


LITERATURE = (
    Entry(
        "squared_relu",
        lambda x: np.maximum(x, 0.0) ** 2,
        lambda x: 2 * np.maximum(x, 0.0),
        "max(x, 0)**2",
        "So et al. 2021 (arXiv:2109.08668)",
        aliases=("relu_squared", "relu_sq", "relu2", "sqrelu"),
        breakpoints=(0.0,),
    ),
    Entry(
        "star_relu",
        lambda x, scale, bias: scale * np.maximum(x, 0.0) ** 2 + bias,
        lambda x, scale, bias: 2 * scale * np.maximum(x, 0.0),
        "{scale}*max(x, 0)**2 + {bias}",
        "Yu et al. 2022 (arXiv:2210.13452), equation 5",
        breakpoints=lambda scale, bias: (0.0,) if scale else (),
        symmetry=lambda scale, bias: Symmetry(scale == bias == 0, scale == 0, scale == bias == 0, scale == 0),
        parameters={"scale": Real(0.8944), "bias": Real(-0.4472)},
    ),
    Entry(
        "erf",
        lambda x: special.erf(x),
        lambda x: 2 / math.sqrt(math.pi) * np.exp(-x * x),
        "erf(x)",
        "Williams 1996 (Computing with infinite networks, NIPS)",
        symmetry=ODD,
    ),
    Entry(
        "normal_cdf",
        lambda x: special.ndtr(x),
        stable.normal_density,
        "Phi(x)",
        "Williams 1996 (Computing with infinite networks, NIPS), shifted and scaled",
        aliases=("ndtr", "probit"),
    ),
    Entry(
        "sin",
        lambda x: np.sin(x),
        lambda x: np.cos(x),
        "sin(x)",
        "Parascandolo, Huttunen, Virtanen 2016 (Taming the waves)",
        aliases=("sine",),
        symmetry=ODD,
    ),
    Entry(
        "siren",
        lambda x, omega_0: np.sin(omega_0 * x),
        lambda x, omega_0: omega_0 * np.cos(omega_0 * x),
        "sin({omega_0}*x)",
        "Sitzmann, Martel, Bergman, Lindell, Wetzstein 2020 (arXiv:2006.09661)",
        symmetry=ODD,
        parameters={"omega_0": positive(30.0)},
    ),
    Entry(
        "cos",
        lambda x: np.cos(x),
        lambda x: -np.sin(x),
        "cos(x)",
        "Rahimi, Recht 2007 (NIPS)",
        aliases=("cosine",),
        symmetry=EVEN,
    ),
    Entry(
        "snake",
        lambda x, alpha: x + np.sin(alpha * x) ** 2 / alpha,
        lambda x, alpha: (np.sin(alpha * x) + np.cos(alpha * x)) ** 2,
        "x + sin({alpha}*x)**2/{alpha}",
        "Ziyin, Hartwig, Ueda 2020 (arXiv:2006.08195)",
        parameters={"alpha": positive(1.0)},
    ),
    Entry(
        "gaussian",
        lambda x: np.exp(-x * x),
        lambda x: -2 * x * np.exp(-x * x),
        "exp(-x**2)",
        "Broomhead, Lowe 1988 (Complex Systems 2)",
        aliases=("rbf", "gauss"),
        symmetry=EVEN,
    ),
    Entry(
        "gabor",
        lambda x: np.exp(-x * x) * np.sin(x),
        lambda x: np.exp(-x * x) * (np.cos(x) - 2 * x * np.sin(x)),
        "exp(-x**2)*sin(x)",
        "neural_tangents.stax.Gabor",
        symmetry=ODD,
    ),
    Entry(
        "monomial",
        lambda x, degree: x**degree,
        lambda x, degree: degree * x ** (degree - 1),
        "x**{degree}",
        "Livni, Shalev-Shwartz, Shamir 2014 (arXiv:1410.1141)",
        aliases=("power", "square", "quadratic"),
        symmetry=lambda degree: Symmetry(degree % 2 == 1, degree % 2 == 0, degree == 1),
        parameters={"degree": integer(2, 1, 64)},
    ),
    Entry(
        "step",
        lambda x: x > 0,
        np.zeros_like,
        "where(x > 0, 1, 0)",
        "McCulloch, Pitts 1943",
        aliases=("heaviside", "binary_step", "unit_step"),
        breakpoints=(0.0,),
        jumps=(0.0,),
    ),
    Entry(
        "sign",
        lambda x: np.sign(x),
        np.zeros_like,
        "sign(x)",
        "Hubara, Courbariaux, Soudry, El-Yaniv, Bengio 2016 (arXiv:1602.02830)",
        aliases=("sgn", "signum"),
        breakpoints=(0.0,),
        jumps=(0.0,),
        symmetry=ODD,
    ),
    Entry(
        "quantised_sign",
        lambda x, levels: (2 * np.searchsorted(quantiser_thresholds(levels), x) - (levels - 1)) / (levels - 1),
        lambda x, levels: np.zeros_like(x),
        _quantiser_formula,
        "Blumenfeld, Gilboa, Soudry 2019 (arXiv:1906.00771)",
        aliases=("quantized_sign", "quantised", "quantized", "quantiser", "quantizer"),
        breakpoints=quantiser_thresholds,
        jumps=quantiser_thresholds,
        symmetry=ODD,
        parameters={"levels": integer(4, 2, 4096)},
    ),
    Entry(
        "abs",
        lambda x: np.abs(x),
        lambda x: np.where(x > 0, 1.0, -1.0),
        "abs(x)",
        "Jarrett, Kavukcuoglu, Ranzato, LeCun 2009 (ICCV)",
        aliases=("absolute", "modulus"),
        breakpoints=(0.0,),
        symmetry=two_slopes(-1.0, 1.0),
    ),
    Entry(
        "abrelu",
        lambda x, a, b: np.where(x > 0, b * x, a * x),
        lambda x, a, b: np.where(x > 0, b, a),
        "where(x > 0, {b}*x, {a}*x)",
        "neural_tangents.stax.ABRelu: a min(x, 0) + b max(x, 0)",
        breakpoints=lambda a, b: (0.0,) if a != b else (),
        symmetry=lambda a, b: two_slopes(a, b),
        parameters={"a": Real(0.2), "b": Real(1.0)},
    ),
    Entry(
        "dyt",
        lambda x, alpha: np.tanh(alpha * x),
        lambda x, alpha: alpha * stable.sech_squared(alpha * x),
        "tanh({alpha}*x)",
        "Zhu, Chen, He, LeCun, Liu 2025 (arXiv:2503.10622)",
        aliases=("dynamic_tanh",),
        symmetry=ODD,
        parameters={"alpha": positive(0.5)},
    ),
    Entry(
        "lecun_tanh",
        lambda x: 1.7159 * np.tanh(x * (2 / 3)),
        lambda x: 1.7159 * (2 / 3) * stable.sech_squared(x * (2 / 3)),
        "1.7159*tanh(2*x/3)",
        "LeCun, Bottou, Orr, Müller 1998 (Efficient BackProp)",
        symmetry=ODD,
    ),
    Entry(
        "isru",
        lambda x, alpha: x / np.sqrt(1 + alpha * x * x),
        lambda x, alpha: (1 + alpha * x * x) ** -1.5,
        "x/sqrt(1 + {alpha}*x**2)",
        "Carlile et al. 2017 (arXiv:1710.09967)",
        symmetry=ODD,
        parameters={"alpha": positive(1.0)},
    ),
    Entry(
        "isrlu",
        lambda x, alpha: x / np.sqrt(1 + alpha * np.minimum(x, 0.0) ** 2),
        lambda x, alpha: (1 + alpha * np.minimum(x, 0.0) ** 2) ** -1.5,
        "where(x > 0, x, x/sqrt(1 + {alpha}*x**2))",
        "Carlile et al. 2017 (arXiv:1710.09967)",
        breakpoints=(0.0,),
        parameters={"alpha": positive(1.0)},
    ),
    Entry(
        "bent_identity",
        stable.bent_identity,
        lambda x: 1 + 0.5 * x / np.sqrt(x * x + 1),
        "(sqrt(x**2 + 1) - 1)/2 + x",
        "folklore, without a paper",
    ),
    Entry("serf", stable.serf, stable.dserf, "x*erf(softplus(x))", "Nag, Bhattacharyya 2021 (arXiv:2108.09598)"),
    Entry(
        "xielu",
        lambda x, alpha_p, alpha_n, beta: (
            np.where(x > 0, alpha_p * x * x, alpha_n * stable.exp_remainder(np.minimum(x, 0.0))) + beta * x
        ),
        lambda x, alpha_p, alpha_n, beta: (
            np.where(x > 0, 2 * alpha_p * x, alpha_n * np.expm1(np.minimum(x, 0.0))) + beta
        ),
        "where(x > 0, {alpha_p}*x**2, {alpha_n}*(exp(x) - 1 - x)) + {beta}*x",
        "Huang, Schlag 2024 (arXiv:2411.13010), at its initial values",
        breakpoints=lambda alpha_p, alpha_n, beta: (0.0,) if alpha_p or alpha_n else (),
        symmetry=_symmetry_of_xielu,
        parameters={"alpha_p": Real(0.8), "alpha_n": Real(0.8), "beta": Real(0.5)},
    ),
    Entry(
        "smelu",
        lambda x, beta: np.where(x > beta, x, np.maximum(np.minimum(x, beta) + beta, 0.0) ** 2 / (4 * beta)),
        lambda x, beta: np.clip((x + beta) / (2 * beta), 0.0, 1.0),
        "where(x > {beta}, x, where(x > -{beta}, (x + {beta})**2/(4*{beta}), 0))",
        "Shamir, Lin, Coviello 2020 (arXiv:2010.09931)",
        breakpoints=lambda beta: (-beta, beta),
        parameters={"beta": positive(1.0)},
    ),
    Entry(
        "arctan",
        lambda x: np.arctan(x),
        lambda x: 1 / (1 + x * x),
        "atan(x)",
        "folklore; as a sigmoid without exponentials",
        aliases=("atan",),
        symmetry=ODD,
    ),
    Entry(
        "logcosh",
        stable.log_cosh,
        lambda x: np.tanh(x),
        "log(cosh(x))",
        "Hyvärinen 1999 (IEEE Transactions on Neural Networks 10)",
        symmetry=EVEN,
    ),
    Entry(
        "golu", stable.golu, stable.dgolu, "x*exp(-exp(-x))", "Das, Safari, Adriaensen, Hutter 2025 (arXiv:2502.03654)"
    ),
    Entry("telu", stable.telu, stable.dtelu, "x*tanh(exp(x))", "Fernandez, Mali 2024 (arXiv:2412.20269)"),
    Entry(
        "lisht",
        lambda x: x * np.tanh(x),
        lambda x: np.tanh(x) + x * stable.sech_squared(x),
        "x*tanh(x)",
        "Roy, Manna, Dubey, Chaudhuri 2019 (arXiv:1901.05894)",
        symmetry=EVEN,
    ),
    Entry(
        "gcu",
        lambda x: x * np.cos(x),
        lambda x: np.cos(x) - x * np.sin(x),
        "x*cos(x)",
        "Noel, Arunkumar, Trivedi, Dutta 2021 (arXiv:2108.12943)",
        aliases=("growing_cosine",),
        symmetry=ODD,
    ),
)
