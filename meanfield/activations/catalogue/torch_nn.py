"""The elementwise activations of torch.nn, with torch's names and defaults of the parameters.

Softplus is exact everywhere (torch returns x itself beyond ``threshold = 20``); RReLU has the mean slope that it has in
evaluation; `threshold`, which has no defaults in torch, has those of Keras' former ThresholdedReLU.
"""

import numpy as np
from scipy.special import expit

from meanfield.activations import stable_functions as stable
from meanfield.activations.catalogue.entry import Entry, Real, at_least, positive

__all__ = ["TORCH"]

# Klambauer et al. 2017, section 2: the pair that keeps mean 0 and variance 1.
SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805

TORCH = (
    Entry(
        "linear",
        lambda x: x.copy(),
        np.ones_like,
        "x",
        "none: the deep linear network, Saxe, McClelland, Ganguli 2013 (arXiv:1312.6120)",
        aliases=("identity", "none"),
    ),
    Entry(
        "relu",
        lambda x: np.maximum(x, 0.0),
        lambda x: x > 0,
        "max(x, 0)",
        "Nair, Hinton 2010 (ICML)",
        aliases=("rectifier", "ramp"),
        breakpoints=(0.0,),
    ),
    Entry(
        "leaky_relu",
        lambda x, negative_slope: np.where(x > 0, x, negative_slope * x),
        lambda x, negative_slope: np.where(x > 0, 1.0, negative_slope),
        "where(x > 0, x, {negative_slope}*x)",
        "Maas, Hannun, Ng 2013 (ICML)",
        aliases=("lrelu",),
        breakpoints=lambda negative_slope: (0.0,) if negative_slope != 1 else (),
        parameters={"negative_slope": Real(0.01)},
    ),
    Entry(
        "prelu",
        lambda x, init: np.where(x > 0, x, init * x),
        lambda x, init: np.where(x > 0, 1.0, init),
        "where(x > 0, x, {init}*x)",
        "He, Zhang, Ren, Sun 2015 (arXiv:1502.01852)",
        breakpoints=lambda init: (0.0,) if init != 1 else (),
        parameters={"init": Real(0.25)},
    ),
    Entry(
        "rrelu",
        lambda x, lower, upper: np.where(x > 0, x, 0.5 * (lower + upper) * x),
        lambda x, lower, upper: np.where(x > 0, 1.0, 0.5 * (lower + upper)),
        "where(x > 0, x, ({lower} + {upper})/2*x)",
        "Xu, Wang, Chen, Li 2015 (arXiv:1505.00853), at its mean slope",
        breakpoints=lambda lower, upper: (0.0,) if lower + upper != 2 else (),
        parameters={"lower": Real(1 / 8), "upper": Real(1 / 3)},
        check=lambda lower, upper: "" if lower <= upper else f"lower = {lower:g} must be at most upper = {upper:g}",
    ),
    Entry(
        "relu6",
        lambda x: np.clip(x, 0.0, 6.0),
        lambda x: (x > 0) & (x < 6),
        "min(max(x, 0), 6)",
        "Krizhevsky 2010 (Convolutional deep belief networks on CIFAR-10)",
        breakpoints=(0.0, 6.0),
    ),
    Entry(
        "elu",
        lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0.0))),
        lambda x, alpha: np.where(x > 0, 1.0, alpha * np.exp(np.minimum(x, 0.0))),
        "where(x > 0, x, {alpha}*(exp(x) - 1))",
        "Clevert, Unterthiner, Hochreiter 2015 (arXiv:1511.07289)",
        breakpoints=(0.0,),
        parameters={"alpha": Real(1.0)},
    ),
    Entry(
        "selu",
        lambda x: SELU_SCALE * np.where(x > 0, x, SELU_ALPHA * np.expm1(np.minimum(x, 0.0))),
        lambda x: SELU_SCALE * np.where(x > 0, 1.0, SELU_ALPHA * np.exp(np.minimum(x, 0.0))),
        f"{SELU_SCALE}*where(x > 0, x, {SELU_ALPHA}*(exp(x) - 1))",
        "Klambauer, Unterthiner, Mayr, Hochreiter 2017 (arXiv:1706.02515)",
        breakpoints=(0.0,),
    ),
    Entry(
        "celu",
        lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0.0) / alpha)),
        lambda x, alpha: np.where(x > 0, 1.0, np.exp(np.minimum(x, 0.0) / alpha)),
        "where(x > 0, x, {alpha}*(exp(x/{alpha}) - 1))",
        "Barron 2017 (arXiv:1704.07483)",
        breakpoints=(0.0,),
        parameters={"alpha": positive(1.0)},
    ),
    Entry(
        "gelu",
        stable.gelu,
        stable.dgelu,
        "x*Phi(x)",
        "Hendrycks, Gimpel 2016 (arXiv:1606.08415)",
        aliases=("gelu_exact", "gelu_erf", "gelu_none"),
    ),
    Entry(
        "gelu_tanh",
        stable.tanh_gelu,
        stable.tanh_gelu_derivative,
        "x*(1 + tanh(sqrt(2/pi)*(x + 0.044715*x**3)))/2",
        "Hendrycks, Gimpel 2016 (arXiv:1606.08415), section 2; the default of jax.nn.gelu",
        aliases=("gelu_approximate", "gelu_new", "gelu_pytorch_tanh", "tanh_gelu"),
    ),
    Entry(
        "silu",
        lambda x, beta: x * expit(beta * x),
        lambda x, beta: expit(beta * x) * (1 + beta * x * expit(-beta * x)),
        "x*sigmoid({beta}*x)",
        "Elfwing, Uchibe, Doya 2017 (arXiv:1702.03118); β: Ramachandran, Zoph, Le 2017 (arXiv:1710.05941)",
        aliases=("swish",),
        parameters={"beta": Real(1.0)},
    ),
    Entry("mish", stable.mish, stable.dmish, "x*tanh(softplus(x))", "Misra 2019 (arXiv:1908.08681)"),
    Entry(
        "softplus",
        lambda x, beta: stable.softplus(beta * x) / beta,
        lambda x, beta: expit(beta * x),
        "log(1 + exp({beta}*x))/{beta}",
        "Dugas, Bengio, Bélisle, Nadeau, Garcia 2000 (NIPS)",
        parameters={"beta": positive(1.0)},
    ),
    Entry(
        "softsign",
        lambda x: x / (1 + np.abs(x)),
        lambda x: 1 / (1 + np.abs(x)) ** 2,
        "x/(1 + abs(x))",
        "Bergstra, Desjardins, Lamblin, Bengio 2009 (technical report 1337, Montréal)",
        breakpoints=(0.0,),
    ),
    Entry(
        "softshrink",
        lambda x, lambd: np.where(np.abs(x) > lambd, x - np.copysign(lambd, x), 0.0),
        lambda x, lambd: np.abs(x) > lambd,
        "where(x > {lambd}, x - {lambd}, where(x < -{lambd}, x + {lambd}, 0))",
        "Donoho, Johnstone 1994 (Biometrika 81)",
        breakpoints=lambda lambd: (-lambd, lambd) if lambd else (),
        parameters={"lambd": at_least(0.0, 0.5)},
    ),
    Entry(
        "hardshrink",
        lambda x, lambd: np.where(np.abs(x) > lambd, x, 0.0),
        lambda x, lambd: (np.abs(x) > lambd) | (lambd == 0),
        "where(abs(x) > {lambd}, x, 0)",
        "Donoho, Johnstone 1994 (Biometrika 81)",
        breakpoints=lambda lambd: (-lambd, lambd) if lambd else (),
        jumps=lambda lambd: (-lambd, lambd) if lambd else (),
        parameters={"lambd": at_least(0.0, 0.5)},
    ),
    Entry(
        "tanhshrink",
        stable.tanhshrink,
        lambda x: np.tanh(x) ** 2,
        "x - tanh(x)",
        "torch.nn.Tanhshrink",
    ),
    Entry(
        "hardtanh",
        lambda x, min_val, max_val: np.clip(x, min_val, max_val),
        lambda x, min_val, max_val: (x > min_val) & (x < max_val),
        "min(max(x, {min_val}), {max_val})",
        "Collobert 2004 (thesis, Paris 6)",
        breakpoints=lambda min_val, max_val: (min_val, max_val),
        parameters={"min_val": Real(-1.0), "max_val": Real(1.0)},
        check=lambda min_val, max_val: (
            "" if min_val < max_val else f"min_val = {min_val:g} must be less than max_val = {max_val:g}"
        ),
    ),
    Entry(
        "hardsigmoid",
        lambda x: np.clip(x + 3, 0.0, 6.0) / 6,
        lambda x: np.where(np.abs(x) < 3, 1 / 6, 0.0),
        "min(max(x + 3, 0), 6)/6",
        "Courbariaux, Bengio, David 2015 (arXiv:1511.00363), in the form x/6 + 1/2 of torch and Keras 3",
        breakpoints=(-3.0, 3.0),
    ),
    Entry(
        "hardswish",
        lambda x: np.where(x > 3, x, x * np.clip(x + 3, 0.0, 6.0) / 6),
        lambda x: np.where(np.abs(x) < 3, (2 * x + 3) / 6, x > 0),
        "x*min(max(x + 3, 0), 6)/6",
        "Howard et al. 2019 (arXiv:1905.02244)",
        aliases=("hard_silu",),
        breakpoints=(-3.0, 3.0),
    ),
    Entry(
        "sigmoid",
        lambda x: expit(x),
        lambda x: expit(x) * expit(-x),
        "1/(1 + exp(-x))",
        "Rumelhart, Hinton, Williams 1986 (Nature 323)",
        aliases=("logistic", "expit"),
    ),
    Entry(
        "log_sigmoid",
        lambda x: -stable.softplus(-x),
        lambda x: expit(-x),
        "-log(1 + exp(-x))",
        "torch.nn.LogSigmoid",
    ),
    Entry(
        "tanh",
        lambda x: np.tanh(x),
        stable.sech_squared,
        "tanh(x)",
        "LeCun, Bottou, Orr, Müller 1998 (Efficient BackProp)",
    ),
    Entry(
        "threshold",
        lambda x, threshold, value: np.where(x > threshold, x, value),
        lambda x, threshold, value: x > threshold,
        "where(x > {threshold}, x, {value})",
        "Konda, Memisevic, Krueger 2014 (arXiv:1402.3337)",
        aliases=("thresholded_relu",),
        breakpoints=lambda threshold, value: (threshold,),
        jumps=lambda threshold, value: (threshold,) if value != threshold else (),
        parameters={"threshold": Real(1.0), "value": Real(0.0)},
    ),
)
