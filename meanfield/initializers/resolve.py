"""From the name of an initialisation scheme, with parameters, to an `Initializer`."""

import difflib
import re
from typing import Any

import numpy as np

from meanfield.activations.activation import Activation
from meanfield.activations.catalogue.entry import Real
from meanfield.activations.resolve import activation as activation_of
from meanfield.errors import InvalidInput
from meanfield.initializers.catalogue import ALIASES, SCHEMES, forward_gain
from meanfield.initializers.initializer import Initializer
from meanfield.initializers.scheme import Options

__all__ = ["find_scheme", "initializer", "parse_activation", "schemes", "split_parameters"]

WITH_PARAMETERS = re.compile(r"([\w -]+):\s*(\w+\s*=[^:=,]+(?:,\s*\w+\s*=[^:=,]+)*)")
GAIN = Real(1.0, 0.0, 1e150, open=True)


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
        A name of `meanfield.schemes()`, or its name in torch, Keras or JAX (case and ``-_ `` do not matter), optionally
        with parameters after a colon: ``"normal:std=0.02"``.
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
        "clamped") and `bound` of truncated ones; `negative_slope` of He's; `kernel_size` of "delta_orthogonal";
        `connections` and `std` of "sparse", `sparsity` and `std` of "torch_sparse"; `layers` of "gpt2", "deepnet" and
        "fixup"; `branch_layers` of "fixup"; `encoder_layers` and `decoder_layers` of "deepnet_encoder" and
        "deepnet_decoder"; `tol` of "lsuv"; `diagonal` and `noise` of "diagonal_plus_noise".

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
        raise InvalidInput(f"a scheme is a name, as 'he_normal', not {name!r:.60}")
    name, listed = split_parameters(name)
    key, fixed = find_scheme(name)
    for other in listed:
        if other in parameters:
            raise InvalidInput(f"{other} is given twice")
    given: dict[str, object] = {**fixed, **listed, **parameters}
    implied = {word: given.pop(word, None) for word in ("activation", "gain", "mode", "law")}
    explicit = {"activation": activation, "gain": gain, "mode": mode, "law": law}
    chosen = {word: implied[word] if value is None else value for word, value in explicit.items()}
    phi = None if chosen["activation"] is None else parse_activation(chosen["activation"])
    factor = None if chosen["gain"] is None else GAIN.check("gain", chosen["gain"])
    named = activation if isinstance(activation, str) else phi
    shown = {**chosen, "activation": named, "gain": factor, **given}
    call = ", ".join([repr(key), *(f"{word}={_plain(v)!r}" for word, v in shown.items() if v is not None)])
    options = Options(phi, factor, chosen["mode"], chosen["law"])
    return SCHEMES[key].initializer(options, given, f"initializer({call})", forward_gain)


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


def _plain(value: object) -> object:
    return value.item() if isinstance(value, np.generic) else value


def _value(text: str) -> float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


def parse_activation(spec: Any) -> Activation:
    """The activation of a spec; a name may have parameters after a colon."""
    if isinstance(spec, str):
        name, listed = split_parameters(spec)
        parameters: dict[str, Any] = dict(listed)
        return activation_of(name, **parameters)
    return activation_of(spec)


def _normalised(name: str) -> str:
    return re.sub(r"[-_ ]", "", name.casefold())


_NAMES: dict[str, tuple[str, dict[str, str]]] = {name: (name, {}) for name in SCHEMES}
_BY_NAME = {_normalised(name): meant for name, meant in (_NAMES | ALIASES).items()}


def find_scheme(name: str) -> tuple[str, dict[str, str]]:
    """The canonical name of a scheme, and the arguments that `name` implies."""
    if meant := _BY_NAME.get(_normalised(name)):
        return meant
    near = difflib.get_close_matches(_normalised(name)[:64], _BY_NAME, n=6, cutoff=0.4)
    names = list(dict.fromkeys(_BY_NAME[match][0] for match in near))[:3]
    hint = f"the nearest names are {', '.join(names)}" if names else "meanfield.schemes() lists the names"
    raise InvalidInput(f"no initialisation scheme is called {name!r:.60}; {hint}")
