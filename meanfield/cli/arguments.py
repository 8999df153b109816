"""Arguments and options common to several commands, and their parsing."""

import importlib
import os
import re
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meanfield.errors import InvalidInput, shown

if TYPE_CHECKING:
    from meanfield._types import Floats
    from meanfield.activations.activation import Activation


ActivationText = Annotated[
    str,
    typer.Argument(
        metavar="ACTIVATION", help="A name, a formula in x, or package.module:callable.", show_default=False
    ),
]
BLOCK_METAVAR = "ACTIVATION|NETWORK"
BLOCK_HELP = "A name, a formula in x, package.module:callable, or layers between commas."
BlockText = Annotated[str, typer.Argument(metavar=BLOCK_METAVAR, help=BLOCK_HELP, show_default=False)]
Parameters = Annotated[
    list[str] | None,
    typer.Option("--param", metavar="NAME=VALUE", help="A parameter of the activation; may be repeated."),
]
AsJson = Annotated[
    bool,
    typer.Option("--json", help='Print JSON; infinities are the strings "inf" and "-inf", missing values are null.'),
]
SigmaW = Annotated[
    float | None,
    typer.Option(
        help="Standard deviation of the weights times √fan_in. [default: as recommended, or as in the NETWORK]",
        show_default=False,
    ),
]
SigmaB = Annotated[
    float | None,
    typer.Option(
        help="Standard deviation of the biases. [default: as --sigma-w, but 0 if --sigma-w is given for an ACTIVATION]",
        show_default=False,
    ),
]
Depth = Annotated[int, typer.Option(help="Number of layers.")]
Pixels = Annotated[
    str | None,
    typer.Option(
        metavar="N[,M]",
        help="Size of images or number of tokens, for layers that read several points. [default: 16, or 8,8]",
        show_default=False,
    ),
]

MODULE_AND_NAME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")


def parse_activation(text: str, parameters: list[str] | None = None) -> "Activation":
    """Parse an argument as an activation.

    Parameters
    ----------
    text : str
        A name, ``name:parameter=value,…`` or ``name(value,…)``, a formula in x, or ``package.module:callable``; a class
        is instantiated.
    parameters : list of str, optional
        ``parameter=value`` each.

    Raises
    ------
    MeanFieldError
        If it is none of these, or is a network, or cannot be imported.

    Examples
    --------
    >>> parse_activation("leaky_relu:negative_slope=0.2")
    activation('leaky_relu', negative_slope=0.2)
    >>> float(parse_activation("math:tanh")(0.0))
    0.0
    """
    from meanfield.activations.resolve import activation
    from meanfield.networks.text.text import is_network

    if is_network(text):
        raise InvalidInput(f"{shown(text)} is a network, but this command takes one activation")
    values: dict[str, Any] = dict(map(_parameter, parameters or ()))
    if not MODULE_AND_NAME.fullmatch(text):
        return activation(text, **values)
    function = import_callable(text)
    if isinstance(function, type):
        try:
            function = function(**values)
        except Exception as error:
            raise InvalidInput(f"{text} is a class, and calling it raised {type(error).__name__}: {error}") from error
    elif values:
        function = partial(function, **values)
    return activation(function)


def _parameter(pair: str) -> tuple[str, float]:
    name, _, value = pair.partition("=")
    try:
        return name.strip(), float(value)
    except ValueError:
        raise InvalidInput(f"a parameter is name=number, as in negative_slope=0.2, not {pair[:60]!r}") from None


def import_callable(text: str) -> Callable[..., Any]:
    """Import the callable ``package.module:name`` from the current directory or the installed packages."""
    if not MODULE_AND_NAME.fullmatch(text):
        raise InvalidInput(f"a function is given as package.module:name, not {text[:60]!r}")
    module_name, _, path = text.partition(":")
    if (here := os.getcwd()) not in sys.path:
        sys.path.insert(0, here)
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and f"{module_name}.".startswith(f"{error.name}."):
            raise InvalidInput(
                f"{text!r} needs the module {error.name!r}, which is neither here nor installed"
            ) from error
        raise InvalidInput(f"importing {module_name} failed: {error}") from error
    except (Exception, SystemExit) as error:
        raise InvalidInput(f"importing {module_name} raised {type(error).__name__}: {error}") from error
    for name in path.split("."):
        if not hasattr(found, name):
            raise InvalidInput(f"{module_name} has no {path!r}")
        found = getattr(found, name)
    if not callable(found):
        raise InvalidInput(f"{text} is not a function but of type {type(found).__name__}")
    function: Callable[..., Any] = found
    return function


def parse_grid(text: str, name: str) -> "Floats":
    """Parse ``low:high:count``, or numbers separated by commas, as an array.

    Examples
    --------
    >>> parse_grid("0:1:5", "--sigma-b")
    array([0.  , 0.25, 0.5 , 0.75, 1.  ])
    >>> parse_grid("0.1,0.3", "--sigma-b")
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


def parse_pixels(text: str | None) -> tuple[int, ...] | None:
    """Parse the size of images, `8,8` or `8x8`; None if not given.

    Examples
    --------
    >>> parse_pixels("8,8"), parse_pixels("16"), parse_pixels(None)
    ((8, 8), (16,), None)
    """
    if text is None:
        return None
    parts = re.split("[,x]", text.replace(" ", ""))
    if not all(part.isascii() and part.isdigit() and len(part) < 7 for part in parts):
        raise InvalidInput(f"--pixels takes one integer for each axis of an image, as in 8,8, not {text[:40]!r}")
    return tuple(map(int, parts))
