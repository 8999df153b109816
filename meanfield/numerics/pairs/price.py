"""Price's theorem: the derivative of E f(U) g(V) in the covariance of U and V is E f′(U) g′(V) (Price 1958).

Small squared differences follow without cancellation, as an integral of E f′(U) f′(V) over the covariance. The
derivatives are taken in the sense of distributions: a jump of f at x adds its height times a delta function at x to f′.
"""

from collections.abc import Callable

import numpy as np

from meanfield._types import Floats
from meanfield.numerics.quadrature.gauss_legendre import nodes_between, rule, tail
from meanfield.numerics.quadrature.piecewise_smooth import PiecewiseSmooth

NODES = 5  # Gauss nodes in √(1 − c) for 1 − c < 1e-8, where E f′(U) f′(V) is nearly linear in √(1 − c) for most f
FARTHEST = 9.5  # range of one argument given the other one, in conditional standard deviations
DELTA_ROUNDING = 1e-14  # relative rounding error of the sum over jumps


def integrated_slope(
    slope: Callable[[float], tuple[float, float]], q1: float, q2: float, gap: float
) -> tuple[float, float]:
    """√(q₁q₂) ∫ E f′(U) f′(V) dg over g from 0 to `gap` = 1 − c, and a bound on its error.

    The integral is the increase of ½E(f(U) − f(V))² from c = 1 to 1 − c = gap. ``slope(g)`` returns E f′(U) f′(V) at
    1 − c = g and its error. The last two Legendre coefficients in √g bound the truncation error.
    """
    root, weights = 0.5 * (1 + rule(NODES).nodes), 0.5 * rule(NODES).weights
    slopes = np.array([slope(gap * float(s) ** 2) for s in root])
    value, error = (2 * root * weights) @ slopes
    error += 2 * np.abs(rule(NODES).coefficients[-2:] @ slopes[:, 0]).max()  # kinks rounded over about √(1 − c)
    scale = np.sqrt(q1) * np.sqrt(q2) * gap
    return float(scale * value), float(scale * error)


def jump_terms(
    f: PiecewiseSmooth, edges: tuple[Floats, Floats], q1: float, q2: float, gap: float
) -> tuple[float, float]:
    """The contribution of the jumps of f to E f′(U) f′(V), and a bound on its error.

    Delta functions of f′(U) meet delta functions of f′(V) and the smooth part of f′(V), and vice versa. Between the
    `edges` of the two arguments, in standard deviations, f′ is smooth.
    """
    points, heights = np.array(f.jumps), f.jump_heights()
    c, rest = 1.0 - gap, gap * (2.0 - gap)
    z1, z2 = points / np.sqrt(q1), points / np.sqrt(q2)
    exponent = (z1[:, None] - z2) ** 2 / rest + 2 * z1[:, None] * z2 / (1 + c)
    both = np.exp(-0.5 * exponent) / (2 * np.pi * np.sqrt(q1) * np.sqrt(q2) * np.sqrt(rest))
    value, error = float(heights @ both @ heights), 0.0
    for z, q, other, own_edges in ((z1, q1, q2, edges[1]), (z2, q2, q1, edges[0])):
        density = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi * q)
        for weight, mean in zip((heights * density).tolist(), (c * z).tolist(), strict=True):
            conditional = _conditional_slope(f, own_edges, mean, float(np.sqrt(rest)), float(np.sqrt(other)))
            value += weight * conditional[0]
            error += abs(weight) * conditional[1]
    return value, error + DELTA_ROUNDING * abs(value)


def _conditional_slope(f: PiecewiseSmooth, edges: Floats, mean: float, sd: float, scale: float) -> tuple[float, float]:
    """E f′(scale·(mean + sd·Z)) without the delta functions, and a bound on its error."""
    steps = np.linspace(-FARTHEST, FARTHEST, 20)
    cuts = np.union1d(steps, np.clip((edges - mean) / sd, -FARTHEST, FARTHEST))
    a, b = cuts[:-1], cuts[1:]
    x = nodes_between(a, b)
    values = f.derivative(scale * (mean + sd * x)) * np.exp(-0.5 * x**2) / np.sqrt(2 * np.pi)
    half = 0.5 * (b - a)
    return float(half @ (values @ rule().weights)), float(2 * half @ tail(values))
