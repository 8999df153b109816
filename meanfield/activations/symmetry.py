"""What the values of a function have in common: odd, even, scale-invariant, constant; each yes, no or unknown."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Symmetry:
    """Exact properties of a function φ, up to its values at single points such as sign(0).

    Attributes
    ----------
    odd, even : bool or None
        Whether φ(−x) = −φ(x), or φ(−x) = φ(x), for every x; None: unknown.
    scale_invariant : bool or None
        Whether φ(ax) = aφ(x) for every x and every a > 0: a line on each side of 0.
    constant : bool or None
        Whether φ(x) is the same for every x.

    Examples
    --------
    >>> two_slopes(0.1, 1.0)
    Symmetry(odd=False, even=False, scale_invariant=True, constant=False)
    """

    odd: bool | None = False
    even: bool | None = False
    scale_invariant: bool | None = False
    constant: bool | None = False


NONE = Symmetry()
ODD = Symmetry(odd=True)
EVEN = Symmetry(even=True)
UNKNOWN = Symmetry(None, None, None, None)


def two_slopes(negative: float, positive: float) -> Symmetry:
    """The symmetry of negative·x for x < 0 and positive·x for x > 0."""
    return Symmetry(negative == positive, negative == -positive, True, negative == positive == 0)
