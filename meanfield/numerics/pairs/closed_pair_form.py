"""What a pair map needs of the closed forms of a function."""

from collections.abc import Callable
from typing import Protocol

from meanfield._types import Floats

PairFunction = Callable[[Floats, Floats, Floats], Floats]


class ClosedPairForm(Protocol):
    """Closed forms of one function in q₁, q₂ and d = ½E(U − V)²; a property is None if no form is known."""

    @property
    def largest_q(self) -> float:
        """Largest variance for which the forms are accurate."""

    @property
    def distance(self) -> PairFunction | None:
        """½E(f(U) − f(V))²."""

    @property
    def distance_slope(self) -> PairFunction | None:
        """E f′(U)f′(V)."""

    @property
    def dual(self) -> PairFunction | None:
        """E f(U)f(V) as a function of q₁, q₂ and E UV."""

    @property
    def second_moment(self) -> Callable[[Floats], Floats]:
        """E f(U)²."""

    @property
    def derivative_moment(self) -> Callable[[Floats], Floats] | None:
        """E f′(U)²."""
