"""The exceptions that `meanfield` raises. Each message is one sentence: the fault, its place and a valid alternative.

`MeanFieldError` is the base class. Exceptions caused by invalid arguments are `ValueError`s too, so that generic code
catches them.
"""

import math
from typing import Any

__all__ = [
    "BadActivation",
    "DivergentExpectation",
    "InfiniteDerivative",
    "InvalidInput",
    "MeanFieldError",
    "NoFixedPoint",
    "NotConverged",
    "UnknownActivation",
]


LONGEST = 299  # characters of a message
SHOWN = 60  # characters of a value in a message


class MeanFieldError(Exception):
    """Base class of all exceptions that `meanfield` raises deliberately; the message is one line of printable text."""

    def __init__(self, message: str = "") -> None:
        super().__init__(_one_line(message))


class InvalidInput(MeanFieldError, ValueError):
    """An argument is out of range, has a wrong shape, or conflicts with another argument."""


class UnknownActivation(MeanFieldError, ValueError):
    """No activation has that name; `.suggestions` and the message list the nearest names."""

    def __init__(self, message: str, suggestions: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.suggestions = suggestions


class BadActivation(MeanFieldError, ValueError):
    """A function is not an activation: at `.x` it raises, or returns NaN, a complex number or a wrong shape."""

    def __init__(self, message: str, x: float | None = None) -> None:
        super().__init__(message)
        self.x = x


class DivergentExpectation(MeanFieldError, ValueError):
    """A Gaussian expectation is infinite, for example E exp(X²) with Var X ≥ 1/2, or overflows a float."""


class InfiniteDerivative(MeanFieldError, ValueError):
    """A moment of a derivative is infinite: φ jumps, or φ′ jumps and the moment is of φ″."""


class NoFixedPoint(MeanFieldError):
    """A map has no fixed point in the searched range."""


class NotConverged(MeanFieldError):
    """An iteration or a quadrature did not reach its tolerance; `.best` is its best result."""

    def __init__(self, message: str, best: Any = None) -> None:
        super().__init__(message)
        self.best = best


def shown(value: object) -> str:
    """`value` as it is shown in a message: its repr on one line of about 60 characters; never an exception."""
    if isinstance(value, str):
        text = repr(value[:SHOWN])
        if len(value) <= SHOWN - 10 and len(text) <= SHOWN:
            return text
        return f"{repr(value[: SHOWN - 20])[:SHOWN]}… ({len(value)} characters)"
    if isinstance(value, int) and value.bit_length() > 200:
        return f"an integer of {value.bit_length()} bits"
    kind = type(value).__name__
    try:
        if (shape := getattr(value, "shape", ())) and math.prod(shape) > 10:
            return f"an array of shape {tuple(shape)}"
        text = _one_line(repr(value))
    except Exception:  # whatever the object's own code raises
        return f"an object of type {kind[:SHOWN]}"
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 20]}… (of type {kind[:SHOWN]})"


def _one_line(text: str) -> str:
    """`text` without line breaks and other control characters; the middle of a long one is left out."""
    if len(text) > 4 * LONGEST:
        text = f"{text[: 2 * LONGEST]}…{text[-2 * LONGEST :]}"
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if len(line) <= LONGEST:
        return line
    end = LONGEST // 3
    return f"{line[: LONGEST - end - 3]} … {line[-end:]}"
