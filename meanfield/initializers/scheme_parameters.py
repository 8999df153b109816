"""Parameters of initialisation schemes: their validation, their defaults, and access to their values by type."""

import math
from collections.abc import Callable
from typing import NamedTuple

from meanfield.activations.catalogue.entry import Real
from meanfield.arguments import choice

Value = float | str | tuple[int, ...]
#: Validates a value given for the parameter of that name.
Check = Callable[[str, object], Value]

MANY = 10**9
SMALLEST, LARGEST = 1e-100, 1e100  # standard deviations and bounds with quotients in the range of a float


class Parameter(NamedTuple):
    """A parameter of a scheme: its validation, its default, and whether it is required."""

    check: Check
    default: Value | None = None
    required: bool = False


def number(default: float | None, low: float = -math.inf, *, open: bool = False, high: float = math.inf) -> Parameter:
    """A finite number from `low` to `high`; optional if `default` is None."""
    return Parameter(Real(0.0, low, high, open=open).check, default)


def positive(default: float) -> Parameter:
    """A finite number > 0."""
    return number(default, 0.0, open=True)


def count(least: int, default: int | None = None) -> Parameter:
    """A whole number ≥ `least`; optional if `default` is None."""
    return Parameter(Real(least, least, MANY, integer=True).check, default)


def required(parameter: Parameter) -> Parameter:
    """The same parameter without a default."""
    return parameter._replace(required=True)


def one_of(*values: str, default: str | None = None) -> Parameter:
    """One of several words."""

    def check(name: str, value: object) -> str:
        return choice(value, name, values)

    return Parameter(check, default)


class Values(dict[str, Value | None]):
    """Validated values by parameter name."""

    def number(self, name: str) -> float:
        """A value that is a number."""
        value = self[name]
        assert isinstance(value, int | float)
        return value

    def count(self, name: str) -> int:
        """A value that is a whole number."""
        return int(self.number(name))

    def sizes(self, name: str) -> tuple[int, ...]:
        """A value that is a tuple of sizes."""
        value = self[name]
        assert isinstance(value, tuple)
        return value
