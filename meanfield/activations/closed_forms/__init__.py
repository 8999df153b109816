"""Exact Gaussian moments and dual kernels of activations, one family a file."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from meanfield.activations.closed_forms.elu import celu, elu
from meanfield.activations.closed_forms.erf import erf, normal_cdf
from meanfield.activations.closed_forms.exponential import exponential, gabor, gaussian
from meanfield.activations.closed_forms.form import ClosedForm, affine
from meanfield.activations.closed_forms.gelu import gelu
from meanfield.activations.closed_forms.hard_tanh import clip, hard_shrink, soft_shrink, threshold
from meanfield.activations.closed_forms.polynomial import monomial
from meanfield.activations.closed_forms.relu import rectifier, squared_relu
from meanfield.activations.closed_forms.steps import quantised_sign, sign, step
from meanfield.activations.closed_forms.trigonometric import snake, wave

# Klambauer et al. 2017, section 2
SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805

FAMILIES: Mapping[str, Callable[..., ClosedForm]] = MappingProxyType(
    {
        "linear": lambda: rectifier(1.0, 1.0),
        "relu": lambda: rectifier(0.0, 1.0),
        "leaky_relu": lambda negative_slope: rectifier(negative_slope, 1.0),
        "prelu": lambda init: rectifier(init, 1.0),
        "rrelu": lambda lower, upper: rectifier(0.5 * (lower + upper), 1.0),
        "abs": lambda: rectifier(-1.0, 1.0),
        "abrelu": lambda a, b: rectifier(a, b),
        "squared_relu": squared_relu,
        "star_relu": lambda scale, bias: squared_relu(scale, bias),
        "step": step,
        "sign": sign,
        "quantised_sign": quantised_sign,
        "erf": erf,
        "normal_cdf": normal_cdf,
        "gelu": gelu,
        "sin": lambda: wave(1.0, 0.0, 1.0, 0.0, 0.0),
        "siren": lambda omega_0: wave(omega_0, 0.0, 1.0, 0.0, 0.0),
        "cos": lambda: wave(1.0, 0.0, 0.0, 1.0, 0.0),
        "snake": lambda alpha: snake(alpha),
        "gaussian": gaussian,
        "gabor": gabor,
        "exponential": exponential,
        "monomial": monomial,
        "elu": lambda alpha: elu(alpha),
        "selu": lambda: elu(SELU_ALPHA, SELU_SCALE),
        "celu": celu,
        "hardtanh": lambda min_val, max_val: clip(min_val, max_val),
        "relu6": lambda: clip(0.0, 6.0),
        "hardsigmoid": lambda: affine(clip(-3.0, 3.0), slope=1 / 6, offset=0.5),
        "sparse_sigmoid": lambda: affine(clip(-1.0, 1.0), slope=0.5, offset=0.5),
        "softshrink": lambda lambd: soft_shrink(lambd),
        "hardshrink": lambda lambd: hard_shrink(lambd),
        "threshold": threshold,
    }
)


def closed_form(name: str, parameters: Mapping[str, float] = MappingProxyType({})) -> ClosedForm | None:
    """The closed-form moments of an activation of the catalogue.

    Parameters
    ----------
    name : str
        The catalogue's name, not an alias.
    parameters : mapping
        All parameters of that activation.

    Returns
    -------
    ClosedForm or None
        None if no closed form is known; single fields may be None too.

    Examples
    --------
    >>> closed_form("relu").source
    'Cho & Saul 2009 (NeurIPS 22), eq. 6 (J₁); two slopes: Tsuchida et al. 2018 (arXiv:1711.09090)'
    >>> closed_form("tanh") is None
    True
    """
    make = FAMILIES.get(name)
    return None if make is None else make(**parameters)
