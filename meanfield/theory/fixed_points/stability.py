"""Whether signals return to a fixed point of the variance map, from which side, and the sentence that says so."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from meanfield._types import Floats
from meanfield.json_types import json_types
from meanfield.numerics.solve.fixed_points import Map
from meanfield.theory.fixed_points.depth_scales import CRITICAL

__all__ = ["FixedPoint"]

NEAR_ZERO = np.geomspace(1e-6, 1.0, 25)  # q that tell whether a marginal fixed point at 0 attracts
NEARBY = np.geomspace(1e-3, 0.1, 9)  # relative distances that tell it of any other marginal fixed point
TELLING = 8.0  # a difference beyond so many error bounds tells


@dataclass(frozen=True)
class FixedPoint:
    """A fixed point of the variance map.

    Attributes
    ----------
    q : float
        The second moment that the block reproduces.
    slope : float
        dq′/dq there (χ_∥).
    stable : bool
        Whether q returns to it from both sides (from above, for q = 0).
    attracts : str
        The sides from which q returns to it: "both", "below", "above" or "neither"; "neutral" where nearby q are fixed
        points too. A fixed point at 0 has one side, and attracts from "both" or "neither".
    """

    q: float
    slope: float
    stable: bool
    attracts: str

    def to_dict(self) -> dict[str, Any]:
        """The fields in JSON types."""
        converted: dict[str, Any] = json_types(self)
        return converted

    def __str__(self) -> str:
        return told(self)


def fixed_point(mapping: Map, q: float) -> FixedPoint:
    """The fixed point `q` of map number 0, with its stability.

    Where the slope is 1, the nearest q on either side whose image differs from it by more than its error tells.
    """

    def image(at: Floats) -> tuple[Floats, Floats, Floats]:
        return mapping(np.zeros(at.size, dtype=np.intp), at)

    slope = float(image(np.array([q]))[2][0])
    if abs(abs(slope) - 1) > CRITICAL:
        stable = abs(slope) < 1
        return FixedPoint(q, slope, stable, "both" if stable else "neither")
    sides = []
    for at in (NEAR_ZERO,) if q == 0 else (q * (1 - NEARBY), q * (1 + NEARBY)):
        value, error, _ = image(at)
        if slope < 0:  # the orbit changes sides
            value, further, _ = image(value)
            error = error + further
        tells = np.flatnonzero(np.abs(value - at) > TELLING * error)
        sides.append(float(np.sign((value - at)[tells[0]] * (q - at[tells[0]]))) if tells.size else 0.0)
    if not any(sides):
        return FixedPoint(q, slope, False, "neutral")
    below, above = sides[0] > 0, sides[-1] > 0
    attracts = "both" if below and above else "below" if below else "above" if above else "neither"
    return FixedPoint(q, slope, below and above, attracts)


def told(point: FixedPoint) -> str:
    """What a fixed point does to signals near it, as a clause.

    Examples
    --------
    >>> told(FixedPoint(0.3865, 0.8783, True, "both"))
    'q = 0.3865 is stable'
    >>> told(FixedPoint(1.0, 1.4717, False, "neither"))
    'q = 1 repels: a deviation from it grows by 1.472 a layer'
    """
    q, marginal = f"q = {point.q:.6g}", abs(abs(point.slope) - 1) <= CRITICAL
    if point.attracts in ("below", "above"):
        other = "above" if point.attracts == "below" else "below"
        return f"{q} attracts from {point.attracts} and repels from {other}"
    if point.attracts == "neutral":
        return f"{q} neither attracts nor repels"
    if point.attracts == "both":
        return f"{q} attracts, but not exponentially" if marginal else f"{q} is stable"
    if marginal or not np.isfinite(point.slope):
        return f"{q} repels{', but not exponentially' * marginal}"
    growth = abs(point.slope)
    return f"{q} repels: a deviation from it grows by {growth:.{4 if growth > 1.01 else 8}g} a layer"


def stability(points: Sequence[FixedPoint]) -> str:
    """What every fixed point of a block does to signals, as a clause; "" where a single one attracts or is neutral.

    A point at 0 that repels is left out, for no signal begins there. Recommendations, critical points, tables of
    schemes and the command line all say it in these words.

    Examples
    --------
    >>> stability([FixedPoint(0.3865, 0.8783, True, "both"), FixedPoint(2.3166, 1.0318, False, "neither")])
    'q = 0.3865 is stable, and q = 2.3166 repels: a deviation from it grows by 1.032 a layer'
    """
    reached = [point for point in points if point.q > 0 or point.stable]
    if len(reached) == 1 and reached[0].attracts in ("both", "neutral"):
        return ""
    return ", and ".join(told(point) for point in reached)
