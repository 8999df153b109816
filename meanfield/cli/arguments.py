"""What several commands take: the activation, grids of numbers, and functions given as module:name."""

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
    typer.Option(
        help="Standard deviation of the weights times √fan_in. [default: as recommended, or as in the NETWORK]",
        show_default=False,
    ),
]
SigmaB = Annotated[
    float | None,
    typer.Option(
        help="Standard deviation of the biases. [default: the same, or 0 with an ACTIVATION's --sigma-w]",
        show_default=False,
    ),
]
Depth = Annotated[int, typer.Option(help="Number of layers.")]
Pixels = Annotated[
    str | None,
    typer.Option(
        metavar="N[,M]",
        help="Size of images, or tokens of sequences, where layers read several. [default: 16, or 8,8]",
        show_default=False,
    ),
]

NAME_WITH_PARAMETERS = re.compile(r"[\w -]+:\s*\w+\s*=[^:]*")
NAME_AND_NUMBERS = re.compile(r"(?!.*\bx\b)[A-Za-z][\w -]*\(.*\)")
MODULE_AND_NAME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")


def activation_from(text: str, parameters: list[str] | None = None) -> "Activation":
    """The activation that a command-line argument stands for.

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
        If it is none of these, a network among them, or cannot be imported.

    Examples
    --------
    >>> activation_from("leaky_relu:negative_slope=0.2")
    activation('leaky_relu', negative_slope=0.2)
    >>> float(activation_from("math:tanh")(0.0))
    0.0
    """
    from meanfield.activations.resolve import activation, shortened
    from meanfield.networks.text.text import is_network, network

    if is_network(text):
        raise InvalidInput(f"{shortened(text)} is a network, and this is about one activation")
    pairs = list(parameters or ())
    if NAME_WITH_PARAMETERS.fullmatch(text):
        text, _, listed = text.partition(":")
        pairs += listed.split(",")
    values: dict[str, Any] = dict(_parameter(pair) for pair in pairs)
    if NAME_AND_NUMBERS.fullmatch(text) and not values and len(found := network(text).activations) == 1:
        return found[0]
    if not MODULE_AND_NAME.fullmatch(text):
        return activation(text, **values)
    function = imported(text)
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


def pixels_from(text: str | None) -> tuple[int, ...] | None:
    """The size of images, `8,8` or `8x8`; None if nobody says.

    Examples
    --------
    >>> pixels_from("8,8"), pixels_from("16"), pixels_from(None)
    ((8, 8), (16,), None)
    """
    if text is None:
        return None
    parts = re.split("[,x]", text.replace(" ", ""))
    if not all(part.isascii() and part.isdigit() and len(part) < 7 for part in parts):
        raise InvalidInput(f"--pixels takes one integer for each axis of an image, as in 8,8, not {text[:40]!r}")
    return tuple(map(int, parts))
