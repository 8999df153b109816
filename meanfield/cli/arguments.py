"""What several commands take: the activation, its block, grids of numbers, and functions given as module:name."""

import importlib
import os
import re
import sys
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meanfield.errors import InvalidInput

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

    from meanfield.activations.activation import Activation

__all__ = [
    "ActivationText",
    "AsJson",
    "Depth",
    "Parameters",
    "SigmaB",
    "SigmaW",
    "activation_from",
    "grid_from",
    "imported",
    "sigmas_or_recommended",
]

ActivationText = Annotated[
    str,
    typer.Argument(
        metavar="ACTIVATION", help="A name, a formula in x, or package.module:callable.", show_default=False
    ),
]
Parameters = Annotated[
    list[str] | None,
    typer.Option("--param", metavar="NAME=VALUE", help="A parameter of it; may be repeated."),
]
AsJson = Annotated[
    bool,
    typer.Option(
        "--json", help='Print JSON; infinities are the strings "inf" and "-inf", what does not exist is null.'
    ),
]
SigmaW = Annotated[
    float | None,
    typer.Option(help="Standard deviation of the weights times √fan_in. [default: as recommended]", show_default=False),
]
SigmaB = Annotated[
    float | None,
    typer.Option(
        help="Standard deviation of the biases. [default: as recommended, or 0 with --sigma-w]", show_default=False
    ),
]
Depth = Annotated[int, typer.Option(help="Number of layers.")]

NAME_WITH_PARAMETERS = re.compile(r"[\w -]+:\s*\w+\s*=[^:]*")
MODULE_AND_NAME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")


def activation_from(text: str, parameters: list[str] | None = None) -> "Activation":
    """The activation that a command-line argument stands for.

    Parameters
    ----------
    text : str
        A name, ``name:parameter=value,…``, a formula in x, or ``package.module:callable``; a class is instantiated.
    parameters : list of str, optional
        ``parameter=value`` each.

    Raises
    ------
    MeanFieldError
        If it is none of these, or cannot be imported.

    Examples
    --------
    >>> activation_from("leaky_relu:negative_slope=0.2")
    activation('leaky_relu', negative_slope=0.2)
    >>> float(activation_from("math:tanh")(0.0))
    0.0
    """
    from meanfield.activations.specs import activation

    pairs = list(parameters or ())
    if NAME_WITH_PARAMETERS.fullmatch(text):
        text, _, listed = text.partition(":")
        pairs += listed.split(",")
    values: dict[str, Any] = dict(_parameter(pair) for pair in pairs)
    if not MODULE_AND_NAME.fullmatch(text):
        return activation(text, **values)
    found = imported(text)
    if isinstance(found, type):
        try:
            found = found(**values)
        except Exception as error:
            raise InvalidInput(f"{text} is a class, and calling it raised {type(error).__name__}: {error}") from error
    elif values:
        found = partial(found, **values)
    return activation(found)


def _parameter(pair: str) -> tuple[str, float]:
    name, _, value = pair.partition("=")
    try:
        return name.strip(), float(value)
    except ValueError:
        raise InvalidInput(f"a parameter is name=number, as in negative_slope=0.2, not {pair[:60]!r}") from None


def imported(text: str) -> Any:
    """What ``package.module:name`` refers to, here or among the installed packages."""
    if not MODULE_AND_NAME.fullmatch(text):
        raise InvalidInput(f"a function is given as package.module:name, not {text[:60]!r}")
    module_name, _, path = text.partition(":")
    if (here := os.getcwd()) not in sys.path:
        sys.path.insert(0, here)
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and f"{module_name}.".startswith(f"{error.name}."):
            raise InvalidInput(f"no module {error.name!r} is here or installed, which {text!r} needs") from error
        raise InvalidInput(f"importing {module_name} failed: {error}") from error
    except (Exception, SystemExit) as error:
        raise InvalidInput(f"importing {module_name} raised {type(error).__name__}: {error}") from error
    for name in path.split("."):
        if not hasattr(found, name):
            raise InvalidInput(f"{module_name} has no {path!r}")
        found = getattr(found, name)
    if not callable(found):
        raise InvalidInput(f"{text} is not a function but of type {type(found).__name__}")
    return found


def grid_from(text: str, name: str) -> "NDArray[float64]":
    """``low:high:count``, or numbers separated by commas, as an array.

    Examples
    --------
    >>> grid_from("0:1:5", "--sigma-b")
    array([0.  , 0.25, 0.5 , 0.75, 1.  ])
    >>> grid_from("0.1,0.3", "--sigma-b")
    array([0.1, 0.3])
    """
    import numpy as np

    try:
        if ":" not in text:
            return np.array([float(number) for number in text.split(",")])
        low, high, count = text.split(":")
        if not (2 <= int(count) <= 10_000 and 0 <= float(low) < float(high) < np.inf):
            raise ValueError
        return np.linspace(float(low), float(high), int(count))
    except ValueError:
        raise InvalidInput(
            f"{name} is low:high:count with 0 ≤ low < high, as 0:1:41, or numbers between commas, not {text[:60]!r}"
        ) from None


def sigmas_or_recommended(phi: "Activation", sigma_w: float | None, sigma_b: float | None) -> tuple[float, float, bool]:
    """sigma_w, sigma_b, and whether they are those that `recommend` gives because neither was asked for."""
    if sigma_w is not None:
        return sigma_w, sigma_b or 0.0, False
    if sigma_b is not None:
        raise InvalidInput("--sigma-b needs --sigma-w too; leave both out for the recommended ones")
    from meanfield.theory.recommendation import recommend

    advice = recommend(phi)
    return advice.sigma_w, advice.sigma_b, True
