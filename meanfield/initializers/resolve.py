"""From the name of an initialisation scheme, with parameters, to an `Initializer`."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from meanfield.activations.activation import Activation
from meanfield.activations.catalogue.entry import Real
from meanfield.activations.formulas.parse import read
from meanfield.activations.resolve import activation as activation_of
from meanfield.error_state import own_error_state
from meanfield.errors import InvalidInput, MeanFieldError, shown
from meanfield.initializers.catalogue import SCHEMES, forward_gain
from meanfield.initializers.initializer import Initializer
from meanfield.initializers.names import Arguments, find_scheme
from meanfield.initializers.scheme import Options

__all__ = ["initializer", "named_scheme", "schemes", "split_parameters"]

CALL = re.compile(r"([\w. -]+)\((.*)\)", re.DOTALL)
#: Arguments of torch, Keras and JAX by the names that they have here.
ARGUMENTS = {"a": "negative_slope", "stddev": "std", "distribution": "law", "w0": "omega_0", "omega": "omega_0"}
#: torch.nn.init.calculate_gain; kaiming_uniform_ and kaiming_normal_ divide by √fan.
TORCH_GAINS = {"linear": "1", "sigmoid": "1", "tanh": "5/3", "selu": "3/4"}
WITH_PARAMETERS = re.compile(r"([\w. -]+):\s*(\w+\s*=[^:=,]+(?:,\s*\w+\s*=[^:=,]+)*)")
GAIN = Real(1.0, 0.0, 1e150, open=True)


@own_error_state
def schemes() -> list[str]:
    """Names of all initialisation schemes.

    Returns
    -------
    list of str
        Each is a valid first argument of `meanfield.initializer`; some require parameters, as a standard deviation.

    Examples
    --------
    >>> import meanfield as mf
    >>> "he_normal" in mf.schemes(), "lsuv" in mf.schemes()
    (True, True)
    """
    return list(SCHEMES)


@own_error_state
def initializer(
    name: str,
    *,
    activation: Any = None,
    gain: float | None = None,
    mode: str | None = None,
    law: str | None = None,
    **parameters: Any,
) -> Initializer:
    """An initialisation scheme by name, as a sampler of weight matrices.

    Parameters
    ----------
    name : str
        A name of `meanfield.schemes()`, or its name in torch, Keras, JAX or Haiku (case and ``-_ `` do not matter),
        optionally with parameters after a colon or in parentheses: ``"normal:std=0.02"``,
        ``"nn.init.kaiming_uniform_(a=sqrt(5))"``.
    activation : str, callable or Activation, optional
        Sets the gain to the activation's exact forward gain 1/√E φ(Z)². "critical" requires it, and "lsuv" requires it
        for `sigma_w`. A text may have parameters: ``"leaky_relu:negative_slope=0.2"``.
    gain : float, optional
        Factor on the standard deviation, > 0. Without gain and activation it is √2 for He, else 1. DeepNet and Fixup
        scale it.
    mode : {"fan_in", "fan_out", "fan_avg"}, optional
        The fan that the variance is divided by.
    law : str, optional
        Law of the entries instead of the scheme's own law, with the same variance: "normal", "uniform",
        "truncated_normal", "orthogonal", "sparse", "student_t". A truncated law takes `convention` and `bound`.
    **parameters
        Parameters of the scheme: `std`, `bound` of fixed laws; `convention` ("corrected", "uncorrected", "absolute",
        "clamped") and `bound` of truncated ones; `negative_slope` of He's; `scale` of "variance_scaling"; `kernel_size`
        of "delta_orthogonal"; `connections` and `std` of "sparse", `sparsity` and `std` of "torch_sparse"; `layers` of
        "gpt2", "deepnet", "wang_init" and "fixup"; `branch_layers` of "fixup"; `encoder_layers` and `decoder_layers` of
        "deepnet_encoder" and "deepnet_decoder"; `hidden_size` of "torch_lstm", "small_init" and "wang_init"; `layer`
        (from 0) of "mitchell"; `omega_0` of "siren"; `tol` of "lsuv"; `diagonal` and `noise` of "diagonal_plus_noise".

    Returns
    -------
    Initializer
        A sampler ``(rng, fan_out, fan_in) -> matrix`` with its scales `.std`, `.sigma_w` and `.sigma_b_at`.

    Raises
    ------
    InvalidInput
        If there is no such scheme, or an argument is out of range or has no effect.
    UnknownActivation, BadActivation
        If `activation` is not usable.

    Examples
    --------
    >>> import meanfield as mf
    >>> mf.initializer("glorot_uniform").std(300, 100)
    0.0707106781186547...
    >>> mf.initializer("he_normal", activation="gelu").sigma_w
    1.53353044119553...
    >>> mf.initializer("torch_default").sigma_w ** 2
    0.333333333333333...
    >>> mf.initializer("trunc_normal", std=1.0)
    initializer('truncated_normal', convention='absolute', std=1.0)
    """
    if not isinstance(name, str):
        raise InvalidInput(f"a scheme is a name, as 'he_normal', not {shown(name)}")
    key, fixed, listed = named_scheme(name)
    parameters = _renamed(key, parameters)
    for other in listed:
        if other in parameters:
            raise InvalidInput(f"{other} is given twice")
    given: dict[str, object] = {**fixed, **listed, **parameters}
    implied = {word: given.pop(word, None) for word in ("activation", "gain", "mode", "law")}
    explicit = {"activation": activation, "gain": gain, "mode": mode, "law": law}
    chosen = {word: implied[word] if value is None else value for word, value in explicit.items()}
    phi = None if chosen["activation"] is None else activation_of(chosen["activation"])
    factor = None if chosen["gain"] is None else GAIN.check("gain", chosen["gain"])
    named = activation if isinstance(activation, str) else phi
    written = {**chosen, "activation": named, "gain": factor, **given}
    call = ", ".join([repr(key), *(f"{word}={_plain(v)}" for word, v in written.items() if v is not None)])
    options = Options(phi, factor, chosen["mode"], chosen["law"])
    return SCHEMES[key].initializer(options, given, f"initializer({call})", forward_gain)


def named_scheme(text: str) -> tuple[str, Arguments, Arguments]:
    """The canonical name of a scheme, the arguments that its name implies, and those that the text lists.

    Examples
    --------
    >>> named_scheme("nn.init.kaiming_normal_(a=0.2, mode='fan_out')")
    ('he_normal', {}, {'negative_slope': 0.2, 'mode': 'fan_out'})
    """
    name, listed = split_parameters(_without_call(text))
    key, implied = find_scheme(name)
    return key, implied, _renamed(key, listed)


def _renamed(key: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of torch, Keras and JAX by the names that they have here; those without effect are left out."""
    scheme, renamed = SCHEMES[key], {}
    for word, value in given.items():
        if word == "nonlinearity" and key.startswith("he_"):
            if value not in ("relu", "leaky_relu"):
                gain = TORCH_GAINS.get(str(value), "1")
                raise InvalidInput(
                    f"torch's gain for {shown(value)} is {gain}: write gain={gain}, or activation= for the exact one"
                )
        elif not (word == "mean" and value == 0):
            other = ARGUMENTS.get(word, word)
            renamed[other if other in scheme.parameters or other == "law" else word] = value
    return renamed


def split_parameters(text: str) -> tuple[str, dict[str, float | str]]:
    """Split a name from the parameters after its colon; numbers are converted.

    Examples
    --------
    >>> split_parameters("truncated_normal:std=0.02,convention=clamped")
    ('truncated_normal', {'std': 0.02, 'convention': 'clamped'})
    """
    match = WITH_PARAMETERS.fullmatch(text.strip())
    if match is None:
        return text, {}
    pairs = (pair.split("=") for pair in match[2].split(","))
    return match[1], {name.strip(): _value(value.strip()) for name, value in pairs}


def _without_call(text: str) -> str:
    """The text with parameters after a colon instead of in parentheses.

    Examples
    --------
    >>> _without_call("kaiming_uniform_(a=sqrt(5))"), _without_call("he_normal()")
    ('kaiming_uniform_:a=2.23606797749979', 'he_normal')
    """
    match = CALL.fullmatch(text.strip())
    if match is None:
        return text
    name, inside = match[1], match[2].strip()
    if not inside:
        return name
    pairs = [part.partition("=") for part in inside.split(",")]
    if not all(equals and key.strip().isidentifier() for key, equals, _ in pairs):
        raise InvalidInput(f"the parameters of a scheme have names, as in normal(std=0.02), not {shown(text)}")
    return f"{name}:{','.join(f'{key.strip()}={_number(value.strip())}' for key, _, value in pairs)}"


def _number(text: str) -> str:
    """The number that a text such as ``sqrt(5)`` describes, written out; a word without its quotes."""
    if text.strip("'\"").replace("_", "").isalpha():
        return text.strip("'\"")
    try:
        return text if isinstance(_value(text), int | float) else repr(float(read(text)))
    except (MeanFieldError, TypeError):
        raise InvalidInput(f"{shown(text)} is not a number") from None


def _plain(value: object) -> str:
    value = value.item() if isinstance(value, np.generic) else value
    return repr(value) if isinstance(value, str | float | Activation) else shown(value)


def _value(text: str) -> float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text
