"""Expectations over the values of a unit behind batch normalisation.

For a batch of B inputs the values are √B·n, with n uniform on the unit sphere of the hyperplane {Σ n = 0}. Two
coordinates are z₁ and z₂ = −z₁/(B − 1) + √(B/(B − 1))·√(1 − z₁²/(B − 1))·y. The density of z₁ is proportional to
(1 − z²/(B − 1))^{(B−4)/2}. The density of y has the same form with B − 1 in place of B. As B → ∞ the coordinates become
independent and Gaussian.

The weights are computed from logarithms, which are finite at any B. The integrand of Yang et al. 2019
(arXiv:1902.08129), theorem 7, overflows from B = 256 on.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from meanfield._types import Floats
from meanfield.errors import DivergentExpectation
from meanfield.numerics.quadrature.gauss_legendre import nodes_between, rule
from meanfield.numerics.quadrature.piecewise_smooth import PiecewiseSmooth

FARTHEST = 13.0  # the weight beyond is less than exp(−84)
NODES = (20, 24)  # nodes a panel of two rules, whose difference estimates the error
AIM = 2e-14  # aim of this error, relative to the size that each integral can have
STEEP = 0.2  # a shorter panel marks a steep part of φ
MOST = 200  # most panels; a double integral has the square of that
UNRESOLVED = 1e-3  # relative error that no integral may have
ROUNDING = 64 * float(np.finfo(float).eps)
TINY = 1e-300
BLOCK = 500_000  # numbers a block, to limit memory


class SphereMoments(NamedTuple):
    """Moments of φ over the sphere, and in ``errors`` bounds on the absolute errors of the other five, in their order.

    Attributes
    ----------
    mean, second : float
        E φ(z₁) and E φ(z₁)².
    distance : float
        ½E(φ(z₁) − φ(z₂))².
    own, shared : float
        E (B − 1 − z₁²)φ′(z₁)²/(B − 3) and E (1 + z₁z₂)φ′(z₁)φ′(z₂)/(B − 3); infinite where φ jumps.
    """

    mean: float
    second: float
    distance: float
    own: float
    shared: float
    errors: "tuple[float, float, float, float, float]"


@lru_cache(maxsize=512)
def sphere_moments(pieces: PiecewiseSmooth, batch_size: int) -> SphereMoments:
    """The moments of φ for one batch size.

    Parameters
    ----------
    pieces : PiecewiseSmooth
        The function φ. The panels of both integrals end at its kinks.
    batch_size : int
        4 or more: with three inputs or fewer, the mean of 1/|h − mean h|² is infinite, and so are `own` and `shared`.

    Raises
    ------
    DivergentExpectation
        If E φ′(z₁)² is infinite at a pole, or if the relative error of an integral exceeds 1e-3. An example is a φ that
        grows so fast that most of E φ² comes from beyond 13 standard deviations.

    Examples
    --------
    A linear function, whose gradients grow by (B − 2)/(B − 3):

    >>> import numpy as np
    >>> linear = PiecewiseSmooth(lambda x: x, np.ones_like, breakpoints=())
    >>> found = sphere_moments(linear, 16)
    >>> print(f"{found.second:.12f} {found.distance:.12f} {(found.own + found.shared) / found.distance * 13:.12f}")
    1.000000000000 1.066666666667 14.000000000000
    """
    jumps = bool(pieces.jumps)
    with pieces.lock:
        edges = pieces.resolved_grid(1.0).edges
        kinks = np.array(pieces.breakpoints)
    if edges.size > MOST:  # the first of each stretch of equal length, and all kinks
        first = np.unique(np.floor(edges * MOST / np.ptp(edges)), return_index=True)[1]
        edges = np.union1d(np.append(edges[first], edges[-1]), kinks[np.abs(kinks) < edges[-1]])
    while True:
        coarse, fine = (_integrals(pieces, batch_size, edges, kinks, nodes, jumps) for nodes in NODES)
        errors = np.abs(fine - coarse)
        size = np.array([np.sqrt(fine[1]), fine[1], fine[1], fine[3], fine[3]])
        if np.all(errors <= AIM * size) or 2 * edges.size > MOST:
            break
        edges = np.union1d(edges, 0.5 * (edges[1:] + edges[:-1]))
    errors += ROUNDING * size + size * (_beyond(pieces, batch_size) / max(fine[1], TINY))
    if jumps:
        fine[3:], errors[3:] = np.inf, 0.0
    if not np.all(errors[1:4] <= UNRESOLVED * size[1:4]):
        raise DivergentExpectation(
            f"the expectations over {pieces.name} behind BatchNorm({batch_size}) are infinite, or too hard to compute: "
            f"it varies too fast or has a pole, or its square does not decay within {FARTHEST:g} standard deviations"
        )
    mean, second, distance, own, shared = fine.tolist()
    bounds = (float(errors[0]), float(errors[1]), float(errors[2]), float(errors[3]), float(errors[4]))
    return SphereMoments(mean, second, distance, own, shared, bounds)


def _integrals(
    pieces: PiecewiseSmooth, batch_size: int, edges: Floats, kinks: Floats, nodes: int, jumps: bool
) -> Floats:
    """The five moments from `nodes` nodes a panel, shape (5,)."""
    rest = batch_size - 1.0
    end, inner_end = min(np.sqrt(rest), FARTHEST), min(np.sqrt(rest - 1.0), FARTHEST)
    near = np.union1d(kinks, edges[1:-1][np.minimum(edges[1:-1] - edges[:-2], edges[2:] - edges[1:-1]) < STEEP])
    near = near[np.abs(near) < np.sqrt(rest)]
    reach = np.sqrt((batch_size / rest) * (1.0 - near**2 / rest) * (rest - 1.0))
    cuts = np.concatenate([edges, -near / rest - reach, -near / rest + reach, [-end, end]])
    cuts = np.unique(
        np.clip(cuts, -end, end)
    )  # the y-integral has a kink in z₁ where the range of z₂ ends at a kink or steep part of φ
    z1, weight = _panels(cuts, rest, nodes)
    total, mass = np.zeros(5), 0.0
    steps = np.concatenate([edges, [-np.inf, np.inf]])
    for part in np.array_split(np.arange(z1.size), z1.size * (edges.size + 1) * nodes // BLOCK + 1):
        a = z1[part]
        centre, spread = -a / rest, np.sqrt(batch_size / rest * np.maximum(1.0 - a**2 / rest, 1e-300))
        bounds = np.sort(np.clip((steps - centre[:, None]) / spread[:, None], -inner_end, inner_end), axis=1)
        y, inner = _panels(bounds, rest - 1.0, nodes)
        inner = inner * weight[part, None]
        z2 = centre[:, None] + spread[:, None] * y
        f, g = pieces(a)[:, None], pieces(z2)
        mass += float(inner.sum())
        each = inner.sum(axis=1)
        total[0] += each @ f[:, 0]
        total[1] += each @ f[:, 0] ** 2
        total[2] += 0.5 * np.sum(inner * (f - g) ** 2)
        if not jumps:
            slope = pieces.derivative(a)
            total[3] += each @ ((rest - a**2) * slope**2)
            with np.errstate(invalid="ignore"):  # inf − inf at a pole of φ′
                total[4] += np.sum(inner * (1.0 + a[:, None] * z2) * slope[:, None] * pieces.derivative(z2))
    total[3:] /= batch_size - 3.0
    return total / mass


def _beyond(pieces: PiecewiseSmooth, batch_size: int) -> float:
    """Estimate of the part of E φ² beyond FARTHEST: the integrand at ±FARTHEST times a length of 1."""
    rest = batch_size - 1.0
    if rest <= FARTHEST**2:
        return 0.0
    log_weight = 0.5 * (rest - 3.0) * np.log1p(-(FARTHEST**2) / rest)
    with np.errstate(over="ignore"):
        return float(np.exp(log_weight) * np.sum(pieces(np.array([-FARTHEST, FARTHEST])) ** 2))


def _panels(edges: Floats, rest: float, nodes: int) -> tuple[Floats, Floats]:
    """Nodes between edges (last axis), and weights of the density (1 − x²/rest)^{(rest−3)/2} in units of its peak.

    With x = √rest·sin θ the density in θ is cos^{rest−2} θ, without singularities at the ends. Where a kink leaves the
    range of the other integral, the integrand has half-integer powers of the distance. The substitution
    θ = a + (b − a)·u²(3 − 2u) makes them smooth at both ends of a panel.
    """
    angles, u = np.arcsin(np.clip(edges / np.sqrt(rest), -1.0, 1.0)), nodes_between(0.0, 1.0, nodes)
    length = np.diff(angles)[..., None]
    angle = angles[..., :-1, None] + length * u**2 * (3.0 - 2.0 * u)
    sine = np.sin(angle)
    large = rest > 400.0  # a power of the cosine would lose digits
    density = np.exp(0.5 * (rest - 2.0) * np.log1p(-(sine**2))) if large else np.cos(angle) ** (rest - 2.0)
    weight = density * length * (3.0 * u * (1.0 - u) * rule(nodes).weights)
    shape = (*edges.shape[:-1], -1)
    return np.sqrt(rest) * sine.reshape(shape), weight.reshape(shape)
