"""Checks of the breakpoints and the derivative that a user declares for a callable."""

from collections.abc import Iterable

import numpy as np

from meanfield._types import ArrayFunction
from meanfield.activations.callables.guard import PROBES
from meanfield.activations.callables.precision import EPS
from meanfield.arguments import number
from meanfield.errors import BadActivation, InvalidInput, shown


def points_of(breakpoints: Iterable[float]) -> tuple[float, ...]:
    """Declared breakpoints as ascending floats, each once."""
    meaning = "an iterable of finite numbers"
    try:
        given = [float(x) if isinstance(x, str) else x for x in breakpoints]
    except Exception:  # a foreign iterator's own
        raise InvalidInput(f"breakpoints must be {meaning}, not {shown(breakpoints)}") from None
    points = sorted({number(x, "breakpoints", meaning) + 0.0 for x in given})
    if not np.all(np.isfinite(points)):
        raise InvalidInput(f"breakpoints must be finite, not {shown(points)}")
    return tuple(points)


def check_derivative(phi: ArrayFunction, slope: ArrayFunction, breakpoints: tuple[float, ...], name: str) -> None:
    """Refuse a derivative that differs grossly from difference quotients of φ, at points where four of them agree."""
    unit = float(getattr(phi, "precision", EPS))
    step = max(1e-4, 4 * unit**0.5)  # rounding and curvature have about the same effect
    h = step * np.maximum(1.0, np.abs(PROBES))
    quotients = np.array([(phi(PROBES + step) - phi(PROBES)) / step for step in (-h, -h / 4, h / 4, h)])
    quotient, claimed = 0.5 * (quotients[0] + quotients[3]), slope(PROBES)
    size = np.maximum(np.abs(quotient), np.abs(claimed))
    smooth = np.ptp(quotients, axis=0) <= 0.05 * np.abs(quotients).max(axis=0) + 1e-6
    for point in breakpoints:
        smooth &= np.abs(PROBES - point) > 2 * h
    rounding = 8 * unit * float(np.abs(phi(PROBES)).max()) / step
    floor = 1e-3 * float(np.abs(quotient[smooth]).max(initial=0.0)) + 1e-6 + rounding
    if np.any(wrong := smooth & (np.abs(quotient - claimed) > 0.05 * size + floor)):
        i = int(np.flatnonzero(wrong)[np.argmax((np.abs(quotient - claimed) / (size + floor))[wrong])])
        raise BadActivation(
            f"the given derivative of {name} is {claimed[i]:.6g} at x = {PROBES[i]:g}, "
            f"where the function rises by {quotient[i]:.6g} per unit; to replace it in backward passes, say surrogate=",
            float(PROBES[i]),
        )
