"""The activations of Hugging Face's transformers and of timm that torch.nn does not have."""

import numpy as np

from meanfield.activations import stable_functions as stable
from meanfield.activations.catalogue.entry import Entry
from meanfield.special_functions import special

ROOT = 0.7978845608  # √(2/π) as gelu_fast has it

TRANSFORMERS_AND_TIMM = (
    Entry(
        "quick_gelu",
        lambda x: x * special.expit(1.702 * x),
        lambda x: special.expit(1.702 * x) * (1 + 1.702 * x * special.expit(-1.702 * x)),
        "x*sigmoid(1.702*x)",
        "Hendrycks, Gimpel 2016 (arXiv:1606.08415), section 2; transformers.activations.QuickGELUActivation",
        aliases=("gelu_sigmoid",),
    ),
    Entry(
        "gelu_fast",
        lambda x: stable.tanh_gelu(x, 2 * ROOT),
        lambda x: stable.tanh_gelu_derivative(x, 2 * ROOT),
        f"x*(1 + tanh({ROOT}*(x + 0.044715*x**3)))/2",
        "transformers.activations.FastGELUActivation: gelu_tanh with √(2/π) rounded to 10 digits",
    ),
    Entry(
        "gelu_10",
        lambda x: np.clip(stable.gelu(x), -10.0, 10.0),
        lambda x: np.where(x < 10, stable.dgelu(x), 0.0),
        "min(max(x*Phi(x), -10), 10)",
        "Wu, Judd, Zhang, Isaev, Micikevicius 2020 (arXiv:2004.09602); transformers.activations.ClippedGELUActivation",
        breakpoints=(10.0,),
    ),
    Entry(
        "hard_mish",
        lambda x: x * np.clip(x + 2, 0.0, 2.0) / 2,
        lambda x: np.where(x > 0, 1.0, np.where(x > -2, x + 1, 0.0)),
        "x*min(max(x + 2, 0), 2)/2",
        "Misra 2019 (github.com/digantamisra98/H-Mish); timm.layers.HardMish",
        aliases=("h_mish",),
        breakpoints=(-2.0, 0.0),
    ),
)
