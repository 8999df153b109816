"""The errors that `meanfield` raises: one sentence each, saying what was wrong, where, and what would be right.

`MeanFieldError` is the base of all of them. Those caused by what the caller passed in are `ValueError`s too, so code
that knows nothing of this package still catches them.
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
    """Base class of every error that `meanfield` raises on purpose."""


class InvalidInput(MeanFieldError, ValueError):
    """An argument is outside its range, of the wrong shape, or does not go with another one."""


class UnknownActivation(MeanFieldError, ValueError):
    """No activation goes by that name; the message lists the nearest ones (`.suggestions`)."""

    def __init__(self, message: str, suggestions: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.suggestions = suggestions


class BadActivation(MeanFieldError, ValueError):
    """A function is no activation: it raises, or returns NaN, complex numbers or a wrong shape (`.x` says where)."""

    def __init__(self, message: str, x: float | None = None) -> None:
        super().__init__(message)
        self.x = x


class DivergentExpectation(MeanFieldError, ValueError):
    """A Gaussian expectation is infinite, as E exp(X²) for Var X ≥ 1/2, or exceeds the range of a float."""


class InfiniteDerivative(MeanFieldError, ValueError):
    """A moment of a derivative is infinite because the function jumps (or, for a second derivative, has a kink)."""


class NoFixedPoint(MeanFieldError):
    """A map has no fixed point in the range that was searched."""


class NotConverged(MeanFieldError):
    """An iteration or a quadrature missed its tolerance; `.best` is the best value that it reached."""

    def __init__(self, message: str, best: Any = None) -> None:
        super().__init__(message)
        self.best = best
