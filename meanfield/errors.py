"""The exceptions that `meanfield` raises. Each message is one sentence: the fault, its place and a valid alternative.

`MeanFieldError` is the base class. Exceptions caused by invalid arguments are `ValueError`s too, so that generic code
catches them.
"""

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


class MeanFieldError(Exception):
    """Base class of all exceptions that `meanfield` raises deliberately."""


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
