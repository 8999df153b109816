"""Networks as short text, both ways; read through a whitelist of Python's grammar, never through `eval`."""

import re

import numpy as np

from meanfield.activations.activation import Activation
from meanfield.activations.catalogue.meant import layer_meant
from meanfield.activations.catalogue.table import ENTRIES, find, normalised
from meanfield.error_state import own_error_state
from meanfield.errors import InvalidInput, shown
from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.elementwise import Elementwise
from meanfield.networks.layers.network import Network
from meanfield.networks.text.grammar import NetworkReader
from meanfield.networks.text.words import ALIASES, REQUIRED, WORDS, arguments_of, known, name_of

__all__ = ["is_network", "network", "written"]

ITEM = re.compile(r"(?:^|[(,]) ?([A-Za-z][\w. -]*?) ?(?=[(,)]|$)")
MODULE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
APART = re.compile(r"(?:^|(?<=[(,])) ?(?!(?:x|e|pi)\b)[A-Za-z]\w*(?:[ -]+\w+)+(?= ?(?:[(,)]|$))")  # layer-norm
FLAG = re.compile(r"(attention\([^()]*?,) ?causal ?(?=[,)])", re.IGNORECASE)  # may follow arguments with names
BY_PLACE = 2  # arguments that are written without their name
SHORT = {name: alias for alias, name in ALIASES.items()}


@own_error_state
def network(text: str) -> Network:
    """The network that a text describes.

    Parameters
    ----------
    text : str
        Layers between commas. A layer is the name of its class, with arguments in parentheses as the class takes them:
        ``dense``, ``conv``, ``dropout``, ``layernorm``, ``rmsnorm``, ``batchnorm``, ``gated`` with its short forms
        ``glu``, ``reglu``, ``geglu`` and ``swiglu`` for its four usual activations, ``attention``,
        ``multiplicative_noise``, ``additive_noise``, ``average_pool``, ``global_average_pool``, ``flatten``; and around
        other layers ``residual``, ``concatenate`` and ``network``, where ``scale`` and ``skip`` are short for
        branch_scale and skip_scale. An activation is a name of the catalogue, with its parameters as in
        ``leaky_relu(0.2)``, or a formula in x. A number may be written as ``sqrt(2)`` or ``1/3``, several of them as
        ``(3, 3)``; words such as ``weights=delta`` go without quotes, and those of attention also without
        their argument's name, as in ``attention(softmax, causal)``. Case and ``-_`` in names do not matter.

    Returns
    -------
    Network

    Raises
    ------
    InvalidInput
        If the text cannot be read, is too long or nested too deeply, or a layer does not take the arguments.
    UnknownActivation
        If there is no layer, activation or function of a name; the message has the nearest ones.
    BadActivation
        If a formula cannot be read.

    Examples
    --------
    >>> import meanfield as mf
    >>> from meanfield.networks.text.text import network
    >>> network("residual(layernorm, gelu, dense(1.4), scale=0.2)")
    Network(Residual(LayerNorm(), 'gelu', Dense(sigma_w=1.4, sigma_b=0.0), branch_scale=0.2))
    >>> print(mf.analyze(network("leaky_relu(0.2), dense(sqrt(2/1.04))")).phase)
    critical
    >>> network("tanh, dens")
    Traceback (most recent call last):
    meanfield.errors.UnknownActivation: the network 'tanh, dens' has the unknown name 'dens'; the nearest name is dense
    """
    if not isinstance(text, str):
        raise InvalidInput(f"a network is given as text, as in 'relu, dense(1.4)', not {shown(text)}")
    plain = FLAG.sub(r"\1 causal=True", APART.sub(_together, " ".join(text.split())))
    if function := MODULE.search(plain):
        raise InvalidInput(
            f"the network {shown(plain)} has {shown(function.group())}: a text names activations and formulas only; "
            "a function of your own goes into meanfield.Network in Python"
        )
    try:
        return NetworkReader(plain).network()
    except (RecursionError, MemoryError):
        raise InvalidInput(f"the network {shown(plain)} is nested too deeply") from None


def is_network(text: str) -> bool:
    """Whether an item of `text` names a layer, here or elsewhere, or the text has several items.

    Examples
    --------
    >>> is_network("layernorm, tanh"), is_network("relu, conv2d(1.4)"), is_network("Linear, GELU")
    (True, True, True)
    >>> is_network("leaky_relu"), is_network("max(x, 0)")
    (False, False)
    """
    plain = " ".join(text.split())
    return any(known(name) or layer_meant(name) for name in set(ITEM.findall(plain))) or _has_items(plain)


def _has_items(text: str) -> bool:
    """Whether there is a comma outside all parentheses, with something on both sides."""
    if ":" in text:
        return False  # name:parameter=value,…
    depth = 0
    for place, character in enumerate(text):
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            return bool(text[:place].strip() and text[place + 1 :].strip())
    return False


@own_error_state
def written(layer: Layer) -> str:
    """The text of a network or of another layer, which `network` can read.

    Parameters
    ----------
    layer : Network or Layer

    Returns
    -------
    str
        One line.

    Raises
    ------
    InvalidInput
        If it is no layer, an activation is a function without a formula, or a layer is of a kind that has no name.

    Examples
    --------
    >>> import meanfield as mf
    >>> written(mf.Network(mf.Residual(mf.LayerNorm(), "gelu", mf.Dense(1.4), branch_scale=0.2)))
    'residual(layernorm, gelu, dense(1.4), scale=0.2)'
    """
    if not isinstance(layer, Layer):
        raise InvalidInput(f"only a Network or another layer has a text, not {shown(layer)}")
    if isinstance(layer, Network) and not (len(layer) == 1 and isinstance(layer.layers[0], Network)):
        return ", ".join(_item(inner) for inner in layer)
    return _item(layer)


def _together(match: re.Match[str]) -> str:
    """The matched name without hyphens and spaces, if a layer or activation has it, here or elsewhere."""
    name = match.group().strip()
    return known(name) or (normalised(name) if find(name) or layer_meant(name) else match.group())


def _item(layer: Layer) -> str:
    if isinstance(layer, Elementwise):
        return _activation(layer.activation)
    name = name_of(type(layer))
    if name is None:
        raise InvalidInput(f"a {type(layer).__name__} has no name in the text of a network")
    defaults, around = arguments_of(name)
    words = [_item(inner) for inner in layer.inner] if around else []
    known_words = {given: word for word, given in WORDS.get(name, {}).items()}
    bare: list[str] = []
    named: list[str] = []
    for place, (key, default) in enumerate(defaults.items()):
        value = next(
            getattr(part, key) for part in layer.walk() if hasattr(part, key)
        )  # a gated layer has its parameters from its Dense layer
        if (around or place) and default is not REQUIRED and np.array_equal(value, default):
            continue
        if isinstance(value, str | bool) and (key, value) in known_words:
            bare.append(known_words[key, value])
        elif not around and place == len(words) < BY_PLACE:
            words.append(_value(value))
        else:
            named.append(f"{SHORT.get(key, key)}={_value(value)}")
    if bare and words == [_value(next(iter(defaults.values())))]:
        words.clear()
    words += bare + named
    return f"{name}({', '.join(words)})" if words else name


def _activation(phi: Activation) -> str:
    if phi.surrogate is not None:
        raise InvalidInput(f"the activation {phi.name} has a surrogate derivative, which the text has no word for")
    if not phi.entry and not phi.formula:
        raise InvalidInput(
            f"the activation {phi.name} is a function without a formula, so it cannot be written as text"
        )
    if not phi.entry:
        return " ".join(phi.formula.split())
    known = ENTRIES[phi.entry].parameters
    given = [f"{key}={value!r}" for key, value in phi.parameters.items() if value != known[key].default]
    return f"{phi.entry}({', '.join(given)})" if given else phi.entry


def _value(value: object) -> str:
    match value:
        case Activation():
            return _activation(value)
        case str():
            return value
        case np.ndarray():
            return _value(tuple(value.tolist()))
        case tuple() | list():
            return f"({', '.join(map(_value, value))}{',' if len(value) == 1 else ''})"
    return repr(value)
