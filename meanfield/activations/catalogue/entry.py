"""A row of the catalogue: a function, its derivative and its formula, with parameters left open."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from meanfield.activations.symmetry import NONE, Symmetry
from meanfield.arguments import number
from meanfield.errors import InvalidInput, shown

Points = tuple[float, ...]

SMALLEST, LARGEST = 1e-100, 1e100  # the smallest parameter of those that are > 0, and the largest in size of all


@dataclass(frozen=True)
class Real:
    """A parameter: its default and its range, closed unless `open` excludes the lower end; `integer`: whole numbers."""

    default: float
    low: float = -np.inf
    high: float = np.inf
    open: bool = False
    integer: bool = False

    @property
    def range(self) -> str:
        """The range in words."""
        kind = "an integer" if self.integer else "a finite number"
        if np.isfinite(self.low) and np.isfinite(self.high):
            return f"{kind} from {self.low:g} to {self.high:g}"
        return kind if self.low == -np.inf else f"{kind} {'>' if self.open else '≥'} {self.low:g}"

    def check(self, name: str, value: Any) -> float:
        """`value` as a float (an int if `integer`); InvalidInput outside the range."""
        found = number(value, name, self.range)
        inside = self.low < found if self.open else self.low <= found
        if not (np.isfinite(found) and inside and found <= self.high and not (self.integer and found % 1)):
            raise InvalidInput(f"{name} must be {self.range}, not {shown(value)}")
        if abs(found) > LARGEST or (self.open and found < SMALLEST):
            low = SMALLEST if self.open else -LARGEST
            raise InvalidInput(f"{name} must be from {low:g} to {LARGEST:g}, so that powers of it are floats")
        return int(found) if self.integer else found + 0.0  # + 0.0 makes −0 the same as 0


def positive(default: float) -> Real:
    """A parameter that is > 0."""
    return Real(default, 0.0, open=True)


def at_least(low: float, default: float) -> Real:
    """A parameter that is ≥ `low`."""
    return Real(default, low)


def integer(default: int, low: int, high: int) -> Real:
    """A whole number from `low` to `high`."""
    return Real(default, low, high, integer=True)


@dataclass(frozen=True)
class Entry:
    """One row: an activation as a function of x and of its parameters.

    Attributes
    ----------
    name, aliases : str, tuple of str
        Letter case and the characters ``-_ `` do not matter.
    function, derivative : callable
        φ and φ′ of a float64 array and the parameters by keyword, to a few units in the last place.
    formula : str
        Text for `meanfield.activations.formulas.parse.parse`, with ``{parameter}`` in a parameter's place.
    source : str
        Who introduced it.
    breakpoints, jumps : tuple of float, or callable from the parameters to one
        Where φ or any derivative is not continuous; where φ is not.
    symmetry : Symmetry, or callable from the parameters to one
        Whether φ is odd, even, scale-invariant or constant.
    parameters : mapping of str to Real
        Names and defaults, as torch or JAX have them.
    check : callable
        From the parameters to a message if their combination is invalid, else to "".
    """

    name: str
    function: Callable[..., ArrayLike]
    derivative: Callable[..., ArrayLike]
    formula: str | Callable[..., str]
    source: str
    aliases: tuple[str, ...] = ()
    breakpoints: Points | Callable[..., Points] = ()
    jumps: Points | Callable[..., Points] = ()
    symmetry: Symmetry | Callable[..., Symmetry] = NONE
    parameters: Mapping[str, Real] = field(default_factory=dict)
    check: Callable[..., str] = lambda **_: ""

    def values(self, given: Mapping[str, Any]) -> dict[str, float]:
        """The values of all parameters: the given ones, checked, and defaults for the others."""
        for name in given:
            if name not in self.parameters:
                known = ", ".join(self.parameters) or "none"
                raise InvalidInput(f"{self.name} has no parameter {shown(name)}; its parameters are: {known}")
        values = {
            name: parameter.check(f"{self.name}: {name}", given.get(name, parameter.default))
            for name, parameter in self.parameters.items()
        }
        if wrong := self.check(**values):
            raise InvalidInput(f"{self.name}: {wrong}")
        return values

    def breakpoints_at(self, values: Mapping[str, float]) -> tuple[Points, Points]:
        """Breakpoints and jumps at these values of all parameters, ascending."""
        breakpoints, jumps = (
            points(**values) if callable(points) else points for points in (self.breakpoints, self.jumps)
        )
        return tuple(sorted(breakpoints)), tuple(sorted(jumps))

    def symmetry_at(self, values: Mapping[str, float]) -> Symmetry:
        """The symmetry of φ at these values of all parameters."""
        return self.symmetry(**values) if callable(self.symmetry) else self.symmetry

    def text(self, values: Mapping[str, float]) -> str:
        """The formula with these values of all parameters; "" if the row has none for them."""
        text = self.formula(**values) if callable(self.formula) else self.formula
        return text.format(**{key: f"({shown(value)})" for key, value in values.items()})
